# SPDX-License-Identifier: MIT
"""The virtual machine's command line, the disk image, and the judge of the demonstration."""

import hashlib
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import demo  # noqa: E402
import machine  # noqa: E402
import mkdisk  # noqa: E402

DIGEST = "ab" * 32
GOOD = ["disk: sha256 " + DIGEST, "demo: PASS read the disk", "demo: PASS attack refused",
        "demo: 2 passed, 0 failed"]


class Command(unittest.TestCase):
    def words(self, **options):
        return " ".join(machine.Machine(image="k.elf", **options).command())

    def test_iommu_comes_before_the_devices(self):
        words = self.words(disk="d.img", scratch="s.img")
        self.assertLess(words.index("intel-iommu"), words.index("edu,"))
        self.assertLess(words.index("intel-iommu"), words.index("nvme,"))

    def test_iommu_options_replace_the_defaults(self):
        self.assertIn("intel-iommu,intremap=on,aw-bits=39", self.words())
        words = self.words(iommu_options="aw-bits=48,intremap=off,caching-mode=on")
        self.assertIn("intel-iommu,intremap=off,aw-bits=48,caching-mode=on", words)
        self.assertIn("amd-iommu,intremap=on", self.words(iommu="amd"))
        self.assertNotIn("iommu", self.words(iommu="none"))
        with self.assertRaises(ValueError):
            self.words(iommu="arm")

    def test_the_kernel_is_told_that_an_emulated_unit_translates(self):
        self.assertIn("exit=debug iommu.dma-remap=on", self.words(iommu="amd"))
        self.assertNotIn("dma-remap", self.words(iommu="intel"))
        words = self.words(iommu="amd", iommu_options="dma-remap=off", append="a=b")
        self.assertIn("amd-iommu,intremap=on,dma-remap=off", words)
        self.assertIn("exit=debug a=b", words)

    def test_the_disk_is_opened_for_reading_only(self):
        words = machine.Machine(image="k", disk="a,b", scratch="s").command()
        backends = [word for word in words if "a,,b" in word]
        self.assertEqual(len(backends), 1)
        self.assertIn("read-only=on", backends[0])

    def test_without_a_disk_there_is_no_nvme(self):
        self.assertNotIn("nvme", self.words())


class Disk(unittest.TestCase):
    def test_contents_are_the_same_everywhere(self):
        self.assertEqual(hashlib.sha256(mkdisk.contents(1 << 20)).hexdigest(),
                         "22ed9a40596a5284a188b8493b0325e03afd34ba0539c67dffd1b450d62dede4")

    def test_no_two_sectors_are_alike(self):
        data = mkdisk.contents(1 << 20)
        sectors = {data[i:i + 512] for i in range(0, len(data), 512)}
        self.assertEqual(len(sectors), 2048)

    def test_digest_counts_whole_sectors(self):
        with tempfile.NamedTemporaryFile() as handle:
            handle.write(b"a" * 700)
            handle.flush()
            expected = hashlib.sha256(b"a" * 700 + bytes(324)).hexdigest()
            self.assertEqual(machine.disk_sha256(handle.name), (expected, 1024))


class Scratch(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = str(Path(self.folder.name) / "scratch")
        machine.make_scratch(self.path)

    def write(self, offset, data):
        with open(self.path, "r+b") as handle:
            handle.seek(offset)
            handle.write(data)

    def test_the_pattern_at_its_place_is_accepted(self):
        self.assertTrue(machine.is_untouched(self.path))
        self.assertIn("not written", machine.verify_scratch(self.path))
        self.write(machine.REGION_OFFSET, machine.region_pattern())
        self.assertIsNone(machine.verify_scratch(self.path))
        self.assertFalse(machine.is_untouched(self.path))

    def test_one_wrong_byte_is_found(self):
        self.write(machine.REGION_OFFSET, machine.region_pattern())
        self.write(machine.REGION_OFFSET + 4097, bytes([~machine.region_pattern()[4097] & 255]))
        self.assertIn("byte 4097", machine.verify_scratch(self.path))

    def test_a_byte_outside_is_found(self):
        for offset in (0, machine.REGION_OFFSET - 1, machine.REGION_OFFSET + machine.REGION_SIZE,
                       machine.SCRATCH_SIZE - 1):
            machine.make_scratch(self.path)
            self.write(machine.REGION_OFFSET, machine.region_pattern())
            self.write(offset, b"\1")
            self.assertIn("outside", machine.verify_scratch(self.path))

    def test_the_pattern_is_the_agreed_one(self):
        pattern = machine.region_pattern()
        self.assertEqual(len(pattern), 1 << 20)
        for i in (0, 1, 2, 255, 65537, (1 << 20) - 1):
            self.assertEqual(pattern[i], (i * 2654435761 % 2**32) // 2**24)


class Demonstration(unittest.TestCase):
    def test_a_complete_one_passes(self):
        self.assertEqual(demo.judge(GOOD, DIGEST), [])
        self.assertEqual(demo.judge([line + "\r" for line in GOOD], DIGEST), [])

    def test_each_missing_line_is_found(self):
        for index in range(len(GOOD)):
            lines = GOOD[:index] + GOOD[index + 1:]
            self.assertTrue(demo.judge(lines, DIGEST), GOOD[index])

    def test_a_failed_step_is_found(self):
        lines = GOOD[:1] + ["demo: FAIL attack refused", "demo: PASS x",
                            "demo: 1 passed, 1 failed"]
        self.assertEqual(demo.judge(lines, DIGEST), ["step failed: attack refused"])

    def test_a_step_that_could_not_be_shown_is_counted_and_no_failure(self):
        lines = GOOD[:2] + ["demo: NOT SHOWN fault attributed: this IOMMU reports no faults",
                            "demo: 1 passed, 0 failed, 1 not shown"]
        self.assertEqual(demo.judge(lines, DIGEST), [])
        self.assertTrue(demo.judge(lines[:2] + lines[3:], DIGEST))
        self.assertTrue(demo.judge(lines[:3] + ["demo: 1 passed, 0 failed"], DIGEST))

    def test_another_digest_is_found(self):
        self.assertIn("not the host's", " ".join(demo.judge(GOOD, "cd" * 32)))

    def test_nothing_is_not_success(self):
        self.assertTrue(demo.judge([], DIGEST))
        self.assertFalse(demo.took_place(["no IOMMU: no devices"]))
        self.assertTrue(demo.took_place(GOOD[:1]))
        self.assertTrue(demo.took_place(["demo: FAIL x"]))

    def test_a_panic_is_not_a_refusal(self):
        self.assertTrue(demo.crashed(["[ 1.0] x", "PANIC: no memory for the first task"]))
        self.assertFalse(demo.crashed(["init: demo not started: no IOMMU: no devices"]))


if __name__ == "__main__":
    unittest.main()
