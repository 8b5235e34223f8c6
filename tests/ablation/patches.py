# SPDX-License-Identifier: MIT
"""Ablations: their headers, and applying their diffs.

    Promise: S3
    Removes: the wait for the invalidation
    Fails: unit/PROGRAM:SUITE::TEST
    Fails: guest/CASE:NAME
    May: guest/CASE:NAME

    --- a/path
    +++ b/path
    @@ ...

Names in Fails are shell patterns. A guest line without a name means the case as a whole, for a
guest that does not come to its end.
"""

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from pathlib import Path

HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
ONCE = ("Promise", "Removes")
KEYS = ONCE + ("Fails", "May")
# base: what all promises stand on, the isolation of tasks by the kernel.
PROMISES = ("base", *(f"S{number}" for number in range(1, 11)))


class PatchError(Exception):
    """An ablation that cannot be understood or does not apply."""


@dataclass
class Expected:
    """One test that must fail."""

    program: str  # unit/NAME or guest/NAME, a pattern
    test: str = ""  # a pattern; empty: the program as a whole

    def __str__(self):
        return f"{self.program}:{self.test}" if self.test else self.program

    def names_program(self, name):
        return fnmatchcase(name, self.program)

    def names_test(self, name):
        return not self.test or fnmatchcase(name, self.test)


@dataclass
class Ablation:
    """One check that is taken out."""

    name: str
    promise: str
    removes: str
    fails: list
    may: list = field(default_factory=list)  # that may fail as well, by luck
    hunks: dict = field(default_factory=dict)  # path -> [(line, old lines, new lines)]


def parse(path):
    """Read one file."""
    lines = Path(path).read_text("utf-8").split("\n")
    header = {key: [] for key in KEYS}
    number = 0
    while number < len(lines) and not lines[number].startswith("--- "):
        line = lines[number]
        number += 1
        if not line.strip():
            continue
        if line.startswith(" "):
            # A header goes on in the next line.
            values = header[last] if number > 1 else None
            if not values:
                raise PatchError(f"a line before the header: {line!r}")
            values[-1] += " " + line.strip()
            continue
        key, colon, value = line.partition(": ")
        if key not in header or not colon or not value.strip():
            raise PatchError(f"not a header: {line!r}")
        header[key].append(value.strip())
        last = key
    for key in ONCE + ("Fails",):
        if not header[key] or (key in ONCE and len(header[key]) > 1):
            raise PatchError(f"{key}: is there {len(header[key])} times")
    promise = header["Promise"][0]
    if promise not in PROMISES:
        raise PatchError(f"Promise: {promise} is not one of S1 to S10, base")
    return Ablation(Path(path).stem, promise, header["Removes"][0],
                    [parse_expected(value) for value in header["Fails"]],
                    [parse_expected(value) for value in header["May"]],
                    parse_diff(lines[number:]))


def parse_expected(value):
    program, _, test = value.partition(":")
    if not re.fullmatch(r"(unit|guest)/[^\s/]+", program) or (
            program.startswith("unit/") and not test):
        raise PatchError(f"Fails: {value!r} is neither unit/PROGRAM:TEST nor guest/CASE[:TEST]")
    return Expected(program, test)


def parse_diff(lines):
    """The hunks of a unified diff; only changes of files that exist are known."""
    files, path, hunk = {}, None, None
    for line in lines:
        if line.startswith("--- "):
            path, hunk = None, None
        elif line.startswith("+++ b/"):
            path = line[6:].split("\t")[0]
            if Path(path).is_absolute() or ".." in Path(path).parts or path in files:
                raise PatchError(f"the path {path}")
            files[path] = []
        elif match := HUNK.match(line):
            if path is None:
                raise PatchError("a hunk of no file")
            hunk = (int(match[1]), [], [])
            files[path].append(hunk)
        elif hunk is not None and line[:1] in (" ", "-", "+"):
            if line[0] in " -":
                hunk[1].append(line[1:])
            if line[0] in " +":
                hunk[2].append(line[1:])
        elif line.strip():
            raise PatchError(f"not a line of a diff: {line!r}")
    for path, hunks in files.items():
        if not any(old != new for _, old, new in hunks):
            raise PatchError(f"{path} is not changed")
    if not files:
        raise PatchError("no diff")
    return files


def located(path, hunks, lines):
    """[(index of the first old line, old lines, new lines)]: as the hunks stand, but perhaps
    elsewhere; every line must be the same."""
    found, moved, end = [], 0, 0
    for start, old, new in hunks:
        spots = [at for at in range(end, len(lines) - len(old) + 1)
                 if lines[at:at + len(old)] == old]
        if not spots:
            raise PatchError(f"does not apply to {path} any more (line {start})")
        at = min(spots, key=lambda spot: abs(spot - (start - 1 + moved)))
        found.append((at, old, new))
        moved, end = at - (start - 1), at + len(old)
    return found


def read_lines(path, read):
    try:
        return read(path).split("\n")
    except OSError:
        raise PatchError(f"{path} is not there") from None


def changed(ablation, read):
    """The new contents of every file that an ablation changes; read(path) returns the old."""
    out = {}
    for path, hunks in ablation.hunks.items():
        lines = read_lines(path, read)
        for at, old, new in reversed(located(path, hunks, lines)):
            lines[at:at + len(old)] = new
        out[path] = "\n".join(lines)
    return out


def places(ablation, read):
    """{path: [(first line, last line)]} of what is removed or replaced, counted from 1; where lines
    only come in, the line that they come before."""
    out = {}
    for path, hunks in ablation.hunks.items():
        out[path] = []
        for at, old, new in located(path, hunks, read_lines(path, read)):
            for what, first, last, _, _ in SequenceMatcher(None, old, new, False).get_opcodes():
                if what != "equal":
                    out[path].append((at + first + 1, at + max(last, first + 1)))
    return out


def load(folder):
    """All ablations, by name."""
    found = []
    for path in sorted(Path(folder).glob("*.patch")):
        if not re.fullmatch(r"\d{3}-[a-z0-9-]+", path.stem):
            raise PatchError(f"{path.name}: is called NNN-name.patch")
        try:
            found.append(parse(path))
        except PatchError as error:
            raise PatchError(f"{path.name}: {error}") from None
    numbers = [ablation.name[:3] for ablation in found]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise PatchError(f"two ablations have the number {', '.join(twice)}")
    return found
