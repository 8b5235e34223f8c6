#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what the kernel says it did (marks) with what QEMU's IOMMU did (trace).

The trace is QEMU's log of the events that a unit's module lists, of a kernel with marks=on.
docs/testing.md describes the rules. The status is 0 when none was broken.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import amdvi  # noqa: E402
import events as unit_events  # noqa: E402
import marks  # noqa: E402
import vtd  # noqa: E402
from rules import Witness  # noqa: E402

# A byte for the scratch register, as QEMU 7.2 logs it and as later versions do.
SCRATCH = "serial_write write addr 0x07 val 0x"
SCRATCHES = (SCRATCH, "serial_write [0x07] <- 0x")
VENDORS = {"intel": vtd.Unit, "amd": amdvi.Unit}


@dataclass
class Report:
    """What came of one trace."""

    violations: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)

    def summary(self):
        """One line about what was seen."""
        names = ("marks", "leaves", "debts", "invalidations", "translations")
        more = [name for name in ("refusals", "interrupts") if name in self.counts]
        return ", ".join(f"{self.counts.get(name, 0)} {name}" for name in (*names, *more))


def events(lines, unit):
    """The marks, and after the first of them the unit's events, of a trace in order."""
    decoder = marks.Decoder()
    begun = False
    for number, line in enumerate(lines, 1):
        if line.startswith(SCRATCHES):
            mark = decoder.feed(int(line.rpartition("0x")[2], 16), number)
            if mark:
                begun = True
                if mark.name == "command":
                    unit.command(mark)
                yield mark
        elif begun and line.startswith(unit.prefix):
            name, _, text = line.rstrip("\n").partition(" ")
            event = unit.read(number, name, text)
            if event:
                yield event
    if decoder.buffer:
        raise marks.Broken("the trace ends inside a record")


def check(lines, unit, orderly=True):
    """Replay a trace; orderly: the guest came to the end that it wanted."""
    witness = Witness(unit)
    line = 0
    try:
        for event in events(lines, unit):
            line = event.line
            if isinstance(event, marks.Mark):
                witness.mark(event)
            else:
                witness.event(event)
        witness.end(line, orderly)
    except (marks.Broken, unit_events.Unreadable, ValueError) as error:
        witness.violations.append(f"after line {line}: the trace cannot be read: {error}")
    if witness.unreported:
        witness.violations.append(f"{witness.unreported} more")
    return Report(witness.violations, witness.counts)


def check_file(path, unit, orderly=True):
    """Replay the trace in a file."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        return check(lines, unit, orderly)


def decode(lines, unit):
    """The trace for a person: marks in words, the unit's events as they are."""
    calls = marks.call_names()
    for event in events(lines, unit):
        if isinstance(event, marks.Mark):
            print(f"{event.line}: {event.describe(calls)}")
        elif isinstance(event, unit_events.Invalidation):
            print(f"{event.line}:     invalidate {event.describe()}")
        elif isinstance(event, unit_events.Wait):
            print(f"{event.line}:     wait")
        elif isinstance(event, unit_events.Use):
            print(f"{event.line}:     {marks.function(event.source)} {event.iova:#x} {event.how}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--iommu", default="intel", choices=sorted(VENDORS))
    parser.add_argument("--iommu-options", default="",
                        help="properties of the QEMU device, as in caching-mode=on")
    parser.add_argument("--decode", action="store_true", help="print the trace in words")
    options = parser.parse_args()
    unit = VENDORS[options.iommu](options.iommu_options)
    if options.decode:
        with open(options.trace, encoding="utf-8", errors="replace") as lines:
            decode(lines, unit)
        return 0
    report = check_file(options.trace, unit)
    for violation in report.violations:
        print(violation)
    print(f"witness: {report.summary()}; {len(report.violations)} violations")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
