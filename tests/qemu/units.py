# SPDX-License-Identifier: MIT
"""Run the programs on the host: Criterion tests, and the tests of the Python tools."""

import os
import re
import subprocess
import sys
from pathlib import Path

import tap
from outcome import Outcome

TIMEOUT = 300
SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) "
                       r"\| Crashing: (\d+)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def sanitizer_environment(prefix):
    """Reports go to files: Criterion lets a test with a leak pass, so the files decide."""
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = f"log_path={prefix}:abort_on_error=0:detect_leaks=1"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    env.pop("LSAN_OPTIONS", None)
    return env


def run_unit(program, setup):
    """One Criterion program."""
    name = Path(program).name
    logs = Path(setup.logs).resolve()
    outcome = Outcome(f"unit/{name}", log=str(Path(setup.logs) / f"unit-{name}.log"))
    tap_path = logs / f"unit-{name}.tap"
    prefix = logs / f"unit-{name}.sanitizer"
    for old in [tap_path, *logs.glob(f"unit-{name}.sanitizer.*")]:
        old.unlink(missing_ok=True)
    # With --tap alone Criterion would print no closing line; with a file it prints both.
    try:
        with open(outcome.log, "wb") as log:
            status = subprocess.run([program, f"--tap={tap_path}", "-j1", "--color=never"],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=sanitizer_environment(prefix), timeout=TIMEOUT,
                                    check=False).returncode
    except subprocess.TimeoutExpired:
        outcome.late = True
        outcome.problems.append(f"not finished after {TIMEOUT} seconds")
        return outcome
    except OSError as error:
        outcome.problems.append(str(error))
        return outcome
    text = COLOUR.sub("", Path(outcome.log).read_text("utf-8", "replace"))
    judge_unit(outcome, status, text, tap_path)
    reports = sorted(logs.glob(f"unit-{name}.sanitizer.*"))
    if reports:
        outcome.problems.append(f"the sanitizer reported: {reports[0]}")
        summary = [line for line in reports[0].read_text("utf-8", "replace").splitlines()
                   if "ERROR:" in line or "SUMMARY:" in line]
        outcome.tail += summary[:4]
    return outcome


def judge_unit(outcome, status, text, tap_path):
    """Compare the three accounts of a run: its TAP file, its closing line, its status."""
    if tap_path.exists():
        result = tap.parse(tap_path.read_text("utf-8", "replace").splitlines(), numbered=False)
        outcome.passed = len(result.passed)
        outcome.failed = [strip_time(name) for name in result.failed]
        outcome.skipped = result.skipped
        outcome.problems += result.problems
    else:
        outcome.problems.append("wrote no TAP file")
    closing = SYNTHESIS.findall(text)
    tested = int(closing[-1][0]) if closing else 0
    if not closing:
        outcome.problems.append("printed no closing line")
    elif tested == 0:
        outcome.problems.append("contains no test")
    elif tested != outcome.passed + len(outcome.failed):
        outcome.problems.append(f"{tested} tests by its closing line, "
                                f"{outcome.passed + len(outcome.failed)} by its TAP file")
    if status != 0 and not outcome.failed:
        outcome.problems.append(f"ended with status {status}")
    if outcome.bad():
        # Stack frames stay in the log.
        lines = [line for line in text.splitlines()
                 if line.strip(" |-[]") and not re.match(r"\s*#\d+ ", line)]
        outcome.tail = lines[-20:]


def strip_time(name):
    """A test's name without the time that Criterion adds."""
    return re.sub(r"\s+\([0-9.]+s\)$", "", name)


def run_replay(program, setup):
    """One fuzz target with the inputs of its corpus: a single test."""
    name = Path(program).name
    logs = Path(setup.logs).resolve()
    outcome = Outcome(f"fuzz/{name}", log=str(Path(setup.logs) / f"fuzz-{name}.log"))
    inputs = sorted(str(path) for path in (Path(setup.corpus) / name).glob("*"))
    prefix = logs / f"fuzz-{name}.sanitizer"
    for old in logs.glob(f"fuzz-{name}.sanitizer.*"):
        old.unlink()
    if not inputs:
        outcome.problems.append(f"no input in {setup.corpus}/{name}")
        return outcome
    try:
        with open(outcome.log, "wb") as log:
            status = subprocess.run([program, *inputs], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, env=sanitizer_environment(prefix),
                                    timeout=TIMEOUT, check=False).returncode
    except (subprocess.TimeoutExpired, OSError) as error:
        outcome.problems.append(str(error))
        return outcome
    text = Path(outcome.log).read_text("utf-8", "replace")
    if status == 0 and f"replayed {len(inputs)} inputs" in text:
        outcome.passed = 1
        return outcome
    outcome.failed = [f"ended with status {status}"]
    outcome.tail = [line for line in text.splitlines() if not re.match(r"\s*#\d+ ", line)][-20:]
    for report in sorted(logs.glob(f"fuzz-{name}.sanitizer.*")):
        outcome.tail += [line for line in report.read_text("utf-8", "replace").splitlines()
                         if "ERROR:" in line or "SUMMARY:" in line][:4]
    return outcome


def run_tool_tests(path, setup):
    """One file of Python unittest."""
    name = Path(path).stem
    outcome = Outcome(f"tools/{name}", log=str(Path(setup.logs) / f"tools-{name}.log"))
    try:
        with open(outcome.log, "wb") as log:
            status = subprocess.run([sys.executable, "-B", path, "-v"],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    timeout=TIMEOUT, check=False).returncode
    except subprocess.TimeoutExpired:
        outcome.late = True
        outcome.problems.append(f"not finished after {TIMEOUT} seconds")
        return outcome
    text = Path(outcome.log).read_text("utf-8", "replace")
    match = re.search(r"^Ran (\d+) tests? in", text, re.MULTILINE)
    outcome.failed = re.findall(r"^(?:FAIL|ERROR): (\S+)", text, re.MULTILINE)
    ran = int(match[1]) if match else 0
    skipped = len(re.findall(r"\.\.\. skipped ", text))
    outcome.passed = max(ran - skipped - len(outcome.failed), 0)
    if ran == 0:
        outcome.problems.append("contains no test")
    if status != 0 and not outcome.failed:
        outcome.problems.append(f"ended with status {status}")
    if outcome.bad():
        outcome.tail = text.splitlines()[-20:]
    return outcome
