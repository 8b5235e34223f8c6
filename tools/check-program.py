#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Refuse a task that the kernel's loader could not run, or that holds host code.

usage: check-program.py FILE...

A task is a static ELF64 program: no interpreter, no dynamic section, no relocations left,
no page that is writable and executable, no executable stack (System V ABI, chapter 5).
"""

import struct
import sys

ET_EXEC, EM_X86_64 = 2, 62
ELFOSABI_NONE = 0
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 1, 2, 3, 0x6474E551
PF_X, PF_W = 1, 2


def problems(data):
    """What is wrong with the program in data, as a list of sentences."""
    try:
        return list(dict.fromkeys(headers(data)))
    except (IndexError, struct.error):
        return ["cut off before its headers end"]


def headers(data):
    """The same, of a file that is long enough."""
    if data[:4] != b"\x7fELF" or data[4] != 2 or data[5] != 1:
        return ["not a little-endian ELF64 file"]
    if data[7] != ELFOSABI_NONE:
        return [f"made for another operating system (OS/ABI {data[7]})"]
    kind, machine = struct.unpack_from("<HH", data, 16)
    found = []
    if (kind, machine) != (ET_EXEC, EM_X86_64):
        found.append(f"type {kind}, machine {machine}: not an x86-64 executable")
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, flags = struct.unpack_from("<II", data, offset + index * size)
        if kind in (PT_INTERP, PT_DYNAMIC):
            found.append("wants a dynamic linker")
        if kind in (PT_LOAD, PT_GNU_STACK) and flags & PF_X and flags & PF_W:
            found.append("has a segment that is writable and executable")
    if b"GLIBC_" in data or b"GNU C Library" in data:
        found.append("contains code of the host's C library")
    return found


def main():
    failed = False
    for path in sys.argv[1:]:
        with open(path, "rb") as handle:
            for problem in problems(handle.read()):
                print(f"{path}: {problem}", file=sys.stderr)
                failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
