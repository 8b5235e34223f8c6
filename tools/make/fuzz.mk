# SPDX-License-Identifier: MIT
#
# Fuzz targets, twice: with replay.c and the host tests' compiler, for `make test`, which gives
# each of them its corpus; and with clang and libFuzzer, for `make fuzz`.

FUZZ_COMMON   := tests/fuzz/quiet.c
FUZZ_CORPUS   := tests/fuzz/corpus
REPLAY_BIN    := $(HOST_BIN)/fuzz
FUZZ_OBJ      := $(BUILD)/fuzz/obj
FUZZ_BIN      := $(BUILD)/fuzz/bin
FUZZ_FLAGS    := $(BUILD)/fuzz/flags
FUZZ_LIBFAKE  := $(BUILD)/fuzz/libfake.a
FUZZ_CC	      := clang-14
FUZZ_SANITIZE := address,undefined
FUZZ_CFLAGS   := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wshadow -Wvla -fno-strict-aliasing -fno-common \
		 -fno-omit-frame-pointer -fno-sanitize-recover=all

FUZZ_CHOSEN := $(if $(TARGET),$(filter $(TARGET),$(FUZZ_TARGETS)),$(FUZZ_TARGETS))

# --- replay ----------------------------------------------------------------------------

define replay_program
fuzz_$(1)_OBJS := $(patsubst %.c,$(HOST_OBJ)/%.o,$(fuzz_$(1)_SRCS) $(FUZZ_COMMON) tests/fuzz/replay.c)
DEPFILES += $$(fuzz_$(1)_OBJS:.o=.d)
$(REPLAY_BIN)/$(1): $$(fuzz_$(1)_OBJS) $(LIBFAKE)
	$$(call say,HOSTLD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(HOST_CFLAGS) -o $$@ $$(fuzz_$(1)_OBJS) $(LIBFAKE)
endef

$(foreach name,$(FUZZ_TARGETS),$(eval $(call replay_program,$(name))))
REPLAY_PROGRAMS := $(foreach name,$(FUZZ_TARGETS),$(REPLAY_BIN)/$(name))

# --- libFuzzer -------------------------------------------------------------------------

$(eval $(call flags_stamp,$(FUZZ_FLAGS),$(HOST_CPPFLAGS) $(FUZZ_CFLAGS) $(FUZZ_SANITIZE) $(CFLAGS_EXTRA),$(DEPS_CHECK)))

$(FUZZ_OBJ)/%.o: %.c $(FUZZ_FLAGS)
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(HOST_CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) $(CFLAGS_EXTRA) -MMD -MP -c -o $@ $<

FUZZ_FAKE_OBJS := $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(sort $(wildcard tests/unit/fake/*.c)))
DEPFILES       += $(FUZZ_FAKE_OBJS:.o=.d)
$(eval $(call user_archive,$(FUZZ_LIBFAKE),$(FUZZ_FAKE_OBJS)))

define fuzz_program
fuzz_$(1)_CLANG_OBJS := $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(fuzz_$(1)_SRCS) $(FUZZ_COMMON))
DEPFILES += $$(fuzz_$(1)_CLANG_OBJS:.o=.d)
$(FUZZ_BIN)/$(1): $$(fuzz_$(1)_CLANG_OBJS) $(FUZZ_LIBFAKE)
	$$(call say,FUZZLD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SANITIZE) -o $$@ $$(fuzz_$(1)_CLANG_OBJS) $(FUZZ_LIBFAKE)
endef

$(foreach name,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(name))))

RUN_FUZZ = $(PYTHON) -B tools/fuzz.py --corpus $(FUZZ_CORPUS) --work $(BUILD)/fuzz

.PHONY: fuzz
fuzz: $(DEPS_CHECK) $(foreach name,$(FUZZ_CHOSEN),$(FUZZ_BIN)/$(name)) ## fuzz for TIME seconds in all (one: TARGET=name)
	$(if $(FUZZ_CHOSEN),,$(error TARGET=$(TARGET) is none of: $(FUZZ_TARGETS)))
	$(Q)$(RUN_FUZZ) --time $(TIME) $(foreach name,$(FUZZ_CHOSEN),$(FUZZ_BIN)/$(name))

.PHONY: fuzz-corpus
fuzz-corpus: $(DEPS_CHECK) $(foreach name,$(FUZZ_CHOSEN),$(FUZZ_BIN)/$(name)) ## take what `make fuzz` found into the corpus, minimised
	$(Q)$(RUN_FUZZ) --merge $(foreach name,$(FUZZ_CHOSEN),$(FUZZ_BIN)/$(name))
