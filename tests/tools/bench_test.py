# SPDX-License-Identifier: MIT
"""The host side of the measurements; and, with CORDON_BENCH_IMAGE in the environment, the
measurements themselves against bench/expected and bench/expected-amd, as `make bench-check` does."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import bench  # noqa: E402


class Compare(unittest.TestCase):
    def expected(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(text)
        return file.name

    def test_five_per_cent_more_is_worse(self):
        path = self.expected("map.4k 1000 insn\n")
        self.assertEqual(bench.check({"map.4k": (1050, "insn")}, path), [])
        self.assertEqual(len(bench.check({"map.4k": (1051, "insn")}, path)), 1)

    def test_less_is_not_worse(self):
        path = self.expected("map.4k 1000 insn\n")
        self.assertEqual(bench.check({"map.4k": (10, "insn")}, path), [])

    def test_a_few_instructions_of_slack_for_small_figures(self):
        path = self.expected("mmio.map_read32 1 insn\n")
        self.assertEqual(bench.check({"mmio.map_read32": (3, "insn")}, path), [])
        self.assertEqual(len(bench.check({"mmio.map_read32": (4, "insn")}, path)), 1)

    def test_a_figure_that_is_gone_is_worse(self):
        path = self.expected("map.4k 1000 insn\nsys.null 40 insn\n")
        self.assertEqual(len(bench.check({"map.4k": (1000, "insn")}, path)), 1)

    def test_runs_that_differ_are_named(self):
        first = {"a": (1000, "insn"), "b": (1000, "insn")}
        self.assertEqual(bench.agree(first, {"a": (1010, "insn"), "b": (1011, "insn")}), ["b"])


class Vendors(unittest.TestCase):
    """What maps, unmaps, opens and closes costs about the same with either vendor's unit."""

    AT_MOST = 1.2

    def test_amd_is_not_much_slower_than_intel(self):
        intel = bench.read_figures(ROOT / "bench/expected")
        amd = bench.read_figures(ROOT / "bench/expected-amd")
        names = [name for name in intel if name.startswith(("map.", "unmap.", "vfio."))]
        self.assertGreater(len(names), 15)
        for name in names:
            self.assertLessEqual(amd[name][0], self.AT_MOST * intel[name][0], name)


@unittest.skipUnless("CORDON_BENCH_IMAGE" in os.environ, "no image to measure")
class Recorded(unittest.TestCase):
    def check(self, iommu, expected):
        done = subprocess.run(
            [sys.executable, "-B", str(ROOT / "tools/bench.py"), "--quick", "--iommu", iommu,
             "--image", os.environ["CORDON_BENCH_IMAGE"],
             "--qemu", os.environ.get("CORDON_BENCH_QEMU", "qemu-system-x86_64"),
             "--expected", str(ROOT / expected)],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_figure_is_worse_than_recorded(self):
        self.check("intel", "bench/expected")

    def test_no_figure_of_amd_is_worse_than_recorded(self):
        self.check("amd", "bench/expected-amd")


if __name__ == "__main__":
    unittest.main()
