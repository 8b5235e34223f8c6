# SPDX-License-Identifier: MIT
"""Which tests there are, from make and the sources: nothing is built for it."""

import os
import re
import subprocess
from pathlib import Path

CRITERION = re.compile(r"^(?:Test\(|ParameterizedTest\([^,)]*,\s*)(\w+),\s*(\w+)", re.MULTILINE)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
CONVERSION = re.compile(r"%[-0-9.]*(?:ll|z|l)?[a-zA-Z]")


def make_environment():
    """The environment without what a make above says to the make below."""
    return {key: value for key, value in os.environ.items()
            if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


class Inventory:
    """The tests of a tree."""

    def __init__(self, top, make="make"):
        self.top = Path(top)
        self.programs = {}
        result = subprocess.run([make, "-s", "--no-print-directory", "-C", str(top), "list-tests"],
                                env=make_environment(), capture_output=True, text=True, check=True)
        for line in result.stdout.splitlines():
            kind, name, *sources = line.split()
            self.programs[f"{kind}/{name}"] = sources

    def named(self, kind):
        return [name.partition("/")[2] for name in self.programs if name.startswith(kind + "/")]

    def units(self):
        """Criterion programs."""
        return self.named("unit")

    def guests(self):
        return self.named("guest")

    def unit_tests(self, program):
        """suite::test of a Criterion program."""
        return [f"{suite}::{test}" for source in self.programs[f"unit/{program}"]
                if source.startswith("tests/")
                for suite, test in CRITERION.findall((self.top / source).read_text("utf-8"))]

    def guest_lines(self, program):
        """Texts of a guest's program as shell patterns: what is printed into them is *."""
        out = []
        for source in self.programs[f"guest/{program}"]:
            for text in LITERAL.findall((self.top / source).read_text("utf-8")):
                out.append(CONVERSION.sub("*", text))
        return out
