TASKS += attack
attack_SRCS := tasks/attack/main.c tasks/attack/steps.c tasks/edu/edu.c tasks/common/observe.c
