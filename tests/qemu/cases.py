# SPDX-License-Identifier: MIT
"""What is tested in QEMU: the tables in cases/*.toml, and one case for every guest test
that no table mentions. README.md describes the keys."""

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

IMAGES = ("test", "release", "product", "address")


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
    variants: list = field(default_factory=list)  # tables that change keys; name is added

    def check(self):
        """Refuse a case that would not test what it says."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", self.name):
            raise CaseError(f"bad name: {self.name!r}")
        if self.image not in IMAGES:
            raise CaseError(f"{self.name}: image is one of {', '.join(IMAGES)}")
        if self.rc in (0, 124):
            raise CaseError(f"{self.name}: status {self.rc} is what a crash looks like")
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
    """The cases of one [[case]] table: itself, or one for each of its variants."""
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


def load(folder, guest_tests):
    """All cases, sorted by name."""
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
    found += [Case(name=name, run=f"/test/{name}") for name in guest_tests
              if f"/test/{name}" not in mentioned]
    names = [case.name for case in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CaseError(f"two cases share a name: {', '.join(twice)}")
    for case in found:
        case.check()
    return sorted(found, key=lambda case: case.name)
