# SPDX-License-Identifier: MIT
"""What QEMU's trace says of its VT-d unit: invalidations and uses of translations.

Descriptors are decoded from their 128 bits (VT-d specification, 6.5.2), not from what QEMU made
of them: it treats some kinds more generously than hardware may.
"""

import re
from dataclasses import dataclass

GLOBAL, DOMAIN, SELECTIVE = 1, 2, 3


class Unreadable(Exception):
    """A line of a known event that does not look as it should."""


@dataclass
class Invalidation:
    """One descriptor other than a wait."""

    line: int
    kind: str  # context, iotlb, interrupt
    granularity: int
    domain: int = 0
    source: int = 0
    source_mask: int = 0
    first: int = 0
    last: int = 0
    leaf_only: bool = False
    drain: bool = False
    index: int = 0
    index_mask: int = 0

    def describe(self):
        """The descriptor in words."""
        if self.kind == "interrupt":
            what = ("all entries" if self.granularity == GLOBAL
                    else f"entry {self.index}, mask {self.index_mask}")
            return f"interrupt-entry cache, {what}"
        name = "context cache" if self.kind == "context" else "IOTLB"
        if self.granularity == GLOBAL:
            return f"{name}, global{self.flags()}"
        if self.granularity == DOMAIN:
            return f"{name}, domain {self.domain}{self.flags()}"
        if self.kind == "context":
            return (f"{name}, device {self.source >> 8:02x}:{self.source >> 3 & 31:02x}."
                    f"{self.source & 7} mask {self.source_mask}, domain {self.domain}")
        return f"{name}, domain {self.domain}, {self.first:#x}-{self.last:#x}{self.flags()}"

    def flags(self):
        """What else the descriptor says."""
        if self.kind != "iotlb":
            return ""
        return (", leaves only" if self.leaf_only else "") + ("" if self.drain else ", no drain")


@dataclass
class Wait:
    """A wait descriptor whose status was written: all before it is done."""

    line: int


@dataclass
class Use:
    """A translation was used: from the IOTLB or after a walk."""

    line: int
    how: str
    source: int
    iova: int
    domain: int = None  # not every event tells
    entry: int = None  # the leaf as it was walked
    target: int = None  # where it led
    mask: int = None  # of the leaf's size


@dataclass
class ContextUse:
    """A context entry was used: from the cache or after a walk."""

    line: int
    how: str
    source: int
    domain: int
    root: int


def fields_of(low, *names):
    """Bit fields of an integer by name: (first bit, last bit)."""
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
                            last=first + size - 1, leaf_only=bool(high & 0x40),
                            drain=bool(writes and reads))
    if kind == "iec":
        selective, mask, index = fields_of(low, (4, 4), (27, 31), (32, 47))
        return Invalidation(line, "interrupt", SELECTIVE if selective else GLOBAL, index=index,
                            index_mask=mask)
    return Invalidation(line, kind, 0)


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


def event(number, name, text):
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
