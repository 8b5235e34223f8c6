# SPDX-License-Identifier: MIT
#
# The folder that programs are built with outside this tree, and running such programs.

SDK	    := $(BUILD)/sdk
SDK_CHECKER := $(BUILD)/host/bin/manifest-check
SDK_CHECKER_SRCS := tools/sdk/manifest-check.c tasks/init/manifest.c tasks/init/budget.c tasks/init/selector.c \
		    tasks/init/words.c
SDK_FILES   := $(wildcard tools/sdk/* docs/examples/* docs/examples/*/* docs/*.md) tools/build-sdk.sh tools/mkcpio.py tools/mkprogram.py tools/mksyms.py \
	       tools/machine.py tools/demo.py tools/emulator.py tools/run-qemu.py tools/check-program.py \
	       boot/kernel.ld boot/initramfs.S $(wildcard lib/cxx/include/bits/*) LICENSE
SDK_HEADERS := $(foreach folder,include lib/libc/overlay lib/libc/include lib/libvfio/include,\
	       $(foreach depth,* */* */*/*,$(filter %.h %.def,$(wildcard $(folder)/$(depth)))))

# All objects of the kernel as one: an image is this, an archive of programs and a table of
# names. One for each variant of the kernel.
define sdk_kernel
$(1)/kernel.o: $(call kernel_objects,$(1)/kernel)
	$$(call say,LD,$$@)
	$$(Q)ld -r -o $$@ $(call kernel_objects,$(1)/kernel)
endef
$(eval $(call sdk_kernel,$(BUILD)))
$(eval $(call sdk_kernel,$(BUILD)/debug))

# Linked statically, because the folder may be used on another machine.
$(SDK_CHECKER): $(SDK_CHECKER_SRCS) tasks/init/manifest.h tasks/init/selector.h tasks/init/words.h
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -I. -Iinclude -static -o $@ $(SDK_CHECKER_SRCS)

$(SDK)/share/cordon/version: $(SDK_FILES) $(SDK_HEADERS) $(LIBCORDON) $(LIBVFIO) $(LIBCXX) $(CRT0_OBJ) \
		$(BUILD)/kernel.o $(USER_BIN)/init.stripped $(SDK_CHECKER) $(NEWLIB_STAMP)
	$(call say,SDK,$(SDK))
	$(Q)tools/build-sdk.sh $(SDK) $(NEWLIB)/current $(BUILD)/user/lib $(CRT0_OBJ) \
		$(BUILD)/kernel.o $(USER_BIN)/init.stripped $(SDK_CHECKER)

.PHONY: sdk
sdk: $(SDK)/share/cordon/version ## the folder to build programs with elsewhere: build/sdk, or DEST=dir
ifneq ($(DEST),)
	$(call say,SDK,$(DEST))
	$(Q)tools/build-sdk.sh '$(DEST)' $(NEWLIB)/current $(BUILD)/user/lib $(CRT0_OBJ) \
		$(BUILD)/kernel.o $(USER_BIN)/init.stripped $(SDK_CHECKER)
endif

DISK_IMAGE  := $(if $(DISK),$(DISK),$(BUILD)/disk.img)

# --- make run TASK= ---------------------------------------------------------------------

# A manifest without programs of its own is about those of this tree.
OWN_TASKS  := $(if $(TASK),,$(foreach name,$(filter-out init,$(TASKS)),$(USER_BIN)/$(name)))
RUN_KERNEL := $(BUILD)/$(if $(DEBUG),debug/)kernel.o

.PHONY: run-tasks
run-tasks: $(SDK)/share/cordon/version $(RUN_KERNEL) $(DISK_IMAGE) $(OWN_TASKS)
	$(Q)$(SDK)/bin/cordon-run --kernel $(RUN_KERNEL) $(QEMU_SHAPE) \
		--disk $(DISK_IMAGE) $(if $(APPEND),--append='$(APPEND)') \
		$(if $(MANIFEST),--manifest '$(MANIFEST)') $(if $(ARGS),--args="$(ARGS)") \
		$(if $(QEMU_EXTRA),--qemu-extra='$(QEMU_EXTRA)') $(addprefix --with ,$(OWN_TASKS) $(WITH)) $(TASK)
