# SPDX-License-Identifier: MIT
"""The records that the kernel writes with marks=on: kernel/mark.h describes them."""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

START = 0xA7
VERSION = 2
HEAD = 4  # start, kind, CPU, sequence number

# kind: (name, layout, names of the fields)
KINDS = {
    1: ("begin", "<B", ("version",)),
    2: ("call_enter", "<B", ("number",)),
    3: ("call_leave", "<B", ("number",)),
    4: ("step_leave", "<B", ("step",)),
    5: ("task_end", "<Q", ("task",)),
    6: ("leaf_set", "<HBBHQQ", ("domain", "level", "flags", "count", "iova", "paddr")),
    7: ("leaf_clear", "<HBQQ", ("domain", "level", "first", "last")),
    8: ("table_link", "<HBQQ", ("domain", "level", "iova", "frame")),
    9: ("table_unlink", "<HBQQ", ("domain", "level", "iova", "frame")),
    10: ("context", "<HHBQ", ("requester", "domain", "state", "root")),
    11: ("remap", "<HHB", ("index", "source", "present")),
    12: ("frames_free", "<QI", ("base", "count")),
    13: ("domain_free", "<H", ("domain",)),
    14: ("unit_dead", "<", ()),
    15: ("command", "<QQ", ("low", "high")),
}
NUMBERS = {name: kind for kind, (name, _, _) in KINDS.items()}
SIZES = {kind: HEAD + struct.calcsize(layout) + 1 for kind, (_, layout, _) in KINDS.items()}

STEPS = {0: "boot", 1: "an interrupt", 2: "the end of a thread"}
CONTEXT_ABSENT, CONTEXT_PRESENT, CONTEXT_CHANGED = 0, 1, 2
CONTEXTS = {CONTEXT_ABSENT: "absent", CONTEXT_PRESENT: "present", CONTEXT_CHANGED: "changed"}
PAGE = 4096

SYSCALLS_DEF = Path(__file__).resolve().parents[2] / "include" / "cordon" / "syscalls.def"


def call_names():
    """System calls by number, from the one table."""
    return {int(number): name for number, name in
            re.findall(r"^SYSCALL\((\d+), (\w+),", SYSCALLS_DEF.read_text(), re.MULTILINE)}


def span(level):
    """Bytes that an entry of a level covers."""
    return PAGE << 9 * level


def function(requester):
    """A requester id as people write it."""
    return f"{requester >> 8:02x}:{requester >> 3 & 31:02x}.{requester & 7}"


def bounds(first, last):
    """An inclusive range of addresses."""
    return f"{first:#x}-{last:#x}"


class Broken(Exception):
    """The stream of marks cannot be trusted from here on."""


@dataclass
class Mark:
    """One record, and the line of the trace at which it was complete."""

    name: str
    cpu: int
    line: int
    fields: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None

    def describe(self, calls=None):
        """The record in words."""
        f = self.fields
        if self.name in ("call_enter", "call_leave"):
            call = (calls or {}).get(f["number"], f"number {f['number']}")
            return f"system call {call} " + ("begins" if self.name == "call_enter" else "returns")
        if self.name == "step_leave":
            return f"{STEPS.get(f['step'], f['step'])} is over"
        if self.name == "task_end":
            return f"the end of task {f['task']} is through"
        if self.name == "leaf_set":
            size = f["count"] * span(f["level"])
            rights = "".join(letter for bit, letter in ((1, "r"), (2, "w")) if f["flags"] & bit)
            return (f"domain {f['domain']}: {f['count']} x {span(f['level']) >> 10} KiB mapped, "
                    f"iova {bounds(f['iova'], f['iova'] + size - 1)} -> {f['paddr']:#x} {rights}")
        if self.name == "leaf_clear":
            return (f"domain {f['domain']}: leaves of {span(f['level']) >> 10} KiB removed, "
                    f"iova {bounds(f['first'], f['last'])}")
        if self.name in ("table_link", "table_unlink"):
            covers = bounds(f["iova"], f["iova"] + span(f["level"]) - 1)
            return (f"domain {f['domain']}: table {f['frame']:#x} {self.name[6:]}ed, "
                    f"iova {covers}")
        if self.name == "context":
            text = (f"context entry of {function(f['requester'])} {CONTEXTS.get(f['state'])}, "
                    f"domain {f['domain']}")
            return text + (f", root {f['root']:#x}" if f["root"] else "")
        if self.name == "remap":
            return (f"interrupt-remapping entry {f['index']} of {function(f['source'])} "
                    f"{'present' if f['present'] else 'absent'}")
        if self.name == "frames_free":
            return f"frames {bounds(f['base'], f['base'] + f['count'] * PAGE - 1)} given back"
        if self.name == "domain_free":
            return f"domain id {f['domain']} given back"
        if self.name == "unit_dead":
            return "the unit is declared dead"
        if self.name == "command":
            return f"command {f['low']:#x} {f['high']:#x}"
        return f"marks begin, version {f['version']}"


def encode(name, sequence, cpu=0, **fields):
    """The bytes of a record."""
    kind = NUMBERS[name]
    _, layout, names = KINDS[kind]
    body = bytes([START, kind, cpu, sequence & 0xFF])
    body += struct.pack(layout, *(fields[key] for key in names))
    return body + bytes([-sum(body) & 0xFF])


class Decoder:
    """Makes marks of the bytes written to the scratch register."""

    def __init__(self):
        self.buffer = bytearray()
        self.sequence = None  # of the next record, once BEGIN was seen

    def feed(self, byte, line):
        """Take one byte; returns a mark when it completes one, else None."""
        buffer = self.buffer
        if not buffer and byte != START:
            if self.sequence is None:
                return None  # firmware may use the register as it likes
            raise Broken(f"a record begins with {byte:#04x}, not {START:#04x}")
        buffer.append(byte)
        if len(buffer) == 2 and byte not in KINDS:
            if self.sequence is None:
                buffer.clear()
                return None
            raise Broken(f"no record is of kind {byte}")
        if len(buffer) < 2 or len(buffer) < SIZES[buffer[1]]:
            return None
        mark = self.decode(line)
        buffer.clear()
        return mark

    def decode(self, line):
        """The whole record in the buffer."""
        record = bytes(self.buffer)
        name, layout, names = KINDS[record[1]]
        if sum(record) & 0xFF:
            raise Broken(f"the sum of a record ({name}) is wrong: a byte was lost or changed")
        if self.sequence is None and name != "begin":
            raise Broken(f"the first record is not begin but {name}")
        if self.sequence is not None and record[3] != self.sequence:
            raise Broken(f"record {record[3]} ({name}) follows, {self.sequence} was due")
        fields = dict(zip(names, struct.unpack(layout, record[HEAD:-1])))
        if name == "begin" and fields["version"] != VERSION:
            raise Broken(f"the kernel writes marks of version {fields['version']}")
        self.sequence = record[3] + 1 & 0xFF
        return Mark(name, record[2], line, fields)
