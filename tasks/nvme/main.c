/* SPDX-License-Identifier: MIT */
/* nvme: drives an NVMe controller from an isolated task. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>
#include <tasks/common/observe.h>

#include "jobs.h"

/* Base class mass storage, subclass non-volatile memory, interface NVMe I/O controller. */
#define NVME_CLASS 0x010802u

/* The queues and lists of nvme_open. */
#define CONTROLLER_DMA_SIZE UINT64_C(0x80000)

struct job {
	const char *name;
	int (*run)(struct nvme_controller *controller);
};

static const struct job jobs[] = {
        {"identify", job_identify},
        {"read", job_read},
        {"write", job_write},
};
#define JOB_COUNT (sizeof(jobs) / sizeof(jobs[0]))

static int usage(void)
{
	printf("usage: nvme identify | read | write | all\n"
	       "  identify  print the controller and its namespaces\n"
	       "  read      read all of namespace 1, print its SHA-256 and the rate\n"
	       "  write     write a region to namespace 2 and verify it\n"
	       "  all       all of these\n");
	return 2;
}

static int is_command(const char *command)
{
	if (strcmp(command, "all") == 0)
		return 1;
	for (size_t i = 0; i < JOB_COUNT; i++)
		if (strcmp(command, jobs[i].name) == 0)
			return 1;
	return 0;
}

static int run_jobs(struct nvme_controller *controller, const char *command)
{
	int all = strcmp(command, "all") == 0;
	int result = observe_pause();

	if (result < 0)
		printf("nvme: nobody said go: %s\n", cordon_strerror(result));
	for (size_t i = 0; i < JOB_COUNT && result == 0; i++)
		if (all || strcmp(command, jobs[i].name) == 0)
			result = jobs[i].run(controller);
	return result;
}

int main(int argc, char **argv)
{
	static struct nvme_controller controller;
	static struct vfio_device device;
	struct vfio_open_params params = {
	        .match = vfio_match_class(NVME_CLASS),
	        .authority = cordon_handle_named("authority"),
	        .dma_size = CONTROLLER_DMA_SIZE + JOBS_DMA_SIZE,
	};
	int closed;
	int result;

	if (argc != 2 || !is_command(argv[1]))
		return usage();
	result = vfio_device_open(&params, &device);
	if (result < 0) {
		printf("nvme: %s\n", device.error.text);
		return 1;
	}
	result = nvme_open(&device, &controller);
	if (result < 0) {
		printf("nvme: %s\n", controller.problem);
	} else {
		result = run_jobs(&controller, argv[1]);
		nvme_close(&controller);
	}
	closed = vfio_device_close(&device);
	if (closed < 0)
		printf("nvme: closing: %s\n", cordon_strerror(closed));
	return result < 0 || closed < 0;
}
