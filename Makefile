# SPDX-License-Identifier: MIT
#
# Every command a person needs. `make help` lists them; CONTRIBUTING.md explains how to
# add a source, a task or a test. Nothing here runs a program while the file is being
# read, so that `make` works on a machine where the compiler is still to be installed.

# What a person may set on the command line.
IOMMU	    ?= intel#            intel, amd or none
QEMU	    ?= qemu-system-x86_64#  the emulator
SMP	    ?= 1#                number of processors
MEMORY	    ?=#                  run, demo, gdb: memory of the machine, such as 8G; 256M without
IOMMU_OPTIONS ?=#                run, demo, gdb: more of the IOMMU, such as aw-bits=48,caching-mode=on
DISK	    ?=#                  a raw image to read instead of the generated one
APPEND	    ?=#                  run, demo, gdb: more kernel options (docs/options.md)
QEMU_EXTRA  ?=#                  run, demo, gdb: more words for QEMU, such as -device ...
TASK	    ?=#                  run: programs or C files to run instead (docs/sdk.md)
MANIFEST    ?=#                  run: who starts and with which devices (docs/manifest.md)
ARGS	    ?=#                  run: arguments of the one program in TASK
WITH	    ?=#                  run: programs beside TASK that others start
DEST	    ?=#                  sdk: where else to put it
BUILD	    ?= build#            where everything is built
NEWLIB	    ?= build/newlib#     where the built newlib is cached, shared by all BUILD=
QEMU_NEW    ?= build/qemu-new#   where qemu-new unpacks, shared by all BUILD=
DEBUG	    ?=#                  1: the kernel with every debug check on
V	    ?=#                  1: print whole commands
CFLAGS_EXTRA ?=#                 added to every compilation of our own code
SANITIZE    ?= host#             what sanitizers watch: host (its tests), address (also the kernel that guests run on), or empty
CASE	    ?=#                  test-guest: only the cases whose name matches this glob
UNIT	    ?=#                  test-unit: only the programs whose name matches this glob
STEP	    ?=#                  check: only these steps
JOBS	    ?= 2#                guests running at the same time
TIME	    ?= 60#               fuzz: seconds in all
TARGET	    ?=#                  fuzz, fuzz-corpus: only this target
SEED	    ?= 1#                fuzz-guest: another sequence of calls for each number
STEPS	    ?= 20000#            fuzz-guest: calls in all
VICTIM	    ?=#                  fuzz-guest: the number of the task whose calls are logged
ONLY	    ?=#                  ablation: only those whose name matches this glob
QUICK	    ?=#                  ablation: 1: of the guests only some of the named ones

# What the image calls itself, before the commit that it was built from.
VERSION := 0.1

IOMMU	    := $(strip $(IOMMU))
BUILD	    := $(strip $(BUILD))
NEWLIB	    := $(strip $(NEWLIB))
QEMU_NEW    := $(strip $(QEMU_NEW))
DEBUG	    := $(strip $(DEBUG))
SANITIZE    := $(strip $(SANITIZE))
QEMU	    := $(strip $(QEMU))
SMP	    := $(strip $(SMP))
MEMORY	    := $(strip $(MEMORY))
IOMMU_OPTIONS := $(strip $(IOMMU_OPTIONS))
JOBS	    := $(strip $(JOBS))
DISK	    := $(strip $(DISK))
APPEND	    := $(strip $(APPEND))
QEMU_EXTRA  := $(strip $(QEMU_EXTRA))
TASK	    := $(strip $(TASK))
MANIFEST    := $(strip $(MANIFEST))
ARGS	    := $(strip $(ARGS))
WITH	    := $(strip $(WITH))
DEST	    := $(strip $(DEST))
CASE	    := $(strip $(CASE))
UNIT	    := $(strip $(UNIT))
TIME	    := $(strip $(TIME))
TARGET	    := $(strip $(TARGET))
SEED	    := $(strip $(SEED))
STEPS	    := $(strip $(STEPS))
VICTIM	    := $(strip $(VICTIM))
ONLY	    := $(strip $(ONLY))
QUICK	    := $(strip $(QUICK))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

CC	:= gcc
AR	:= ar
NM	:= nm
STRIP	:= strip
PYTHON	:= python3
Q	:= $(if $(strip $(V)),,@)
say	= @printf '  %-8s%s\n' '$(1)' '$(2)'

# What the folders declare in their rules.mk files.
KERNEL_SRCS  :=#   kernel image
CRT0_SRC     :=#   start of every user program
LIBC_SRCS    :=#   libcordon.a: what newlib expects below it
LIBVFIO_SRCS :=#   libvfio.a
LIBCXX_SRCS  :=#   libstdc++.a of the SDK: the little that C++ programs are given
TASKS	     :=#   programs of the image; <name>_SRCS
GUEST_TESTS  :=#   programs of the test image; <name>_SRCS
UNIT_TESTS   :=#   Criterion programs on the host; <name>_SRCS, <name>_CFLAGS
TOOL_TESTS   :=#   Python unittest files for the tools
FUZZ_TARGETS :=#   programs that take any input; fuzz_<name>_SRCS

RULES := $(sort $(filter-out build/% $(BUILD)/%,$(foreach depth,* */* */*/* */*/*/*,$(wildcard $(depth)/rules.mk))))
include $(RULES)

PROGRAM_NAMES := $(TASKS) $(GUEST_TESTS) $(UNIT_TESTS)
ifneq ($(words $(PROGRAM_NAMES)),$(words $(sort $(PROGRAM_NAMES))))
$(error two programs share a name: $(sort $(foreach name,$(sort $(PROGRAM_NAMES)),\
	$(if $(word 2,$(filter $(name),$(PROGRAM_NAMES))),$(name)))))
endif

.PHONY: all
all: image ## build build/cordon.elf, the bootable image

include tools/make/flags.mk
include tools/make/user.mk
include tools/make/kernel.mk
include tools/make/host.mk
include tools/make/fuzz.mk
include tools/make/sdk.mk
include tools/make/qemu.mk
include tools/make/coverage.mk
include tools/make/ablation.mk
include tools/make/check.mk

.PHONY: deps
deps: ## install the Debian packages that building, testing and checking need
	$(Q)tools/deps.sh run test check coverage

.PHONY: clean
clean: ## remove what was built, but keep the cached newlib and the unpacked QEMU
	$(call say,CLEAN,$(BUILD))
	$(Q)if [ -d $(BUILD) ]; then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -path $(NEWLIB) ! -path $(QEMU_NEW) \
			-exec rm -rf {} +; fi

.PHONY: distclean
distclean: ## remove everything that was built or generated
	$(call say,CLEAN,$(BUILD) $(NEWLIB) $(QEMU_NEW))
	$(Q)rm -rf $(BUILD) $(NEWLIB) $(QEMU_NEW)

.PHONY: help
help: ## list the targets and the variables
	@echo 'Targets:'
	@sed -n 's/^\([a-z][a-z-]*\):[^#=]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | \
		LC_ALL=C sort | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  %-12s %s\n' "$$name" "$$text"; done
	@echo 'Variables (NAME=value):'
	@awk -F '[?]=' '/^[A-Z_]+[ \t]*[?]=/ { split($$2, part, "#"); \
		for (k in part) gsub(/^[ \t]+|[ \t]+$$/, "", part[k]); sub(/[ \t]+/, "", $$1); \
		printf "  %-12s %s%s\n", $$1, part[2], part[1] == "" ? "" : " (" part[1] ")" }' Makefile

-include $(sort $(DEPFILES))
