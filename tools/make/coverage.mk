# SPDX-License-Identifier: MIT
#
# How much of the sources the host tests reach. Built in a folder of its own, not optimised and
# without sanitizers, so that a branch counted is a branch of the source.

COVERAGE_BUILD := $(BUILD)/coverage
COVERAGE_SRCS  := $(sort $(filter %.c,$(KERNEL_SRCS) $(LIBC_SRCS) $(LIBVFIO_SRCS) \
		  $(foreach name,$(TASKS),$($(name)_SRCS))))

.PHONY: coverage
coverage: $(DEPS_COVERAGE) ## lines and branches that the host tests reach; pages in build/coverage/html
	$(Q)$(MAKE) --no-print-directory BUILD=$(COVERAGE_BUILD)/build NEWLIB=$(NEWLIB) SANITIZE= \
		COVERAGE=1 UNIT= coverage-run
	$(Q)$(PYTHON) -B tools/coverage.py --build $(COVERAGE_BUILD)/build/host \
		--html $(COVERAGE_BUILD)/html $(COVERAGE_SRCS)

# Counters of an earlier run would be added to.
.PHONY: coverage-run
coverage-run: $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS)
	$(Q)find $(BUILD) -name '*.gcda' -exec rm -f {} +
	$(Q)$(RUN_TESTS) --units $(UNIT_PROGRAMS) --replays $(REPLAY_PROGRAMS) \
		--corpus $(FUZZ_CORPUS) > $(BUILD)/tests.log || { tail -n 25 $(BUILD)/tests.log; exit 1; }
