#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/syscalls.md from include/cordon/syscalls.def, the one source of the calls.

usage: mksyscalls.py [--check] SYSCALLS.DEF OUTPUT.MD
       mksyscalls.py [--check] --errors SYSCALLS.DEF OUTPUT.DEF

--errors writes which errors each call can return, for the test that holds it to them.
--check writes nothing and fails when the page differs from what would be written.

A call is one line SYSCALL(number, name, (prototype)), preceded by a comment: its text, then one
line per error, each beginning with one or more error names.
"""

import re
import sys

CALL = re.compile(r"SYSCALL\((\d+), (\w+), \((.*)\)\)$")
SECTION = re.compile(r"/\* --- (.*) --- \*/$")
HANDLE = re.compile(r"cordon_handle_t (?!\*)|struct cordon_(wait|spawn|message|dma_map|dma_op)\b")
ERROR = re.compile(r"^(E[A-Z0-9]+(?:, E[A-Z0-9]+)*)\b\s*(.*)$")


class Malformed(Exception):
    pass


def parse(text):
    """Returns (introduction lines, [(section, [(number, name, prototype, comment lines)])])."""
    sections, comment, introduction = [], None, []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        section = SECTION.match(stripped)
        call = CALL.match(stripped)
        if section:
            sections.append((section[1], []))
            comment = None
        elif call:
            if not sections or comment is None:
                raise Malformed(f"line {number}: {call[2]} has no section or no comment")
            sections[-1][1].append((int(call[1]), call[2], call[3], comment))
            comment = None
        elif stripped.startswith("/*"):
            comment = [stripped[2:].removesuffix("*/").strip()]
            inside = not stripped.endswith("*/")
        elif inside:
            inside = not stripped.endswith("*/")
            comment.append(stripped.removesuffix("*/").lstrip("*").strip())
            if not inside and not sections and not introduction:
                introduction = comment
        elif stripped:
            raise Malformed(f"line {number}: not understood: {stripped}")
    return introduction, sections


def split_comment(lines):
    """Separates the text from the errors. A line that names no error continues what is before it."""
    words, errors = [], []
    for line in filter(None, lines):
        error = ERROR.match(line)
        if error:
            errors.append([error[1], error[2]])
        elif errors:
            errors[-1][1] += " " + line
        else:
            words.append(line)
    return " ".join(words), errors


def page(introduction, sections):
    out = [
        "# System calls",
        "",
        "<!-- Made by tools/mksyscalls.py from include/cordon/syscalls.def; `make docs` writes it. -->",
        "",
    ]
    paragraph = []
    for line in introduction + [""]:
        if line:
            paragraph.append(line)
        elif paragraph:
            out += [" ".join(paragraph), ""]
            paragraph = []
    for title, calls in sections:
        out += [f"## {title[0].upper()}{title[1:]}", ""]
        for number, name, prototype, comment in calls:
            text, errors = split_comment(comment)
            out += [f"### {name}", "", "```c", f"int64_t cordon_{name}({prototype}); /* {number} */",
                    "```", "", text, ""]
            if errors:
                out += ["| error | when |", "|---|---|"]
                out += [f"| {names} | {' '.join(when.split()) or 'see above'} |" for names, when in errors]
                out.append("")
    return "\n".join(out)


def errors_of(prototype, comment):
    """What a call can return: those that its comment names, and those of every call of its kind."""
    names = [name for group, _ in split_comment(comment)[1] for name in group.split(", ")]
    if HANDLE.search(prototype):
        names += ["EBADF", "EACCES"]
    if "*" in prototype:
        names += ["EFAULT"]
    if "cordon_handle_t *" in prototype:
        names += ["EMFILE", "ENOMEM"]
    return sorted(set(names))


def error_table(sections):
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* Made by tools/mksyscalls.py from include/cordon/syscalls.def; `make docs` writes it. */"]
    calls = {name: errors_of(prototype, comment)
             for _, listed in sections for _, name, prototype, comment in listed}
    inherited = {name: re.findall(r"errors of (\w+)", " ".join(comment))
                 for _, listed in sections for _, name, _, comment in listed}
    for name, errors in calls.items():
        errors = sorted(set(errors).union(*(calls[other] for other in inherited[name] if other in calls)))
        out.append(f"ERRORS({name}, {', '.join(errors) or '0'})")
    return "\n".join(out) + "\n"


def main(arguments):
    check = "--check" in arguments
    errors = "--errors" in arguments
    source, target = [a for a in arguments if not a.startswith("--")]
    with open(source, encoding="utf-8") as file:
        introduction, sections = parse(file.read())
    text = error_table(sections) if errors else page(introduction, sections)
    if not check:
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        return 0
    with open(target, encoding="utf-8") as file:
        if file.read() == text:
            return 0
    print(f"{target} does not follow {source}: run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Malformed as error:
        sys.exit(f"{sys.argv[0]}: {error}")
