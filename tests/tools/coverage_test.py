# SPDX-License-Identifier: MIT
"""How the counts of files become lines for folders."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import coverage  # noqa: E402


def record(name, lines, branches):
    return {"filename": name, "line_covered": lines[0], "line_total": lines[1],
            "branch_covered": branches[0], "branch_total": branches[1]}


class Fold(unittest.TestCase):
    def test_files_of_a_folder_are_added_by_lines_not_by_percentages(self):
        folders = coverage.fold([record("a/x.c", (1, 100), (1, 2)),
                                 record("a/y.c", (10, 10), (0, 2))], ["a/x.c", "a/y.c"])
        self.assertEqual(folders, {"a": [2, 2, 11, 110, 1, 4]})

    def test_a_subfolder_has_a_line_of_its_own(self):
        folders = coverage.fold([record("a/b/x.c", (1, 2), (0, 0))], ["a/b/x.c", "a/y.c"])
        self.assertEqual(folders["a/b"], [1, 1, 1, 2, 0, 0])
        self.assertEqual(folders["a"], [0, 1, 0, 0, 0, 0])

    def test_a_source_that_is_not_linked_counts_as_a_file_only(self):
        folders = coverage.fold([record("a/x.c", (5, 5), (0, 0))], ["a/x.c", "a/asm.c"])
        self.assertEqual(folders["a"], [1, 2, 5, 5, 0, 0])


class Table(unittest.TestCase):
    def test_the_whole_is_summed_over_folders(self):
        lines = coverage.table(coverage.fold([record("a/x.c", (1, 4), (1, 2)),
                                              record("b/y.c", (1, 4), (0, 2))],
                                             ["a/x.c", "b/y.c"]))
        self.assertRegex(lines[-1], r"^all +2 of +2 +25\.0 % of +8 +25\.0 % of +4$")

    def test_folders_without_a_tested_file_are_named(self):
        lines = coverage.table(coverage.fold([record("a/x.c", (1, 1), (1, 1))],
                                             ["a/x.c", "z/y.c"]))
        self.assertEqual(lines[-1], "no host test links: z")

    def test_nothing_counted_is_no_percentage(self):
        lines = coverage.table(coverage.fold([record("a/x.c", (1, 1), (0, 0))], ["a/x.c"]))
        self.assertRegex(lines[1], r"100\.0 % of +1 +- of +0$")


if __name__ == "__main__":
    unittest.main()
