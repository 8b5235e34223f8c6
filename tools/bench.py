#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the image in guest instructions, and compares.

usage: bench.py --image FILE [--iommu intel|amd] [--qemu QEMU] [--disk FILE] [--quick]
                [--expected FILE [--record]] [--linux FILE]

Boots the image under icount, where a tick of rdtsc is an instruction, twice; prints one line
`NAME VALUE UNIT` per figure; fails when the two runs differ by more than 1 per cent.
--quick      leaves out the search for the smallest memory
--expected   fails when a figure is worse than recorded there by more than 5 per cent
--record     writes that file instead
--linux      figures of Linux, lines of the same form: prints three columns with the ratio
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import machine

FIGURE = re.compile(r"bench: (\S+) (\d+) (\S+)\s*$")
REPEATABLE = 0.01
WORSE = 0.05
LONG = ("mem.min_boot_mib",)  # what --quick leaves out
SAME = ("size.", "sys.", "thread.", "ipc.")  # whatever the IOMMU: recorded once, with VT-d
SLACK = 2  # instructions: what a figure of a few instructions may differ by
# A completion of the emulated drive comes when QEMU's own threads get to it, also under icount:
# whether the first look finds it moves a figure by one turn of the polling loop.
POLL_SLACK = 6
BENCH_MEMORY = "2G"
BENCH_TIMEOUT = 300
DEMO_TIMEOUT = 120


def fail(text):
    sys.exit(f"bench: {text}")


def run(vm, timeout):
    try:
        done = subprocess.run(vm.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode("utf-8", "replace")
    return done.returncode, done.stdout.decode("utf-8", "replace")


def measure(options):
    """One boot of the measurements: {name: (value, unit)}."""
    vm = machine.Machine(
        image=options.image, qemu=options.qemu, iommu=options.iommu, memory=BENCH_MEMORY,
        iommu_options="aw-bits=48" if options.iommu == "intel" else "",
        append="init.manifest=/etc/manifest.bench", icount=True,
        extra=["-blockdev", "driver=null-co,node-name=n0,size=1073741824,read-zeroes=on",
               "-device", f"nvme,drive=n0,serial=bench,addr={machine.NVME_ADDRESS}"])
    status, text = run(vm, BENCH_TIMEOUT)
    figures = {}
    for line in text.splitlines():
        found = FIGURE.match(line.strip())
        if found:
            figures[found[1]] = (int(found[2]), found[3])
    if status != machine.EXIT_SUCCESS or "bench: done" not in text:
        sys.stderr.write(text)
        fail(f"the measurements did not finish (status {status})")
    return figures


def slack(name):
    return POLL_SLACK if name.startswith("unvme.") else SLACK


def agree(first, second):
    """Names of figures that two runs do not repeat."""
    return [name for name, (value, _) in first.items()
            if abs(value - second[name][0]) > max(slack(name), REPEATABLE * value)]


def symbol(image, name):
    text = subprocess.run(["nm", image], capture_output=True, text=True, check=True).stdout
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", text, re.M)[1], 16)


def sizes(image):
    """Bytes of the kernel in memory without the archive of programs, and of the file."""
    text = subprocess.run(["readelf", "-lW", image], capture_output=True, text=True,
                          check=True).stdout
    loaded = sum(int(m[1], 16) for m in re.finditer(
        r"^\s+LOAD\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", text, re.M))
    archive = symbol(image, "initramfs_end") - symbol(image, "initramfs_start")
    return {"size.kernel_bytes": (loaded - archive, "bytes"),
            "size.image_bytes": (os.path.getsize(image), "bytes")}


def demo_passes(options, mib, folder):
    scratch = os.path.join(folder, "scratch.img")
    machine.make_scratch(scratch)
    vm = machine.Machine(image=options.image, qemu=options.qemu, iommu=options.iommu,
                         memory=f"{mib}M", disk=options.disk, scratch=scratch)
    return run(vm, DEMO_TIMEOUT)[0] == machine.EXIT_SUCCESS


def smallest_memory(options):
    """The smallest -m in MiB with which the demonstration passes."""
    low, high = 1, 256
    with tempfile.TemporaryDirectory() as folder:
        if not demo_passes(options, high, folder):
            fail(f"the demonstration fails with {high} MiB")
        while high - low > 1:
            middle = (low + high) // 2
            if demo_passes(options, middle, folder):
                high = middle
            else:
                low = middle
    return {"mem.min_boot_mib": (high, "MiB")}


def read_figures(path):
    figures = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                figures[words[0]] = (float(words[1]), words[2])
    return figures


def check(figures, path, left_out=()):
    """Compares with the recorded figures; returns complaints."""
    problems = []
    for name, (recorded, unit) in read_figures(path).items():
        if name in left_out:
            continue
        if name not in figures:
            problems.append(f"{name} is no longer measured")
            continue
        value = figures[name][0]
        if value > recorded + max(slack(name), WORSE * recorded):
            problems.append(f"{name} is {value} {unit}, recorded {recorded:g}")
    return problems


def show(figures, other):
    width = max(map(len, figures))
    if other:
        print(f"{'':{width}} {'Cordon':>12} {'Linux':>14} {'ratio':>8}")
    for name, (value, unit) in figures.items():
        if not other:
            print(f"{name} {value} {unit}")
        elif name in other:
            # Their figures contain what reading the clock twice costs, ours do not.
            theirs = other[name][0]
            if unit == "insn":
                theirs -= other.get("rdtsc_pair", (0, ""))[0]
            ratio = f"{theirs / value:8.1f}" if value else ""
            print(f"{name:{width}} {value:12,} {theirs:14,.0f} {ratio:>8}")
        else:
            print(f"{name:{width}} {value:12,} {'-':>14} {'-':>8}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", required=True)
    parser.add_argument("--iommu", default="intel", choices=["intel", "amd"])
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--disk", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--expected", default="")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--linux", default="")
    options = parser.parse_args()

    figures, again = measure(options), measure(options)
    unsteady = agree(figures, again)
    figures.update(sizes(options.image))
    if not options.quick and options.disk:
        figures.update(smallest_memory(options))
    show(figures, read_figures(options.linux) if options.linux else None)
    if unsteady:
        fail("two runs differ by more than 1 per cent: " + ", ".join(
            f"{name} {figures[name][0]} and {again[name][0]}" for name in unsteady))
    if options.record:
        with open(options.expected, "w", encoding="utf-8") as file:
            file.write("# Figures of `make bench`, recorded by `make bench-record`.\n")
            for name, (value, unit) in figures.items():
                if name.startswith(SAME) and options.iommu != "intel":
                    continue
                file.write(f"{name} {value} {unit}\n")
    elif options.expected:
        problems = check(figures, options.expected, LONG if options.quick else ())
        for problem in problems:
            print(f"bench: worse: {problem}")
        if problems:
            sys.exit(1)
        print(f"bench: nothing is worse than {options.expected} by more than 5 per cent")


if __name__ == "__main__":
    main()
