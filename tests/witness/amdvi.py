# SPDX-License-Identifier: MIT
"""What QEMU's trace says of its AMD-Vi unit, and what the kernel has to say for it.

QEMU 7.2 traces that a command was taken, but few of its operands: no address of an
INVALIDATE_IOMMU_PAGES, no device of an INVALIDATE_INTERRUPT_TABLE. So the kernel announces each
command (MARK_COMMAND: its 128 bits as they lie in the buffer), the trace confirms that the unit took
it, in this order and with the operands that it does tell, and what counts is the announced one as
the specification defines it (AMD I/O virtualization specification, 2.4).
"""

import re
from collections import deque
from dataclasses import dataclass

from debts import DeviceEntryDebt, RemapDebt
from events import (DOMAIN, GLOBAL, SELECTIVE, Interrupt, Invalidation, Unreadable, Untranslated,
                    Use, Wait)
from marks import PAGE

WAIT, DEVICE, PAGES, REMAP, ALL = 1, 2, 3, 5, 8  # opcodes
NAMES = {WAIT: "COMPLETION_WAIT", DEVICE: "INVALIDATE_DEVTAB_ENTRY",
         PAGES: "INVALIDATE_IOMMU_PAGES", REMAP: "INVALIDATE_INTERRUPT_TABLE",
         ALL: "INVALIDATE_IOMMU_ALL"}
EVERYTHING = 0x7FFFFFFFFFFFF000

HEX = "(0x[0-9a-f]+)"
DEVID = r"devid:? ([0-9a-f]+):([0-9a-f]+)\.([0-9a-f]+)"
COMMANDS = {
    "amdvi_completion_wait": (WAIT, re.compile(
        rf"completion wait requested with store address {HEX} and store data {HEX}$")),
    "amdvi_devtab_inval": (DEVICE, re.compile(
        rf"device table entry for {DEVID} invalidated$")),
    "amdvi_pages_inval": (PAGES, re.compile(rf"AMD-Vi pages for domain {HEX} invalidated$")),
    "amdvi_intr_inval": (REMAP, re.compile("Interrupt table invalidated$")),
    "amdvi_all_inval": (ALL, re.compile("Invalidation of all AMD-Vi cache requested ?$")),
}
USES = {
    "amdvi_iotlb_hit": re.compile(rf"hit iotlb {DEVID} gpa {HEX} hpa {HEX}$"),
    "amdvi_cache_update": re.compile(
        rf" ?update iotlb domid {HEX} {DEVID} gpa {HEX} hpa {HEX}$"),
    "amdvi_translation_result": re.compile(rf"{DEVID} gpa {HEX} hpa {HEX}$"),
}
INTERRUPTS = {
    "amdvi_ir_remap_msi_req": re.compile(rf"addr {HEX} data {HEX} devid {HEX}$"),
    "amdvi_ir_remap_msi": re.compile(
        rf"\(addr {HEX}, data {HEX}\) -> \(addr {HEX}, data {HEX}\)$"),
}
# Commands that the kernel never gives.
STRANGE = ("amdvi_unhandled_command", "amdvi_iotlb_inval", "amdvi_prefetch_pages",
           "amdvi_ppr_exec", "amdvi_command_read_fail", "amdvi_completion_wait_fail")


def matched(pattern, name, text):
    """The match of a line that has to match."""
    match = pattern.match(text)
    if not match:
        raise Unreadable(f"{name} {text}")
    return match


def numbers(groups):
    """Hexadecimal texts as integers."""
    return [int(text, 16) for text in groups]


def requester(bus, slot, number):
    """A requester id of its parts."""
    return bus << 8 | slot << 3 | number


@dataclass
class Command:
    """128 bits of the command buffer."""

    low: int
    high: int

    @property
    def opcode(self):
        """What it is."""
        return self.low >> 60

    @property
    def domain(self):
        """Of INVALIDATE_IOMMU_PAGES (2.4.3)."""
        return self.low >> 32 & 0xFFFF

    def told(self):
        """The operands that QEMU's trace tells, too."""
        if self.opcode == WAIT:
            return [self.low & 0x000FFFFFFFFFFFF8, self.high]
        if self.opcode == DEVICE:
            return [self.low >> 8 & 0xFF, self.low >> 3 & 31, self.low & 7]
        return [self.domain] if self.opcode == PAGES else []

    def event(self, line):
        """What it makes the unit do."""
        if self.opcode == WAIT:
            # Without a store nobody knows when it is done (2.4.1).
            return Wait(line) if self.low & 1 else None
        if self.opcode == ALL:
            return Invalidation(line, "all", GLOBAL, drain=True)
        if self.opcode == PAGES:
            return self.pages(line)
        kind = "context" if self.opcode == DEVICE else "interrupt"
        return Invalidation(line, kind, SELECTIVE, source=self.low & 0xFFFF)

    def pages(self, line):
        """With S set, the lowest clear bit of the address from bit 12 on says the size (2.4.3). What
        was translated before has reached memory when the wait behind is done (2.4.1)."""
        address, leaf_only = self.high & EVERYTHING | self.high & 1 << 63, not self.high & 2
        if not self.high & 1:
            size = PAGE
        elif address & EVERYTHING == EVERYTHING:
            return Invalidation(line, "iotlb", DOMAIN, domain=self.domain, leaf_only=leaf_only,
                                drain=True)
        else:
            lowest_clear = ~(address >> 12) & (address >> 12) + 1
            size = 2 * PAGE * lowest_clear
        first = address & -size
        return Invalidation(line, "iotlb", SELECTIVE, domain=self.domain, first=first,
                            last=first + size - 1, leaf_only=leaf_only, drain=True)


class Unit:
    """Reads the trace, and says what the kernel's stores owe; options: of the QEMU device."""

    prefix = "amdvi_"
    trace = (*COMMANDS, *USES, *INTERRUPTS, *STRANGE, "serial_write")

    def __init__(self, options=""):
        # QEMU's unit says NpCache: page-table entries that are absent may be cached (3.2.1).
        self.caches_absent = True
        self.checks_interrupts = "intremap=off" not in options.split(",")
        self.announced = deque()
        self.used = None  # the use that the next line is the result of
        self.message = None

    def context_debt(self, mark, present):
        """What a changed device table entry owes: blocked ones are valid, and cached, too."""
        return DeviceEntryDebt(mark, iotlb=mark.state == 0)

    def remap_debt(self, mark):
        """What a changed interrupt-remapping entry owes."""
        return RemapDebt(mark, by_source=True)

    def command(self, mark):
        """A command that the kernel announces."""
        self.announced.append(Command(mark.low, mark.high))

    def taken(self, line, opcode, operands):
        """The unit took a command: the next that was announced."""
        if not self.announced:
            raise Unreadable(f"{NAMES[opcode]} was taken, but not announced")
        command = self.announced.popleft()
        if command.opcode != opcode:
            raise Unreadable(f"{NAMES[opcode]} was taken, but "
                             f"{NAMES.get(command.opcode, command.opcode)} was announced")
        if command.told() != operands:
            raise Unreadable(f"{NAMES[opcode]} was taken with operands {operands}, but "
                             f"{command.told()} were announced")
        return command.event(line)

    def end(self):
        """The trace is over: everything that was announced was taken."""
        if self.announced:
            raise Unreadable(f"{len(self.announced)} commands were announced, but never taken")

    def read(self, number, name, text):
        """The event of a line, or None when the witness needs nothing of it."""
        if name in COMMANDS:
            opcode, pattern = COMMANDS[name]
            return self.taken(number, opcode, numbers(matched(pattern, name, text).groups()))
        if name in USES:
            return self.use(number, name, numbers(matched(USES[name], name, text).groups()))
        if name in INTERRUPTS:
            return self.interrupt(number, name,
                                  numbers(matched(INTERRUPTS[name], name, text).groups()))
        if name in STRANGE:
            raise Unreadable(f"{name} {text}")
        return None

    def use(self, line, name, values):
        """A translation: first where it was found, then its result."""
        domain = values.pop(0) if name == "amdvi_cache_update" else None
        source, iova, target = requester(*values[:3]), values[3], values[4]
        if name == "amdvi_translation_result":
            used, self.used = self.used, None
            if used == (source, iova, target):
                return None
            return Untranslated(line, source, iova, target)
        self.used = source, iova, target
        how = "walked" if name == "amdvi_cache_update" else "found in the IOTLB"
        return Use(line, how, source, iova, domain=domain, base=target)

    def interrupt(self, line, name, values):
        """A message: first as it was sent, then as it was let through, if it was."""
        if name == "amdvi_ir_remap_msi_req":
            self.message = values
            return None
        message, self.message = self.message, None
        if message is None or message[:2] != values[:2]:
            raise Unreadable("an interrupt was let through that nobody sent")
        return Interrupt(line, message[2], message[1] & 0x7FF)
