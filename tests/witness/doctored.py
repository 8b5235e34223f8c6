# SPDX-License-Identifier: MIT
"""Recorded traces that the tests take one thing out of, or change one thing in."""

import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import marks  # noqa: E402
import record  # noqa: E402
import witness  # noqa: E402

CALLS = marks.call_names()


class Trace:
    """A recorded trace that can be doctored. Lines are found by what they say in words."""

    def __init__(self, name="map"):
        self.iommu = "amd" if name.startswith("amd") else "intel"
        self.options = "caching-mode=on" if "caching" in name else ""
        text = (HERE / "data" / f"{name}.trace").read_text()
        self.lines = [line for line in text.splitlines() if not line.startswith("#")]
        self.fresh = True  # number the records anew

    @staticmethod
    def parse(line):
        """The record on a line."""
        decoder = marks.Decoder()
        data = bytes.fromhex(line[5:])
        decoder.sequence = data[3]
        for byte in data:
            mark = decoder.feed(byte, 0)
        return mark

    def words(self, index):
        """What a line says."""
        line = self.lines[index]
        return self.parse(line).describe(CALLS) if line.startswith("mark ") else line

    def find(self, pattern, start=0):
        """The first line at or after start that matches."""
        for index in range(start, len(self.lines)):
            if re.search(pattern, self.words(index)):
                return index
        raise AssertionError(f"no line after {start} matches {pattern}")

    def change(self, index, old, new):
        """Replace a part of a line of the unit."""
        changed = self.lines[index].replace(old, new)
        assert changed != self.lines[index], (old, self.lines[index])
        self.lines[index] = changed

    def mark(self, index, name=None, /, **fields):
        """Change a record."""
        mark = self.parse(self.lines[index])
        cpu = fields.pop("cpu", mark.cpu)
        self.lines[index] = self.encoded(name or mark.name, cpu, **{**mark.fields, **fields})

    @staticmethod
    def encoded(name, cpu=0, **fields):
        """A new record's line."""
        return "mark " + marks.encode(name, 0, cpu, **fields).hex()

    def move(self, index, target):
        """Put a line before another one."""
        line = self.lines.pop(index)
        self.lines.insert(target - (index < target), line)

    def expanded(self):
        """The lines as QEMU would have written them."""
        sequence = 0
        lines = []
        for line in self.lines:
            if line.startswith("mark ") and self.fresh:
                mark = self.parse(line)
                line = "mark " + marks.encode(mark.name, sequence, mark.cpu, **mark.fields).hex()
                sequence += 1
            lines.append(line)
        return list(record.expand(lines))

    def check(self):
        """The witness's verdict."""
        return witness.check(self.expanded(), witness.VENDORS[self.iommu](self.options))


class Case(unittest.TestCase):
    def reports(self, trace, *patterns):
        """The verdict names a violation that matches each pattern."""
        violations = trace.check().violations
        for pattern in patterns:
            self.assertTrue(any(re.search(pattern, text) for text in violations),
                            f"{pattern} in {violations}")

    def passes(self, trace):
        self.assertEqual(trace.check().violations, [])
