# SPDX-License-Identifier: MIT

.PHONY: check
check: $(DEPS_CHECK) $(NEWLIB_STAMP) ## formatting, linters, static analysis, headers alone, clang
	$(Q)KERNEL_SRCS='$(KERNEL_SRCS)' KERNEL_CPPFLAGS='$(KERNEL_CPPFLAGS)' \
		KERNEL_CFLAGS='$(KERNEL_CFLAGS)' HOST_CPPFLAGS='$(HOST_CPPFLAGS)' \
		USER_CC='$(USER_CC)' USER_CPPFLAGS='$(USER_CPPFLAGS)' \
		USER_SRCS='$(LIBC_SRCS) $(LIBVFIO_SRCS) $(foreach name,$(TASKS) $(GUEST_TESTS),$($(name)_SRCS))' \
		HOST_SRCS='$(sort $(foreach name,$(UNIT_TESTS),$($(name)_SRCS)))' \
		BUILD='$(BUILD)' tools/check.sh $(STEP)

.PHONY: format
format: $(DEPS_CHECK) ## let clang-format rewrite the tracked C files
	$(Q)git ls-files -z '*.c' '*.h' | xargs -0 -r clang-format -i

.PHONY: docs
docs: ## write what is made from the interface: docs/syscalls.md, tables
	$(Q)$(PYTHON) -B tools/mksyscalls.py include/cordon/syscalls.def docs/syscalls.md
	$(Q)$(PYTHON) -B tools/mksyscalls.py --errors include/cordon/syscalls.def tests/guest/hostile/errors.def
	$(Q)$(PYTHON) -B tools/mktrace.py include/cordon kernel/trace_table.h
