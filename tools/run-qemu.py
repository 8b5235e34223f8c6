#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot an image in QEMU, show its serial console, and check what it claims.

usage: run-qemu.py [options] IMAGE [-- QEMU-WORD...]

With --demo the host computes the disk's SHA-256 first, and afterwards compares the one the
guest printed, reads back what the guest wrote to the second namespace, and counts the
demonstration's steps. Exit status: 0 when the guest ended with success and nothing it
claimed was found untrue; with --strict, only when everything was proved, so that a guest
without an IOMMU, which demonstrates nothing, fails.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import threading

import demo
import machine


def parse(words):
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--iommu", default="intel", choices=("intel", "amd", "none"))
    parser.add_argument("--iommu-options", default="", metavar="NAME=VALUE,...")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--append", default="", help="kernel command line")
    parser.add_argument("--disk", default="", help="raw image, never written to")
    parser.add_argument("--work", default="build", help="folder for the scratch image")
    parser.add_argument("--nvme-port", action="store_true", help="NVMe behind a root port")
    parser.add_argument("--no-edu", action="store_true")
    parser.add_argument("--icount", action="store_true", help="count instructions, repeatably")
    parser.add_argument("--icount-shift", type=int, default=0, metavar="N",
                        help="an instruction takes 2^N nanoseconds")
    parser.add_argument("--trace", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--trace-file", default="")
    parser.add_argument("--debugcon", default="", metavar="FILE")
    parser.add_argument("--serial", default="", metavar="FILE", help="also write it there")
    parser.add_argument("--timeout", type=float, default=0, metavar="SECONDS",
                        help="end QEMU after that time (default: 180 without a prompt)")
    parser.add_argument("--demo", action="store_true", help="run and judge the demonstration")
    parser.add_argument("--strict", action="store_true",
                        help="fail when the demonstration did not take place")
    parser.add_argument("--prompt", choices=("auto", "yes", "no"), default="no",
                        help="a prompt afterwards; auto: when stdin is a terminal")
    parser.add_argument("--input", action="store_true",
                        help="the guest reads our stdin, prompt or not; no default timeout")
    parser.add_argument("--print", action="store_true", help="only print QEMU's command line")
    options = parser.parse_args(words[:split])
    options.extra = words[split + 1:]
    if options.prompt == "auto":
        options.prompt = "yes" if sys.stdin.isatty() and sys.stdout.isatty() else "no"
    if (not options.timeout and options.prompt == "no" and not options.input
            and "-S" not in options.extra):
        options.timeout = 180
    return options


def say(text):
    print(f"host: {text}", flush=True)


def run(command, options):
    """Run QEMU, copy its console to stdout; returns (status, lines, whether time ran out)."""
    # QEMU reads the terminal itself; its output passes through here to be judged.
    interactive = options.prompt == "yes" or options.input
    child = subprocess.Popen(command, stdin=None if interactive else subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    late = threading.Event()

    def expire():
        late.set()
        child.kill()

    timer = threading.Timer(options.timeout, expire) if options.timeout else None
    if timer:
        timer.start()
    if interactive:
        # Ctrl-C on the terminal is QEMU's to handle; we stay to report.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    text = bytearray()
    copy = open(options.serial, "wb") if options.serial else None
    try:
        while block := child.stdout.read1(65536):
            text += block
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            if copy:
                copy.write(block)
                copy.flush()
        status = child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        if timer:
            timer.cancel()
        if copy:
            copy.close()
    if text and not text.endswith(b"\n"):
        print(flush=True)
    return status, text.decode("utf-8", "replace").splitlines(), late.is_set()


def ending(status):
    """What QEMU's exit status says, for a person; None for success."""
    if status == machine.EXIT_SUCCESS:
        return None
    if status == machine.EXIT_FAILURE:
        return "the guest ended with failure; the lines above say why"
    if status == 0:
        return "the guest reset or switched the machine off by itself, as after a triple fault"
    if status == 1:
        return "QEMU did not run the machine; its own message says why"
    if status < 0:
        return f"QEMU was killed by signal {-status}"
    return f"QEMU ended with status {status}, not {machine.EXIT_SUCCESS}"


def is_refusal(options, status, lines, scratch):
    """Whether the guest ended in order without a demonstration: it found no IOMMU that it could
    rely on, and did not pretend. init then reports a task that could not be started."""
    return (options.demo and not options.strict and not demo.took_place(lines)
            and status in (machine.EXIT_SUCCESS, machine.EXIT_FAILURE)
            and not demo.crashed(lines) and bool(scratch) and machine.is_untouched(scratch))


def judge(lines, digest, scratch):
    """Judge the demonstration; says what was proved and returns what was not."""
    if not scratch:
        return ["the demonstration needs a disk"]
    wrong = machine.verify_scratch(scratch)
    problems = demo.judge(lines, digest)
    if wrong:
        return problems + [f"second namespace: {wrong}"]
    say(f"the {machine.REGION_SIZE // machine.MIB} MiB that the guest wrote are on the second "
        "namespace, and nothing else is")
    if not problems:
        say(f"the guest read the whole disk: its sha256 is ours, {digest}")
        say("demonstration passed")
    return problems


def main():
    options = parse(sys.argv[1:])
    append = options.append
    if options.demo:
        # The demonstration is what the shipped manifest starts.
        append = f"init.prompt={int(options.prompt == 'yes')} {append}".strip()
    scratch = ""
    if options.disk:
        scratch = os.path.join(options.work, f"scratch-{os.getpid()}.img")
    vm = machine.Machine(
        image=options.image, qemu=options.qemu, iommu=options.iommu,
        iommu_options=options.iommu_options, smp=options.smp, memory=options.memory,
        append=append, disk=options.disk, scratch=scratch, edu=not options.no_edu,
        nvme_port=options.nvme_port, icount=options.icount,
        icount_shift=options.icount_shift, debugcon=options.debugcon, trace=options.trace,
        trace_file=options.trace_file, extra=options.extra)
    command = vm.command()
    if options.print:
        print(shlex.join(command))
        return 0

    digest = ""
    if options.disk:
        try:
            digest, size = machine.disk_sha256(options.disk)
        except OSError as error:
            sys.exit(f"host: {error}")
        if options.demo:
            say(f"{options.disk}: {size // machine.MIB} MiB, sha256 {digest}")
        machine.make_scratch(scratch)
    try:
        status, lines, late = run(command, options)
        if not late and is_refusal(options, status, lines, scratch):
            say("no device was handed out, so nothing was demonstrated; the lines above say why")
            return 0
        problems = []
        if late:
            problems.append(f"not finished after {options.timeout:g} seconds")
        elif ending(status):
            problems.append(ending(status))
        if options.demo:
            problems += judge(lines, digest, scratch)
        for problem in problems:
            say(problem)
        if options.demo and problems:
            say("demonstration FAILED")
        return 1 if problems else 0
    except FileNotFoundError as error:
        sys.exit(f"host: {error}")
    finally:
        if scratch and os.path.exists(scratch):
            os.unlink(scratch)


if __name__ == "__main__":
    sys.exit(main())
