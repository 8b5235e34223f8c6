# SPDX-License-Identifier: MIT
"""What a store owes to the unit, and which descriptors pay (VT-d specification, 6.5 and 6.1)."""

import vtd
from marks import bounds, function


def subtract(whole, first, last):
    """What is left of an inclusive range without another one."""
    if last < whole[0] or first > whole[1]:
        return [whole]
    parts = []
    if whole[0] < first:
        parts.append((whole[0], first - 1))
    if whole[1] > last:
        parts.append((last + 1, whole[1]))
    return parts


class Debt:
    """What one store owes to the unit."""

    def __init__(self, mark, rule):
        self.mark = mark
        self.rule = rule
        self.settled = False

    def invalidate(self, inv):
        """A descriptor was taken from the queue."""
        raise NotImplementedError

    def wait(self, line):
        """Everything taken before is done."""
        raise NotImplementedError

    def missing(self):
        """What is still owed, in words."""
        raise NotImplementedError


class TranslationDebt(Debt):
    """Entries of a domain's tables changed: the IOTLB, and the cached upper entries when a table
    went (or, in caching mode, came)."""

    def __init__(self, mark, ranges, *, upper=False, drain=True, leaves=(), frames=()):
        super().__init__(mark, "a")
        self.domain = mark.domain
        self.left = list(ranges)
        self.upper = upper
        self.drain = drain
        self.leaves = leaves  # still legal to be used
        self.frames = frames  # of tables that may still be walked

    def invalidate(self, inv):
        if inv.kind != "iotlb" or (self.drain and not inv.drain):
            return
        if inv.granularity == vtd.GLOBAL:
            self.left = []
        elif inv.domain != self.domain:
            return
        elif inv.granularity == vtd.DOMAIN:
            self.left = []
        elif inv.granularity == vtd.SELECTIVE and not (self.upper and inv.leaf_only):
            self.left = [part for whole in self.left
                         for part in subtract(whole, inv.first, inv.last)]

    def wait(self, line):
        self.settled = not self.left

    def missing(self):
        if not self.left:
            return "the wait after its invalidation"
        what = "IOTLB and cached upper entries" if self.upper else "IOTLB"
        drain = ", with drain" if self.drain else ""
        return (f"an invalidation of the {what}, domain {self.domain}, "
                f"{', '.join(bounds(*part) for part in self.left[:4])}{drain}")


class ContextDebt(Debt):
    """A context entry changed: first the context cache, and only when that is done the IOTLB
    (6.5.3), unless nothing can be there."""

    def __init__(self, mark, cached_as, iotlb):
        super().__init__(mark, "e")
        self.cached_as = cached_as  # the domain id that the context may be cached under
        self.iotlb = iotlb
        self.context_covered = self.context_done = self.iotlb_covered = False
        self.context_line = 0

    def invalidate(self, inv):
        if inv.kind == "context" and (
                inv.granularity == vtd.GLOBAL or inv.domain == self.cached_as and (
                    inv.granularity == vtd.DOMAIN or
                    inv.granularity == vtd.SELECTIVE and self.same_source(inv))):
            self.context_covered = True
        if inv.kind == "iotlb" and self.context_done and inv.drain and (
                inv.granularity == vtd.GLOBAL or
                inv.granularity == vtd.DOMAIN and inv.domain == self.mark.domain):
            self.iotlb_covered = True

    def same_source(self, inv):
        """Function bits that the mask names, from the lowest unmasked, are not compared."""
        ignored = (0, 4, 6, 7)[inv.source_mask]
        return inv.source | ignored == self.mark.requester | ignored

    def wait(self, line):
        if self.context_covered and not self.context_done:
            self.context_done = True
            self.context_line = line
        self.settled = self.context_done and (self.iotlb_covered or not self.iotlb)

    def missing(self):
        name = function(self.mark.requester)
        if not self.context_covered:
            return f"an invalidation of the context cache, {name}, domain {self.cached_as}"
        if not self.context_done:
            return "the wait after the invalidation of the context cache"
        if not self.iotlb_covered:
            return (f"an invalidation of the IOTLB, domain {self.mark.domain}, with drain, "
                    "after that of the context cache was waited for")
        return "the wait after the invalidation of the IOTLB"


class RemapDebt(Debt):
    """An interrupt-remapping entry changed."""

    def __init__(self, mark):
        super().__init__(mark, "d")
        self.covered = False

    def invalidate(self, inv):
        if inv.kind == "interrupt" and (
                inv.granularity == vtd.GLOBAL or
                inv.index >> inv.index_mask == self.mark.index >> inv.index_mask):
            self.covered = True

    def wait(self, line):
        self.settled = self.covered

    def missing(self):
        if not self.covered:
            return f"an invalidation of the interrupt-entry cache, entry {self.mark.index}"
        return "the wait after its invalidation"
