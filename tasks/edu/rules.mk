TASKS += edu
edu_SRCS := tasks/edu/main.c tasks/edu/edu.c
