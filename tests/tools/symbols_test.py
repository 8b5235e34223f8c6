# SPDX-License-Identifier: MIT
"""tools/mksyms.py on invented output of nm."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import mksyms  # noqa: E402

NM = """\
0000000000100000 T boot_entry
ffffffff80100000 T first
ffffffff80100010 t alias_local
ffffffff80100010 T named
ffffffff80100020 t b_local
ffffffff80100020 t a_local
ffffffff80100030 T text_end
ffffffff80101000 R table
ffffffff80102000 B bss
                 U undefined
""".splitlines()


class Symbols(unittest.TestCase):
    def test_only_kernel_functions_are_listed(self):
        names, end = mksyms.functions(NM)
        self.assertEqual(names, {0xFFFFFFFF80100000: "first", 0xFFFFFFFF80100010: "named",
                                 0xFFFFFFFF80100020: "a_local"})
        self.assertEqual(end, 0xFFFFFFFF80100030)

    def test_table_is_sorted_and_closed_by_the_end(self):
        text = mksyms.assemble(*mksyms.functions(reversed(NM)))
        part = text.split("ksyms_addresses:")[1].split("ksyms_offsets")[0]
        values = [int(line.split()[1], 16) for line in part.splitlines() if ".long" in line]
        self.assertEqual(values, [0x100000, 0x100010, 0x100020, 0x100030])
        names = [line.split('"')[1] for line in text.splitlines() if ".asciz" in line]
        self.assertEqual(names, ["first", "named", "a_local", ""])

    def test_empty_table_has_count_zero(self):
        text = mksyms.assemble({}, None)
        self.assertIn("ksyms_count:\n\t.long 0", text)


if __name__ == "__main__":
    unittest.main()
