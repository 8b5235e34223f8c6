# SPDX-License-Identifier: MIT
"""tools/mkprogram.py on invented output of nm, and on a program."""

import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import mkprogram  # noqa: E402

NM = """\
0000000000400000 R headers
0000000000401000 T _start
0000000000401020 t b_local
0000000000401020 t a_local
0000000000401020 T shared
0000000000401100 t .Llabel
0000000000401200 W weak
0000000000402000 T behind
0000000000403000 D data
                 U undefined
""".splitlines()

SOURCE = """
__attribute__((noinline)) int named(int a) { return a * 3; }
void _start(void) { for (;;) named(2); }
"""


def parse(section):
    magic, count, base = struct.unpack_from("<IIQ", section)
    starts = struct.unpack_from(f"<{count}I", section, 16)
    names = section[16 + 4 * count:].decode().split("\0")[:-1]
    return magic, {base + start: name for start, name in zip(starts, names, strict=True)}


class Names(unittest.TestCase):
    def test_functions_inside_the_code_are_listed_once(self):
        self.assertEqual(mkprogram.functions(NM, 0x401000, 0x402000),
                         {0x401000: "_start", 0x401020: "shared", 0x401200: "weak"})

    def test_the_table_ends_where_the_code_ends(self):
        magic, names = parse(mkprogram.table({0x401020: "second", 0x401000: "first"}, 0x402000))
        self.assertEqual(magic, mkprogram.MAGIC)
        self.assertEqual(names, {0x401000: "first", 0x401020: "second", 0x402000: ""})

    def test_names_are_cut_and_none_are_no_table(self):
        self.assertEqual(mkprogram.functions(["401000 T " + "x" * 100], 0, 1 << 40),
                         {0x401000: "x" * 63})
        self.assertEqual(mkprogram.table({}, 0x402000), b"")

    def test_a_program_is_stripped_and_names_its_functions(self):
        with tempfile.TemporaryDirectory() as folder:
            source, program, out = (Path(folder) / name for name in ("a.c", "a", "out"))
            source.write_text(SOURCE, encoding="ascii")
            subprocess.run(["gcc", "-O1", "-g", "-static", "-nostdlib", "-no-pie", "-o", program, source],
                           check=True)
            mkprogram.make(program, out)
            names = Path(folder) / "names"
            subprocess.run(["objcopy", "-O", "binary", "--only-section=.cordon.names",
                            "--set-section-flags", ".cordon.names=alloc", out, names], check=True)
            self.assertEqual(set(parse(names.read_bytes())[1].values()), {"_start", "named", ""})
            self.assertLess(out.stat().st_size, program.stat().st_size)
            self.assertEqual(subprocess.run(["nm", out], capture_output=True, text=True,
                                            check=False).stdout, "")


if __name__ == "__main__":
    unittest.main()
