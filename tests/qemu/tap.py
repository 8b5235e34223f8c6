# SPDX-License-Identifier: MIT
"""The Test Anything Protocol, as guests print it on a serial line and as Criterion writes it.

The serial line carries the kernel's log as well, so everything that is not exactly a test
line or a plan is passed over. What a plan announces must come, once each and in order: a
test that ends early is a failure, however many of its lines say ok.
"""

import re
from dataclasses import dataclass, field

PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(.*))?$")
LINE = re.compile(r"^(not )?ok\b(?: +(\d+))?(?: +- +| +|$)(.*)$")
SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)
BAIL = re.compile(r"^Bail out!\s*(.*)$")


@dataclass
class Result:
    """What one stream of lines amounts to."""

    passed: list = field(default_factory=list)  # names
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)  # (name, reason)
    problems: list = field(default_factory=list)  # sentences about the stream itself
    plan: int = None


def parse(lines, numbered=True):
    """Read a stream; numbered: each line carries its number and they count from 1."""
    result = Result()
    count = 0
    for line in lines:
        line = line.rstrip()
        if match := PLAN.match(line):
            if result.plan is not None:
                result.problems.append("two plans")
            result.plan = int(match[1])
        elif match := BAIL.match(line):
            result.problems.append(f"bailed out: {match[1]}".rstrip(": "))
        elif match := LINE.match(line):
            count += 1
            add_line(result, match, count if numbered else None)
    if result.plan is None:
        result.problems.append("no plan: the test did not come to its end")
    elif result.plan != count:
        result.problems.append(f"{result.plan} tests were announced, {count} were reported")
    elif count == 0:
        result.problems.append("not one test was reported")
    return result


def add_line(result, match, expected):
    """Sort one test line into the result."""
    name = match[3].strip()
    number = int(match[2]) if match[2] else None
    if expected is not None and number != expected:
        result.problems.append(f"test {expected} reported itself as number {number}")
    if skip := SKIP.search(name):
        name = name[: skip.start()].strip()
        if not match[1]:
            result.skipped.append((name, skip[1].strip()))
            return
    (result.failed if match[1] else result.passed).append(name or f"test {number}")
