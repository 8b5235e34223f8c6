# SPDX-License-Identifier: MIT
#
# The hardware-free parts of init.

UNIT_TESTS += init_manifest_test
init_manifest_test_SRCS := tests/unit/init/manifest_test.c tasks/init/manifest.c tasks/init/budget.c \
			   tasks/init/selector.c tasks/init/words.c

UNIT_TESTS += init_words_test
init_words_test_SRCS := tests/unit/init/words_test.c tasks/init/words.c tasks/init/options.c

UNIT_TESTS += init_editor_test
init_editor_test_SRCS := tests/unit/init/editor_test.c tasks/init/editor.c

UNIT_TESTS += init_budget_test
init_budget_test_SRCS := tests/unit/init/budget_test.c tasks/init/budget.c tasks/init/manifest.c \
			 tasks/init/selector.c tasks/init/words.c
