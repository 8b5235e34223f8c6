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
import guest  # noqa: E402
import sweep  # noqa: E402
import units  # noqa: E402


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
        for case in cases.load(options.cases, options.guest_tests.split()):
            case.timeout *= options.patience
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


def timed(function):
    """Run and add the time it took."""
    start = time.monotonic()
    outcome = function()
    outcome.seconds = time.monotonic() - start
    return outcome


def list_cases(options):
    for case in cases.load(options.cases, options.guest_tests.split()):
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
    passed, failed, skipped, bad = 0, 0, 0, []
    with ThreadPoolExecutor(max_workers=max(options.jobs, 1)) as pool:
        waiting = [pool.submit(timed, function) for _, function in work]
        for future in as_completed(waiting):
            outcome = future.result()
            print("\n".join(outcome.report()), flush=True)
            passed += outcome.passed
            failed += outcome.failures()
            skipped += len(outcome.skipped)
            if outcome.bad():
                bad.append(outcome.name)
    if bad:
        print("failed: " + " ".join(sorted(bad)))
    if skipped:
        print(f"{skipped} skipped")
    if passed + failed == 0:
        print(f"no test was run{' that matches ' + options.only if options.only else ''}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
