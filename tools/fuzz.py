#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run libFuzzer programs, or take what they found into the corpus.

Each program gets an equal share of the time. What it finds on the way is kept in WORK/corpus, an
input that breaks something in WORK/crashes; the status is 1 when there is one. With --merge the
tracked corpus becomes a small set of inputs that reach the same edges, and nothing is fuzzed.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

INPUT_MAX = 4096  # bytes of an input
HANG = 10  # seconds for one input
MEMORY = 2048  # MiB
# The fake machine keeps what a dead unit has in quarantine: leaks are looked for when an input
# of the corpus is replayed, one process each target, and by the targets' own counters.
OPTIONS = [f"-max_len={INPUT_MAX}", f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}",
           "-print_final_stats=1", "-close_fd_mask=0"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=int, default=60, help="seconds for all programs together")
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--corpus", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--work", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("programs", nargs="+", type=Path)
    return parser.parse_args()


def folder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def run(program, arguments, log):
    with open(log, "wb") as out:
        return subprocess.run([str(program.resolve()), *map(str, arguments)], stdout=out,
                              stderr=out, stdin=subprocess.DEVNULL, check=False).returncode


def figure(text, pattern):
    """The last number that a pattern finds."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def fuzz(program, seconds, options):
    """One program for some seconds. Returns whether nothing broke."""
    name = program.name
    found = folder(options.work / "corpus" / name)
    crashes = folder(options.work / "crashes")
    log = options.work / f"{name}.log"
    known = [options.corpus / name] if (options.corpus / name).is_dir() else []
    status = run(program, [*OPTIONS, f"-max_total_time={seconds}",
                           f"-artifact_prefix={crashes}/{name}-", found, *known], log)
    text = log.read_text("utf-8", "replace")
    print(f"{name:18} {figure(text, r'number_of_executed_units: ([0-9]+)'):>9} inputs"
          f" {figure(text, r'cov: ([0-9]+)'):>6} edges {figure(text, r'corp: ([0-9]+)'):>5} kept"
          f"{'' if status == 0 else '  BROKEN: ' + str(log)}", flush=True)
    if status != 0:
        lines = [line for line in text.splitlines()
                 if re.search(r"broken:|panic:|ERROR:|SUMMARY:|runtime error|Test unit", line)]
        print("\n".join("    " + line for line in lines[:8]))
    return status == 0


def merge(program, options):
    """Replaces the corpus by a small set that reaches the same edges."""
    name = program.name
    into = folder(options.work / "merged" / name)
    shutil.rmtree(into)
    into.mkdir()
    sources = [path for path in (options.corpus / name, options.work / "corpus" / name)
               if path.is_dir()]
    log = options.work / f"{name}.merge.log"
    if run(program, [*OPTIONS, "-set_cover_merge=1", "-use_counters=0", into, *sources], log) != 0:
        print(f"{name}: the merge failed: {log}")
        return False
    kept = folder(options.corpus / name)
    for old in kept.iterdir():
        old.unlink()
    size = 0
    for path in sorted(into.iterdir()):
        data = path.read_bytes()
        size += len(data)
        (kept / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    print(f"{name:18} {len(list(kept.iterdir())):>4} inputs {size:>7} bytes", flush=True)
    return True


def main():
    options = parse()
    folder(options.work)
    os.environ["ASAN_OPTIONS"] = "detect_leaks=1:handle_abort=1"
    if options.merge:
        good = [merge(program, options) for program in options.programs]
    else:
        share = max(options.time // len(options.programs), 1)
        good = [fuzz(program, share, options) for program in options.programs]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
