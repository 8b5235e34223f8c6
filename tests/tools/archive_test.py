# SPDX-License-Identifier: MIT
"""tools/mkcpio.py against Python's own reading of the newc format."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import mkcpio  # noqa: E402


def read_newc(data):
    """An independent reader: [(name, mode, contents)] up to the trailer."""
    entries, position = [], 0
    while True:
        assert data[position:position + 6] == b"070701"
        values = [int(data[position + 6 + 8 * i:position + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = values[1], values[6], values[11]
        name = data[position + 110:position + 110 + name_size - 1].decode()
        start = (position + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            assert start == len(data)
            return entries
        entries.append((name, mode, data[start:start + size]))
        position = (start + size + 3) & ~3


class Archive(unittest.TestCase):
    def test_files_come_back_with_modes_and_folders(self):
        for length in range(9):
            data = mkcpio.build({"init": (0o755, b"x" * length), "bin/a/b": (0o644, b"y")})
            self.assertEqual(read_newc(data), [
                ("bin", 0o40755, b""), ("bin/a", 0o40755, b""), ("bin/a/b", 0o100644, b"y"),
                ("init", 0o100755, b"x" * length)])

    def test_order_of_arguments_does_not_matter(self):
        one = {"a": (0o644, b"1"), "b": (0o644, b"2")}
        two = {"b": (0o644, b"2"), "a": (0o644, b"1")}
        self.assertEqual(mkcpio.build(one), mkcpio.build(two))

    def test_entries_are_parsed(self):
        self.assertEqual(mkcpio.parse_entry("/bin/x=build/x:755"), ("bin/x", "build/x", 0o755))
        self.assertEqual(mkcpio.parse_entry("etc/m=m"), ("etc/m", "m", 0o644))

    def test_bad_entries_are_refused(self):
        for text in ("x", "=y", "a=", "../a=b", "a/../b=c", "a//b=c", "a=b:9"):
            with self.subTest(text), self.assertRaises(mkcpio.ArchiveError):
                mkcpio.parse_entry(text)

    def test_a_file_is_not_a_folder(self):
        with self.assertRaises(mkcpio.ArchiveError):
            mkcpio.build({"a": (0o644, b""), "a/b": (0o644, b"")})


if __name__ == "__main__":
    unittest.main()
