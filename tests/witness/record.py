#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make a small trace for the witness's own tests out of a large one (`make witness` keeps them).

Left out are the console, registers, events that the witness does not read, system calls in
which nothing happened, calls that map or unmap many leaves, frames that no device could reach,
and uses of a translation after its second. The bytes of a record stand on one line, `mark HEX`,
and are numbered anew.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import events as unit_events  # noqa: E402
import marks  # noqa: E402
import witness  # noqa: E402

USES = 2
LEAVES = 16
USED = (unit_events.Use, unit_events.ContextUse, unit_events.Untranslated)


def frames_of(mark):
    """Frames, by number, that devices reach from now on."""
    if mark.name == "leaf_set":
        first = mark.paddr // marks.PAGE
        return range(first, first + mark.count * marks.span(mark.level) // marks.PAGE)
    if mark.name == "table_link":
        return (mark.frame // marks.PAGE,)
    if mark.name == "context" and mark.root:
        return (mark.root // marks.PAGE,)
    return ()


def without_large_calls(events):
    """The events outside of calls with many stores: those that map and those that unmap."""
    kept, start = [], 0
    for event in events:
        name = event.name if isinstance(event, marks.Mark) else ""
        if name == "call_enter":
            start = len(kept)
        kept.append(event)
        if name == "call_leave" and kept[start].name == "call_enter":
            stores = [other for other in kept[start:] if isinstance(other, marks.Mark)
                      and other.name in ("leaf_set", "leaf_clear")]
            leaves = sum(other.count if other.name == "leaf_set" else
                         (other.last - other.first) // marks.span(other.level) + 1
                         for other in stores)
            if leaves > LEAVES:
                del kept[start:]
    return kept


def wanted(events):
    """The events worth keeping."""
    reached = set()  # frames, since they were given back
    uses = {}
    kept = []
    for event in events:
        if isinstance(event, USED):
            page = getattr(event, "iova", 0) // marks.PAGE
            key = type(event), getattr(event, "how", ""), event.source, page
            uses[key] = uses.get(key, 0) + 1
            if uses[key] > USES:
                continue
        elif isinstance(event, marks.Mark):
            reached.update(frames_of(event))
            if event.name == "frames_free":
                first = event.base // marks.PAGE
                frames = reached.intersection(range(first, first + event.count))
                reached -= frames
                if not frames:
                    continue
            elif event.name in ("leaf_set", "leaf_clear"):
                uses.clear()
            elif event.name == "call_leave" and kept and isinstance(kept[-1], marks.Mark) \
                    and kept[-1].name == "call_enter":
                kept.pop()
                continue
        kept.append(event)
    return kept


def shrink(lines, unit):
    """The lines of the small trace."""
    lines = [line.rstrip("\n") for line in lines]
    sequence = 0
    for event in wanted(without_large_calls(list(witness.events(lines, unit)))):
        if isinstance(event, marks.Mark):
            yield "mark " + marks.encode(event.name, sequence, event.cpu, **event.fields).hex()
            sequence += 1
        else:
            yield lines[event.line - 1]


def expand(lines):
    """The small trace as QEMU would have written it."""
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("mark "):
            for byte in bytes.fromhex(line[5:]):
                yield f"{witness.SCRATCH}{byte:02x}"
        elif line and not line.startswith("#"):
            yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--iommu", default="intel", choices=sorted(witness.VENDORS))
    options = parser.parse_args()
    unit = witness.VENDORS[options.iommu]()
    with open(options.trace, encoding="utf-8", errors="replace") as lines:
        for line in shrink(lines, unit):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
