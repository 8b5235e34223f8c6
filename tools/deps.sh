#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: deps.sh [--quiet] SET...
#
# Looks for the programs and files that a set of Debian packages provides; installs the
# packages that are missing where that is possible without asking for a password, and
# otherwise prints the exact list and fails. Sets: run (build and boot), test, check,
# coverage, linux (to measure it beside us).
set -eu

quiet=
missing=

# need PACKAGE PROBE...: each probe is a program to be found in PATH or an absolute file.
need() {
	package=$1
	shift
	for probe in "$@"; do
		case $probe in
		/*) [ -e "$probe" ] || { add "$package"; return 0; } ;;
		*) command -v "$probe" >/dev/null 2>&1 || { add "$package"; return 0; } ;;
		esac
	done
}

# any PACKAGE PROBE...: one of the probes is enough.
any() {
	package=$1
	shift
	for probe in "$@"; do
		case $probe in
		/*) [ ! -e "$probe" ] || return 0 ;;
		*) ! command -v "$probe" >/dev/null 2>&1 || return 0 ;;
		esac
	done
	add "$package"
}

add() {
	case " $missing " in
	*" $1 "*) ;;
	*) missing="$missing $1" ;;
	esac
}

set_run() {
	need gcc gcc
	need make make
	need binutils as ld ar nm objcopy readelf strip
	need libc6-dev /usr/include/stdio.h
	need xz-utils xz
	need python3 python3
	need util-linux flock
	# QEMU=path may name another emulator; the packaged one is what the tests run on.
	need qemu-system-x86 qemu-system-x86_64
	any seabios /usr/share/seabios/bios-256k.bin /usr/share/qemu/bios-256k.bin
	need newlib-source /usr/src/newlib/newlib-3.3.0.tar.xz
}

set_test() {
	set_run
	need libcriterion-dev /usr/include/criterion/criterion.h
	need pkg-config pkg-config
}

set_check() {
	set_test
	need git git
	need g++ g++
	any clang-14 clang-14
	any clang-format clang-format
	any clang-tidy clang-tidy
	need cppcheck cppcheck
}

set_coverage() {
	set_test
	need gcovr gcovr
}

set_linux() {
	need busybox-static busybox
	need cpio cpio
}

[ $# -gt 0 ] || { echo "usage: $0 [--quiet] run|test|check|coverage|linux..." >&2; exit 2; }
sets=
for word in "$@"; do
	case $word in
	--quiet) quiet=1 ;;
	run) set_run ;;
	test) set_test ;;
	check) set_check ;;
	coverage) set_coverage ;;
	linux) set_linux ;;
	*) echo "$0: no such set: $word" >&2; exit 2 ;;
	esac
	[ "$word" = --quiet ] || sets="$sets $word"
done

if [ -z "$missing" ]; then
	[ -n "$quiet" ] || echo "deps: everything is installed (for:$sets)"
	exit 0
fi

# Asking apt for them needs root, or a sudo that does not ask.
as_root=
if command -v apt-get >/dev/null 2>&1; then
	if [ "$(id -u)" = 0 ]; then
		as_root=env
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		as_root="sudo -n env"
	fi
fi

command="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ -z "$as_root" ]; then
	cat >&2 <<MESSAGE
deps: these Debian packages are missing:
   $missing
deps: they cannot be installed from here (no apt-get, or neither root nor a password-less
deps: sudo). As root, run:
    $command
MESSAGE
	exit 1
fi

echo "deps: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # both are lists of words
if ! { $as_root DEBIAN_FRONTEND=noninteractive apt-get -q update &&
	$as_root DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
		--no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 25 "$log" >&2
	cat >&2 <<MESSAGE
deps: apt-get failed (its last lines are above). Install these packages by hand:
    $command
MESSAGE
	exit 1
fi

# What apt says it did and what is there now are two things.
exec_again=${DEPS_AGAIN:-}
[ -z "$exec_again" ] || { echo "deps: installed, but still not found:$missing" >&2; exit 1; }
# shellcheck disable=SC2086
DEPS_AGAIN=1 exec "$0" --quiet $sets
