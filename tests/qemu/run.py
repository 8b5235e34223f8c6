#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run tests: Criterion programs on the host, guests in QEMU, and the tools' own.

The last line is `N passed, N failed`, counted in single tests. The status is 0 only when at
least one test passed and none failed. README.md beside this file has the rest.
"""

import argparse
import fnmatch
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(TOP / "tools")]
sys.dont_write_bytecode = True

import cases  # noqa: E402
import emulator  # noqa: E402
import guest  # noqa: E402
import sweep  # noqa: E402
import units  # noqa: E402
from outcome import Outcome  # noqa: E402


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="", metavar="FOLDER", help="run guests")
    parser.add_argument("--guest-tests", default="", metavar="NAMES",
                        help="programs in /test of the test image")
    parser.add_argument("--units", nargs="*", default=[], metavar="PROGRAM")
    parser.add_argument("--tools", nargs="*", default=[], metavar="FILE")
    parser.add_argument("--replays", nargs="*", default=[], metavar="PROGRAM",
                        help="fuzz targets that are given their corpus")
    parser.add_argument("--corpus", default="tests/fuzz/corpus", metavar="FOLDER")
    parser.add_argument("--witness", default="", metavar="IOMMU",
                        help="run its witnessed guests, or all that --only names, and keep traces")
    parser.add_argument("--inject", type=int, default=0, metavar="STEP",
                        help="let every STEP-th operation of a boot fail, one in each boot")
    parser.add_argument("--only", default="", metavar="GLOB", help="names to run")
    parser.add_argument("--all", action="store_true",
                        help="also the cases that are not part of the quick matrix")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--test-image", default="build/debug/cordon-test.elf")
    parser.add_argument("--release-image", default="build/cordon-test.elf")
    parser.add_argument("--product-image", default="build/cordon.elf")
    parser.add_argument("--address-image", default="build/address/cordon-test.elf")
    parser.add_argument("--patience", type=float, default=1, metavar="FACTOR",
                        help="times the time that a guest may take")
    parser.add_argument("--disk", default="build/disk.img")
    parser.add_argument("--logs", default="build/logs")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    options.images = {"test": options.test_image, "release": options.release_image,
                      "product": options.product_image, "address": options.address_image}
    return options


def collect(options):
    """All that is to be run, as (name, function) pairs; the longest things first."""
    work = []
    if options.cases:
        about = cases.Emulator(emulator.version(options.qemu),
                               lambda feature: emulator.has(options.qemu, feature))
        for case in load(options):
            case.timeout *= options.patience
            why = case.why_not(about)
            if why:
                work.append((case.name, lambda case=case, why=why:
                             Outcome(f"guest/{case.name}", cannot=why)))
                continue
            if options.witness:
                if case.iommu == "none" or not (
                        options.only or case.witness and case.iommu == options.witness):
                    continue
                case.witness = True
            work.append((case.name, lambda case=case: guest.run(case, options)))
    if options.inject:
        work += sweep.work(options, options.inject)
    for program in options.units:
        work.append((Path(program).name,
                     lambda program=program: units.run_unit(program, options)))
    for program in options.replays:
        work.append((f"fuzz-{Path(program).name}",
                     lambda program=program: units.run_replay(program, options)))
    for path in options.tools:
        work.append((Path(path).stem, lambda path=path: units.run_tool_tests(path, options)))
    if options.only:
        work = [item for item in work if fnmatch.fnmatch(item[0], options.only)]
    return work


def load(options):
    """The cases that are asked for."""
    return cases.load(options.cases, options.guest_tests.split(), options.all)


def timed(function):
    """Run and add the time it took."""
    start = time.monotonic()
    outcome = function()
    outcome.seconds = time.monotonic() - start
    return outcome


def list_cases(options):
    for case in load(options):
        promises = ",".join(case.promises)
        print(f"{case.name:28} {promises:14} {case.text}")


def main():
    options = parse()
    try:
        if options.list:
            list_cases(options)
            return 0
        work = collect(options)
    except cases.CaseError as error:
        print(f"tests: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    Path(options.logs).mkdir(parents=True, exist_ok=True)
    passed, failed, skipped, cannot, bad = 0, 0, 0, 0, []
    with ThreadPoolExecutor(max_workers=max(options.jobs, 1)) as pool:
        waiting = [pool.submit(timed, function) for _, function in work]
        for future in as_completed(waiting):
            outcome = future.result()
            print("\n".join(outcome.report()), flush=True)
            passed += outcome.passed
            failed += outcome.failures()
            skipped += len(outcome.skipped)
            cannot += bool(outcome.cannot)
            if outcome.bad():
                bad.append(outcome.name)
    if bad:
        print("failed: " + " ".join(sorted(bad)))
    if skipped:
        print(f"{skipped} skipped")
    if cannot:
        print(f"{cannot} cannot hold on this emulator; the lines that begin with - say why")
    if passed + failed == 0:
        print(f"no test was run{' that matches ' + options.only if options.only else ''}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
