# SPDX-License-Identifier: MIT
"""Which lines of the kernel a guest executes, and whether an ablation changes any of their functions.

QEMU translates code when it is about to run and can log what it translates; the debug information
says which lines that is, those of inlined functions among them. A guest that executes nothing of a
function comes out the same whatever that function does.
"""

import bisect
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import judged

# Where the kernel is linked: boot/kernel.ld.
KERNEL_RANGE = "0xffffffff80000000+0x40000000"
ADDRESS = re.compile(rb"^0x(ffffffff[89ab][0-9a-f]{7}):", re.MULTILINE)
SOURCE_FOLDERS = ("arch", "drivers", "kernel")
SLOWER = 3  # times the time limit of a guest while QEMU logs


def logging_case(case, log):
    """The case, when QEMU writes what it translates of the kernel. A trace goes to the same file:
    there is none, but the marks for it are executed."""
    append = f"marks=on {case.append}".strip() if case.witness else case.append
    words = ["-d", "in_asm", "-dfilter", KERNEL_RANGE, "-D", str(log)]
    return replace(case, witness=False, trace=[], append=append, extra=[*case.extra, *words],
                   timeout=case.timeout * SLOWER)


def addresses(log):
    """The addresses of instructions in such a log."""
    try:
        return {int(found, 16) for found in ADDRESS.findall(Path(log).read_bytes())}
    except OSError:
        return set()


def lines_of(image, wanted, tree):
    """{address: {(path in the tree, line)}}, by the debug information of an image."""
    result = subprocess.run(["addr2line", "-a", "-i", "-e", str(image)], text=True, check=True,
                            input="".join(f"{address:x}\n" for address in sorted(wanted)),
                            capture_output=True)
    found, current = {}, None
    for text in result.stdout.splitlines():
        if text.startswith("0x"):
            current = found.setdefault(int(text, 16), set())
            continue
        path, _, number = text.partition(" (discriminator")[0].rpartition(":")
        if number.isdigit():
            current.add((os.path.relpath(os.path.join(tree, path), tree), int(number)))
    return found


class Reach:
    """What each guest reached: {case: {path: sorted lines}}, kept in a file beside what it is of."""

    def __init__(self, path, tree):
        self.path = path
        self.tree = tree
        self.lines = judged.load(path, tree).get("lines", {})

    def save(self):
        judged.save(self.path, {"tree": self.tree, "lines": self.lines})

    def add(self, image, tree, logs):
        """Remember what cases of one image reached. logs: {case name: log}."""
        table = lines_of(image, set().union(*(addresses(log) for log in logs.values())), tree)
        for name, log in logs.items():
            by_path = {}
            for path, line in set().union(*(table[address] for address in addresses(log))):
                by_path.setdefault(path, []).append(line)
            self.lines[name] = {path: sorted(lines) for path, lines in by_path.items()}

    def forget(self, names):
        """That anything is known of these."""
        for name in names:
            self.lines[name] = {}

    def may_tell(self, case_name, spans):
        """Whether a guest can come out differently when the functions in spans change, as
        changed_functions returns them. One of which nothing is known can."""
        reached = self.lines.get(case_name)
        return not reached or spans is None or any(
            has_between(reached.get(path, ()), first, last) for path, first, last in spans)


def has_between(lines, first, last):
    at = bisect.bisect_left(lines, first)
    return at < len(lines) and lines[at] <= last


def functions(text):
    """[(first line, last line)] of the bodies of functions: their braces stand in the first column,
    and no other opening ones do."""
    found, start = [], None
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            found.append((start, number))
            start = None
    return found


def changed_functions(places, read):
    """[(path, first line, last line)] of the functions that a change is in, or None when some of it
    is in none: then it may matter anywhere. places: as patches.places returns them; read: see
    patches.changed."""
    spans = set()
    for path, changes in places.items():
        if Path(path).parts[0] not in SOURCE_FOLDERS or Path(path).suffix not in (".c", ".h"):
            return None
        bodies = functions(read(path))
        for first, last in changes:
            around = [body for body in bodies if body[0] < first and last <= body[1]]
            if not around:
                return None
            spans.add((path, *around[0]))
    return sorted(spans)
