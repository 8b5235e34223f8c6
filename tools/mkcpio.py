#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the archive of programs that is linked into the image.

usage: mkcpio.py -o OUT DEST=SOURCE[:MODE]...

The format is newc cpio (magic 070701, all header fields 8 hexadecimal digits). The result
depends on nothing but names, contents and modes: entries are sorted, owners, times and
device numbers are zero, inode numbers count from 1. Folders that the names imply are added.
"""

import argparse
import posixpath
import sys

DIRECTORY = 0o040755
REGULAR = 0o100000


class ArchiveError(Exception):
    """The list of files cannot be made into an archive."""


def parse_entry(text):
    """Split DEST=SOURCE[:MODE]; returns (dest without leading slash, source, mode)."""
    dest, separator, rest = text.partition("=")
    source, _, mode = rest.partition(":")
    dest = dest.lstrip("/")
    if not separator or not dest or not source:
        raise ArchiveError(f"not of the form DEST=SOURCE[:MODE]: {text}")
    if posixpath.normpath(dest) != dest or dest.startswith("../"):
        raise ArchiveError(f"not a plain path: {dest}")
    try:
        bits = int(mode or "644", 8)
    except ValueError:
        raise ArchiveError(f"not an octal mode: {mode}") from None
    return dest, source, bits


def record(inode, name, mode, data):
    """One header with its name and data, each padded to 4 bytes."""
    links = 2 if mode == DIRECTORY else 1
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def build(files):
    """files: {dest: (mode bits, bytes)}. Returns the whole archive."""
    folders = set()
    for dest in files:
        parent = posixpath.dirname(dest)
        while parent:
            folders.add(parent)
            parent = posixpath.dirname(parent)
    clash = folders & set(files)
    if clash:
        raise ArchiveError(f"both a file and a folder: {sorted(clash)[0]}")
    out = []
    for number, name in enumerate(sorted(folders | set(files)), start=1):
        if name in folders:
            out.append(record(number, name, DIRECTORY, b""))
        else:
            mode, data = files[name]
            out.append(record(number, name, REGULAR | mode, data))
    out.append(record(0, "TRAILER!!!", 0, b""))
    return b"".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("entries", nargs="*", metavar="DEST=SOURCE[:MODE]")
    options = parser.parse_args()
    files = {}
    try:
        for text in options.entries:
            dest, source, mode = parse_entry(text)
            if dest in files:
                raise ArchiveError(f"named twice: {dest}")
            with open(source, "rb") as handle:
                files[dest] = (mode, handle.read())
        data = build(files)
    except (ArchiveError, OSError) as error:
        sys.exit(f"mkcpio: {error}")
    with open(options.output, "wb") as handle:
        handle.write(data)


if __name__ == "__main__":
    main()
