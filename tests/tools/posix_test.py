# SPDX-License-Identifier: MIT
"""The guest tests of the POSIX face, on the host's own system: it judges what they expect."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TESTS = TOP / "tests" / "guest" / "posix"
COMMON = [TESTS / "host.c", TOP / "tests" / "guest" / "support" / "tap.c"]
FLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{TOP}",
         f"-I{TOP / 'include'}", "-idirafter", str(TOP / "lib" / "libc" / "include")]
TIMEOUT_S = 60

sys.path.insert(0, str(TOP / "tests" / "qemu"))
import tap  # noqa: E402


def judge(source):
    """Build and run one test in a folder of its own; returns (result, output)."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        subprocess.run(["gcc", *FLAGS, "-o", program, source, *COMMON, "-lm"],
                       check=True)
        run = subprocess.run([program], cwd=scratch, timeout=TIMEOUT_S, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return tap.parse(run.stdout.splitlines()), run.stdout, run.returncode


class Posix(unittest.TestCase):
    def test_linux_agrees_with_what_the_guest_tests_expect(self):
        sources = sorted(TESTS.glob("posix_*.c"))
        self.assertTrue(sources)
        for source in sources:
            with self.subTest(source.stem):
                result, output, status = judge(source)
                self.assertEqual((result.failed, result.problems, status), ([], [], 0), output)


if __name__ == "__main__":
    unittest.main()
