# SPDX-License-Identifier: MIT
#
# The hardware-free parts of init, and the archive reader it shares with the C library.

UNIT_TESTS += init_manifest_test
init_manifest_test_SRCS := tests/unit/init/manifest_test.c tasks/init/manifest.c \
			   tasks/init/selector.c tasks/init/words.c

UNIT_TESTS += init_words_test
init_words_test_SRCS := tests/unit/init/words_test.c tasks/init/words.c tasks/init/options.c

UNIT_TESTS += init_editor_test
init_editor_test_SRCS := tests/unit/init/editor_test.c tasks/init/editor.c

UNIT_TESTS += cpio_test
cpio_test_SRCS := tests/unit/init/cpio_test.c lib/libc/cpio.c
cpio_test_CFLAGS := -Ilib/libc/include
