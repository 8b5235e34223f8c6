#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: check.sh [STEP...]        (called by `make check`, which sets the variables)
#
# Steps: format headers clang analyzer cppcheck tidy docs shell. Each prints what it found and one
# line with its verdict; the status is 0 only when all are content.
set -u

: "${BUILD:?}" "${KERNEL_CFLAGS:?}" "${USER_CC:?}"
out=$BUILD/check
rm -rf "$out"
mkdir -p "$out"
newlib=$(dirname "$USER_CC")/..

clang_kernel="clang-14 -nostdlibinc $KERNEL_CPPFLAGS $KERNEL_CFLAGS"
gcc_kernel="gcc -nostdinc -isystem $(gcc -print-file-name=include) $KERNEL_CPPFLAGS $KERNEL_CFLAGS"
clang_user="--target=x86_64-unknown-none-elf -nostdlibinc -std=gnu11 $USER_CPPFLAGS $(tr '\n' ' ' <"$newlib/flags")"
clang_host="-std=gnu11 $HOST_CPPFLAGS"

# tracked PATTERN...: tracked files that still exist.
tracked() {
	git ls-files -- "$@" | while read -r file; do
		[ -e "$file" ] && echo "$file"
	done
}

# each COMMAND: run it with the name of each file on stdin, two at a time, output unmixed.
# The command finds the file in $1. Fails when one of them fails.
each() {
	xargs -r -P2 -I{} bash -c '
		text=$( { '"$1"'; } 2>&1 </dev/null)
		status=$?
		[ $status = 0 ] || printf "%s\n" "$text" >&2
		exit $((status != 0))' each {} || return 1
}

of_type() { # of_type SUFFIX WORD...
	suffix=$1
	shift
	printf '%s\n' "$@" | grep "\\.$suffix\$" | sort -u
}

step_format() {
	tracked '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
}

step_tidy() {
	# With the debug checks, because an assertion tells the analyzer what holds.
	status=0
	# shellcheck disable=SC2086
	of_type c $KERNEL_SRCS | each "clang-tidy --quiet \$1 -- ${clang_kernel#clang-14} \
		-DCORDON_DEBUG=1" || status=1
	# shellcheck disable=SC2086
	of_type c $USER_SRCS | each "clang-tidy --quiet \$1 -- $clang_user" || status=1
	# shellcheck disable=SC2086
	{ of_type c $HOST_SRCS; tracked 'tests/unit/fake/*.c'; } | sort -u |
		grep '^tests/' | each "clang-tidy --quiet \$1 -- $clang_host" || status=1
	return $status
}

# comparePointers: cppcheck takes the two linker-script symbols around a table for two objects.
# kernel/selftest.c does on purpose what it finds. Criterion's macros, which it does not know,
# become plain functions.
step_cppcheck() {
	common=(--quiet -j2 --std=c11 --platform=unix64 --enable=warning,performance,portability
		--inline-suppr --error-exitcode=1 --template=gcc --suppress=comparePointers
		-U__ASSEMBLER__ -I. -Iinclude -Ilib -Ilib/libc/include -Ilib/libvfio/include)
	status=0
	tracked '*.c' ':!tests/unit/*' ':!kernel/selftest.c' |
		xargs -r cppcheck "${common[@]}" -Iarch/x86_64/include || status=1
	tracked 'tests/unit/*.c' | xargs -r cppcheck "${common[@]}" -Itests/unit/fake/include \
		'-DTest(suite,name,...)=void suite##_##name(void)' '-DTestSuite(...)=' || status=1
	return $status
}

# The sources that unit tests link: they need no hardware, and the analyzer understands them.
step_analyzer() {
	# shellcheck disable=SC2086
	of_type c $HOST_SRCS | grep -v '^tests/' |
		each "gcc -std=gnu11 -O1 -fanalyzer -Wall -Wextra -Werror $HOST_CPPFLAGS -c -o /dev/null \$1"
}

step_clang() {
	mkdir -p "$out/clang"
	# shellcheck disable=SC2086
	printf '%s\n' $KERNEL_SRCS | each "$clang_kernel -Wno-unused-command-line-argument -DCORDON_DEBUG=1 \
		-c -o $out/clang/\$(echo \$1 | tr / _).o \$1"
}

# alone COMPILER LANGUAGE: each header named on stdin is the whole program.
alone() {
	each "printf '#include \"%s\"\n' \$1 | $1 -I. -x $2 -fsyntax-only -"
}

step_headers() {
	status=0
	tracked 'kernel/*.h' 'drivers/*.h' 'arch/*.h' 'include/*.h' | grep -v '/asm\.h$' |
		alone "$gcc_kernel" c || status=1
	tracked 'arch/*asm.h' | each "printf '#include \"%s\"\n' \$1 |
		$gcc_kernel -I. -x assembler-with-cpp -c -o /dev/null -" || status=1
	tracked 'include/*.h' 'lib/*.h' 'tasks/*.h' | grep -v -e '/overlay/' -e '^lib/libc/include/' -e '^lib/cxx/include/' |
		alone "$USER_CC -std=gnu11 -Wall -Wextra -Werror $USER_CPPFLAGS" c || status=1
	# Those of lib/cxx stand among libstdc++'s, and are compiled there by sdk_test.
	tracked 'include/*.h' 'lib/*include/*.h' | grep -v -e '^lib/libc/include/' -e '^lib/cxx/include/' |
		alone "$USER_CC -std=gnu++17 -Wall -Wextra -Werror $USER_CPPFLAGS" c++ || status=1
	# By the names that programs use, because some include newlib's of the same name.
	for language in 'c -std=gnu11' 'c++ -std=gnu++17'; do
		tracked 'lib/libc/include/*.h' | sed 's,^lib/libc/include/,,' | each "printf '#include <%s>\n' \$1 |
			$USER_CC -x $language -Wall -Wextra -Werror $USER_CPPFLAGS -fsyntax-only -" || status=1
	done
	tracked 'lib/libc/overlay/*.h' | sed 's,^lib/libc/overlay/,,' | each "printf '#include <%s>\n' \$1 |
		$USER_CC -std=gnu11 $USER_CPPFLAGS -x c -fsyntax-only -" || status=1
	tracked 'tests/*.h' |
		alone "gcc -std=gnu11 -Wall -Wextra -Werror $HOST_CPPFLAGS" c || status=1
	return $status
}

# Pages that are made from a source say what the source says.
step_docs() {
	python3 -B tools/mksyscalls.py --check include/cordon/syscalls.def docs/syscalls.md &&
		python3 -B tools/mksyscalls.py --check --errors include/cordon/syscalls.def \
			tests/guest/hostile/errors.def &&
		python3 -B tools/mktrace.py --check include/cordon kernel/trace_table.h
}

step_shell() {
	status=0
	for script in $(tracked 'tools/*.sh' 'tools/sdk/x86_64-*' '.ci/run'); do
		case $(head -n 1 "$script") in
		*bash) bash -n "$script" || status=1 ;;
		*) sh -n "$script" || status=1 ;;
		esac
	done
	tracked '*.py' | each 'python3 -c "import ast, sys; ast.parse(open(sys.argv[1]).read())" $1' || status=1
	return $status
}

steps=${*:-format headers clang analyzer cppcheck tidy docs shell}
failed=
for step in $steps; do
	start=$SECONDS
	if "step_$step"; then
		verdict=ok
	else
		verdict=FAILED
		failed="$failed $step"
	fi
	printf '  CHECK   %-10s %s (%d s)\n' "$step" "$verdict" $((SECONDS - start))
done
[ -z "$failed" ] || { echo "check failed:$failed"; exit 1; }
echo "check passed"
