TASKS += example
example_SRCS := tasks/example/example.c
