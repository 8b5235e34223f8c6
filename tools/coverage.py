#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the host tests reach: lines and branches, one line for each folder, and HTML pages.

Reads what gcov counted in BUILD, by gcovr. Sources that no host test links are counted in
the second column and in no percentage: what they do is for the guests to test.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

# Ours, but not what is tested; and what the fake machine replaces.
NOT_TESTED = ["tests/", "bench/"]


def folder_of(path):
    return str(Path(path).parent)


def fold(files, sources):
    """Sums per folder: {folder: [files, sources, lines, of lines, branches, of branches]}.

    files: records of gcovr's summary. sources: paths of all C sources of the tree.
    """
    folders = {}
    for path in sources:
        folders.setdefault(folder_of(path), [0] * 6)[1] += 1
    for record in files:
        if record["filename"].endswith(".h") and record["line_total"] == 0:
            continue
        sums = folders.setdefault(folder_of(record["filename"]), [0] * 6)
        sums[0] += record["filename"].endswith(".c")
        sums[2] += record["line_covered"]
        sums[3] += record["line_total"]
        sums[4] += record["branch_covered"]
        sums[5] += record["branch_total"]
    return folders


def percent(part, whole):
    return f"{100 * part / whole:5.1f} %" if whole else "      -"


def row(name, sums):
    files = f"{sums[0]:4} of {sums[1]:3}" if sums[1] else f"{'headers':>11}"
    return (f"{name:24} {files}  {percent(sums[2], sums[3])} of {sums[3]:5}"
            f"  {percent(sums[4], sums[5])} of {sums[5]:5}")


def table(folders):
    """The lines to print. Folders that no host test reaches are named in one line."""
    reached = {name: sums for name, sums in folders.items() if sums[3]}
    total = [sum(column) for column in zip(*reached.values())] or [0] * 6
    lines = [f"{'folder':24} {'files':>11}  {'lines':>16}  {'branches':>16}"]
    lines += [row(name, sums) for name, sums in sorted(reached.items())]
    lines.append(row("all", total))
    missed = sorted(name for name, sums in folders.items() if not sums[3])
    if missed:
        lines.append("no host test links: " + " ".join(missed))
    return lines


def gcovr(options, summary):
    """Reads all counters once; writes the summary and the pages."""
    command = ["gcovr", "--root", ".", "--object-directory", str(options.build), "-j", "2",
               "--exclude-unreachable-branches", "--exclude-throw-branches", "--print-summary",
               "--json-summary", str(summary), "--html-details",
               str(options.html / "index.html"), "--html-title", "Cordon: host tests"]
    for prefix in NOT_TESTED:
        command += ["--exclude", prefix]
    command.append(str(options.build))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--html", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="all C sources there are")
    options = parser.parse_args()
    options.html.mkdir(parents=True, exist_ok=True)
    summary = options.build / "summary.json"
    gcovr(options, summary)
    files = json.loads(summary.read_text("utf-8"))["files"]
    print("\n".join(table(fold(files, sorted(set(options.sources))))))
    print(f"pages: {options.html / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
