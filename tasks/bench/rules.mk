TASKS += bench
bench_SRCS := tasks/bench/main.c tasks/bench/boot.c tasks/bench/calls.c tasks/bench/maps.c tasks/bench/edu.c tasks/bench/nvme.c
bench_SRCS += tasks/nvme/admin.c tasks/nvme/queue.c tasks/nvme/io.c tasks/nvme/prp.c tasks/nvme/status.c
