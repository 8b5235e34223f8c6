# SPDX-License-Identifier: MIT
"""What the demonstration prints, judged from outside."""

import re

STEP = re.compile(r"^demo: (PASS|FAIL) (.+)$")
LEFT_OUT = re.compile(r"^demo: NOT SHOWN (.+)$")
CLOSING = re.compile(r"^demo: (\d+) passed, (\d+) failed(?:, (\d+) not shown)?$")
DIGEST = re.compile(r"^disk: sha256 ([0-9a-f]{64})$")


def took_place(lines):
    """Whether the guest claims to have demonstrated anything."""
    return any(line.startswith("demo:") or DIGEST.match(line.rstrip()) for line in lines)


def crashed(lines):
    """Whether the kernel came to an end that nobody asked for."""
    return any(re.search(r"^PANIC\b|\bpanic\b", line) for line in lines)


def judge(lines, digest):
    """What the guest's lines fail to prove, as a list of sentences; digest is the host's own
    of the disk."""
    problems = []
    passed, failed, left_out, closing, seen = 0, 0, 0, None, []
    for line in lines:
        line = line.rstrip()
        if match := STEP.match(line):
            if match[1] == "PASS":
                passed += 1
            else:
                failed += 1
                problems.append(f"step failed: {match[2]}")
        elif LEFT_OUT.match(line):
            left_out += 1
        elif match := CLOSING.match(line):
            if closing is not None:
                problems.append("the demonstration closed twice")
            closing = (int(match[1]), int(match[2]), int(match[3] or 0))
        elif match := DIGEST.match(line):
            seen.append(match[1])
    if closing is None:
        problems.append("the demonstration did not come to its closing line")
    elif closing != (passed, failed, left_out):
        problems.append(f"the closing line says {closing[0]} passed, {closing[1]} failed, "
                        f"{closing[2]} not shown; the steps say {passed}, {failed}, {left_out}")
    if passed == 0:
        problems.append("no step passed")
    if not seen:
        problems.append("the guest printed no sha256 of the disk")
    elif any(value != digest for value in seen):
        problems.append(f"the guest's sha256 of the disk is not the host's: {seen[-1]}")
    return problems
