# SPDX-License-Identifier: MIT
"""Fault injection, one failure in a boot: what is never the same afterwards cannot be swept within
one boot as tests/guest/inject does. docs/testing.md says what is injected.

Each sweep first counts how many operations there are, and then lets every step-th fail.
"""

import re
from dataclasses import replace
from pathlib import Path

import cases
import guest
import machine
import tap
from outcome import Outcome

PROGRAM = "/test/inject_wait"
NEVER = 1_000_000_000  # a number that no operation has
VENDORS = ("intel", "amd")
COUNT = re.compile(r"(\d+) (?:such operations|operations until the first task)")
FAILS = re.compile(r"inject: warning: operation \d+ fails: (.*)")
LOGGED = re.compile(r"^\[ *[\d.]+\] (\w[\w-]*): (?:warning|error): ")
PANIC = re.compile(r"^PANIC: ")
# What a panic or the line before it has to name, in words that somebody without the source knows.
NAMES_REASON = re.compile(r"memory|room for")


class Sweep:
    """One kind of failure on one machine."""

    def __init__(self, kind, iommu):
        self.kind = kind  # boot, flush or wait
        self.case = cases.Case(name=f"inject_every_{kind}-{iommu}", iommu=iommu, tap=True)

    def numbered(self, number):
        """The case that lets this operation fail."""
        if self.kind == "boot":
            run, append = f"{PROGRAM},boot", f"inject.boot={number}"
        else:
            run, append = f"{PROGRAM},{self.kind},{number}", ""
        return replace(self.case, name=f"{self.case.name}-{number}", run=run, append=append)

    def judge(self, text):
        """Whether a boot that did not end with passed tests ended as it may: why not, or None."""
        return why_not(text.splitlines()) if self.kind == "boot" else "it ended early"

    def silent(self, text):
        """Whether a boot lost something and did not say so."""
        return self.kind == "boot" and is_silent(text.splitlines())


def why_not(lines):
    """A boot may end with a panic that tells the reason."""
    if not any(PANIC.match(line) for line in lines):
        return "neither passed tests nor a panic"
    told = [line for line in lines if PANIC.match(line)
            or (LOGGED.match(line) and not FAILS.search(line))]
    if not any(NAMES_REASON.search(line) for line in told):
        return "the panic does not tell the reason: " + told[-1]
    return None


def is_silent(lines):
    """No line of warning but those of injection itself and of every boot. A larger run of frames
    has smaller ones in its place: nothing is lost."""
    failed = next((match[1] for line in lines if (match := FAILS.search(line))), None)
    if failed in (None, "frames"):
        return False
    return not any((match := LOGGED.match(line)) and match[1] not in ("inject", "fault")
                   and "malformed capability list" not in line for line in lines)


def boot(case, setup):
    """(status, text, failed tests and what is wrong with the plan)"""
    log = Path(setup.logs) / f"{case.name}.log"
    scratch = str(log.with_suffix(".scratch"))
    vm = machine.Machine(
        image=setup.images[case.image], qemu=setup.qemu, iommu=case.iommu, memory=case.memory,
        append=f"init.run={case.run} {case.append}".strip(), disk=setup.disk, scratch=scratch)
    machine.make_scratch(scratch)
    try:
        status, text, _ = guest.boot(vm.command(), case, log)
    finally:
        Path(scratch).unlink(missing_ok=True)
    text = "\n".join(re.split(r"[\r\n]+", text))
    result = tap.parse(text.splitlines())
    return status, text, result.failed + result.problems


def operations(sweep, setup):
    """How many there are; -1: the boot without a failure is not right."""
    status, text, wrong = boot(sweep.numbered(NEVER), setup)
    found = COUNT.search(text)
    if status != machine.EXIT_SUCCESS or wrong or not found:
        return -1
    return int(found[1])


def problem(sweep, number, setup):
    """What is wrong when one operation fails, or None."""
    status, text, wrong = boot(sweep.numbered(number), setup)
    if status is None:
        return "not finished in time"
    if status == machine.EXIT_SUCCESS:
        if wrong:
            return "; ".join(wrong)
        return "something is lost, and nothing says so" if sweep.silent(text) else None
    if status != machine.EXIT_FAILURE:
        return guest.explain_status(status, machine.EXIT_FAILURE)
    return "; ".join(line for line in text.splitlines() if line.startswith("not ok")) or \
        sweep.judge(text)


def run(sweep, step, setup):
    """Run one sweep; each failure is a test."""
    outcome = Outcome(f"guest/{sweep.case.name}", log=str(Path(setup.logs) / sweep.case.name))
    count = operations(sweep, setup)
    if count <= 0:
        outcome.problems.append("the boot without a failure is not right, or has nothing to fail")
        return outcome
    for number in range(1, count + 1, step):
        wrong = problem(sweep, number, setup)
        if wrong:
            outcome.failed.append(f"operation {number} fails: {wrong}")
        else:
            outcome.passed += 1
    outcome.notes.append(f"{outcome.passed + len(outcome.failed)} of {count} operations failed")
    return outcome


def work(setup, step):
    """All sweeps as (name, function) pairs. step: of those of boots, which have many operations;
    the others take one in a third of that, for each takes the second that a wait has."""
    steps = {"boot": step, "flush": max(1, step // 3), "wait": max(1, step // 3)}
    return [(sweep.case.name, lambda sweep=sweep: run(sweep, steps[sweep.kind], setup))
            for kind in steps for iommu in VENDORS for sweep in [Sweep(kind, iommu)]]
