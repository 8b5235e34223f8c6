TASKS += demo
demo_SRCS := tasks/demo/main.c tasks/demo/attacks.c tasks/demo/child.c tasks/demo/disk.c
demo_SRCS += tasks/demo/holders.c tasks/demo/step.c tasks/demo/witness.c
