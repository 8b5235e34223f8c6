# SPDX-License-Identifier: MIT
"""What QEMU's trace says of its VT-d unit.

Descriptors are decoded from their 128 bits (VT-d specification, 6.5.2), not from what QEMU made
of them: it treats some kinds more generously than hardware may.
"""

import re

import marks
from debts import ContextDebt, RemapDebt
from events import GLOBAL, SELECTIVE, ContextUse, Invalidation, Unreadable, Use, Wait

HEX = "(0x[0-9a-f]+)"
PATTERNS = {
    "vtd_inv_desc": re.compile(rf"invalidate desc type (\S+) high {HEX} low {HEX}$"),
    "vtd_inv_desc_wait_sw": re.compile(rf"wait invalidate status write addr {HEX} data {HEX}$"),
    "vtd_iotlb_page_hit": re.compile(
        rf"IOTLB page hit sid {HEX} iova {HEX} slpte {HEX} domain {HEX}$"),
    "vtd_iotlb_page_update": re.compile(
        rf"IOTLB page update sid {HEX} iova {HEX} slpte {HEX} domain {HEX}$"),
    "vtd_dmar_translate": re.compile(
        r"dev ([0-9a-f]+):([0-9a-f]+)\.([0-9a-f]+) " + rf"iova {HEX} -> gpa {HEX} mask {HEX}$"),
    "vtd_iotlb_cc_hit": re.compile(
        rf"IOTLB context hit bus {HEX} devfn {HEX} high {HEX} low {HEX} gen "),
    "vtd_iotlb_cc_update": re.compile(
        rf"IOTLB context update bus {HEX} devfn {HEX} high {HEX} low {HEX} gen "),
}


def fields_of(low, *names):
    """Bit fields of an integer: (first bit, last bit)."""
    return [low >> first & (1 << last - first + 1) - 1 for first, last in names]


def invalidation(line, kind, high, low):
    """The event of a vtd_inv_desc line; None for a wait, which has a line of its own."""
    if kind == "wait":
        return None
    if kind == "context-cache":
        granularity, domain, source, mask = fields_of(low, (4, 5), (16, 31), (32, 47), (48, 49))
        return Invalidation(line, "context", granularity, domain=domain, source=source,
                            source_mask=mask)
    if kind == "iotlb":
        granularity, writes, reads, domain = fields_of(low, (4, 5), (6, 6), (7, 7), (16, 31))
        size = 4096 << (high & 0x3F)
        first = high & ~0xFFF & ~(size - 1)
        return Invalidation(line, "iotlb", granularity, domain=domain, first=first,
                            last=first + size - 1,
                            leaf_only=granularity == SELECTIVE and bool(high & 0x40),
                            drain=bool(writes and reads))
    if kind == "iec":
        selective, mask, index = fields_of(low, (4, 4), (27, 31), (32, 47))
        return Invalidation(line, "interrupt", SELECTIVE if selective else GLOBAL, index=index,
                            index_mask=mask)
    return Invalidation(line, kind, 0)


class Unit:
    """Reads the trace, and says what the kernel's stores owe; options: of the QEMU device."""

    prefix = "vtd_"
    trace = ("vtd_*", "serial_write")  # what QEMU is asked to trace

    def __init__(self, options=""):
        # Entries that say "nothing is there" may be cached, contexts under domain id 0 (6.1).
        self.caches_absent = "caching-mode=on" in options.split(",")
        # Who uses an entry is not traced.
        self.checks_interrupts = False

    def context_debt(self, mark, present):
        """What a changed context entry owes, or None; present: before the change."""
        if mark.state == marks.CONTEXT_CHANGED:
            return ContextDebt(mark, mark.domain, False) if present or self.caches_absent else None
        if mark.state == marks.CONTEXT_PRESENT:
            return ContextDebt(mark, 0, True) if self.caches_absent else None
        return ContextDebt(mark, mark.domain, True)

    def remap_debt(self, mark):
        """What a changed interrupt-remapping entry owes."""
        return RemapDebt(mark, by_source=False)

    def command(self, mark):
        """A command that the kernel announces: the trace has all that is in it."""
        raise Unreadable("commands are announced to VT-d units by nobody")

    def end(self):
        """The trace is over."""

    def read(self, number, name, text):
        """The event of a line, or None when the witness needs nothing of it."""
        pattern = PATTERNS.get(name)
        if pattern is None:
            return None
        match = pattern.match(text)
        if not match:
            raise Unreadable(f"{name} {text}")
        if name == "vtd_inv_desc":
            return invalidation(number, match[1], int(match[2], 16), int(match[3], 16))
        values = [int(value, 16) for value in match.groups()]
        if name == "vtd_inv_desc_wait_sw":
            return Wait(number)
        if name == "vtd_dmar_translate":
            source = values[0] << 8 | values[1] << 3 | values[2]
            return Use(number, "translated", source, values[3], target=values[4], mask=values[5])
        if name.startswith("vtd_iotlb_page"):
            how = "found in the IOTLB" if name.endswith("hit") else "walked"
            return Use(number, how, values[0], values[1], domain=values[3], entry=values[2])
        how = "found in the cache" if name.endswith("hit") else "walked"
        return ContextUse(number, how, values[0] << 8 | values[1], values[2] >> 8 & 0xFFFF,
                          values[3] & ~0xFFF)
