#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate the disk image of the demonstration.

usage: mkdisk.py [--size MIB] OUT

The contents are the output of SHAKE-128 (FIPS 202) over a fixed text: the same on every
machine, no two sectors alike, not compressible; a block that is lost, repeated or swapped
changes the checksum. OUT.sha256 receives the SHA-256 in the format of sha256sum.
"""

import argparse
import hashlib
import os

MIB = 1 << 20
SEED = b"Cordon demonstration disk, version 1"


def contents(size):
    """The first size bytes of the image."""
    return hashlib.shake_128(SEED).digest(size)


def write_whole(path, data):
    """Write data so that path is either what it was or complete."""
    partial = f"{path}.{os.getpid()}"
    with open(partial, "wb") as handle:
        handle.write(data)
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, metavar="MIB")
    parser.add_argument("output")
    options = parser.parse_args()
    data = contents(options.size * MIB)
    digest = hashlib.sha256(data).hexdigest()
    line = f"{digest}  {os.path.basename(options.output)}\n"
    write_whole(f"{options.output}.sha256", line.encode())
    write_whole(options.output, data)


if __name__ == "__main__":
    main()
