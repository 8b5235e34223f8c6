# SPDX-License-Identifier: MIT
"""Every ablation still applies and names tests that exist; every promise in reach has both. And
the tool itself: it must notice whatever an ablation does not do."""

import subprocess
import sys
import tempfile
import threading
import time
import unittest
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(TOP / "tests" / "qemu"),
                str(TOP / "tools")]

import ablation  # noqa: E402
import cases  # noqa: E402
import inventory  # noqa: E402
import judge  # noqa: E402
import judged  # noqa: E402
import patches  # noqa: E402
import reach  # noqa: E402
from outcome import Outcome  # noqa: E402

FOLDER = TOP / "tests" / "ablation"

# CAVEATS.md says what keeps S9 out of reach; of S6 only what units do is in reach.
IN_REACH = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S10")

# What the witness adds to every guest that it watches.
WITNESS = "witness: "


class Tree(unittest.TestCase):
    """What is in the tree."""

    @classmethod
    def setUpClass(cls):
        cls.tests = inventory.Inventory(TOP)
        cls.cases = cases.load(TOP / "tests" / "qemu" / "cases", cls.tests.guests())
        cls.ablations = patches.load(FOLDER)

    def unit_exists(self, entry):
        return any(entry.names_program(f"unit/{name}") and
                   any(entry.names_test(test) for test in self.tests.unit_tests(name))
                   for name in self.tests.units())

    def guest_exists(self, entry):
        for case in self.cases:
            if not entry.names_program(f"guest/{case.name}"):
                continue
            if not entry.test or entry.test.startswith(WITNESS) and case.witness:
                return True
            program = Path(case.run.split(",")[0]).name
            if program in self.tests.guests() and any(
                    may_be_one(text, entry.test) for text in self.tests.guest_lines(program)):
                return True
        return False

    def test_every_ablation_applies(self):
        self.assertGreaterEqual(len(self.ablations), 25)
        for ablation in self.ablations:
            with self.subTest(ablation.name):
                patches.changed(ablation, lambda path: (TOP / path).read_text("utf-8"))

    def test_ablations_change_nothing_but_the_product(self):
        for ablation in self.ablations:
            for path in ablation.hunks:
                self.assertIn(Path(path).parts[0], ("arch", "boot", "drivers", "kernel", "lib"),
                              ablation.name)

    def test_every_named_test_exists(self):
        for ablation in self.ablations:
            for entry in ablation.fails + ablation.may:
                with self.subTest(f"{ablation.name}: {entry}"):
                    self.assertTrue(self.unit_exists(entry) or self.guest_exists(entry))

    def test_every_promise_in_reach_has_an_ablation(self):
        self.assertEqual(set(IN_REACH) - {one.promise for one in self.ablations}, set())

    def test_every_promise_in_reach_has_a_test_by_name(self):
        names = [test for name in self.tests.units() for test in self.tests.unit_tests(name)]
        names += [text for name in self.tests.guests() for text in self.tests.guest_lines(name)]
        for promise in IN_REACH:
            with self.subTest(promise):
                self.assertTrue(any(promise in words(name) for name in names))

    def test_every_ablation_is_in_docs_security(self):
        text = (TOP / "docs" / "security.md").read_text("utf-8")
        for ablation in self.ablations:
            self.assertIn(ablation.name, text)


def words(name):
    """S3 of `syscall::S3_a_call...`, `s8_a_device...`, `S2: a write...`."""
    out = []
    for character in name:
        out.append(character if character.isalnum() else " ")
    return [word.upper() for word in "".join(out).split()]


def may_be_one(text, pattern):
    """Whether a line made from text can match a pattern: both may have gaps."""
    plain = pattern.replace("*", "").replace("?", "")
    return fnmatchcase(plain, text) or fnmatchcase(text, pattern)


class Patches(unittest.TestCase):
    """Reading and applying."""

    GOOD = ("Promise: S3\nRemoves: one\n two\nFails: unit/a_test:a::*\nFails: guest/b*:S3: x\n"
            "May: guest/c\n\n"
            "--- a/kernel/x.c\n+++ b/kernel/x.c\n@@ -2,2 +2,1 @@\n b\n-c\n")

    def parse(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "300-x.patch"
            path.write_text(text, "utf-8")
            return patches.load(folder)[0]

    def test_a_good_one(self):
        one = self.parse(self.GOOD)
        self.assertEqual((one.name, one.promise, one.removes), ("300-x", "S3", "one two"))
        self.assertEqual([str(entry) for entry in one.fails],
                         ["unit/a_test:a::*", "guest/b*:S3: x"])
        self.assertEqual([str(entry) for entry in one.may], ["guest/c"])
        self.assertEqual(patches.changed(one, lambda path: "a\nb\nc\nd\n"),
                         {"kernel/x.c": "a\nb\nd\n"})

    def test_it_applies_where_the_lines_have_gone(self):
        one = self.parse(self.GOOD)
        self.assertEqual(patches.changed(one, lambda path: "1\n2\n3\na\nb\nc\n")["kernel/x.c"],
                         "1\n2\n3\na\nb\n")

    def test_it_does_not_apply_to_other_lines(self):
        for text in ("a\nb\nC\nd\n", "", "b\n\nc\n"):
            with self.assertRaises(patches.PatchError):
                patches.changed(self.parse(self.GOOD), lambda path, text=text: text)

    def test_bad_ones_are_refused(self):
        for old, new in (("Promise: S3", "Promise: S11"), ("Promise: S3\n", ""),
                         ("Fails: unit/a_test:a::*\nFails: guest/b*:S3: x\n", ""),
                         ("unit/a_test:a::*", "unit/a_test"), ("guest/b*:S3", "nothing"),
                         ("Removes: one\n two\n", ""), ("Removes", "Promise"), ("-c", "?c"),
                         (" b\n-c\n", " b\n c\n"), ("+++ b/kernel", "+++ b/../kernel")):
            with self.assertRaises(patches.PatchError, msg=new):
                self.parse(self.GOOD.replace(old, new))


class Reach(unittest.TestCase):
    """Which guests may come out differently."""

    SOURCE = ("int other(int x)\n{\n\treturn x + 1;\n}\n\nstatic int table[] = {\n\t1,\n};\n\n"
              "int checked(int x)\n{\n\tif (x > 9)\n\t\treturn table[0];\n\treturn other(x);\n}\n")

    def spans(self, old, new, path="kernel/x.c"):
        one = patches.Ablation("300-x", "S3", "", [], [], {path: [(1, old, new)]})
        read = {path: self.SOURCE}.get
        return reach.changed_functions(patches.places(one, read), read)

    def test_a_change_is_in_its_function(self):
        self.assertEqual(self.spans(["\treturn x + 1;", "}"], ["\treturn x;", "}"]),
                         [("kernel/x.c", 2, 4)])
        self.assertEqual(self.spans(["\tif (x > 9)", "\t\treturn table[0];"], []),
                         [("kernel/x.c", 11, 15)])

    def test_lines_that_come_in_count(self):
        self.assertEqual(self.spans(["{", "\tif (x > 9)"], ["{", "\tx++;", "\tif (x > 9)"]),
                         [("kernel/x.c", 11, 15)])
        self.assertEqual(self.spans(["\treturn other(x);", "}"],
                                    ["\treturn other(x);", "\tx++;", "}"]), [("kernel/x.c", 11, 15)])

    def test_a_change_outside_of_functions_is_everywhere(self):
        for old, new in ((["\t1,"], ["\t2,"]), (["int other(int x)"], ["int other(long x)"]),
                         (["}", "", "static int table[] = {"], ["}", "", "int table[] = {"])):
            self.assertIsNone(self.spans(old, new))
        self.assertIsNone(self.spans(["\treturn x + 1;"], [], "lib/x.c"))
        self.assertIsNone(self.spans(["\treturn x + 1;"], [], "kernel/x.S"))

    def known(self, lines):
        found = reach.Reach("/nonexistent", "key")
        found.lines = lines
        return found

    def test_who_executes_a_function_can_tell(self):
        found = self.known({"a": {"kernel/x.c": [3, 14]}, "b": {"kernel/x.c": [3, 16]},
                            "c": {"kernel/y.c": [14]}, "d": {}})
        told = [name for name in "abcde" if found.may_tell(name, [("kernel/x.c", 11, 15)])]
        # Nothing is known of d, and not even that of e.
        self.assertEqual(told, ["a", "d", "e"])
        self.assertTrue(all(found.may_tell(name, None) for name in "abcde"))

    def test_lines_come_from_the_log_and_the_image(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            (tree / "kernel").mkdir()
            (tree / "kernel" / "x.c").write_text(self.SOURCE, "utf-8")
            # One that is inlined belongs to both.
            subprocess.run(["gcc", "-O2", "-g", "-nostdlib", "-static", "-Wl,-e,checked",
                            "-Wl,-Ttext=0xffffffff80001000", "-mcmodel=kernel", "-fno-pie", "-no-pie",
                            "kernel/x.c", "-o", "x"], cwd=tree, check=True)
            symbols = subprocess.run(["nm", "x"], cwd=tree, check=True, capture_output=True,
                                     text=True).stdout
            start = {name: int(value, 16) for value, _, name in map(str.split, symbols.split("\n")[:-1])}
            code = "".join(f"0x{start['other'] + at:x}:  90  nop\n" for at in range(0, 3))
            (tree / "one.code").write_text(f"----\nIN: other\n{code}", "utf-8")
            code = "".join(f"0x{start['checked'] + at:x}:  90  nop\n" for at in range(0, 24))
            (tree / "two.code").write_text(f"0x0000000000401000:  90\n{code}", "utf-8")
            found = reach.Reach(tree / "reach.json", "key")
            found.add(tree / "x", tree, {name: tree / f"{name}.code"
                                         for name in ("one", "two", "none")})
            found.save()
            for known in (found, reach.Reach(tree / "reach.json", "key")):
                self.assertEqual({name: (known.may_tell(name, [("kernel/x.c", 2, 4)]),
                                         known.may_tell(name, [("kernel/x.c", 11, 15)]))
                                  for name in ("one", "two", "none")},
                                 {"one": (True, False), "two": (True, True), "none": (True, True)})
            self.assertEqual(reach.Reach(tree / "reach.json", "other").lines, {})


class Judge(unittest.TestCase):
    """Exactly the named tests."""

    def judge(self, fails, *outcomes):
        one = patches.Ablation("300-x", "S3", "", [patches.parse_expected(text) for text in fails])
        return judge.judge(one, [Outcome(name, failed=list(failed), problems=list(problems))
                                 for name, failed, problems in outcomes])

    def test_named_tests_that_fail_are_right(self):
        problems, proved = self.judge(
            ["unit/a:s::x", "guest/b*:S3: *"], ("unit/a", ["s::x unexpected signal"], []),
            ("guest/b", ["S3: one"], ["status 35"]), ("guest/b-48", ["S3: two"], []),
            ("unit/c", [], []))
        self.assertEqual(problems, [])
        self.assertEqual(proved, ["unit/a:s::x", "guest/b:S3: one", "guest/b-48:S3: two"])

    def test_one_that_passes_is_wrong(self):
        self.assertIn("passes", self.judge(["unit/a:s::x"], ("unit/a", [], []))[0][0])
        self.assertIn("passes", self.judge(["guest/b"], ("guest/b", [], []))[0][0])
        self.assertIn("passes", self.judge(["guest/b:x", "guest/b-48:x"], ("guest/b", ["x"], []),
                                           ("guest/b-48", [], []))[0][0])

    def test_of_a_pattern_one_must_fail_and_all_may(self):
        self.assertEqual(self.judge(["guest/*:S3: *"], ("guest/b", ["S3: x"], []),
                                    ("guest/c", [], []))[0], [])
        self.assertIn("passes", self.judge(["guest/*:S3: *"], ("guest/b", [], []))[0][0])

    def test_one_that_fails_by_luck_may_pass_as_well(self):
        one = patches.Ablation("300-x", "S3", "", [patches.parse_expected("unit/a:s::x")],
                               [patches.parse_expected("guest/b*")])
        for failed in ([], ["S3: y"]):
            outcomes = [Outcome("unit/a", failed=["s::x"]), Outcome("guest/b", failed=failed)]
            self.assertEqual(judge.judge(one, outcomes)[0], [])
        self.assertIn("passes", judge.judge(one, [Outcome("unit/a"),
                                                  Outcome("guest/b", failed=["y"])])[0][0])

    def test_one_that_is_not_named_is_wrong(self):
        self.assertIn("should not: unit/a:s::y", self.judge(
            ["unit/a:s::x"], ("unit/a", ["s::x", "s::y"], []))[0][0])
        self.assertIn("should not: guest/c", self.judge(
            ["unit/a:s::x"], ("unit/a", ["s::x"], []), ("guest/c", [], ["late"]))[0][0])
        # A guest that breaks down has not shown that the named line fails.
        self.assertTrue(self.judge(["guest/b:x"], ("guest/b", [], ["no plan"]))[0])

    def test_a_program_that_was_not_run_is_wrong(self):
        self.assertIn("was not run", self.judge(["unit/a:s::x"])[0][0])

    def test_a_guest_as_a_whole(self):
        self.assertEqual(self.judge(["guest/b"], ("guest/b", ["x"], ["panic"]))[0], [])
        self.assertEqual(self.judge(["guest/b"], ("guest/b", [], ["panic"]))[0], [])


class Late(unittest.TestCase):
    """A machine that is busy with something else."""

    LATE = Outcome("guest/a", problems=["late"], late=True)
    GOOD = Outcome("guest/a")

    def run_all(self, *answers):
        """Outcomes of one program that answers in this order, and how many it did not need."""
        answers = list(answers)
        return *ablation.run_all([lambda: answers.pop(0)], 2), len(answers)

    def test_what_was_late_once_runs_again(self):
        self.assertEqual(self.run_all(self.LATE, self.GOOD), ([self.GOOD], ["guest/a"], 0))
        self.assertEqual(self.run_all(self.LATE, self.LATE), ([self.LATE], ["guest/a"], 0))

    def test_what_failed_in_time_does_not(self):
        bad = Outcome("guest/a", failed=["x"])
        self.assertEqual(self.run_all(bad, self.GOOD), ([bad], [], 1))

    def test_as_many_run_again_at_a_time_as_there_are_jobs(self):
        running, most, runs = [], [], []
        lock = threading.Lock()

        def program():
            with lock:
                running.append(1)
                runs.append(1)
                most.append(len(running) if len(runs) > 6 else 0)
            time.sleep(0.02)
            with lock:
                running.pop()
            return self.LATE

        ablation.run_all([program] * 6, 2)
        self.assertEqual((len(runs), max(most)), (12, 2))


class Remembered(unittest.TestCase):
    """What was judged is not judged again, unless anything has changed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name) / "tree"
        self.tree.mkdir()
        (self.tree / "a.c").write_text("a", "utf-8")
        self.file = Path(folder.name) / "judged.json"
        self.one = patches.Ablation("300-x", "S3", "", [], [], {"a.c": [(1, ["a"], ["b"])]})

    def judged(self, *more):
        return judged.Judged(self.file, judged.tree_key(self.tree, *more))

    OUTCOMES = [Outcome("guest/b", failed=["x"], problems=["status 35"]), Outcome("unit/c")]

    def test_of_the_same_tree(self):
        self.judged().add_outcomes(self.one, self.OUTCOMES)
        self.judged().add_whole(["guest/b"])
        self.assertEqual(self.judged().outcomes(self.one), self.OUTCOMES)
        self.assertTrue(self.judged().is_whole("guest/b"))
        self.assertFalse(self.judged().is_whole("guest/c"))

    def test_not_of_another_tree_or_setting(self):
        self.judged().add_outcomes(self.one, self.OUTCOMES)
        self.judged().add_whole(["guest/b"])
        self.assertIsNone(self.judged("other qemu").outcomes(self.one))
        for name in ("a.c", "b.c"):
            (self.tree / name).write_text("b", "utf-8")
            self.assertIsNone(self.judged().outcomes(self.one))
            self.assertFalse(self.judged().is_whole("guest/b"))

    def test_not_of_another_change(self):
        self.judged().add_outcomes(self.one, self.OUTCOMES)
        folder = self.tree / "tests" / "ablation"
        folder.mkdir(parents=True)
        (folder / "300-x.patch").write_text("its text", "utf-8")
        for change in ({}, {"fails": [patches.parse_expected("guest/b")]}):
            self.assertIsNotNone(self.judged().outcomes(replace(self.one, **change)))
        for change in ({"hunks": {"a.c": [(1, ["a"], ["c"])]}}, {"name": "301-x"}):
            self.assertIsNone(self.judged().outcomes(replace(self.one, **change)))

    def test_not_from_a_damaged_file(self):
        self.judged().add_outcomes(self.one, self.OUTCOMES)
        for text in ("", "[]", self.file.read_text("utf-8")[:-9]):
            self.file.write_text(text, "utf-8")
            self.assertIsNone(self.judged().outcomes(self.one))

    def verdict(self, fails, wanted):
        one = replace(self.one, fails=[patches.parse_expected(text) for text in fails])
        return ablation.remembered(one, wanted, self.judged())

    def test_a_mended_header_is_judged_by_what_is_known(self):
        self.assertIsNone(self.verdict(["guest/b:x"], ["guest/b"]))
        self.judged().add_outcomes(self.one, self.OUTCOMES)
        self.assertEqual(self.verdict(["guest/b:x"], ["guest/b", "unit/c"]).failed, ["guest/b:x"])
        # What is not as it says is tried again, and so is what now names a guest that was not run.
        self.assertIsNone(self.verdict(["guest/b:y"], ["guest/b"]))
        self.assertIsNone(self.verdict(["guest/b:x"], ["guest/b", "guest/d"]))


if __name__ == "__main__":
    unittest.main()
