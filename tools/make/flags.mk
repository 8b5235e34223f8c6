# SPDX-License-Identifier: MIT
#
# Flags of the three worlds (kernel, tasks, host tests), and the files that make objects
# follow a change of them.

ifneq ($(filter-out host address,$(SANITIZE)),)
$(error SANITIZE=$(SANITIZE): host, address or nothing)
endif

DEPFILES :=

FORCE:
.PHONY: FORCE

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla

KERNEL_CPPFLAGS := -I. -Iinclude -Iarch/x86_64/include
KERNEL_MACHINE	:= -ffreestanding -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
		   -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
KERNEL_CFLAGS	:= -std=gnu11 -O2 -g $(WARNINGS) $(KERNEL_MACHINE) -fno-strict-aliasing -fno-common \
		   -fno-omit-frame-pointer -ffunction-sections -fdata-sections
KERNEL_LDFLAGS	:= -nostdlib -static -no-pie -Wl,-T,boot/kernel.ld -Wl,-z,max-page-size=4096 \
		   -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections \
		   -Wl,--no-warn-rwx-segments

# The kernel sees the compiler's own headers and nothing of the host's C library. The
# folder is asked for when the first recipe needs it, not while this file is read.
KERNEL_NOSTDINC = $(eval KERNEL_NOSTDINC := -nostdinc -isystem $$(shell $$(CC) \
		  -print-file-name=include))$(KERNEL_NOSTDINC)

USER_CC	      := $(NEWLIB)/current/bin/x86_64-cordon-gcc
USER_CPPFLAGS := -I. -Iinclude -Ilib/libc/include -Ilib/libvfio/include -Ilib
USER_CFLAGS   := -std=gnu11 -O2 -g $(WARNINGS) -fno-common -fno-omit-frame-pointer \
		 -ffunction-sections -fdata-sections

# A comma of its own would end an argument of $(if).
HOST_SANITIZERS := address,undefined

# tests/unit/fake/include takes the place of arch/x86_64/include. The libraries' headers come
# after the host's own, because <sys/mman.h> must be the host's.
HOST_CPPFLAGS := -I. -Iinclude -Ilib \
		 -Itests/unit/fake/include -idirafter lib/libc/include \
		 -idirafter lib/libvfio/include -DCORDON_HOST=1 -DCORDON_DEBUG=1
HOST_CFLAGS   := -std=gnu11 $(if $(COVERAGE),-O0 --coverage,-O1) -g \
		 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wvla -fno-strict-aliasing \
		 -fno-common -fno-omit-frame-pointer \
		 $(if $(SANITIZE),-fsanitize=$(HOST_SANITIZERS) -fno-sanitize-recover=all)

# $(call flags_stamp,FILE,FLAGS,PREREQUISITE): FILE changes only when FLAGS do.
define flags_stamp
$(1): FORCE $(if $(3),| $(3))
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(strip $(2))' > $$@.$$$$$$$$ && \
	if cmp -s $$@.$$$$$$$$ $$@; then rm -f $$@.$$$$$$$$; else mv $$@.$$$$$$$$ $$@; fi
endef

# Packages are looked for once; `make deps` looks again.
DEPS_RUN  := $(BUILD)/.deps-run
DEPS_TEST := $(BUILD)/.deps-test
DEPS_CHECK := $(BUILD)/.deps-check
DEPS_COVERAGE := $(BUILD)/.deps-coverage

$(DEPS_RUN): tools/deps.sh
	$(Q)tools/deps.sh --quiet run && mkdir -p $(@D) && touch $@
$(DEPS_TEST): tools/deps.sh | $(DEPS_RUN)
	$(Q)tools/deps.sh --quiet test && touch $@
$(DEPS_CHECK): tools/deps.sh | $(DEPS_TEST)
	$(Q)tools/deps.sh --quiet check && touch $@
$(DEPS_COVERAGE): tools/deps.sh | $(DEPS_TEST)
	$(Q)tools/deps.sh --quiet coverage && touch $@
