#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What this tree calls itself: tools/version.sh VERSION prints VERSION, and behind it, in a clone, the
# commit and whether tracked files were changed since. The same tree has the same name, whenever
# and wherever it is built.
set -eu

name=$1
if [ -e .git ] && commit=$(git describe --always --match= --abbrev=12 --dirty=-changed 2>/dev/null); then
	name=$name-$commit
fi
echo "$name"
