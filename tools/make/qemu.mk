# SPDX-License-Identifier: MIT
#
# Running the image: by hand, as a demonstration, and as tests.

comma := ,

# What the machine is, for run-qemu.py and cordon-run.
QEMU_SHAPE  = --qemu $(QEMU) --iommu $(IOMMU) --smp $(SMP) $(if $(MEMORY),--memory $(MEMORY)) \
	      $(if $(IOMMU_OPTIONS),--iommu-options $(IOMMU_OPTIONS))
QEMU_RUN    = -B tools/run-qemu.py $(QEMU_SHAPE) --work $(BUILD) \
	      $(if $(APPEND),--append '$(APPEND)')

$(BUILD)/disk.img: tools/mkdisk.py | $(DEPS_RUN)
	$(call say,DISK,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/mkdisk.py $@

.PHONY: disk
disk: $(BUILD)/disk.img ## generate the 64 MiB disk image with known contents

# With TASK or MANIFEST, an image of its own is made and run (sdk.mk).
.PHONY: run
ifeq ($(TASK)$(MANIFEST),)
run: $(IMAGE) $(DISK_IMAGE) ## boot in QEMU: demonstration, then a prompt (if on a terminal); or TASK=prog
	$(Q)$(PYTHON) $(QEMU_RUN) --demo --prompt auto --disk $(DISK_IMAGE) $(IMAGE) -- $(QEMU_EXTRA)
else
run: run-tasks
endif

.PHONY: demo
demo: $(IMAGE) $(DISK_IMAGE) ## the same without the prompt; fails unless every step proved itself
	$(Q)$(PYTHON) $(QEMU_RUN) --demo --strict --prompt no --disk $(DISK_IMAGE) $(IMAGE) \
		-- $(QEMU_EXTRA) < /dev/null

.PHONY: qemu-new
qemu-new: ## unpack a newer QEMU from Debian unstable beside the installed one, for QEMU=
	$(Q)tools/qemu-new.sh $(QEMU_NEW)

.PHONY: gdb
gdb: $(IMAGE) $(DISK_IMAGE) ## boot stopped, waiting for gdb on port 1234
	@echo "In another terminal: gdb $(IMAGE) -ex 'target remote :1234'"
	$(Q)$(PYTHON) $(QEMU_RUN) --demo --prompt auto --disk $(DISK_IMAGE) $(IMAGE) -- -s -S $(QEMU_EXTRA)

RUN_TESTS = $(PYTHON) -B tests/qemu/run.py --qemu $(QEMU) --logs $(BUILD)/logs --jobs $(JOBS) \
	    --test-image $(TEST_IMAGE) --release-image $(BUILD)/cordon-test.elf \
	    --product-image $(BUILD)/cordon.elf --address-image $(ADDRESS_IMAGE) \
	    $(if $(filter address,$(SANITIZE)),--patience 4) --disk $(BUILD)/disk.img
HOST_TESTS  = --units $(UNIT_PROGRAMS) --tools $(TOOL_TESTS) \
	      --replays $(REPLAY_PROGRAMS) --corpus $(FUZZ_CORPUS)
GUEST_CASES = --cases tests/qemu/cases --guest-tests '$(GUEST_TESTS)'
# Every so many operations of a boot fail in `make test`, and all of them in `make inject`.
INJECT_STEP := 16
TEST_INPUTS := $(sort $(TEST_IMAGE) $(ADDRESS_IMAGE)) $(BUILD)/cordon-test.elf $(BUILD)/cordon.elf $(BUILD)/disk.img

# The figures of bench/expected are checked among the tools' tests.
test: export CORDON_BENCH_IMAGE = $(BUILD)/cordon.elf
test: export CORDON_BENCH_QEMU = $(QEMU)
# Programs built outside the tree are among them, too.
test test-unit test-all: export CORDON_SDK = $(SDK)
test test-unit test-all: $(SDK)/share/cordon/version

.PHONY: test
test: $(DEPS_TEST) $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS) $(TEST_INPUTS) ## run every test: on the host and in QEMU
	$(Q)$(RUN_TESTS) $(HOST_TESTS) $(GUEST_CASES) --inject $(INJECT_STEP)

# Everything: the whole matrix on the installed emulator, and on the newer one when it can be had.
.PHONY: test-all
test-all: export CORDON_BENCH_IMAGE = $(BUILD)/cordon.elf
test-all: export CORDON_BENCH_QEMU = $(QEMU)
test-all: $(DEPS_TEST) $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS) $(TEST_INPUTS) ## run every test on every machine, on this QEMU and the newer one
	$(Q)tools/test-all.sh $(QEMU_NEW) "$(RUN_TESTS)" "$(HOST_TESTS)" "$(GUEST_CASES)"

.PHONY: test-unit
test-unit: $(DEPS_TEST) $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS) ## run the tests on the host (one: UNIT=name)
	$(Q)$(RUN_TESTS) $(HOST_TESTS) --only '$(UNIT)'

.PHONY: test-guest
test-guest: $(DEPS_TEST) $(TEST_INPUTS) ## run the tests in QEMU (one: CASE=name)
	$(Q)$(RUN_TESTS) $(GUEST_CASES) --inject $(INJECT_STEP) --only '$(CASE)'

.PHONY: inject
inject: $(DEPS_TEST) $(TEST_INPUTS) ## fail each allocation, slot and wait once, also of the boot: some minutes
	$(Q)$(RUN_TESTS) $(GUEST_CASES) --inject 1 --only '$(if $(CASE),$(CASE),*inject*)'

.PHONY: witness
witness: $(DEPS_TEST) $(TEST_INPUTS) ## check QEMU's trace of the IOMMU (AMD's: IOMMU=amd; any one case: CASE=name)
	$(Q)$(RUN_TESTS) $(GUEST_CASES) --witness $(IOMMU) --only '$(CASE)'

.PHONY: test-list
test-list: $(DEPS_RUN) ## list the cases in QEMU and the promises they test
	$(Q)$(RUN_TESTS) $(GUEST_CASES) --list

# Counted instructions, of 64 ns each: the same calls, preempted at the same places, in every run.
.PHONY: fuzz-guest
fuzz-guest: $(TEST_IMAGE) $(BUILD)/disk.img ## system calls by chance from ring 3 (SEED=n STEPS=n VICTIM=n)
	$(Q)$(PYTHON) -B tools/run-qemu.py --qemu $(QEMU) --iommu $(IOMMU) --work $(BUILD) \
		--disk $(BUILD)/disk.img --icount --icount-shift 6 --timeout 86400 \
		--append 'init.run=/test/fuzz_calls,$(SEED),$(STEPS)$(if $(VICTIM),$(comma)$(VICTIM)) $(APPEND)' \
		$(TEST_IMAGE) < /dev/null

# Instructions, not time: a figure is the same on every machine with the same QEMU.
RUN_BENCH = $(PYTHON) -B tools/bench.py --image $(BUILD)/cordon.elf --iommu $(IOMMU) \
	    --qemu $(QEMU) --disk $(BUILD)/disk.img

BENCH_EXPECTED := bench/expected$(if $(filter-out intel,$(IOMMU)),-$(IOMMU))

.PHONY: bench
bench: $(BUILD)/cordon.elf $(BUILD)/disk.img ## count the instructions of the main operations
	$(Q)$(RUN_BENCH)

.PHONY: bench-record
bench-record: $(BUILD)/cordon.elf $(BUILD)/disk.img ## write the figures to bench/expected (AMD's: IOMMU=amd)
	$(Q)mkdir -p bench && $(RUN_BENCH) --expected $(BENCH_EXPECTED) --record

.PHONY: bench-check
bench-check: $(BUILD)/cordon.elf $(BUILD)/disk.img ## fail when a figure is worse than recorded
	$(Q)$(RUN_BENCH) --expected $(BENCH_EXPECTED)

LINUX_FIGURES := $(BUILD)/linux/figures-$(IOMMU)

.PHONY: bench-linux
bench-linux: $(BUILD)/cordon.elf $(BUILD)/disk.img ## the same work on Debian's Linux beside it, if it can be had
	$(Q)tools/deps.sh --quiet linux || true
	$(Q)bench/linux/run.sh $(IOMMU) $(BUILD)/linux $(LINUX_FIGURES) || { \
		echo "bench-linux: no figures of Linux; the kernel package or a tool is missing"; exit 1; }
	$(Q)$(RUN_BENCH) --quick --linux $(LINUX_FIGURES)
