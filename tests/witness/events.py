# SPDX-License-Identifier: MIT
"""What a unit does, whoever's it is: invalidations, finished waits, uses of translations."""

from dataclasses import dataclass

from marks import bounds, function

GLOBAL, DOMAIN, SELECTIVE = 1, 2, 3


class Unreadable(Exception):
    """A line of a known event that does not look as it should."""


@dataclass
class Invalidation:
    """One descriptor or command other than a wait, as the specification defines it."""

    line: int
    kind: str  # context (of a requester), iotlb, interrupt, all
    granularity: int
    domain: int = None  # None: it names none
    source: int = None
    source_mask: int = 0
    first: int = 0
    last: int = 0
    leaf_only: bool = False
    drain: bool = False
    index: int = None
    index_mask: int = 0

    def reaches(self, kind):
        """Whether it is about a kind of cache."""
        return self.kind in (kind, "all")

    def whole_domain(self, domain):
        """Whether it forgets all that is cached of a domain."""
        return self.reaches("iotlb") and (
            self.granularity == GLOBAL or self.granularity == DOMAIN and self.domain == domain)

    def describe(self):
        """The descriptor in words."""
        if self.kind == "all":
            return "all caches"
        name = {"context": "context cache", "iotlb": "IOTLB",
                "interrupt": "interrupt-entry cache"}.get(self.kind, self.kind)
        return ", ".join([name, *self.operands()])

    def operands(self):
        """What it is about, and how."""
        if self.granularity == GLOBAL:
            yield "all entries" if self.kind == "interrupt" else "global"
        if self.granularity == SELECTIVE and self.source is not None:
            yield f"device {function(self.source)} mask {self.source_mask}"
        if self.index is not None and self.granularity == SELECTIVE:
            yield f"entry {self.index}, mask {self.index_mask}"
        if self.granularity != GLOBAL and self.domain is not None:
            yield f"domain {self.domain}"
        if self.kind == "iotlb":
            if self.granularity == SELECTIVE:
                yield bounds(self.first, self.last)
            if self.leaf_only:
                yield "leaves only"
            if not self.drain:
                yield "no drain"


@dataclass
class Wait:
    """A wait was finished: all that was given before is done."""

    line: int


@dataclass
class Use:
    """A translation was used: from the IOTLB or after a walk. Not every trace tells all of it."""

    line: int
    how: str
    source: int
    iova: int
    domain: int = None
    entry: int = None  # the leaf as it was walked
    target: int = None  # where the address led
    mask: int = None  # of the leaf's size
    base: int = None  # where the leaf begins

    def agrees(self, leaf, size):
        """Whether it is what a leaf says, as far as the trace tells."""
        if self.target is not None:
            return (self.target == leaf.paddr + self.iova - leaf.iova
                    and self.mask == size - 1)
        if self.base is not None:
            return self.base == leaf.paddr
        return (self.entry & 0x000FFFFFFFFFF000 == leaf.paddr
                and self.entry & 3 == leaf.flags)

    def describe_target(self):
        """Where it led."""
        if self.target is not None:
            return f"{self.target:#x}, mask {self.mask:#x}"
        if self.base is not None:
            return f"a leaf that begins at {self.base:#x}"
        return f"entry {self.entry:#x}"


@dataclass
class ContextUse:
    """What a requester translates through was looked up: in the cache or after a walk."""

    line: int
    how: str
    source: int
    domain: int
    root: int


@dataclass
class Untranslated:
    """A request ended without a translation: refused, or passed on as it was."""

    line: int
    source: int
    iova: int
    target: int


@dataclass
class Interrupt:
    """An interrupt was remapped."""

    line: int
    source: int  # the lowest 8 bits of the requester id
    index: int
