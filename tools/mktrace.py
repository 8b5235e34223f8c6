#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes kernel/trace_table.h: what the trace of system calls needs to know to print a call.

usage: mktrace.py [--check] INCLUDE-FOLDER OUTPUT.H

Everything comes from the interface itself: calls and their parameters from syscalls.def, members
of structures, names of flags and of enumerations from the other headers, names of errors from
errno.h. A comment that says `CORDON_PROT_*` or `enum cordon_object_type` behind a member, or
`prot: CORDON_PROT_*` above a call, says which names a number has.

--check writes nothing and fails when the file differs from what would be written.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mksyscalls  # noqa: E402

HEADERS = ("types.h", "memory.h", "task.h", "channel.h", "vfio.h", "system.h")
STRUCT = re.compile(r"^struct (cordon_\w+) \{\n(.*?)^\};", re.M | re.S)
ENUM = re.compile(r"^enum (cordon_\w+) \{\n(.*?)^\};", re.M | re.S)
MEMBER = re.compile(r"^\s*((?:struct )?\w+) (\w+)(\[[\w]+\])?;[ \t]*(?:/\*(.*?)\*/)?", re.M | re.S)
DEFINE = re.compile(r"^#define (CORDON_\w+)\s+\\?\s*(0x[0-9a-f]+|\d+)u\b", re.M)
ENUMERATOR = re.compile(r"^\s*(CORDON_\w+)(?: = \d+)?,", re.M)
SET = re.compile(r"\bCORDON_([A-Z_0-9]+?)_\*")
ENUM_NAME = re.compile(r"\benum (cordon_\w+)")
PARAMETER_SET = re.compile(r"\b(\w+): CORDON_([A-Z_0-9]+?)_\*")
ERRNO = re.compile(r"^#define (E[A-Z0-9]+)\s+(\d+)", re.M)

# Parameters and members that have the same names wherever they are.
COMMON = {"rights": "RIGHT", "prot": "PROT", "map_flags": "MAP", "memory_flags": "MEMORY",
          "pending": "SIGNAL"}
SIGNED = {"int32_t", "int64_t"}
UNSIGNED = {"uint8_t", "uint16_t", "uint32_t", "uint64_t"}


class Malformed(Exception):
    pass


class Interface:
    """What the headers say."""

    def __init__(self, folder):
        self.texts = {name: (folder / name).read_text(encoding="utf-8") for name in HEADERS}
        self.types = {name: body for text in self.texts.values()
                      for name, body in STRUCT.findall(text)}
        self.enums = {name: body for text in self.texts.values() for name, body in ENUM.findall(text)}
        self.errors = ERRNO.findall((folder / "errno.h").read_text(encoding="utf-8"))
        self.sections = mksyscalls.parse((folder / "syscalls.def").read_text(encoding="utf-8"))[1]
        self.sets = {}    # C name: (flags, [(name, constant)])

    def header_of(self, struct):
        return next(name for name, text in self.texts.items() if f"struct {struct} {{" in text)

    def names(self, prefix, header=None):
        """The constants CORDON_<prefix>_..., of one header if it has any; returns the C name."""
        found = self.constants(prefix, [self.texts[header]]) if header else []
        everywhere = self.constants(prefix, self.texts.values())
        name = "names_" + prefix.lower()
        if found and found != everywhere:
            name += "_" + header.removesuffix(".h")
        found = found or everywhere
        if not found:
            raise Malformed(f"no constants CORDON_{prefix}_*")
        flags = found[0][2].startswith("0x")
        self.sets[name] = (flags, [(rest, constant) for rest, constant, value in found
                                   if not flags or int(value, 0).bit_count() == 1])
        return name

    def constants(self, prefix, texts):
        """[(name, constant, value)]: bits, in hexadecimal, or, if there are none, numbers."""
        longer = [f"CORDON_{other}_" for other in self.prefixes() if other.startswith(prefix + "_")]
        found = [(constant.removeprefix(f"CORDON_{prefix}_"), constant, value)
                 for text in texts for constant, value in DEFINE.findall(text)
                 if constant.startswith(f"CORDON_{prefix}_") and not constant.startswith(tuple(longer))]
        bits = [entry for entry in found if entry[2].startswith("0x")]
        return bits or found

    def prefixes(self):
        return {prefix for text in self.texts.values() for prefix in SET.findall(text)}

    def enumeration(self, enum):
        constants = ENUMERATOR.findall(self.enums[enum])
        words = [constant.split("_") for constant in constants]
        common = 0
        while all(len(word) > common + 1 and word[common] == words[0][common] for word in words):
            common += 1
        name = "names_" + enum.removeprefix("cordon_")
        self.sets[name] = (False, [("_".join(word[common:]), constant)
                                   for word, constant in zip(words, constants)])
        return name

    def named(self, member, comment, struct):
        """The set of names that a member's comment mentions, or that every member so called has."""
        if match := SET.search(comment or ""):
            return self.names(match[1], self.header_of(struct))
        if match := ENUM_NAME.search(comment or ""):
            return self.enumeration(match[1])
        return self.names(COMMON[member]) if member in COMMON else None


def number_kind(name, kind, names):
    """(trace kind, the table that goes with it)"""
    if names:
        return "NAMES", f"&{names}"
    if kind == "cordon_handle_t":
        return "HANDLE", "0"
    if kind == "cordon_bdf_t":
        return "BDF", "0"
    if name == "deadline":
        return "DEADLINE", "0"
    if kind in SIGNED:
        return "SIGNED", "0"
    if kind in UNSIGNED:
        return "NUMBER", "0"
    raise Malformed(f"{name}: unknown type {kind}")


def members(interface, struct):
    rows = []
    for kind, name, array, comment in MEMBER.findall(interface.types[struct]):
        if name == "reserved":
            continue
        if kind == "char":
            rows.append(f"MEMBER({struct}, {name}, TEXT, 0)")
        elif array:
            continue  # lists within a structure are not printed
        elif kind.startswith("struct "):
            rows.append(f"MEMBER({struct}, {name}, STRUCT, &type_{kind[len('struct cordon_'):]})")
        else:
            what, table = number_kind(name, kind, interface.named(name, comment, struct))
            rows.append(f"MEMBER({struct}, {name}, {what}, {table})")
    return rows


def parameters(prototype):
    """[(type, whether a pointer, whether to a constant, name)]"""
    if prototype == "void":
        return []
    result = []
    for text in prototype.split(", "):
        match = re.fullmatch(r"(const )?((?:struct )?\w+) (\*?)(\w+)", text)
        if not match:
            raise Malformed(f"parameter not understood: {text}")
        result.append((match[2], bool(match[3]), bool(match[1]), match[4]))
    return result


def pointed(kind):
    """(trace kind, table, bytes) of what a pointer leads to."""
    if kind in ("void", "char"):
        return "BYTES", "0", "1"
    if kind.startswith("struct "):
        return "STRUCT", f"&type_{kind[len('struct cordon_'):]}", f"sizeof({kind})"
    return *number_kind("", kind, None), f"sizeof({kind})"


def arguments(interface, prototype, comment):
    text = " ".join(comment)
    said = dict(COMMON, **dict(PARAMETER_SET.findall(text)))
    listed = parameters(prototype)
    rows = []
    for index, (kind, pointer, constant, name) in enumerate(listed):
        if not pointer:
            names = said.get(name)
            names = names and interface.names(names)
            what, table = number_kind(name, kind, names)
            rows.append(f'{{"{name}", TRACE_VALUE, TRACE_{what}, {table}, sizeof({kind}), 0, 1}}')
            continue
        what, table, size = pointed(kind)
        struct = what == "STRUCT"
        way = "IN" if constant else "OUT" if name == "out" or not struct else "BOTH"
        following = [other[3] for other in listed[index + 1:index + 2]]
        counted = index + 1 if following in (["count"], ["size"]) else 0
        elements = 2 if f"{name}: two handles" in text else 1
        rows.append(f'{{"{name}", TRACE_{way}, TRACE_{what}, {table}, {size}, {counted}, {elements}}}')
    return rows


def table(name, kind, rows):
    return [f"static const struct {kind} {name}[] = {{"] + [f"\t{row}," for row in rows] + ["};", ""]


def dependencies(struct, interface, done, order):
    """Structures in an order in which each comes after those that it contains."""
    if struct in done:
        return
    done.add(struct)
    for kind, _, array, _ in MEMBER.findall(interface.types[struct]):
        if kind.startswith("struct ") and not array:
            dependencies(kind.removeprefix("struct "), interface, done, order)
    order.append(struct)


def generate(folder):
    interface = Interface(folder)
    calls = [call for _, listed in interface.sections for call in listed]
    order, done = [], set()
    for _, _, prototype, _ in calls:
        for kind, pointer, _, _ in parameters(prototype):
            if pointer and kind.startswith("struct "):
                dependencies(kind.removeprefix("struct "), interface, done, order)
    types, tables = [], []
    for struct in order:
        short = struct.removeprefix("cordon_")
        types += table(f"members_{short}", "trace_member", members(interface, struct))
        types += [f"static const struct trace_type type_{short} = "
                  f"{{LENGTH(members_{short}), members_{short}}};", ""]
    entries = []
    for number, name, prototype, comment in calls:
        rows = arguments(interface, prototype, comment)
        if rows:
            tables += table(f"call_{name}", "trace_argument", rows)
        entries.append(f"[{number}] = {{{len(rows)}, {f'call_{name}' if rows else '0'}}}")
    sets = []
    for name, (flags, listed) in interface.sets.items():
        sets += table(f"{name}_list", "trace_name", [f'{{"{text}", {value}}}' for text, value in listed])
        sets += [f"static const struct trace_names {name} = "
                 f"{{{str(flags).lower()}, LENGTH({name}_list), {name}_list}};", ""]
    return "\n".join([
        "/* SPDX-License-Identifier: MIT */",
        "/* Made by tools/mktrace.py from include/cordon/; `make docs` writes it. */",
        "/* clang-format off */",
        "#ifndef KERNEL_TRACE_TABLE_H", "#define KERNEL_TRACE_TABLE_H", "",
        "#include <cordon/syscall.h>", "#include <kernel/trace_format.h>", "",
        "#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))",
        "#define MEMBER(type, member, kind, table) \\",
        "\t{#member, offsetof(struct type, member), sizeof(((struct type *)0)->member), TRACE_##kind, table}",
        "",
        *sets, *types, *tables,
        *table("trace_calls", "trace_call", entries),
        *table("trace_errors", "trace_name",
               [f'{{"{name}", {number}}}' for name, number in interface.errors]),
        "#endif", ""])


def main(words):
    check = "--check" in words
    folder, target = [pathlib.Path(word) for word in words if word != "--check"]
    text = generate(folder)
    if not check:
        target.write_text(text, encoding="utf-8")
        return 0
    if target.read_text(encoding="utf-8") == text:
        return 0
    print(f"{target} does not follow {folder}: run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Malformed, mksyscalls.Malformed) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
