# SPDX-License-Identifier: MIT
"""What came of one program: the same record for a guest, a Criterion program, a tool."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Results of the tests that one program holds."""

    name: str
    text: str = ""
    passed: int = 0
    failed: list = field(default_factory=list)  # names of tests
    skipped: list = field(default_factory=list)  # (name, reason)
    cannot: str = ""  # why it cannot hold on this emulator: nothing was run
    problems: list = field(default_factory=list)  # what is wrong beside single tests
    notes: list = field(default_factory=list)  # worth a line, whatever came of it
    tail: list = field(default_factory=list)  # last lines of output, for a failure
    late: bool = False  # it was ended because its time was up
    log: str = ""
    seconds: float = 0.0

    def failures(self):
        """How many tests this counts as failed; everything beside single tests is one."""
        return len(self.failed) + (1 if self.problems else 0)

    def bad(self):
        """Whether anything is wrong."""
        return bool(self.failed or self.problems)

    def report(self):
        """The lines to print."""
        if self.cannot:
            return [f"-    {self.name} cannot hold: {self.cannot}"]
        count = self.passed + self.failures()
        word = "FAIL" if self.bad() else "ok"
        tests = f"{count} test{'' if count == 1 else 's'}"
        lines = [f"{word:4} {self.name} ({tests}, {self.seconds:.1f} s)"]
        lines += [f"     not ok: {name}" for name in self.failed]
        lines += [f"     {problem}" for problem in self.problems]
        lines += [f"     {note}" for note in self.notes]
        lines += [f"     skipped: {name}: {reason}" for name, reason in self.skipped]
        lines += [f"     | {line}" for line in self.tail]
        if self.bad() and self.log:
            lines.append(f"     log: {self.log}")
        return lines
