#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the table of function names for the kernel's backtraces.

usage: mksyms.py -o OUT.S NM-OUTPUT      the table, from `nm -n` of a first link
       mksyms.py --empty -o OUT.S        a table without entries, for that first link
       mksyms.py --same FIRST SECOND     fail unless both links agree on every function

Format (kernel/symbols.h declares it), all in section .rodata.ksyms:

  ksyms_count      u32: number of entries n
  ksyms_addresses  n u32: address of each function minus KERNEL_BASE, ascending
  ksyms_offsets    n u32: where its name begins in ksyms_names
  ksyms_names      the names, each ending in a zero byte

Only functions (nm types t, T, w, W) at or above KERNEL_BASE are listed, one name for an
address (the global one, else the first by alphabet); the end of the text is listed under
an empty name, so that an address behind the last function is not taken for it.
"""

import argparse
import sys

KERNEL_BASE = 0xFFFFFFFF80000000
TEXT_END = ("text_end", "_text_end", "__text_end", "kernel_text_end", "_etext", "etext")


def functions(lines):
    """{address: name} of the functions in the output of nm, and the end of the text."""
    names = {}
    end = None
    for line in lines:
        parts = line.split()
        if len(parts) != 3:
            continue
        address, kind, name = int(parts[0], 16), parts[1], parts[2]
        if address < KERNEL_BASE:
            continue
        if name in TEXT_END:
            end = address
            continue
        if kind not in "tTwW" or name.startswith((".L", "$")):
            continue
        rank = (kind in "tw", name)
        if address not in names or rank < names[address]:
            names[address] = rank
    if end is not None:
        names = {address: rank for address, rank in names.items() if address < end}
    return {address: rank[1] for address, rank in names.items()}, end


def assemble(names, end):
    """The assembler source of the table."""
    entries = sorted(names.items())
    if entries and end is not None:
        entries.append((end, ""))
    out = ["/* Made by tools/mksyms.py. */", '\t.section .rodata.ksyms, "a", @progbits']

    def label(name, align):
        out.append(f"\t.balign {align}\n\t.globl {name}\n\t.type {name}, @object\n{name}:")

    label("ksyms_count", 4)
    out.append(f"\t.long {len(entries)}")
    label("ksyms_addresses", 4)
    out.extend(f"\t.long {address - KERNEL_BASE:#x}" for address, _ in entries)
    label("ksyms_offsets", 4)
    offset = 0
    for _, name in entries:
        out.append(f"\t.long {offset}")
        offset += len(name) + 1
    label("ksyms_names", 1)
    out.extend(f'\t.asciz "{name}"' for _, name in entries)
    out.append('\t.section .note.GNU-stack, "", @progbits')
    return "\n".join(out) + "\n"


def read(path):
    with open(path, encoding="ascii") as handle:
        return functions(handle)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output")
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--same", action="store_true")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    if options.same:
        first, second = (read(path) for path in options.files)
        if first != second:
            moved = sorted(set(first[0].items()) ^ set(second[0].items()))
            name = moved[0][1] if moved else "the end of the text"
            sys.exit(f"mksyms: {name} moved between the two links: the symbol table must "
                     "lie behind the text in boot/kernel.ld")
        return
    if options.empty:
        text = assemble({}, None)
    else:
        names, end = read(options.files[0])
        if not names:
            sys.exit("mksyms: the first link contains no functions")
        if max(names) - KERNEL_BASE >= 1 << 32:
            sys.exit("mksyms: a function lies more than 4 GiB above KERNEL_BASE")
        text = assemble(names, end)
    with open(options.output, "w", encoding="ascii") as handle:
        handle.write(text)


if __name__ == "__main__":
    main()
