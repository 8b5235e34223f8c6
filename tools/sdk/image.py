# SPDX-License-Identifier: MIT
"""Making a bootable image out of programs and a manifest: what cordon-image and cordon-run
share. Works from the folder that `make sdk` assembles; nothing of the source tree is needed.
"""

import importlib.util
import os
import re
import shlex
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mkcpio
import mkprogram

SHARE = Path(__file__).resolve().parent
BIN = SHARE.parent.parent / "bin"

SOURCE_SUFFIXES = {".c": "gcc", ".cc": "g++", ".cpp": "g++", ".cxx": "g++"}
# Frames, so that a report of a fault names all the callers.
SOURCE_FLAGS = ["-O2", "-g", "-Wall", "-fno-omit-frame-pointer"]
NAME = re.compile(r"[A-Za-z0-9._-]{1,31}")  # what tasks/init takes for a task's name
DECLARED_SECTION = ".cordon.manifest"  # <cordon/manifest.h>

LINK = ["-static", "-nostdlib", "-z", "max-page-size=4096", "-z", "noexecstack", "--build-id=none",
        "--gc-sections", "--no-warn-rwx-segments", "-T", str(SHARE / "kernel.ld")]


class Problem(Exception):
    """Something that the caller gave is not right; the text says what."""


@dataclass
class Program:
    """A program of the image."""

    name: str
    given: str  # as the caller named it
    path: str  # the ELF file
    declared: list  # the manifest statements that the program itself brings

    @property
    def place(self):
        """Where it lies in the image."""
        return f"/bin/{self.name}"


def load(name):
    """A tool beside this file whose name is no Python identifier."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), SHARE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def execute(words, failure):
    """Run a tool; a Problem with its output when it fails."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Problem(f"{failure}\n{done.stdout.rstrip()}")
    return done.stdout


def tool(name):
    return BIN / f"x86_64-cordon-{name}"


# --- programs ---------------------------------------------------------------------------


def compile_source(path, name, work):
    """Build one C or C++ file with the SDK's compiler and libvfio."""
    out = Path(work) / name
    compiler = tool(SOURCE_SUFFIXES[Path(path).suffix])
    text = execute([compiler, *SOURCE_FLAGS, "-o", out, path, "-lvfio"], f"{path}: does not compile")
    if text:
        print(text, end="")
    return str(out)


def section(data, wanted):
    """The contents of a section of an ELF64 file; empty when there is none."""
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    if names >= count:
        return b""
    for header in headers:
        begin = headers[names][4] + header[0]
        if data[begin:data.index(b"\0", begin)].decode("latin-1") == wanted:
            return data[header[4]:header[4] + header[5]]
    return b""


def declared_statements(data):
    """The lines that CORDON_MANIFEST put into a program."""
    try:
        text = section(data, DECLARED_SECTION).decode("utf-8")
    except (struct.error, ValueError):
        return []
    return [line.strip() for line in text.replace("\0", "\n").splitlines() if line.strip()]


def read_program(path, work):
    """One word of the command line: a program, or a source file to be made into one."""
    if not os.path.exists(path):
        raise Problem(f"{path}: no such file")
    if not os.path.isfile(path):
        raise Problem(f"{path}: not a file")
    stem, suffix = os.path.splitext(os.path.basename(path))
    is_source = suffix in SOURCE_SUFFIXES
    name = stem if is_source or suffix == ".elf" else stem + suffix
    if not NAME.fullmatch(name):
        raise Problem(f"{path}: a task cannot be called '{name}': 1 to 31 letters, digits, "
                      "'-', '_' or '.'")
    built = compile_source(path, name, work) if is_source else path
    with open(built, "rb") as handle:
        data = handle.read()
    wrong = load("check-program").problems(data)
    if wrong:
        raise Problem(f"{path}: not a program for Cordon: {'; '.join(wrong)} "
                      "(build it with x86_64-cordon-gcc)")
    return Program(name, path, built, declared_statements(data))


def read_programs(paths, work):
    """All of them; two may not share a name."""
    programs = {}
    for path in paths:
        program = read_program(path, work)
        if program.name in programs:
            raise Problem(f"two programs are called {program.name}: "
                          f"{programs[program.name].given} and {path}")
        programs[program.name] = program
    return list(programs.values())


# --- manifests --------------------------------------------------------------------------


def quoted(word):
    if '"' in word or "\n" in word:
        raise Problem(f"an argument cannot contain a double quote or a line's end: {word}")
    return f'"{word}"'


def default_manifest(programs, args):
    """What is started when nobody says: each program once, one after the other, with what it
    declares, or else with every device that can be handed out."""
    lines = ["# Made by cordon-run; see docs/manifest.md."]
    for program in programs:
        lines += ["", f"task {program.name} {program.place}"]
        statements = program.declared or ["group all reset=trusted"]
        if args:
            statements = [line for line in statements if line.split()[0] != "args"]
            statements.append("args " + " ".join(quoted(word) for word in args))
        for extra in ["wait"] + (["input"] if len(programs) == 1 else []):
            if extra not in statements:
                statements = statements + [extra]
        lines += ["\t" + line for line in statements]
    return "\n".join(lines) + "\n"


def check_manifest(path, shown, programs, wanted, prompt):
    """Read a manifest with init's own reader, and compare it with the programs: those that it
    names have to be there, and it has to name those that are wanted (paths as given)."""
    done = subprocess.run([str(SHARE / "manifest-check"), path], capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{shown}:{done.stderr.strip() or 'cannot be read'}")
    entries = [line.split(" ", 3) for line in done.stdout.splitlines()]
    places = {program.place for program in programs} | {"/init"}
    for line, _, _, program in entries:
        if program not in places:
            have = ", ".join(sorted(places - {"/init"})) or "none"
            raise Problem(f"{shown}:{line}: {program} is not in the image; the programs are: {have}")
    named = {entry[3] for entry in entries}
    for program in programs:
        if program.given in wanted and program.place not in named:
            raise Problem(f"{shown}: no task is {program.place} (the program {program.given}); "
                          "--with takes a program that something else starts")
    if not prompt and not any(entry[1] == "wait" for entry in entries):
        raise Problem(f"{shown}: no task has 'wait': the machine would be switched off at once")


# --- images -----------------------------------------------------------------------------


def strip(program, work):
    out = Path(work) / f"{program.name}.stripped"
    try:
        mkprogram.make(program.path, out, tool(""))
    except mkprogram.Problem as problem:
        raise Problem(f"{program.path}: cannot be stripped: {problem}") from None
    return out.read_bytes()


def archive(programs, manifest, files, work):
    """The bytes of the archive: init, the programs, the manifest, other files."""
    contents = {"init": (0o755, (SHARE / "init").read_bytes()),
                "etc/manifest": (0o644, manifest.encode())}
    for program in programs:
        contents[program.place.lstrip("/")] = (0o755, strip(program, work))
    for entry in files:
        try:
            dest, source, mode = mkcpio.parse_entry(entry)
            data = Path(source).read_bytes()
        except (mkcpio.ArchiveError, OSError) as error:
            raise Problem(str(error)) from None
        if dest in contents:
            raise Problem(f"{entry}: /{dest} is in the image already")
        contents[dest] = (mode, data)
    try:
        return mkcpio.build(contents)
    except mkcpio.ArchiveError as error:
        raise Problem(str(error)) from None


def link(out, data, kernel, work):
    """Link the kernel with an archive, twice: the second time with the table of function names
    that the first link yields (mksyms.py)."""
    work = Path(work)
    cpio, packed = work / "image.cpio", work / "image.cpio.o"
    symbols, first, last = work / "symbols.S", work / "first.elf", work / "last.elf"
    cpio.write_bytes(data)
    where = str(cpio).replace("\\", "\\\\").replace('"', '\\"')
    execute([tool("gcc"), "-c", f'-DINITRAMFS_FILE="{where}"', "-o", packed, SHARE / "initramfs.S"],
            "the archive cannot be assembled")
    mksyms = load("mksyms")
    names, end = {}, None
    for target in (first, last):
        symbols.write_text(mksyms.assemble(names, end), encoding="ascii")
        execute([tool("gcc"), "-c", "-o", f"{symbols}.o", symbols], "the symbols cannot be assembled")
        execute([tool("ld"), *LINK, "-o", target, kernel, packed, f"{symbols}.o"],
                "the image cannot be linked")
        found = mksyms.functions(execute([tool("nm"), "-n", target], "nm failed").splitlines())
        if target == last and found != (names, end):
            raise Problem("the two links of the image differ")
        names, end = found
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    shutil.copyfile(last, out)


def make(out, paths, manifest_path="", args=(), others=(), files=(), kernel="", prompt=False):
    """Make the image `out`; returns the text of its manifest. The programs in `others` are not
    started by it, or need not be."""
    if not paths and not (manifest_path and others):
        raise Problem("no program is given")
    if args and (manifest_path or len(paths) != 1):
        raise Problem("arguments go to the only program, when there is no manifest; "
                      "otherwise the manifest's args lines say them")
    with tempfile.TemporaryDirectory(prefix="cordon-image-") as work:
        programs = read_programs([*paths, *others], work)
        if manifest_path:
            try:
                text, shown, place = Path(manifest_path).read_text(), manifest_path, manifest_path
            except (OSError, ValueError) as error:
                raise Problem(f"{manifest_path}: {getattr(error, 'strerror', 'not text')}") from None
        else:
            text = default_manifest(programs[:len(paths)], args)
            shown, place = "the declared manifest", str(Path(work) / "manifest")
            Path(place).write_text(text)
        check_manifest(place, shown, programs, paths, prompt)
        link(out, archive(programs, text, files, work), kernel or SHARE / "kernel.o", work)
    return text


def split_words(text, what):
    """Words as a shell would split them."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Problem(f"{what}: {error}") from None
