# SPDX-License-Identifier: MIT
"""Run one case: boot it, talk to its console, and judge how it ended."""

import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "witness"))

import demo
import machine
import tap
import witness
from outcome import Outcome


VIOLATIONS_SHOWN = 5


class Console:
    """The guest's serial line: everything it printed, and what is to be typed at it."""

    def __init__(self, child, log, steps):
        self.child = child
        self.log = log
        self.steps = list(steps)
        self.text = ""
        self.searched = 0

    def pump(self):
        """Copy until QEMU closes the line."""
        while block := self.child.stdout.read1(65536):
            self.log.write(block)
            self.log.flush()
            self.text += block.decode("utf-8", "replace")
            self.type_answers()

    def type_answers(self):
        """Send the next answers whose prompt has appeared since the one before."""
        while self.steps:
            match = re.compile(self.steps[0]["after"], re.MULTILINE).search(
                self.text, self.searched)
            if not match:
                return
            self.searched = match.end()
            try:
                self.child.stdin.write(self.steps.pop(0)["send"].encode())
                self.child.stdin.flush()
            except OSError:
                return


def boot(command, case, log_path):
    """Run QEMU to its end or to the time limit: (status or None, console text, steps left)."""
    stderr_path = log_path.with_suffix(".qemu")
    with open(log_path, "wb") as log, open(stderr_path, "wb") as errors:
        errors.write((shlex.join(command) + "\n").encode())
        errors.flush()
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=errors)
        late = threading.Event()

        def expire():
            late.set()
            child.kill()

        timer = threading.Timer(case.timeout, expire)
        timer.start()
        console = Console(child, log, case.input)
        try:
            console.pump()
            status = child.wait()
        finally:
            timer.cancel()
            if child.poll() is None:
                child.kill()
                child.wait()
            child.stdout.close()
            try:
                child.stdin.close()
            except OSError:
                pass  # QEMU ended before it read all of its input
        return None if late.is_set() else status, console.text, console.steps


def explain_status(status, expected):
    """What an unexpected exit status means, in words."""
    meaning = {
        0: "a triple fault, a reset or a power-off that reported nothing",
        1: "QEMU itself failed",
        machine.EXIT_SUCCESS: "success",
        machine.EXIT_FAILURE: "failed tests, or a panic",
    }.get(status, "killed by a signal" if status < 0 else "not one of the agreed codes")
    return f"status {status} ({meaning}), not {expected}"


# In what a case expects: the SHA-256 of the disk, as the host computes it.
DISK_SHA256 = "DISK_SHA256"


def judge(case, status, text, steps, digest, scratch, outcome):
    """Fill the outcome from what the guest left behind."""
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text)]
    if status is None:
        outcome.late = True
        outcome.problems.append(f"not finished after {case.timeout:g} seconds")
    elif status != case.rc:
        outcome.problems.append(explain_status(status, case.rc))
    if case.tap:
        result = tap.parse(lines)
        outcome.passed += len(result.passed)
        outcome.failed += result.failed
        outcome.skipped += result.skipped
        outcome.problems += result.problems
    for pattern in case.expect:
        pattern = pattern.replace(DISK_SHA256, digest)
        if not any(re.search(pattern, line) for line in lines):
            outcome.problems.append(f"no line matches: {pattern}")
    for pattern in case.absent:
        for line in lines:
            if re.search(pattern, line):
                outcome.problems.append(f"a line matches {pattern}: {line}")
                break
    if steps:
        outcome.problems.append(f"never printed: {steps[0]['after']}")
    if case.demo:
        outcome.problems += demo.judge(lines, digest)
        if wrong := machine.verify_scratch(scratch):
            outcome.problems.append(f"second namespace: {wrong}")
    if outcome.problems or outcome.failed:
        outcome.tail = [line for line in lines if line.strip()][-12:]
    # A case without test lines of its own is one test.
    if not case.tap and not outcome.problems:
        outcome.passed += 1


def compare(case, trace, keep, orderly, outcome):
    """Have the witness read the trace; one test more."""
    unit = witness.VENDORS[case.iommu](case.iommu_options)
    report = witness.check_file(trace, unit, orderly)
    outcome.notes.append(f"witness: {report.summary()}")
    if not report.violations:
        outcome.passed += 1
        if not keep:
            os.unlink(trace)
        return
    outcome.failed.append("witness: what the kernel stored, and what the unit was told, agree")
    for violation in report.violations[:VIOLATIONS_SHOWN]:
        outcome.problems.append("\n     ".join(f"witness: {violation}".splitlines()))
    if len(report.violations) > VIOLATIONS_SHOWN:
        outcome.problems.append(f"witness: {len(report.violations)} violations in all; "
                                f"tests/witness/witness.py {trace} shows them")


def run(case, setup):
    """Run one case; setup: qemu, images by name, disk, logs folder."""
    outcome = Outcome(f"guest/{case.name}", text=case.text)
    log_path = Path(setup.logs) / f"{case.name}.log"
    outcome.log = str(log_path)
    scratch = str(log_path.with_suffix(".scratch")) if case.nvme else ""
    append = case.append
    if case.run:
        append = f"init.run={case.run} {append}".strip()
    if case.demo:
        append = f"init.prompt=0 {append}".strip()
    trace = list(case.trace)
    if case.witness:
        append = f"marks=on {append}".strip()
        trace += witness.VENDORS[case.iommu].trace
    trace_file = str(log_path.with_suffix(".trace")) if trace else ""
    vm = machine.Machine(
        image=setup.images[case.image], qemu=setup.qemu, iommu=case.iommu,
        iommu_options=case.iommu_options, machine_options=case.machine_options, smp=case.smp,
        memory=case.memory, append=append, disk=setup.disk if case.nvme else "",
        scratch=scratch, edu=case.edu, edu_options=case.edu_options,
        nvme_options=case.nvme_options, nvme_port=case.nvme_port, icount=case.icount,
        icount_shift=case.icount_shift, trace=trace, trace_file=trace_file, extra=case.extra)
    try:
        if scratch:
            machine.make_scratch(scratch)
        hashed = case.demo or any(DISK_SHA256 in pattern for pattern in case.expect)
        digest = machine.disk_sha256(setup.disk)[0] if hashed else ""
        status, text, steps = boot(vm.command(), case, log_path)
        judge(case, status, text, steps, digest, scratch, outcome)
        if case.witness and status is not None:
            compare(case, trace_file, case.trace or setup.witness, status == case.rc, outcome)
    except (OSError, ValueError) as error:
        outcome.problems.append(str(error))
    finally:
        if scratch and os.path.exists(scratch) and not outcome.bad():
            os.unlink(scratch)
    return outcome
