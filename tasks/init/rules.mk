# SPDX-License-Identifier: MIT
#
# The first task: holds the device authority and hands groups out by a manifest.

TASKS += init
init_SRCS := tasks/init/main.c \
	     tasks/init/options.c \
	     tasks/init/words.c \
	     tasks/init/selector.c \
	     tasks/init/manifest.c \
	     tasks/init/budget.c \
	     tasks/init/records.c \
	     tasks/init/spawn.c \
	     tasks/init/running.c \
	     tasks/init/entries.c \
	     tasks/init/services.c \
	     tasks/init/report.c \
	     tasks/init/describe.c \
	     tasks/init/editor.c \
	     tasks/init/prompt.c
