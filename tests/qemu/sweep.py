# SPDX-License-Identifier: MIT
"""Fault injection, one failure in a boot: what is never the same afterwards cannot be swept within
one boot as tests/guest/inject does. docs/testing.md says what is injected.

Each sweep first counts how many operations there are, and then lets every step-th fail.
"""

import re
from dataclasses import replace
from pathlib import Path

import cases
import demo
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
POWER_OFF = re.compile(r"system: power off, code \d+$")
UNCHANGED = re.compile(r"^demo: FAIL .*unchanged")
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
            run, append = f"init.run={PROGRAM},boot", f"inject.boot={number}"
        else:
            run, append = f"init.run={PROGRAM},{self.kind},{number}", ""
        return replace(self.case, name=f"{self.case.name}-{number}",
                       append=f"{run} {append}".strip())

    def count(self, setup):
        """How many operations there are; 0: the boot without a failure is not right."""
        status, text = boot(self.numbered(NEVER), setup)
        found = COUNT.search(text)
        right = status == machine.EXIT_SUCCESS and found and not tap_problems(text)
        return int(found[1]) if right else 0

    def wrong(self, status, text):
        """What is wrong with a boot in which an operation failed, or None."""
        lines = text.splitlines()
        if status == machine.EXIT_SUCCESS:
            if self.kind == "boot" and is_silent(lines):
                return "something is lost, and nothing says so"
            return "; ".join(tap_problems(text)) or None
        if any(line.startswith("not ok") for line in lines):
            return next(line for line in lines if line.startswith("not ok"))
        return why_not(lines) if self.kind == "boot" else "it ended early"


class Demonstration(Sweep):
    """The demonstration as it is shipped. Steps of it fail, and it says so; but none of the bytes
    that it must not reach changes, and the kernel goes on to the end."""

    def __init__(self, iommu, digest):
        super().__init__("demo", iommu)
        self.case = replace(self.case, timeout=180.0)
        self.digest = digest

    def numbered(self, number):
        return replace(self.case, name=f"{self.case.name}-{number}",
                       append=f"init.prompt=0 inject={number}")

    def count(self, setup):
        """Not known before: NEVER, and reached tells the end."""
        return NEVER

    def wrong(self, status, text):
        lines = text.splitlines()
        if any(PANIC.match(line) for line in lines):
            return next(line for line in lines if PANIC.match(line))
        if not any(POWER_OFF.search(line) for line in lines):
            return "the system did not go on to its end"
        if broken := [line for line in lines if UNCHANGED.match(line)]:
            return broken[0]
        digests = [match[1] for line in lines if (match := demo.DIGEST.match(line))]
        return "wrong bytes were taken for the disk's" if set(digests) - {self.digest} else None


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
    has smaller ones in its place, and the charge for a task's page tables is tried again when empty
    ones were given back: nothing is lost."""
    failed = next((match[1] for line in lines if (match := FAILS.search(line))), None)
    if failed in (None, "frames") or any("tables_settle_locked" in line for line in lines):
        return False
    return not any((match := LOGGED.match(line)) and match[1] not in ("inject", "fault")
                   and "malformed capability list" not in line for line in lines)


def tap_problems(text):
    """Failed tests, and what is wrong with the plan."""
    result = tap.parse(text.splitlines())
    return result.failed + result.problems


def boot(case, setup):
    """(status or None, text)"""
    log = Path(setup.logs) / f"{case.name}.log"
    scratch = str(log.with_suffix(".scratch"))
    vm = machine.Machine(
        image=setup.images[case.image], qemu=setup.qemu, iommu=case.iommu, memory=case.memory,
        append=case.append, disk=setup.disk, scratch=scratch)
    machine.make_scratch(scratch)
    try:
        status, text, _ = guest.boot(vm.command(), case, log)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return status, "\n".join(re.split(r"[\r\n]+", text))


def run(sweep, step, setup):
    """Run one sweep; each failure is a test."""
    outcome = Outcome(f"guest/{sweep.case.name}", log=str(Path(setup.logs) / sweep.case.name))
    count = sweep.count(setup)
    for number in range(1, count + 1, step):
        status, text = boot(sweep.numbered(number), setup)
        if count == NEVER and not FAILS.search(text):
            break
        if status is None:
            wrong = "not finished in time"
        elif status not in (machine.EXIT_SUCCESS, machine.EXIT_FAILURE):
            wrong = guest.explain_status(status, machine.EXIT_FAILURE)
        else:
            wrong = sweep.wrong(status, text)
        if wrong:
            outcome.failed.append(f"operation {number} fails: {wrong}")
        else:
            outcome.passed += 1
    tried = outcome.passed + len(outcome.failed)
    if not tried:
        outcome.problems.append("the boot without a failure is not right, or has nothing to fail")
    outcome.notes.append(f"{tried} operations, one in {step}")
    return outcome


def work(setup, step):
    """All sweeps as (name, function) pairs. step: of those of boots, which have many operations;
    the others take one in a third of that, for each takes the second that a wait has. The
    demonstration takes seconds: one in ten of its operations, when all of the others are asked
    for."""
    steps = {"boot": step, "flush": max(1, step // 3), "wait": max(1, step // 3)}
    sweeps = [(Sweep(kind, iommu), steps[kind]) for kind in steps for iommu in VENDORS]
    if step == 1:
        digest = machine.disk_sha256(setup.disk)[0]
        sweeps += [(Demonstration(iommu, digest), 10) for iommu in VENDORS]
    return [(sweep.case.name, lambda sweep=sweep, stride=stride: run(sweep, stride, setup))
            for sweep, stride in sweeps]
