/* SPDX-License-Identifier: MIT */
/* The teaching device of QEMU, by plain system calls: what these tests do DMA with. */
#ifndef TESTS_GUEST_VFIO_EDU_H
#define TESTS_GUEST_VFIO_EDU_H

#include <cordon/syscall.h>
#include <stdbool.h>

struct edu {
	cordon_bdf_t bdf;
	cordon_handle_t group;
	cordon_handle_t container;
	cordon_handle_t device;
	volatile uint8_t *registers; /* BAR 0 */
};

#define EDU_ROOM 4095u /* bytes a transfer can have; one more makes the emulator abort */

/* Opens the group of edu, alone. Ends the test when that fails. */
void edu_open_group(struct edu *edu);

/* Opens the group, trusts the device (no reset reaches it), and brings it up in a new container
 * with registers mapped and bus mastering on. Ends the test when that fails. */
void edu_start(struct edu *edu);

/* Closes all of it. */
void edu_stop(struct edu *edu);

/* Moves count bytes from RAM to the device's buffer, or the other way, and waits until it is done
 * (100 ms). */
void edu_fetch(const struct edu *edu, uint64_t from, uint32_t count);
void edu_store(const struct edu *edu, uint64_t to, uint32_t count);

uint16_t edu_command(const struct edu *edu);
void edu_set_command(const struct edu *edu, uint16_t command);

#define EDU_COMMAND_MEMORY 0x2
#define EDU_COMMAND_MASTER 0x4

#endif
