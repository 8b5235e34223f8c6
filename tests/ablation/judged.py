# SPDX-License-Identifier: MIT
"""What was found out about one tree, kept in a file: a sweep that was interrupted, or of which one
ablation's header had to be mended, goes on where it was."""

import hashlib
import json
import os
from pathlib import Path

from outcome import Outcome


def tree_key(folder, *more):
    """A number for all files of a tree but the ablations and what judges them, and for what else
    counts."""
    digest = hashlib.sha256(repr(more).encode())
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("tests/ablation/"):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def load(path, tree):
    """What was kept of a tree; empty when the file is not there, damaged, or of another tree."""
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("tree") == tree else {}


def save(path, found):
    """Keep it, whole or not at all: found["tree"] is the tree that it is of."""
    temporary = Path(path).with_suffix(".new")
    temporary.write_text(json.dumps(found), "utf-8")
    os.replace(temporary, path)


class Judged:
    """What came of the programs of one tree, with each ablation and without any."""

    def __init__(self, path, tree):
        self.path = path
        self.found = load(path, tree) or {"tree": tree, "whole": [], "outcomes": {}}

    def is_whole(self, program):
        """Whether the tests of a program are known to pass without any ablation."""
        return program in self.found["whole"]

    def add_whole(self, programs):
        self.found["whole"] = sorted({*self.found["whole"], *programs})
        save(self.path, self.found)

    def outcomes(self, ablation):
        """What came of every program that was run with an ablation; None when that is not known."""
        rows = self.found["outcomes"].get(key_of(ablation))
        return rows and [Outcome(name, failed=failed, problems=problems)
                         for name, failed, problems in rows]

    def add_outcomes(self, ablation, outcomes):
        self.found["outcomes"][key_of(ablation)] = [
            [outcome.name, outcome.failed, outcome.problems] for outcome in outcomes]
        save(self.path, self.found)


def key_of(ablation):
    """Another change is another ablation; what its header expects of it may be mended."""
    return f"{ablation.name} {hashlib.sha256(repr(ablation.hunks).encode()).hexdigest()}"
