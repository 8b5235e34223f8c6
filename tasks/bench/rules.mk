TASKS += bench
bench_SRCS := tasks/bench/main.c tasks/bench/boot.c tasks/bench/calls.c tasks/bench/threads.c tasks/bench/channels.c tasks/bench/maps.c tasks/bench/edu.c tasks/bench/nvme.c
bench_SRCS += tasks/nvme/admin.c tasks/nvme/queue.c tasks/nvme/io.c tasks/nvme/prp.c tasks/nvme/status.c

# The other side of a ping-pong, and without events the program that does nothing.
TASKS += bench_partner
bench_partner_SRCS := tasks/bench/partner.c
