/* SPDX-License-Identifier: MIT */
/* COM1, a 16550 (National Semiconductor PC16550D data sheet, 8). */
#include <arch/console.h>
#include <arch/mmio.h>

#define UART_BASE 0x3f8

enum {
	UART_DATA = 0,         /* with the divisor latch open: divisor, low byte */
	UART_INTERRUPTS = 1,   /* with the divisor latch open: divisor, high byte */
	UART_FIFO_CONTROL = 2, /* write only */
	UART_LINE_CONTROL = 3,
	UART_MODEM_CONTROL = 4,
	UART_LINE_STATUS = 5,
	UART_SCRATCH = 7,
};

#define INTERRUPTS_RECEIVE 0x01
#define FIFO_ENABLE_CLEAR  0x07 /* on, both emptied, an interrupt for each byte */
#define LINE_8N1           0x03
#define LINE_DIVISOR_LATCH 0x80
#define MODEM_DTR_RTS      0x03
#define MODEM_OUT2         0x08 /* lets the interrupt out, on a PC */
#define STATUS_DATA_READY  0x01
#define STATUS_ROOM        0x20
#define STATUS_ABSENT      0xff /* what an empty bus reads as */
#define DIVISOR_115200     1

/* Reads of the status register, about a microsecond each, until there must be room: some bytes
 * of 87 us. After that the UART is taken to be dead, and text is dropped from then on. */
#define ROOM_READS_MAX 100000

static enum {
	UART_UNKNOWN,
	UART_ALIVE,
	UART_DEAD,
} state;

static uint8_t uart_read(uint16_t offset)
{
	return port_read8((uint16_t)(UART_BASE + offset));
}

static void uart_write(uint16_t offset, uint8_t value)
{
	port_write8((uint16_t)(UART_BASE + offset), value);
}

static void uart_init(void)
{
	state = UART_DEAD;
	if (uart_read(UART_LINE_STATUS) == STATUS_ABSENT)
		return;
	uart_write(UART_INTERRUPTS, 0);
	uart_write(UART_LINE_CONTROL, LINE_DIVISOR_LATCH);
	uart_write(UART_DATA, DIVISOR_115200);
	uart_write(UART_INTERRUPTS, 0);
	uart_write(UART_LINE_CONTROL, LINE_8N1);
	uart_write(UART_FIFO_CONTROL, FIFO_ENABLE_CLEAR);
	uart_write(UART_MODEM_CONTROL, MODEM_DTR_RTS | MODEM_OUT2);
	state = UART_ALIVE;
}

static void put_byte(char byte)
{
	for (int i = 0; i < ROOM_READS_MAX; i++) {
		if (uart_read(UART_LINE_STATUS) & STATUS_ROOM) {
			uart_write(UART_DATA, (uint8_t)byte);
			return;
		}
	}
	state = UART_DEAD;
}

void console_put(const char *bytes, size_t size)
{
	if (state == UART_UNKNOWN)
		uart_init();
	for (size_t i = 0; i < size && state == UART_ALIVE; i++) {
		if (bytes[i] == '\n')
			put_byte('\r');
		put_byte(bytes[i]);
	}
}

int console_get(void)
{
	if (state != UART_ALIVE || !(uart_read(UART_LINE_STATUS) & STATUS_DATA_READY))
		return -1;
	return uart_read(UART_DATA);
}

void console_scratch(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		uart_write(UART_SCRATCH, bytes[i]);
}

void console_enable_receive(void)
{
	if (state == UART_UNKNOWN)
		uart_init();
	if (state == UART_ALIVE)
		uart_write(UART_INTERRUPTS, INTERRUPTS_RECEIVE);
}
