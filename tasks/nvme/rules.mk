TASKS += nvme
nvme_SRCS := tasks/nvme/main.c tasks/nvme/admin.c tasks/nvme/queue.c tasks/nvme/io.c
nvme_SRCS += tasks/nvme/prp.c tasks/nvme/status.c tasks/nvme/stream.c tasks/nvme/jobs.c
nvme_SRCS += tasks/common/observe.c tasks/common/sha256.c
