#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what the kernel says it did (marks) with what QEMU's VT-d unit did (trace).

The trace is QEMU's log of -trace 'vtd_*' -trace serial_write, of a kernel with marks=on.
docs/testing.md describes the rules. The status is 0 when none was broken.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import marks  # noqa: E402
import vtd  # noqa: E402
from rules import Witness  # noqa: E402

# A byte for the scratch register, as QEMU 7.2 logs it and as later versions do.
SCRATCH = "serial_write write addr 0x07 val 0x"
SCRATCHES = (SCRATCH, "serial_write [0x07] <- 0x")
TRACE = ("vtd_*", "serial_write")  # what QEMU is asked to trace


@dataclass
class Report:
    """What came of one trace."""

    violations: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)

    def summary(self):
        """One line about what was seen."""
        names = ("marks", "leaves", "debts", "invalidations", "translations")
        return ", ".join(f"{self.counts.get(name, 0)} {name}" for name in names)


def events(lines):
    """The marks and events of a trace, in order."""
    decoder = marks.Decoder()
    for number, line in enumerate(lines, 1):
        if line.startswith(SCRATCHES):
            mark = decoder.feed(int(line.rpartition("0x")[2], 16), number)
            if mark:
                yield mark
        elif line.startswith("vtd_"):
            name, _, text = line.rstrip("\n").partition(" ")
            event = vtd.event(number, name, text)
            if event:
                yield event
    if decoder.buffer:
        raise marks.Broken("the trace ends inside a record")


def check(lines, caching_mode=False, orderly=True):
    """Replay a trace; orderly: the guest came to the end that it wanted."""
    witness = Witness(caching_mode)
    line = 0
    try:
        for event in events(lines):
            line = event.line
            if isinstance(event, marks.Mark):
                witness.mark(event)
            elif witness.begun:
                witness.event(event)
        witness.end(line, orderly)
    except (marks.Broken, vtd.Unreadable, ValueError) as error:
        witness.violations.append(f"after line {line}: the trace cannot be read: {error}")
    if witness.unreported:
        witness.violations.append(f"{witness.unreported} more")
    return Report(witness.violations, witness.counts)


def check_file(path, caching_mode=False, orderly=True):
    """Replay the trace in a file."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        return check(lines, caching_mode, orderly)


def decode(lines):
    """The trace for a person: marks in words, the unit's events as they are."""
    calls = marks.call_names()
    for event in events(lines):
        if isinstance(event, marks.Mark):
            print(f"{event.line}: {event.describe(calls)}")
        elif isinstance(event, vtd.Invalidation):
            print(f"{event.line}:     invalidate {event.describe()}")
        elif isinstance(event, vtd.Wait):
            print(f"{event.line}:     wait")
        elif isinstance(event, vtd.Use):
            print(f"{event.line}:     {marks.function(event.source)} {event.iova:#x} {event.how}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--caching-mode", action="store_true",
                        help="the unit has caching-mode=on: new entries owe a flush, too")
    parser.add_argument("--decode", action="store_true", help="print the trace in words")
    options = parser.parse_args()
    if options.decode:
        with open(options.trace, encoding="utf-8", errors="replace") as lines:
            decode(lines)
        return 0
    report = check_file(options.trace, options.caching_mode)
    for violation in report.violations:
        print(violation)
    print(f"witness: {report.summary()}; {len(report.violations)} violations")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
