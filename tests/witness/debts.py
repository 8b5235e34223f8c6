# SPDX-License-Identifier: MIT
"""What a store owes to the unit, and which invalidations pay.

VT-d specification, 6.5 and 6.1; AMD I/O virtualization specification, 2.4 and 2.4.1 to 2.4.5.
"""

from events import DOMAIN, GLOBAL, SELECTIVE
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
        """An invalidation was taken from the queue."""
        raise NotImplementedError

    def wait(self, line):
        """Everything taken before is done."""
        raise NotImplementedError

    def missing(self):
        """What is still owed, in words."""
        raise NotImplementedError


class TranslationDebt(Debt):
    """Entries of a domain's tables changed: the IOTLB, and the cached upper entries when a table
    went (or, where absence is cached, came)."""

    def __init__(self, mark, ranges, *, upper=False, drain=True, leaves=(), frames=()):
        super().__init__(mark, "a")
        self.domain = mark.domain
        self.left = list(ranges)
        self.upper = upper
        self.drain = drain
        self.leaves = leaves  # still legal to be used
        self.frames = frames  # of tables that may still be walked

    def invalidate(self, inv):
        if not inv.reaches("iotlb") or (self.drain and not inv.drain) or (
                self.upper and inv.leaf_only):
            return
        if inv.whole_domain(self.domain):
            self.left = []
        elif inv.granularity == SELECTIVE and inv.domain == self.domain:
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
    """A requester's entry changed: first the cache of these entries, and only when that is done the
    IOTLB (VT-d 6.5.3, AMD-Vi 2.4.2), unless nothing can be there."""

    cache = "context cache"

    def __init__(self, mark, cached_as, iotlb):
        super().__init__(mark, "e")
        self.cached_as = cached_as  # the domain id that the entry may be cached under; None: none
        self.iotlb = iotlb
        self.context_covered = self.context_done = self.iotlb_covered = False

    def invalidate(self, inv):
        if inv.reaches("context") and self.covered_by(inv):
            self.context_covered = True
        if self.context_done and inv.drain and not inv.leaf_only and \
                inv.whole_domain(self.mark.domain):
            self.iotlb_covered = True

    def covered_by(self, inv):
        """Whether the entry is among those that are forgotten."""
        if inv.granularity == GLOBAL:
            return True
        if inv.domain != self.cached_as:
            return False
        return inv.granularity == DOMAIN or self.same_source(inv)

    def same_source(self, inv):
        """Function bits that the mask names, from the lowest unmasked, are not compared."""
        ignored = (0, 4, 6, 7)[inv.source_mask]
        return inv.source | ignored == self.mark.requester | ignored

    def wait(self, line):
        if self.context_covered:
            self.context_done = True
        self.settled = self.context_done and (self.iotlb_covered or not self.iotlb)

    def missing(self):
        name = function(self.mark.requester)
        if not self.context_covered:
            domain = "" if self.cached_as is None else f", domain {self.cached_as}"
            return f"an invalidation of the {self.cache}, {name}{domain}"
        if not self.context_done:
            return f"the wait after the invalidation of the {self.cache}"
        if not self.iotlb_covered:
            return (f"an invalidation of the IOTLB, domain {self.mark.domain}, with drain, "
                    f"after that of the {self.cache} was waited for")
        return "the wait after the invalidation of the IOTLB"


class DeviceEntryDebt(ContextDebt):
    """The same of a device table entry: it is cached by requester alone."""

    cache = "device table entry"

    def __init__(self, mark, iotlb):
        super().__init__(mark, None, iotlb)


class RemapDebt(Debt):
    """An interrupt-remapping entry changed."""

    def __init__(self, mark, by_source):
        super().__init__(mark, "d")
        self.by_source = by_source  # entries are cached by requester, else by index
        self.covered = False

    def invalidate(self, inv):
        if not inv.reaches("interrupt"):
            return
        if inv.granularity == GLOBAL:
            self.covered = True
        elif self.by_source:
            self.covered |= inv.source == self.mark.source
        else:
            self.covered |= inv.index >> inv.index_mask == self.mark.index >> inv.index_mask

    def wait(self, line):
        self.settled = self.covered

    def missing(self):
        if self.covered:
            return "the wait after its invalidation"
        whose = (f"interrupt table, {function(self.mark.source)}" if self.by_source
                 else f"interrupt-entry cache, entry {self.mark.index}")
        return f"an invalidation of the {whose}"
