# SPDX-License-Identifier: MIT
#
# Is each test able to fail? tests/ablation/README.md.

.PHONY: ablation
ablation: $(DEPS_TEST) ## take out one check at a time: exactly its tests fail (ONLY=glob, QUICK=1)
	$(Q)$(PYTHON) -B tests/ablation/ablation.py --work $(BUILD)/ablation \
		--qemu $(QEMU) --jobs $(JOBS) $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick)

# What tests/ablation/inventory.py reads: kind, name, sources.
.PHONY: list-tests
list-tests:
	@:$(foreach name,$(UNIT_TESTS),$(info unit $(name) $($(name)_SRCS)))$(foreach \
		name,$(GUEST_TESTS),$(info guest $(name) $($(name)_SRCS)))
