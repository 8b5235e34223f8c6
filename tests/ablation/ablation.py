#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Remove one check at a time from a copy of the tree, and see its test fail.

Each ablation must apply and build, each test that it names must fail, and no other may. Status 0
only when all of that holds for all of them. README.md has the rest.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(TOP / "tests" / "qemu"),
                str(TOP / "tools")]
sys.dont_write_bytecode = True

import cases  # noqa: E402
import emulator  # noqa: E402
import guest  # noqa: E402
import inventory  # noqa: E402
import judge  # noqa: E402
import judged  # noqa: E402
import patches  # noqa: E402
import reach  # noqa: E402
import run  # noqa: E402
import units  # noqa: E402

INCLUDE = re.compile(r'^#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
INCLUDE_FOLDERS = [Path(name) for name in (
    ".", "include", "lib", "arch/x86_64/include", "tests/unit/fake/include")]
SAMPLE = 4  # cases of one pattern that are run with QUICK=1
IMAGES = {"test": "debug/cordon-test.elf", "release": "cordon-test.elf",
          "product": "cordon.elf", "address": "address/cordon-test.elf"}
DISK_MIB = 8  # The demonstration reads and hashes all of it: the usual 64 take it five seconds.
LATE = "was late, and ran again"
GUESTS_PER_JOB = 3  # that run at a time: most of its time a guest waits


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, help="folder of the copy and what is built of it")
    parser.add_argument("--make", default="make")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="*", metavar="GLOB,...")
    parser.add_argument("--patches", default=str(TOP / "tests" / "ablation"), metavar="FOLDER")
    parser.add_argument("--quick", action="store_true",
                        help="of the guests only named ones, and four of a pattern")
    options = parser.parse_args()
    if "/" in options.qemu:
        options.qemu = os.path.abspath(options.qemu)
    return options


# --- the copy ----------------------------------------------------------------------------------


def tracked(top):
    """Paths of the tree's files."""
    result = subprocess.run(["git", "-C", str(top), "ls-files", "-z"], capture_output=True,
                            check=False)
    if result.returncode == 0 and result.stdout:
        names = result.stdout.decode().split("\0")
        return [name for name in names if name and (top / name).is_file()]
    return [str(path.relative_to(top)) for path in top.rglob("*")
            if path.is_file() and path.relative_to(top).parts[0] not in (".git", "build")]


def write_if_new(path, content):
    """Write a file unless it is the same: make looks at times."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


class Copy:
    """A copy of the tree that is built, patched and put back."""

    def __init__(self, options):
        self.tree = Path(options.work).resolve() / "tree"
        self.build = Path(options.work).resolve() / "build"
        # Its own: a build of newlib belongs to one tree.
        self.newlib = Path(options.work).resolve() / "newlib"
        self.disk = Path(options.work).resolve() / "disk.img"
        self.options = options
        self.patched = {}

    def update(self):
        """Make it what the tree is now."""
        names = tracked(TOP)
        for name in names:
            source, target = TOP / name, self.tree / name
            if write_if_new(target, source.read_bytes()):
                shutil.copymode(source, target)
        known = set(names)
        for path in [path for path in self.tree.rglob("*") if path.is_file()]:
            if str(path.relative_to(self.tree)) not in known:
                path.unlink()
        subprocess.run([sys.executable, "-B", str(self.tree / "tools" / "mkdisk.py"),
                        "--size", str(DISK_MIB), str(self.disk)], check=True)

    def read(self, name):
        return (self.tree / name).read_text("utf-8")

    def apply(self, ablation):
        contents = patches.changed(ablation, self.read)
        self.patched = {name: self.read(name) for name in contents}
        for name, content in contents.items():
            write_if_new(self.tree / name, content.encode())

    def restore(self):
        for name, content in self.patched.items():
            write_if_new(self.tree / name, content.encode())
        self.patched = {}

    def make(self, targets, log):
        """Build; True when it worked."""
        with open(log, "ab") as out:
            return subprocess.run(
                [self.options.make, f"-j{self.options.jobs}", "-C", str(self.tree),
                 f"BUILD={self.build}", f"NEWLIB={self.newlib}", "SANITIZE=", *targets],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=inventory.make_environment(),
                check=False).returncode == 0


def sample(entry, matching, ablation):
    """Some of the cases that a pattern matches, spread over their names: with QUICK=1 one that fails
    is enough. Only those that can: with the witness if it is to fail, on the vendor's unit if one
    vendor's driver is changed."""
    vendors = {name for name in ("intel", "amd")
               if any(path.startswith(f"drivers/iommu/{name}/") for path in ablation.hunks)}
    able = [case for case in matching
            if (case.witness or not entry.test.startswith("witness: "))
            and (len(vendors) != 1 or case.iommu in vendors)] or matching
    stride = max(1, -(-len(able) // SAMPLE))
    return able[::stride]


# --- what is run -------------------------------------------------------------------------------


def setup_of(copy, logs):
    """What guest.run and units.run_unit want to know."""
    images = [word for name, path in IMAGES.items()
              for word in (f"--{name}-image", str(copy.build / path))]
    return run.parse(["--qemu", copy.options.qemu, "--logs", str(logs), *images,
                      "--disk", str(copy.disk)])


def run_some(work, at_a_time):
    """What the functions return, in their order."""
    with ThreadPoolExecutor(max_workers=max(at_a_time, 1)) as pool:
        return list(pool.map(lambda item: item(), work))


def run_all(work, jobs):
    """(outcomes, names of those that ran twice) of functions. What was late is run again, with no
    more beside it than `make test` has: time that ran out on a busy machine says nothing about a
    check."""
    outcomes = run_some(work, jobs * GUESTS_PER_JOB)
    late = [number for number, outcome in enumerate(outcomes) if outcome.late]
    again = run_some([work[number] for number in late], jobs)
    for number, outcome in zip(late, again):
        outcomes[number] = outcome
    return outcomes, [outcome.name for outcome in again]


class Runner:
    """Runs tests of the copy."""

    def __init__(self, copy, options):
        self.copy = copy
        self.options = options
        self.tests = inventory.Inventory(copy.tree, options.make)
        self.included = {}
        about = cases.Emulator(emulator.version(options.qemu),
                               partial(emulator.has, options.qemu))
        self.cases = [case for case in cases.load(copy.tree / "tests" / "qemu" / "cases",
                                                  self.tests.guests()) if not case.why_not(about)]
        self.reach = None

    def find_reach(self, logs, log, known):
        """Learn what each guest executes of the unchanged kernel; known: a Reach. False: it does not
        build."""
        self.reach = known
        missing = [case for case in self.cases if case.name not in known.lines]
        if not missing:
            return True
        # The images may still be those of an ablation.
        if not self.copy.make(self.targets([], missing), log):
            return False
        codes = {case.name: logs / f"{case.name}.code" for case in missing}
        logging = [reach.logging_case(case, codes[case.name]) for case in missing]
        _, late = self.run([], logging, logs)
        for image in {case.image for case in missing}:
            known.add(self.copy.build / IMAGES[image], self.copy.tree,
                      {case.name: codes[case.name] for case in missing if case.image == image})
        # What did not come to its end in its time has not shown all that it executes.
        known.forget(name.partition("/")[2] for name in late)
        known.save()
        for code in codes.values():
            code.unlink(missing_ok=True)
        return True

    def binary(self, program):
        return self.copy.build / "host" / "bin" / program

    def chosen(self, ablation):
        """(unit programs, cases) that are to be run."""
        programs = self.tests.units()
        touched = set(ablation.hunks)
        # A program that links nothing that was changed cannot come out differently.
        programs = [name for name in programs if self.links(name, touched)]
        return programs, self.sampled(ablation) if self.options.quick else self.able(ablation)

    def able(self, ablation):
        """Cases that may come out differently: those that execute a function that is changed."""
        spans = reach.changed_functions(patches.places(ablation, self.copy.read), self.copy.read)
        return [case for case in self.cases if self.reach.may_tell(case.name, spans)]

    def sampled(self, ablation):
        """Cases that stand for what an ablation names."""
        names = {case.name for entry in ablation.fails for case in sample(entry, [
            case for case in self.cases if entry.names_program(f"guest/{case.name}")], ablation)}
        return [case for case in self.cases if case.name in names]

    def links(self, program, touched):
        """Whether a program has anything of these files in it."""
        waiting, seen = list(self.tests.programs[f"unit/{program}"]), set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self.includes(name)
        return bool(seen & touched)

    def includes(self, name):
        """Files that one includes itself. A name that is found in more than one folder is all of
        them."""
        if name not in self.included:
            text = (self.copy.tree / name).read_text("utf-8")
            paths = {str(folder / found) for found in INCLUDE.findall(text)
                     for folder in (Path(name).parent, *INCLUDE_FOLDERS)}
            self.included[name] = [path for path in paths if (self.copy.tree / path).is_file()]
        return self.included[name]

    def targets(self, programs, chosen_cases):
        wanted = [self.binary(name) for name in programs]
        wanted += sorted({self.copy.build / IMAGES[case.image] for case in chosen_cases})
        return [str(path) for path in wanted]

    def run(self, programs, chosen_cases, logs):
        logs.mkdir(parents=True, exist_ok=True)
        setup = setup_of(self.copy, logs)
        work = [partial(guest.run, case, setup) for case in chosen_cases]
        work += [partial(units.run_unit, str(self.binary(name)), setup) for name in programs]
        return run_all(work, self.options.jobs)


def baseline(runner, chosen, work, known):
    """The copy as it is: what an ablation is said to break must be whole."""
    if runner.options.quick:
        programs = [name for name in runner.tests.units() if any(
            entry.names_program(f"unit/{name}") for one in chosen for entry in one.fails)]
        names = {case.name for one in chosen for case in runner.sampled(one)}
        wanted = [case for case in runner.cases if case.name in names]
    else:
        programs, wanted = runner.tests.units(), runner.cases
    programs = [name for name in programs if not known.is_whole(f"unit/{name}")]
    wanted = [case for case in wanted if not known.is_whole(f"guest/{case.name}")]
    if not programs and not wanted:
        return []
    logs, log = log_of(work, "unchanged")
    if not runner.copy.make(runner.targets(programs, wanted), log):
        return [f"the copy does not build: {log}"]
    outcomes, late = runner.run(programs, wanted, logs)
    known.add_whole(outcome.name for outcome in outcomes if not outcome.bad())
    print("".join(f"{LATE}: {name}\n" for name in late), end="", flush=True)
    return [f"{outcome.name} fails without any ablation: "
            + "; ".join(outcome.failed + outcome.problems)
            for outcome in outcomes if outcome.bad()]


def log_of(work, name):
    """(folder of logs, log of the build), both new."""
    logs = work / "logs" / name
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    return logs, logs / "build.log"


@dataclass
class Verdict:
    """What came of an ablation."""

    problems: list  # none: it is as it says
    failed: list = field(default_factory=list)  # tests that failed as they should
    late: list = field(default_factory=list)  # what ran twice
    guests: int = 0  # how many were run; None: what came of them was known


def names_of(programs, chosen_cases):
    """As outcomes are called."""
    return [f"unit/{name}" for name in programs] + [f"guest/{case.name}" for case in chosen_cases]


def remembered(ablation, wanted, known):
    """The verdict by what is known of an ablation; None when that does not show it to be as it says.
    wanted: names of programs."""
    outcomes = known.outcomes(ablation)
    if not outcomes or not {*wanted} <= {outcome.name for outcome in outcomes}:
        return None
    verdict = Verdict(*judge.judge(ablation, outcomes), guests=None)
    return None if verdict.problems else verdict


def try_one(runner, ablation, work, known):
    """The verdict of one ablation."""
    try:
        programs, wanted = runner.chosen(ablation)
        if verdict := remembered(ablation, names_of(programs, wanted), known):
            return verdict
        logs, log = log_of(work, ablation.name)
        runner.copy.apply(ablation)
    except patches.PatchError as error:
        return Verdict([str(error)])
    try:
        if not runner.copy.make(runner.targets(programs, wanted), log):
            return Verdict([f"does not build: {log}"])
        outcomes, late = runner.run(programs, wanted, logs)
        known.add_outcomes(ablation, outcomes)
        return Verdict(*judge.judge(ablation, outcomes), late, len(wanted))
    finally:
        runner.copy.restore()


def judge_one(runner, ablation, work, known):
    """Judge an ablation, and say what came of it. Returns (whether it is as it says, how many tests
    failed as they should)."""
    start = time.monotonic()
    verdict = try_one(runner, ablation, work, known)
    seconds = time.monotonic() - start
    about = "run before, of this same tree" if verdict.guests is None else (
        f"{verdict.guests} of {len(runner.cases)} guests, {seconds:.0f} s")
    print(f"{'BAD' if verdict.problems else 'ok':4} {ablation.name} ({about})")
    lines = [f"fails, as it should: {name}" for name in verdict.failed] + verdict.problems
    for line in lines + [f"{LATE}: {name}" for name in verdict.late]:
        print(f"     {line}")
    sys.stdout.flush()
    return not verdict.problems, len(verdict.failed)


def summarise(rows):
    """The table at the end."""
    print(f"\n{'ablation':46} {'promise':8} {'tests that fail':16} removes")
    for ablation, good, count in rows:
        verdict = f"{count}" if good else "WRONG"
        print(f"{ablation.name:46} {ablation.promise:8} {verdict:16} {ablation.removes}")
    bad = sum(not good for _, good, _ in rows)
    print(f"{len(rows) - bad} ablations proved their tests, {bad} did not")


def main():
    options = parse()
    work = Path(options.work).resolve()
    try:
        chosen = [one for one in patches.load(options.patches)
                  if any(fnmatchcase(one.name, glob) for glob in options.only.split(","))]
    except patches.PatchError as error:
        print(f"ablation: {error}")
        return 1
    if not chosen:
        print(f"ablation: none is called {options.only}")
        return 1
    copy = Copy(options)
    copy.update()
    key = judged.tree_key(copy.tree, options.quick, options.qemu, emulator.version(options.qemu),
                          os.environ.get("CFLAGS_EXTRA"))
    known = judged.Judged(work / "judged.json", key)
    os.chdir(copy.tree)  # some tests read sources
    runner = Runner(copy, options)
    problems = baseline(runner, chosen, work, known)
    if problems:
        print("\n".join(problems))
        return 1
    if not options.quick:
        logs, log = log_of(work, "reach")
        if not runner.find_reach(logs, log, reach.Reach(work / "reach.json", key)):
            print(f"the copy does not build: {log}")
            return 1
    rows = [(ablation, *judge_one(runner, ablation, work, known)) for ablation in chosen]
    summarise(rows)
    return 0 if all(good for _, good, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
