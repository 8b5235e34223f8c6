# SPDX-License-Identifier: MIT
"""What the tree calls itself (tools/version.sh): with and without a history."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools/version.sh"


class Version(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        (Path(self.folder.name) / "file").write_text("one\n", "utf-8")

    def name(self):
        return subprocess.run([TOOL, "1.2"], cwd=self.folder.name, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *words],
                              cwd=self.folder.name, check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def test_without_a_history_it_is_the_version(self):
        self.assertEqual(self.name(), "1.2\n")

    @unittest.skipUnless(shutil.which("git"), "no git")
    def test_a_clone_names_its_commit_and_whether_it_was_changed(self):
        self.git("init", "-q")
        self.assertEqual(self.name(), "1.2\n", "no commit yet")
        self.git("add", "file")
        self.git("commit", "-q", "-m", "first")
        commit = self.git("rev-parse", "HEAD")[:12]
        self.assertEqual(self.name(), f"1.2-{commit}\n")
        (Path(self.folder.name) / "other").write_text("not tracked\n", "utf-8")
        self.assertEqual(self.name(), f"1.2-{commit}\n")
        self.git("tag", "-a", "-m", "text", "v9")
        self.assertEqual(self.name(), f"1.2-{commit}\n", "whatever tags there are")
        (Path(self.folder.name) / "file").write_text("two\n", "utf-8")
        self.assertEqual(self.name(), f"1.2-{commit}-changed\n")


if __name__ == "__main__":
    unittest.main()
