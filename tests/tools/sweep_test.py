# SPDX-License-Identifier: MIT
"""The judge of injected failures at boot: it must notice a boot that ends or goes on wrongly."""

import sys
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / "qemu"), str(TOP / "tools")]

import sweep  # noqa: E402

HEAP = ["[   0.14] inject: warning: operation 47 fails: heap memory",
        "[   0.14] inject: warning:   in heap_alloc"]
FRAMES = ["[    0.14] inject: warning: operation 47 fails: frames"]


class Panics(unittest.TestCase):
    def test_one_that_names_its_reason_is_right(self):
        self.assertIsNone(sweep.why_not(HEAP + ["PANIC: no memory for the first task"]))

    def test_a_line_before_it_may_name_the_reason(self):
        self.assertIsNone(sweep.why_not(
            HEAP + ["[   0.1] apic: error: no memory to map the local APIC", "PANIC: no APIC"]))

    def test_one_that_does_not_is_wrong(self):
        # What injection itself says, "heap memory", is no reason.
        self.assertIn("PANIC: no APIC", sweep.why_not(HEAP + ["PANIC: no APIC"]))

    def test_an_end_without_a_panic_is_wrong(self):
        self.assertIn("neither", sweep.why_not(HEAP + ["[  0.2] system: power off, code 1"]))


class Silence(unittest.TestCase):
    def test_a_loss_that_is_told_is_right(self):
        self.assertFalse(sweep.is_silent(HEAP + ["[   0.2] vfio: error: group 0 is lost"]))

    def test_a_loss_that_nobody_tells_is_wrong(self):
        self.assertTrue(sweep.is_silent(HEAP + ["[   0.2] kernel: memory: 252 MiB"]))

    def test_what_every_boot_says_tells_nothing(self):
        self.assertTrue(sweep.is_silent(
            HEAP + ["[  0.3] pci: warning: 0000:00:01.0: malformed capability list",
                    "[  0.4] fault: warning: 0000:00:03.0: write refused"]))

    def test_a_larger_run_of_frames_has_smaller_ones_in_its_place(self):
        self.assertFalse(sweep.is_silent(FRAMES))


class Cases(unittest.TestCase):
    def test_every_kind_is_swept_on_every_vendor_with_names_of_their_own(self):
        names = [name for name, _ in sweep.work(None, 16)]
        self.assertEqual(len(set(names)), 6)

    def test_the_number_is_given_to_the_kernel_or_to_the_guest(self):
        self.assertIn("inject.boot=7", sweep.Sweep("boot", "amd").numbered(7).append)
        self.assertTrue(sweep.Sweep("flush", "amd").numbered(7).append.endswith(",flush,7"))


class Demonstration(unittest.TestCase):
    END = "[    5.4] system: power off, code 1"

    def wrong(self, *lines):
        return sweep.Demonstration("intel", "ab" * 32).wrong(35, "\n".join(lines))

    def test_a_step_may_fail(self):
        self.assertIsNone(self.wrong("demo: FAIL nvme-starts: Not enough space", self.END))

    def test_bytes_may_not_change(self):
        self.assertIn("unchanged", self.wrong("demo: FAIL kernel: bytes unchanged: no", self.END))

    def test_it_comes_to_an_end_without_a_panic(self):
        self.assertIn("PANIC", self.wrong("PANIC: no memory", self.END))
        self.assertIn("end", self.wrong("demo: PASS a"))

    def test_no_other_bytes_are_taken_for_those_of_the_disk(self):
        self.assertIsNone(self.wrong("disk: sha256 " + "ab" * 32, self.END))
        self.assertIn("bytes", self.wrong("disk: sha256 " + "cd" * 32, self.END))


if __name__ == "__main__":
    unittest.main()
