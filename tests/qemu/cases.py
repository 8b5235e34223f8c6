# SPDX-License-Identifier: MIT
"""What is tested in QEMU: the tables in cases/*.toml, and one case for every guest test
that no table mentions. README.md describes the keys."""

import operator
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

IMAGES = ("test", "release", "product", "address")

# The machines of the conformance suite: the same programs, the same expectations. The name of the
# first is left out of a case's name.
MACHINES = {
    "39bit": {},
    "48bit": {"iommu_options": "aw-bits=48"},
    "caching": {"iommu_options": "caching-mode=on"},
    "amd": {"iommu": "amd"},
    "none": {"iommu": "none"},
}
DEFAULT_MACHINE = next(iter(MACHINES))

# What a row that cannot hold may say of itself; why is a sentence.
CANNOT_KEYS = {"machine", "qemu", "without", "why"}
VERSIONS = {"<": operator.lt, ">=": operator.ge}


class CaseError(Exception):
    """A table that cannot be understood."""


@dataclass
class Case:
    """One boot of one machine, and what is expected of it."""

    name: str
    text: str = ""  # one line: what is promised
    promises: list = field(default_factory=list)  # S1 .. S10 of docs/security.md
    image: str = "test"
    run: str = ""  # guest test: a program of the archive and its arguments, by commas
    programs: list = field(default_factory=list)  # guest tests that a manifest runs instead
    append: str = ""
    tap: bool = None  # the guest prints a plan; by default when run is given
    demo: bool = False  # the demonstration, judged as `make demo` does
    iommu: str = "intel"
    iommu_options: str = ""
    machine_options: str = ""
    smp: int = 1
    memory: str = "256M"
    edu: bool = True
    edu_options: str = ""
    nvme: bool = True
    nvme_options: str = ""
    nvme_port: bool = False
    icount: bool = False
    icount_shift: int = 0
    extra: list = field(default_factory=list)
    trace: list = field(default_factory=list)
    witness: bool = False  # marks on, and tests/witness compares them with QEMU's trace
    expect: list = field(default_factory=list)  # regular expressions, each on some line
    absent: list = field(default_factory=list)  # regular expressions, on no line
    input: list = field(default_factory=list)  # {after = regex, send = text}, in order
    rc: int = 33
    timeout: float = 60.0
    machine: str = DEFAULT_MACHINE  # which of MACHINES this row is
    machines: list = field(default_factory=list)  # names of MACHINES: a row for each
    quick: list = field(default_factory=list)  # those that `make test` runs; empty: all
    full: bool = False  # only `make test-all` runs it
    cannot: list = field(default_factory=list)  # where it cannot hold: see README.md
    variants: list = field(default_factory=list)  # tables that change keys; name is added

    def check(self):
        """Refuse a case that would not test what it says."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", self.name):
            raise CaseError(f"bad name: {self.name!r}")
        if self.image not in IMAGES:
            raise CaseError(f"{self.name}: image is one of {', '.join(IMAGES)}")
        if self.rc in (0, 124):
            raise CaseError(f"{self.name}: status {self.rc} is what a crash looks like")
        for reason in self.cannot:
            if set(reason) - CANNOT_KEYS or not reason.get("why"):
                raise CaseError(f"{self.name}: a row that cannot hold says why")
        for step in self.input:
            if set(step) != {"after", "send"}:
                raise CaseError(f"{self.name}: a step of input has after and send")
        for pattern in self.expect + self.absent + [step["after"] for step in self.input]:
            try:
                re.compile(pattern)
            except re.error as error:
                raise CaseError(f"{self.name}: {pattern!r}: {error}") from None
        if self.witness and self.iommu == "none":
            raise CaseError(f"{self.name}: without an IOMMU there is nothing to witness")
        if self.tap is None:
            self.tap = bool(self.run)
        if not (self.tap or self.demo or self.expect):
            raise CaseError(f"{self.name}: expects nothing (no run, expect or demo)")

    def why_not(self, emulator):
        """Why the row cannot hold on this emulator; None when it can. emulator: see Emulator."""
        for reason in self.cannot:
            if "machine" in reason and reason["machine"] != self.machine:
                continue
            if "qemu" in reason and not emulator.matches(reason["qemu"]):
                continue
            if "without" in reason and emulator.has(reason["without"]):
                continue
            return reason["why"]
        return None


class Emulator:
    """What cases ask of an emulator."""

    def __init__(self, version, has):
        self.version = version  # (major, minor)
        self.has = has  # of a feature: whether it is there

    def matches(self, condition):
        """Whether the version is what "<10" or ">=10" says."""
        match = re.fullmatch(r"(<|>=)(\d+)", condition)
        if not match:
            raise CaseError(f"qemu = {condition!r}: a version is < or >= a number")
        return VERSIONS[match[1]](self.version[0], int(match[2]))


KEYS = {entry.name: entry.type for entry in fields(Case)}


def checked(table, where):
    """The table, when all its keys and types are known."""
    for key, value in table.items():
        kind = KEYS.get(key)
        if kind is None:
            raise CaseError(f"{where}: unknown key {key}")
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise CaseError(f"{where}: {key} is of type {kind.__name__}")
    return table


def expand(table, where):
    """The cases of one [[case]] table: itself, or one for each of its variants and machines."""
    return [row for variant in expand_variants(table, where)
            for row in expand_machines(variant, where)]


def expand_machines(base, where):
    """One case for each machine that it names."""
    unknown = set(base.machines + base.quick) - set(MACHINES)
    if unknown or set(base.quick) - set(base.machines or base.quick):
        raise CaseError(f"{where}: machines are {', '.join(MACHINES)}")
    if not base.machines:
        return [base]
    out = []
    for machine in base.machines:
        name = base.name if machine == DEFAULT_MACHINE else f"{base.name}-{machine}"
        changes = dict(MACHINES[machine])
        if changes.get("iommu") == "none":
            changes["witness"] = False
        full = base.full or bool(base.quick) and machine not in base.quick
        out.append(replace(base, name=name, machine=machine, full=full, machines=[], quick=[],
                           **changes))
    return out


def expand_variants(table, where):
    """One case for each of its variants."""
    base = Case(**checked(table, where))
    if not base.variants:
        return [base]
    out = []
    for variant in base.variants:
        checked(variant, where)
        changes = {key: value for key, value in variant.items() if key != "name"}
        name = f"{base.name}-{variant['name']}" if "name" in variant else base.name
        out.append(replace(base, name=name, variants=[], **changes))
    return out


def load(folder, guest_tests, everything=False):
    """All cases, sorted by name; everything: also those that only `make test-all` runs."""
    found = []
    for path in sorted(Path(folder).glob("*.toml")):
        try:
            with open(path, "rb") as handle:
                document = tomllib.load(handle)
        except tomllib.TOMLDecodeError as error:
            raise CaseError(f"{path}: {error}") from None
        if set(document) - {"case"}:
            raise CaseError(f"{path}: only [[case]] tables are known")
        for table in document.get("case", []):
            where = f"{path}: {table.get('name', 'a case without a name')}"
            if "name" not in table:
                raise CaseError(where)
            found += expand(table, where)
    mentioned = {case.run.split(",")[0] for case in found}
    mentioned |= {f"/test/{name}" for case in found for name in case.programs}
    for name in guest_tests:
        if f"/test/{name}" not in mentioned:
            found += expand({"name": name, "run": f"/test/{name}", "machines": list(MACHINES),
                             "quick": [DEFAULT_MACHINE]}, name)
    names = [case.name for case in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CaseError(f"two cases share a name: {', '.join(twice)}")
    for case in found:
        case.check()
    return sorted((case for case in found if everything or not case.full),
                  key=lambda case: case.name)
