# SPDX-License-Identifier: MIT
"""tools/check-program.py on invented ELF headers."""

import importlib.util
import struct
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check-program.py"
SPEC = importlib.util.spec_from_file_location("check_program", TOOL)
check_program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_program)

READ, WRITE, EXECUTE = 4, 2, 1


def program(segments, kind=2, machine=62, rest=b"", osabi=0):
    """An ELF64 header with program headers (type, flags)."""
    ident = b"\x7fELF" + bytes([2, 1, 1, osabi]) + bytes(8)
    head = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x401000, 64, 0, 0, 64, 56,
                               len(segments), 0, 0, 0)
    return head + b"".join(struct.pack("<IIQQQQQQ", kind, flags, 0, 0, 0, 0, 0, 0)
                           for kind, flags in segments) + rest


class Program(unittest.TestCase):
    def test_a_static_program_passes(self):
        data = program([(1, READ), (1, READ | EXECUTE), (1, READ | WRITE),
                        (7, READ), (0x6474E551, READ | WRITE)])
        self.assertEqual(check_program.problems(data), [])

    def test_what_the_loader_cannot_run_is_named(self):
        for data, word in (
                (b"#!/bin/sh", "ELF64"),
                (b"\x7fELF", "cut off"),
                (program([(1, READ)])[:70], "cut off"),
                (program([(1, READ)], osabi=3), "another operating system"),
                (program([(1, READ)], kind=3), "executable"),
                (program([(1, READ)], machine=183), "executable"),
                (program([(3, READ)]), "dynamic"),
                (program([(2, READ)]), "dynamic"),
                (program([(1, READ | WRITE | EXECUTE)]), "writable"),
                (program([(0x6474E551, READ | WRITE | EXECUTE)]), "writable"),
                (program([(1, READ)], rest=b"GLIBC_2.34"), "host's C library")):
            with self.subTest(word):
                self.assertIn(word, " ".join(check_program.problems(data)))


if __name__ == "__main__":
    unittest.main()
