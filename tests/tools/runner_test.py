# SPDX-License-Identifier: MIT
"""The test runner: it must notice everything that can go wrong."""

import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / "qemu"), str(TOP / "tools")]

import cases  # noqa: E402
import guest  # noqa: E402
import tap  # noqa: E402
import units  # noqa: E402
from outcome import Outcome  # noqa: E402


class Tap(unittest.TestCase):
    def problems(self, text):
        return " ".join(tap.parse(text.splitlines()).problems)

    def test_a_good_stream_between_log_lines(self):
        result = tap.parse(["[  0.1] pci: ok 7 - not a test line", "1..3", "ok 1 - a\r",
                            "okay", "ok 2 - b # SKIP no device", "ok 3"])
        self.assertEqual((result.passed, result.failed), (["a", "test 3"], []))
        self.assertEqual(result.skipped, [("b", "no device")])
        self.assertEqual(result.problems, [])

    def test_a_plan_may_come_last(self):
        self.assertEqual(self.problems("ok 1 - a\n1..1"), "")

    def test_failures_are_named(self):
        result = tap.parse(["1..2", "not ok 1 - a", "not ok 2 - b # SKIP broken"])
        self.assertEqual(result.failed, ["a", "b"])

    def test_a_missing_plan_is_a_problem(self):
        self.assertIn("no plan", self.problems("ok 1 - a"))
        self.assertIn("no plan", self.problems(""))

    def test_missing_surplus_and_repeated_lines_are_problems(self):
        self.assertIn("announced", self.problems("1..2\nok 1 - a"))
        self.assertIn("announced", self.problems("1..1\nok 1 - a\nok 2 - b"))
        self.assertIn("number", self.problems("1..2\nok 1 - a\nok 1 - a"))
        self.assertIn("not one", self.problems("1..0"))
        self.assertIn("two plans", self.problems("1..1\nok 1 - a\n1..1"))
        self.assertIn("bailed", self.problems("1..1\nok 1 - a\nBail out! no disk"))

    def test_criterion_lines_have_no_numbers(self):
        result = tap.parse(["TAP version 13", "1..2", "# Criterion v2.4.1",
                            "ok - s::a  (0.00s)", "not ok - s::b  (0.00s)"], numbered=False)
        self.assertEqual(result.problems, [])
        self.assertEqual([units.strip_time(name) for name in result.failed], ["s::b"])


class Guest(unittest.TestCase):
    def judge(self, status, text, steps=(), **keys):
        case = cases.Case(name="x", **keys)
        case.check()
        outcome = Outcome("x")
        guest.judge(case, status, text, list(steps), "", "", outcome)
        return outcome

    def test_success(self):
        outcome = self.judge(33, "1..2\r\nok 1 - a\r\nok 2 - b\r\n", run="/test/x")
        self.assertFalse(outcome.bad())
        self.assertEqual((outcome.passed, outcome.failures()), (2, 0))

    def test_no_other_status_is_success(self):
        for status in (0, 1, 35, 124, -9, None):
            outcome = self.judge(status, "1..1\nok 1 - a\n", run="/test/x")
            self.assertEqual(outcome.failures(), 1, status)

    def test_an_expected_failure_status_can_be_asked_for(self):
        self.assertFalse(self.judge(35, "panic: x\n", expect=["^panic"], rc=35).bad())
        self.assertTrue(self.judge(33, "panic: x\n", expect=["^panic"], rc=35).bad())

    def test_expected_and_forbidden_lines(self):
        self.assertEqual(self.judge(33, "a\nb\n", expect=["^a$", "b"]).passed, 1)
        self.assertTrue(self.judge(33, "a\n", expect=["^a$", "b"]).bad())
        self.assertTrue(self.judge(33, "a\nb\n", expect=["a"], absent=["^b"]).bad())

    def test_input_that_was_not_asked_for_is_a_problem(self):
        step = {"after": "> ", "send": "help\n"}
        self.assertTrue(self.judge(33, "a\n", [step], expect=["a"], input=[step]).bad())

    def test_the_demonstration_is_judged(self):
        with tempfile.TemporaryDirectory() as folder:
            scratch = str(Path(folder) / "s")
            guest.machine.make_scratch(scratch)
            case = cases.Case(name="x", demo=True)
            outcome = Outcome("x")
            guest.judge(case, 33, "demo: PASS a\ndemo: 1 passed, 0 failed\n", [], "", scratch,
                        outcome)
            text = " ".join(outcome.problems)
            self.assertIn("sha256", text)
            self.assertIn("not written", text)


class Tables(unittest.TestCase):
    def load(self, text, guest_tests=()):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.toml").write_text(text)
            return cases.load(folder, guest_tests)

    def test_variants_become_cases(self):
        found = self.load('[[case]]\nname="w"\nrun="/test/w"\nvariants=[{name="39"},'
                          '{name="48",iommu_options="aw-bits=48"}]')
        self.assertEqual([(case.name, case.iommu_options) for case in found],
                         [("w-39", ""), ("w-48", "aw-bits=48")])

    def test_every_guest_test_has_a_case(self):
        found = self.load('[[case]]\nname="w"\nrun="/test/w,1"', ["w", "z"])
        self.assertEqual([(case.name, case.run) for case in found],
                         [("w", "/test/w,1"), ("z", "/test/z")])
        self.assertTrue(all(case.tap for case in found))

    def test_mistakes_are_refused(self):
        for text in ('[[case]]\nname="a"\nrum="x"', '[[case]]\nrun="x"', 'a=1',
                     '[[case]]\nname="a"', '[[case]]\nname="a"\nrun="x"\nrc=0',
                     '[[case]]\nname="a"\nrun="x"\nsmp="2"', '[[case]\n',
                     '[[case]]\nname="a"\nexpect=["("]', '[[case]]\nname="A b"\nrun="x"',
                     '[[case]]\nname="a"\nrun="x"\n[[case]]\nname="a"\nrun="x"',
                     '[[case]]\nname="a"\nrun="x"\nimage="other"'):
            with self.subTest(text), self.assertRaises(cases.CaseError):
                self.load(text)

    def test_the_tables_of_the_tree_can_be_read(self):
        cases.load(TOP / "tests" / "qemu" / "cases", [])


class Matrix(unittest.TestCase):
    OLD = cases.Emulator((7, 2), lambda feature: False)
    NEW = cases.Emulator((11, 1), lambda feature: feature == "igb")

    def test_a_case_becomes_a_row_for_each_machine(self):
        rows = cases.expand({"name": "a", "run": "/test/a", "machines": ["39bit", "48bit", "amd"],
                             "quick": ["39bit", "amd"]}, "here")
        self.assertEqual([row.name for row in rows], ["a", "a-48bit", "a-amd"])
        self.assertEqual([row.full for row in rows], [False, True, False])
        self.assertEqual([row.iommu for row in rows], ["intel", "intel", "amd"])
        self.assertEqual(rows[1].iommu_options, "aw-bits=48")

    def test_a_machine_that_does_not_exist_is_refused(self):
        for keys in ({"machines": ["mips"]}, {"machines": ["amd"], "quick": ["none"]}):
            with self.assertRaises(cases.CaseError):
                cases.expand({"name": "a", "run": "/test/a", **keys}, "here")

    def why_not(self, emulator, **reason):
        row = cases.Case(name="a", run="/test/a", machine="amd", cannot=[{"why": "so", **reason}])
        row.check()
        return row.why_not(emulator)

    def test_a_row_that_cannot_hold_says_where(self):
        self.assertEqual(self.why_not(self.OLD), "so")
        self.assertEqual(self.why_not(self.OLD, machine="amd"), "so")
        self.assertIsNone(self.why_not(self.OLD, machine="none"))
        self.assertEqual(self.why_not(self.OLD, machine="amd", qemu="<10"), "so")
        self.assertIsNone(self.why_not(self.NEW, machine="amd", qemu="<10"))
        self.assertEqual(self.why_not(self.NEW, qemu=">=10"), "so")
        self.assertEqual(self.why_not(self.OLD, without="igb"), "so")
        self.assertIsNone(self.why_not(self.NEW, without="igb"))

    def test_a_reason_needs_words_and_a_version_that_can_be_read(self):
        with self.assertRaises(cases.CaseError):
            cases.Case(name="a", run="/test/a", cannot=[{"machine": "amd"}]).check()
        with self.assertRaises(cases.CaseError):
            self.why_not(self.OLD, qemu="7.2")

    def test_what_cannot_hold_is_printed_and_counts_nothing(self):
        outcome = Outcome("guest/a-none", cannot="no IOMMU")
        self.assertEqual(outcome.report(), ["-    guest/a-none cannot hold: no IOMMU"])
        self.assertEqual((outcome.passed, outcome.failures()), (0, 0))


class Units(unittest.TestCase):
    CLOSING = "[====] Synthesis: Tested: {} | Passing: {} | Failing: {} | Crashing: {} \n"

    def judge(self, status, text, lines):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tap"
            if lines is not None:
                path.write_text("\n".join(lines))
            outcome = Outcome("x")
            units.judge_unit(outcome, status, text, path)
            return outcome

    def test_success(self):
        outcome = self.judge(0, self.CLOSING.format(1, 1, 0, 0), ["1..1", "ok - s::a  (0.00s)"])
        self.assertFalse(outcome.bad())
        self.assertEqual(outcome.passed, 1)

    def test_what_criterion_lets_pass_is_found(self):
        good = ["1..1", "ok - s::a  (0.00s)"]
        closing = self.CLOSING.format(1, 1, 0, 0)
        for status, text, lines in ((0, self.CLOSING.format(0, 0, 0, 0), ["1..0"]),
                                    (0, "", good), (0, closing, None), (1, closing, good),
                                    (-11, closing, good),
                                    (0, self.CLOSING.format(2, 2, 0, 0), good)):
            self.assertTrue(self.judge(status, text, lines).bad(), (status, text, lines))


if __name__ == "__main__":
    unittest.main()
