# SPDX-License-Identifier: MIT
#
# The kernel, three times: as shipped; with CORDON_DEBUG (lock order, open flush obligations); and
# that with the address sanitizer (kernel/asan.h).
# And the images: one kernel linked with one archive of programs.
#
#   build/cordon.elf             the product
#   build/cordon-test.elf        the same kernel with the guest tests beside the tasks
#   build/debug/cordon*.elf      the same with the debug kernel; `make test` boots these
#   build/address/cordon*.elf    the same with the address sanitizer

define kernel_objects
$(patsubst %.c,$(1)/%.o,$(patsubst %.S,$(1)/%.S.o,$(KERNEL_SRCS)))
endef

# --- archives ------------------------------------------------------------------------

MANIFESTS     := $(filter-out %.c %.h,$(sort $(wildcard tasks/init/manifest*)))
ARCHIVE_FILES := $(foreach name,$(TASKS),$(if $(filter init,$(name)),/init,/bin/$(name))=$(USER_BIN)/$(name).stripped:755) \
		 $(foreach file,$(MANIFESTS),/etc/$(notdir $(file))=$(file):644)
TEST_ARCHIVE_FILES := $(ARCHIVE_FILES) \
		 $(foreach file,$(sort $(wildcard tests/guest/manifests/*)),/etc/$(notdir $(file))=$(file):644) \
		 $(foreach name,$(GUEST_TESTS),/test/$(name)=$(USER_BIN)/$(name).stripped:755)

archive_sources = $(foreach entry,$(1),$(word 2,$(subst =, ,$(firstword $(subst :, ,$(entry))))))

define archive
$(eval $(call flags_stamp,$(1).list,$(2),))
$(1): $(call archive_sources,$(2)) $(1).list tools/mkcpio.py | $(DEPS_RUN)
	$$(call say,CPIO,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(PYTHON) tools/mkcpio.py -o $$@ $(2)
endef

$(eval $(call archive,$(BUILD)/cordon.cpio,$(ARCHIVE_FILES)))
$(eval $(call archive,$(BUILD)/cordon-test.cpio,$(TEST_ARCHIVE_FILES)))

# --- kernel objects ------------------------------------------------------------------

# $(1) output folder, $(2) additional flags, of which an object goes without those in WITHOUT
define kernel_variant
$(eval $(call flags_stamp,$(1)/kernel/flags,$(KERNEL_CPPFLAGS) $(KERNEL_CFLAGS) $(2) $(CFLAGS_EXTRA),$(DEPS_RUN)))
DEPFILES += $(patsubst %.o,%.d,$(call kernel_objects,$(1)/kernel))

$(1)/kernel/%.o: %.c $(1)/kernel/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(KERNEL_NOSTDINC) $$(KERNEL_CPPFLAGS) $$(KERNEL_CFLAGS) $$(filter-out $$(WITHOUT),$(2)) $$(CFLAGS_EXTRA) -MMD -MP -c -o $$@ $$<

$(1)/kernel/%.S.o: %.S $(1)/kernel/flags
	$$(call say,AS,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(KERNEL_NOSTDINC) $$(KERNEL_CPPFLAGS) $$(KERNEL_MACHINE) -g -Werror $(2) -MMD -MP -c -o $$@ $$<
endef

# Only version.c knows the commit, so that only it is compiled anew for another one.
VERSION_HEADER := $(BUILD)/version.h
$(VERSION_HEADER): FORCE
	@mkdir -p $(@D)
	@printf '#define CORDON_VERSION "%s"\n' "$$(tools/version.sh $(VERSION))" > $@.$$$$ && \
	if cmp -s $@.$$$$ $@; then rm -f $@.$$$$; else mv $@.$$$$ $@; fi

VERSION_OBJECTS := $(addsuffix /kernel/kernel/version.o,$(BUILD) $(BUILD)/debug $(BUILD)/address)
$(VERSION_OBJECTS): $(VERSION_HEADER)
$(VERSION_OBJECTS): KERNEL_CPPFLAGS += -include $(VERSION_HEADER)

# --- images --------------------------------------------------------------------------

# Linked twice: the addresses of the first pass make the symbol table that the second pass
# contains. The table lies behind the text, so the text does not move; mksyms checks it.
#
# $(1) output folder, $(2) image name, $(3) additional flags
define kernel_image
$(eval $(call flags_stamp,$(1)/$(2).objects,$(call kernel_objects,$(1)/kernel) $(KERNEL_LDFLAGS),))

$(1)/$(2).initramfs.o: boot/initramfs.S $(BUILD)/$(2).cpio $(1)/kernel/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(KERNEL_MACHINE) -DINITRAMFS_FILE='"$(BUILD)/$(2).cpio"' -c -o $$@ $$<

$(1)/$(2).pass1.elf: $(call kernel_objects,$(1)/kernel) $(1)/$(2).initramfs.o boot/kernel.ld $(1)/$(2).objects tools/mksyms.py
	$$(Q)$$(PYTHON) tools/mksyms.py --empty -o $$@.S && $$(CC) $$(KERNEL_MACHINE) -c -o $$@.o $$@.S
	$$(Q)$$(CC) $$(KERNEL_LDFLAGS) -o $$@ $(call kernel_objects,$(1)/kernel) $(1)/$(2).initramfs.o $$@.o

$(1)/$(2).elf: $(1)/$(2).pass1.elf
	$$(call say,LD,$$@)
	$$(Q)$$(NM) -n $$< > $$<.nm && $$(PYTHON) tools/mksyms.py -o $$@.syms.S $$<.nm && \
		$$(CC) $$(KERNEL_MACHINE) -c -o $$@.syms.o $$@.syms.S
	$$(Q)$$(CC) $$(KERNEL_LDFLAGS) -Wl,-Map,$$(basename $$@).map -o $$@ $(call kernel_objects,$(1)/kernel) $(1)/$(2).initramfs.o $$@.syms.o
	$$(Q)$$(NM) -n $$@ > $$@.nm && $$(PYTHON) tools/mksyms.py --same $$<.nm $$@.nm
endef

# Debug kernels end when they do what C does not define (kernel/ubsan.c), but for what a kernel
# does by nature: object-size, which takes the linker's symbols for objects of one byte.
UBSAN_FLAGS := -fsanitize=undefined -fno-sanitize=object-size -fno-sanitize-recover=all
DEBUG_FLAGS := -DCORDON_DEBUG=1 $(UBSAN_FLAGS)

# Accesses are checked by calls (threshold 0), stacks are marked by code in place, at the offset that
# arch/x86_64/asm.h names SHADOW_OFFSET.
ASAN_FLAGS := -DCORDON_ASAN=1 -fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 \
	      -fno-sanitize-recover=all -fsanitize-address-use-after-scope \
	      --param asan-globals=1 --param asan-stack=1 --param asan-instrument-allocas=0 \
	      --param asan-instrumentation-with-call-threshold=0

# What reports an error is not checked for errors itself, nor what a check needs; and the page
# allocator keeps its lists in free frames.
$(foreach file,debug/kernel/kernel/ubsan address/kernel/kernel/ubsan address/kernel/kernel/asan \
	address/kernel/arch/x86_64/shadow,$(BUILD)/$(file).o): WITHOUT := -fsanitize% -fasan%
$(BUILD)/address/kernel/kernel/page.o: WITHOUT := -fsanitize=kernel-address -fsanitize-address% -fasan%

# Frames are larger with it, and the linker script makes the first stack.
$(BUILD)/address/%.elf: KERNEL_LDFLAGS += -Wl,--defsym=kernel_stack_size=32768

$(eval $(call kernel_variant,$(BUILD),))
$(eval $(call kernel_variant,$(BUILD)/debug,$(DEBUG_FLAGS)))
$(eval $(call kernel_variant,$(BUILD)/address,$(DEBUG_FLAGS) $(ASAN_FLAGS)))
$(foreach name,cordon cordon-test,\
	$(eval $(call kernel_image,$(BUILD),$(name)))\
	$(eval $(call kernel_image,$(BUILD)/debug,$(name)))\
	$(eval $(call kernel_image,$(BUILD)/address,$(name))))

# The image of `make run` and `make demo`, and the one of `make test`.
IMAGE	   := $(BUILD)/$(if $(DEBUG),debug/)cordon.elf
TEST_IMAGE    := $(BUILD)/$(if $(filter address,$(SANITIZE)),address,debug)/cordon-test.elf
ADDRESS_IMAGE := $(BUILD)/address/cordon-test.elf

.PHONY: image
image: $(IMAGE)
	$(call say,IMAGE,$(IMAGE))

.PHONY: kernel
kernel: $(call kernel_objects,$(BUILD)/kernel) ## compile the kernel's objects, without linking
