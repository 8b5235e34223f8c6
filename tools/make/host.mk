# SPDX-License-Identifier: MIT
#
# Criterion programs on the host: each links the real sources it names. What they need and
# do not name comes from the fake machine, an archive, so that a real source always wins
# over its replacement.

HOST_OBJ   := $(BUILD)/host/obj
HOST_BIN   := $(BUILD)/host/bin
HOST_FLAGS := $(BUILD)/host/flags
LIBFAKE	   := $(BUILD)/host/libfake.a

$(eval $(call flags_stamp,$(HOST_FLAGS),$(HOST_CPPFLAGS) $(HOST_CFLAGS) $(CFLAGS_EXTRA),$(DEPS_TEST)))

FAKE_OBJS := $(patsubst %.c,$(HOST_OBJ)/%.o,$(sort $(wildcard tests/unit/fake/*.c)))
DEPFILES  += $(FAKE_OBJS:.o=.d)

$(HOST_OBJ)/%.o: %.c $(HOST_FLAGS)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) $(CFLAGS_EXTRA) -MMD -MP -c -o $@ $<

$(eval $(call user_archive,$(LIBFAKE),$(FAKE_OBJS)))

# $(call host_program,NAME). A test with <name>_CFLAGS gets objects of its own.
define host_program
$(1)_DIR  := $$(if $$(strip $$($(1)_CFLAGS)),$(BUILD)/host/own/$(1),$(HOST_OBJ))
$(1)_OBJS := $$(patsubst %.c,$$($(1)_DIR)/%.o,$$($(1)_SRCS))
DEPFILES  += $$($(1)_OBJS:.o=.d)
ifneq ($$(strip $$($(1)_CFLAGS)),)
$$($(1)_DIR)/%.o: %.c $(HOST_FLAGS)
	$$(call say,HOSTCC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(HOST_CPPFLAGS) $$(HOST_CFLAGS) $$($(1)_CFLAGS) $$(CFLAGS_EXTRA) -MMD -MP -c -o $$@ $$<
endif
$(HOST_BIN)/$(1): $$($(1)_OBJS) $(LIBFAKE)
	$$(call say,HOSTLD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(HOST_CFLAGS) -o $$@ $$($(1)_OBJS) $(LIBFAKE) -lcriterion
endef

$(foreach name,$(UNIT_TESTS),$(eval $(call host_program,$(name))))
UNIT_PROGRAMS := $(foreach name,$(UNIT_TESTS),$(HOST_BIN)/$(name))
