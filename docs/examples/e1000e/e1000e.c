/* SPDX-License-Identifier: MIT */
/*
 * A polled network driver outside the tree: Intel's 82574L, which QEMU calls e1000e. It brings the
 * link up, asks an address of the network for its hardware address (ARP, RFC 826) as often as
 * the first argument says, and waits for each answer.
 *
 *	make run TASK=docs/examples/e1000e/e1000e.c \
 *		QEMU_EXTRA="-netdev user,id=net -device e1000e,netdev=net,romfile="
 *
 * Section numbers are those of the "Intel 82574 GbE Controller Family Datasheet".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/manifest.h>
#include <cordon/rt.h>
#include <vfio/device.h>

/* QEMU's device has no function-level reset: after use it is in quarantine. Whoever wants to run
 * it again without a new boot adds reset=trusted. */
CORDON_MANIFEST("group id=8086:10d3\n"
                "args 20");

/* Section 10.2: registers in BAR 0. */
enum e1000e_register {
	REG_CTRL = 0x0000,
	REG_STATUS = 0x0008,
	REG_IMC = 0x00d8,
	REG_RCTL = 0x0100,
	REG_TCTL = 0x0400,
	REG_RDBAL = 0x2800, /* the receive ring: base, bytes, head (the device's), tail (ours) */
	REG_RDBAH = 0x2804,
	REG_RDLEN = 0x2808,
	REG_RDH = 0x2810,
	REG_RDT = 0x2818,
	REG_TDBAL = 0x3800, /* the transmit ring: the same */
	REG_TDBAH = 0x3804,
	REG_TDLEN = 0x3808,
	REG_TDH = 0x3810,
	REG_TDT = 0x3818,
	REG_RAL0 = 0x5400, /* the hardware address, from the card's EEPROM */
	REG_RAH0 = 0x5404,
	REGISTERS_SIZE = 0x20000,
};

#define CTRL_FULL_DUPLEX 0x00000001u
#define CTRL_LINK_UP     0x00000040u /* "set link up" */
#define CTRL_RESET       0x04000000u
#define STATUS_LINK_UP   0x00000002u
#define RCTL_ENABLE      0x00000002u
#define RCTL_BROADCAST   0x00008000u /* accept them; buffers of 2048 bytes are the default */
#define RCTL_STRIP_CRC   0x04000000u
#define TCTL_ENABLE      0x00000002u
#define TCTL_PAD         0x00000008u /* short frames to 64 bytes */
#define TCTL_COLLISIONS  0x0003f0f0u /* the values that section 10.2.6.1 recommends */

/* Section 7.1.4, the legacy receive descriptor; 7.2.10.1, the legacy transmit descriptor. */
struct rx_descriptor {
	uint64_t address;
	uint16_t length;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t vlan;
};

struct tx_descriptor {
	uint64_t address;
	uint16_t length;
	uint8_t checksum_offset;
	uint8_t command;
	uint8_t status;
	uint8_t checksum_start;
	uint16_t vlan;
};

_Static_assert(sizeof(struct rx_descriptor) == 16, "receive descriptor layout");
_Static_assert(sizeof(struct tx_descriptor) == 16, "transmit descriptor layout");

#define DESCRIPTOR_DONE 0x01u /* status of both */
#define RX_END          0x02u /* the whole frame is in this buffer */
#define TX_END          0x01u
#define TX_INSERT_CRC   0x02u
#define TX_REPORT       0x08u /* set DESCRIPTOR_DONE */

#define RING_SIZE   8u /* descriptors; the ring's bytes are a multiple of 128 */
#define BUFFER_SIZE 2048u
#define TIMEOUT_NS  UINT64_C(5000000000)

struct nic {
	struct vfio_device device;
	volatile uint8_t *bar;
	struct vfio_dma rx_ring, tx_ring, rx_buffers, tx_buffers;
	uint32_t rx_next, tx_next;
	uint8_t mac[6];
};

/* --- the device -------------------------------------------------------------------------- */

static uint32_t get(const struct nic *nic, enum e1000e_register where)
{
	return vfio_read32(nic->bar + where);
}

static void set(const struct nic *nic, enum e1000e_register where, uint32_t value)
{
	vfio_write32(nic->bar + where, value);
}

/* Waits until the masked bits of a register are the wanted ones; -1: in vain. */
static int wait_for(const struct nic *nic, enum e1000e_register where, uint32_t mask, uint32_t want)
{
	uint64_t deadline = cordon_now() + TIMEOUT_NS;

	while ((get(nic, where) & mask) != want) {
		if (cordon_now() > deadline)
			return -1;
		cordon_clock_sleep(cordon_now() + 1000000);
	}
	return 0;
}

static int nic_reset(struct nic *nic)
{
	set(nic, REG_IMC, UINT32_MAX); /* no interrupts: this driver polls */
	set(nic, REG_CTRL, get(nic, REG_CTRL) | CTRL_RESET);
	if (wait_for(nic, REG_CTRL, CTRL_RESET, 0) < 0)
		return -1;
	set(nic, REG_IMC, UINT32_MAX); /* the reset allowed them again */
	for (int i = 0; i < 4; i++)
		nic->mac[i] = (uint8_t)(get(nic, REG_RAL0) >> 8 * i);
	for (int i = 0; i < 2; i++)
		nic->mac[4 + i] = (uint8_t)(get(nic, REG_RAH0) >> 8 * i);
	set(nic, REG_CTRL, get(nic, REG_CTRL) | CTRL_LINK_UP | CTRL_FULL_DUPLEX);
	return wait_for(nic, REG_STATUS, STATUS_LINK_UP, STATUS_LINK_UP);
}

static int nic_allocate(struct nic *nic)
{
	struct vfio_dma_pool *pool = nic->device.pool;
	int err;

	err = vfio_dma_alloc(pool, RING_SIZE * sizeof(struct rx_descriptor), 128, &nic->rx_ring);
	if (err == 0)
		err = vfio_dma_alloc(pool, RING_SIZE * sizeof(struct tx_descriptor), 128,
		                     &nic->tx_ring);
	if (err == 0)
		err = vfio_dma_alloc(pool, RING_SIZE * BUFFER_SIZE, 4096, &nic->rx_buffers);
	if (err == 0)
		err = vfio_dma_alloc(pool, RING_SIZE * BUFFER_SIZE, 4096, &nic->tx_buffers);
	return err;
}

/* The device owns the descriptors from head up to, not including, tail: one stays ours, because
 * head == tail means that it owns none. */
static void nic_start(struct nic *nic)
{
	struct rx_descriptor *rx = nic->rx_ring.address;

	for (uint32_t i = 0; i < RING_SIZE; i++)
		rx[i].address = nic->rx_buffers.iova + i * BUFFER_SIZE;
	set(nic, REG_RDBAL, (uint32_t)nic->rx_ring.iova);
	set(nic, REG_RDBAH, (uint32_t)(nic->rx_ring.iova >> 32));
	set(nic, REG_RDLEN, RING_SIZE * sizeof(struct rx_descriptor));
	set(nic, REG_RDH, 0);
	set(nic, REG_RCTL, RCTL_ENABLE | RCTL_BROADCAST | RCTL_STRIP_CRC);
	set(nic, REG_RDT, RING_SIZE - 1);
	set(nic, REG_TDBAL, (uint32_t)nic->tx_ring.iova);
	set(nic, REG_TDBAH, (uint32_t)(nic->tx_ring.iova >> 32));
	set(nic, REG_TDLEN, RING_SIZE * sizeof(struct tx_descriptor));
	set(nic, REG_TDH, 0);
	set(nic, REG_TDT, 0);
	set(nic, REG_TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_COLLISIONS);
}

/* Sends one frame and waits until the device has taken it out of memory. */
static int nic_send(struct nic *nic, const void *frame, uint16_t size)
{
	volatile struct tx_descriptor *ring = nic->tx_ring.address;
	volatile struct tx_descriptor *tx = &ring[nic->tx_next];
	uint64_t deadline = cordon_now() + TIMEOUT_NS;

	memcpy((uint8_t *)nic->tx_buffers.address + nic->tx_next * BUFFER_SIZE, frame, size);
	tx->address = nic->tx_buffers.iova + nic->tx_next * BUFFER_SIZE;
	tx->length = size;
	tx->status = 0;
	tx->command = TX_END | TX_INSERT_CRC | TX_REPORT;
	nic->tx_next = (nic->tx_next + 1) % RING_SIZE;
	set(nic, REG_TDT, nic->tx_next); /* ordered behind the stores above */
	while (!(tx->status & DESCRIPTOR_DONE)) {
		if (cordon_now() > deadline)
			return -1;
		vfio_relax();
	}
	return 0;
}

/* Takes the next frame into `frame` (BUFFER_SIZE bytes). Returns its size; 0: none came before the
 * deadline, or one with errors did. */
static uint16_t nic_receive(struct nic *nic, uint8_t *frame, uint64_t deadline)
{
	volatile struct rx_descriptor *ring = nic->rx_ring.address;
	volatile struct rx_descriptor *rx = &ring[nic->rx_next];
	uint16_t size;

	while (!(rx->status & DESCRIPTOR_DONE)) {
		if (cordon_now() > deadline)
			return 0;
		vfio_relax();
	}
	vfio_order(); /* the rest of the descriptor and the buffer are read after its status */
	size = rx->length;
	/* What a device writes is input from outside: a length is checked before it is believed. */
	if (!(rx->status & RX_END) || rx->errors || size > BUFFER_SIZE)
		size = 0;
	memcpy(frame, (uint8_t *)nic->rx_buffers.address + nic->rx_next * BUFFER_SIZE, size);
	rx->status = 0;
	/* The one before goes to the device; this one stays ours, so that the ring is never full.
	 */
	set(nic, REG_RDT, nic->rx_next);
	nic->rx_next = (nic->rx_next + 1) % RING_SIZE;
	return size;
}

/* --- the network ------------------------------------------------------------------------- */

/* An Ethernet frame with an ARP packet for IPv4; numbers are big-endian. */
struct arp_frame {
	uint8_t destination[6];
	uint8_t source[6];
	uint8_t ether_type[2];
	uint8_t hardware_type[2];
	uint8_t protocol_type[2];
	uint8_t hardware_size;
	uint8_t protocol_size;
	uint8_t operation[2]; /* 1: who has; 2: I have */
	uint8_t sender_mac[6];
	uint8_t sender_ip[4];
	uint8_t target_mac[6];
	uint8_t target_ip[4];
};
_Static_assert(sizeof(struct arp_frame) == 42, "ARP frame layout");

static const uint8_t our_ip[4] = {10, 0, 2, 15}; /* what QEMU's user network expects of a guest */
static const uint8_t gateway_ip[4] = {10, 0, 2, 2};

static void make_request(const struct nic *nic, struct arp_frame *frame)
{
	*frame = (struct arp_frame){
	        .destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	        .ether_type = {0x08, 0x06},
	        .hardware_type = {0, 1},
	        .protocol_type = {0x08, 0x00},
	        .hardware_size = 6,
	        .protocol_size = 4,
	        .operation = {0, 1},
	};
	memcpy(frame->source, nic->mac, 6);
	memcpy(frame->sender_mac, nic->mac, 6);
	memcpy(frame->sender_ip, our_ip, 4);
	memcpy(frame->target_ip, gateway_ip, 4);
}

static int is_answer(const struct nic *nic, const struct arp_frame *frame)
{
	static const uint8_t arp[2] = {0x08, 0x06};

	return memcmp(frame->ether_type, arp, 2) == 0 && frame->operation[1] == 2 &&
	       memcmp(frame->sender_ip, gateway_ip, 4) == 0 &&
	       memcmp(frame->destination, nic->mac, 6) == 0;
}

/* One question, one answer; other frames in between are left alone. */
static int ask(struct nic *nic, uint8_t answer[6])
{
	static uint8_t buffer[BUFFER_SIZE];
	uint64_t deadline = cordon_now() + TIMEOUT_NS;
	struct arp_frame request, reply;

	make_request(nic, &request);
	if (nic_send(nic, &request, sizeof(request)) < 0)
		return -1;
	while (cordon_now() < deadline) {
		if (nic_receive(nic, buffer, deadline) < sizeof(reply))
			continue;
		memcpy(&reply, buffer, sizeof(reply));
		if (is_answer(nic, &reply)) {
			memcpy(answer, reply.sender_mac, 6);
			return 0;
		}
	}
	return -1;
}

static int run(struct nic *nic, int times)
{
	uint8_t answer[6] = {0};
	int answers = 0;

	if (nic_reset(nic) < 0) {
		printf("e1000e: the link does not come up\n");
		return -1;
	}
	printf("e1000e: link up, address %02x:%02x:%02x:%02x:%02x:%02x\n", nic->mac[0], nic->mac[1],
	       nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
	if (nic_allocate(nic) < 0)
		return -1;
	nic_start(nic);
	while (answers < times && ask(nic, answer) == 0)
		answers++;
	set(nic, REG_RCTL, 0);
	set(nic, REG_TCTL, 0);
	printf("e1000e: 10.0.2.2 is at %02x:%02x:%02x:%02x:%02x:%02x, %d of %d answers\n",
	       answer[0], answer[1], answer[2], answer[3], answer[4], answer[5], answers, times);
	return answers == times ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct vfio_open_params params = {
	        .match = vfio_match_id(0x8086, 0x10d3),
	        .dma_size = 64 * 1024,
	};
	static struct nic nic;
	int err;

	if (vfio_device_open(&params, &nic.device) < 0) {
		printf("e1000e: %s\n", nic.device.error.text);
		return 1;
	}
	nic.bar = vfio_bar_pointer(&nic.device, 0, 0, REGISTERS_SIZE);
	err = nic.bar ? run(&nic, argc > 1 ? atoi(argv[1]) : 1) : -1;
	if (vfio_device_close(&nic.device) < 0)
		err = -1;
	return err ? 1 : 0;
}
