# SPDX-License-Identifier: MIT
"""The guest test of POSIX threads, run on the host: its C library judges what the test expects."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOURCES = ["main.c", "threads.c", "locks.c", "waits.c", "library.c"]
# What the results' printer takes from the library of tasks.
SHIM = """#include <string.h>
#include <stdint.h>
const char *cordon_strerror(int64_t result);
const char *cordon_strerror(int64_t result) { return strerror((int)-result); }
"""


class Judge(unittest.TestCase):
    def test_the_host_agrees_with_every_expectation(self):
        with tempfile.TemporaryDirectory() as folder:
            shim = os.path.join(folder, "shim.c")
            program = os.path.join(folder, "pthread")
            Path(shim).write_text(SHIM, encoding="utf-8")
            subprocess.run(
                ["gcc", "-std=gnu11", "-O2", "-Wall", "-I.", "-Iinclude", "-idirafter",
                 "lib/libc/include", "-o", program, shim, "tests/guest/support/tap.c",
                 *(f"tests/guest/pthread/{name}" for name in SOURCES), "-lpthread"],
                cwd=TOP, check=True, capture_output=True)
            done = subprocess.run([program], capture_output=True, text=True, timeout=120,
                                  check=False)
        failed = re.findall(r"^not ok.*", done.stdout, re.M)
        self.assertEqual((done.returncode, failed), (0, []))
        self.assertGreater(len(re.findall(r"^ok ", done.stdout, re.M)), 70)


if __name__ == "__main__":
    unittest.main()
