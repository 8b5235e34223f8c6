# SPDX-License-Identifier: MIT
#
# newlib, the libraries, and the programs that run in the image.

USER_OBJ   := $(BUILD)/user/obj
USER_BIN   := $(BUILD)/user/bin
USER_FLAGS := $(BUILD)/user/flags
CRT0_OBJ   := $(CRT0_SRC:%.S=$(USER_OBJ)/%.o)
LIBCORDON  := $(BUILD)/user/lib/libcordon.a
LIBVFIO	   := $(BUILD)/user/lib/libvfio.a
LIBCXX	   := $(BUILD)/user/lib/libstdc++.a

# build-newlib.sh compares the script, the compiler and the headers it was built from with
# what is there now; the stamp changes only when newlib was rebuilt.
NEWLIB_STAMP := $(NEWLIB)/stamp

.PHONY: newlib
newlib: $(NEWLIB_STAMP) ## build the C library for tasks (once; cached in build/newlib)

$(NEWLIB_STAMP): FORCE | $(DEPS_RUN)
	$(Q)tools/build-newlib.sh $(NEWLIB) lib/libc/overlay

$(eval $(call flags_stamp,$(USER_FLAGS),$(USER_CPPFLAGS) $(USER_CFLAGS) $(CFLAGS_EXTRA),$(DEPS_RUN)))

# Sources under lib/ and tasks/ may be C or assembler.
define user_objects
$(patsubst %.c,$(USER_OBJ)/%.o,$(patsubst %.S,$(USER_OBJ)/%.o,$(1)))
endef

$(USER_OBJ)/%.o: %.c $(USER_FLAGS) $(NEWLIB_STAMP)
	$(call say,UCC,$<)
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CPPFLAGS) $(USER_CFLAGS) $(CFLAGS_EXTRA) -MD -MP -c -o $@ $<

$(USER_OBJ)/%.o: %.S $(USER_FLAGS) $(NEWLIB_STAMP)
	$(call say,UAS,$<)
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CPPFLAGS) -g -MD -MP -c -o $@ $<

LIBCORDON_OBJS := $(call user_objects,$(LIBC_SRCS))
LIBVFIO_OBJS   := $(call user_objects,$(LIBVFIO_SRCS))
LIBCXX_OBJS    := $(call user_objects,$(LIBCXX_SRCS))
DEPFILES += $(LIBCORDON_OBJS:.o=.d) $(LIBVFIO_OBJS:.o=.d) $(LIBCXX_OBJS:.o=.d) $(CRT0_OBJ:.o=.d)

# The list of members is a prerequisite through the stamp, so that a removed source leaves
# the archive.
define user_archive
$(eval $(call flags_stamp,$(1).members,$(2),))
$(1): $(2) $(1).members
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $(2)
endef

$(eval $(call user_archive,$(LIBCORDON),$(LIBCORDON_OBJS)))
$(eval $(call user_archive,$(LIBVFIO),$(LIBVFIO_OBJS)))
$(eval $(call user_archive,$(LIBCXX),$(LIBCXX_OBJS)))

USER_LIBS    := $(LIBVFIO) $(LIBCORDON)
USER_LDFLAGS := -static -nostartfiles -Wl,--gc-sections -Wl,--build-id=none \
		-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack

# libcordon.a calls into libc and libc calls down into libcordon.a.
define user_program
DEPFILES += $(patsubst %.o,%.d,$(call user_objects,$($(1)_SRCS)))
$(if $(strip $($(1)_SRCS)),,$$(error $(1) declares no $(1)_SRCS))
$(USER_BIN)/$(1): $(call user_objects,$($(1)_SRCS)) $(CRT0_OBJ) $(USER_LIBS)
	$$(call say,ULD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(USER_CC) $$(USER_LDFLAGS) -o $$@ $(CRT0_OBJ) $(call user_objects,$($(1)_SRCS)) \
		-Wl,--start-group $$(USER_LIBS) -lm -lc -lgcc -Wl,--end-group
	$$(Q)$$(PYTHON) tools/check-program.py $$@

$(USER_BIN)/$(1).stripped: $(USER_BIN)/$(1) tools/mkprogram.py
	$$(Q)$$(PYTHON) -B tools/mkprogram.py -o $$@ $$<
endef

$(foreach name,$(TASKS) $(GUEST_TESTS),$(eval $(call user_program,$(name))))

.PHONY: tasks
tasks: $(foreach name,$(TASKS) $(GUEST_TESTS),$(USER_BIN)/$(name)) ## build the programs of both images, without the kernel
