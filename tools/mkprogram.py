#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the program that goes into an image: stripped, with the names of its functions.

usage: mkprogram.py [--tools PREFIX] -o OUT PROGRAM

The names stand in a section .cordon.names that is not loaded; the kernel looks there when a task
faults (kernel/program.h). PREFIX comes before the names of nm, strip and objcopy.

Format, little-endian:

  u32 magic     0x534d4e43, "CNMS"
  u32 count     entries n
  u64 base      the lowest address
  n u32         address of each function minus base, ascending
  names         of each function, in the same order, each ending in a zero byte

The last entry is the end of the code, with an empty name: what lies behind is in no function.
"""

import argparse
import pathlib
import struct
import subprocess
import sys
import tempfile

SECTION = ".cordon.names"
MAGIC = 0x534D4E43
PT_LOAD, PF_X = 1, 1
NAME_MAX = 63  # longer ones are cut: they are C++


class Problem(Exception):
    pass


def code(data):
    """Where the code of a program begins and ends."""
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQ", data, offset + index * size) for index in range(count)]
    places = [(address, address + length) for kind, flags, _, address, _, _, length in segments
              if kind == PT_LOAD and flags & PF_X]
    return min(start for start, _ in places), max(end for _, end in places)


def functions(lines, start, end):
    """{address: name} of the functions in the output of nm that lie between; one name for an
    address, the global one, else the first by alphabet."""
    names = {}
    for line in lines:
        parts = line.split()
        if len(parts) != 3 or parts[1] not in "tTwWi" or parts[2].startswith((".L", "$")):
            continue
        address, rank = int(parts[0], 16), (parts[1] in "tw", parts[2])
        if start <= address < end:
            names[address] = min(rank, names.get(address, rank))
    return {address: rank[1][:NAME_MAX] for address, rank in names.items()}


def table(names, end):
    """The contents of the section; empty when there is nothing to name."""
    entries = sorted(names.items())
    if not entries:
        return b""
    entries.append((end, ""))
    base = entries[0][0]
    if end - base >= 1 << 32:
        raise Problem("its code is spread over more than 4 GiB")
    return b"".join([struct.pack("<IIQ", MAGIC, len(entries), base),
                     *(struct.pack("<I", address - base) for address, _ in entries),
                     *(name.encode() + b"\0" for _, name in entries)])


def run(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        raise Problem(done.stderr.strip())
    return done.stdout


def make(program, out, tools=""):
    start, end = code(pathlib.Path(program).read_bytes())
    names = table(functions(run(f"{tools}nm", program).splitlines(), start, end), end)
    run(f"{tools}strip", "-o", out, program)
    if names:
        with tempfile.NamedTemporaryFile() as file:
            file.write(names)
            file.flush()
            run(f"{tools}objcopy", f"--add-section={SECTION}={file.name}", out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", default="")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("program")
    options = parser.parse_args()
    try:
        make(options.program, options.output, options.tools)
    except Problem as problem:
        pathlib.Path(options.output).unlink(missing_ok=True)
        sys.exit(f"mkprogram: {options.program}: {problem}")


if __name__ == "__main__":
    main()
