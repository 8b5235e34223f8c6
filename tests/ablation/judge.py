# SPDX-License-Identifier: MIT
"""Whether exactly the tests failed that an ablation names."""

import re

UNIT_TEST = re.compile(r"\w+::\w+")


def test_name(program, name):
    """The name without what Criterion says about a crash or the time behind it."""
    match = UNIT_TEST.match(name) if program.startswith("unit/") else None
    return match[0] if match else name


def judge(ablation, outcomes):
    """Compare outcomes with what an ablation says. Returns (problems, tests that failed as they
    should); no problem: it proved its tests."""
    problems, proved = [], []
    for entry in ablation.fails:
        programs = [outcome for outcome in outcomes if entry.names_program(outcome.name)]
        if not programs:
            problems.append(f"was not run: {entry}")
        elif not any(fits(entry, outcome) for outcome in programs):
            problems.append(f"passes, and should fail: {entry}")
    for outcome in outcomes:
        entries = [entry for entry in ablation.fails + ablation.may
                   if entry.names_program(outcome.name)]
        for name in outcome.failed:
            short = test_name(outcome.name, name)
            if any(entry.names_test(short) for entry in entries):
                proved.append(f"{outcome.name}:{short}")
            else:
                problems.append(f"fails, and should not: {outcome.name}:{short}")
        # Beside failed tests, problems are what comes of them: a status, a missing line.
        if outcome.problems and not outcome.failed:
            if any(not entry.test for entry in entries):
                proved.append(outcome.name)
            else:
                problems.append(f"fails, and should not: {outcome.name}: "
                                + "; ".join(outcome.problems))
    return problems, proved


def fits(entry, outcome):
    """Whether a program failed in the way an entry says."""
    if not entry.test:
        return outcome.bad()
    return any(entry.names_test(test_name(outcome.name, name)) for name in outcome.failed)
