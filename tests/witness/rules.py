# SPDX-License-Identifier: MIT
"""What must hold between the kernel's stores, the unit's invalidations and its translations.

The kernel's marks open debts; descriptors cover them, a finished wait settles them. When a
system call returns, when another stretch of kernel code ends, and when a task's end is through,
nothing that the same CPU opened may be left. docs/testing.md names the rules.
"""

from collections import deque
from dataclasses import dataclass

import marks
from debts import ContextDebt, TranslationDebt
from events import ContextUse, Interrupt, Invalidation, Untranslated, Use, Wait
from marks import PAGE, bounds, function, span

LEVELS = range(4)
REMEMBERED = 64  # invalidations and unmaps kept for messages
REPORTED = 50  # violations after which the rest is only counted


@dataclass(frozen=True)
class Leaf:
    """A translation that the kernel stored."""

    domain: int
    iova: int
    level: int
    paddr: int
    flags: int
    line: int

    def holds(self, iova):
        """Whether it translates an address."""
        return self.iova <= iova < self.iova + span(self.level)


class Domain:
    """What the kernel says that a domain's tables hold."""

    def __init__(self):
        self.leaves = {level: {} for level in LEVELS}  # by IOVA
        self.tables = {}  # mark by frame
        self.tainted = 0  # line after which the unit may have cached something
        self.flush_taken = 0  # line of the last descriptor for the whole domain
        self.flushed = 0  # the same, once it was waited for

    def leaf_at(self, iova):
        """The leaf that translates an address, or None."""
        for level in LEVELS:
            leaf = self.leaves[level].get(iova & -span(level))
            if leaf:
                return leaf
        return None

    def leaves_in(self, level, first, last):
        """The leaves of a level inside a range, by rising IOVA."""
        leaves = self.leaves[level]
        if (last - first) // span(level) < len(leaves):
            found = (leaves.get(iova) for iova in range(first, last + 1, span(level)))
            return [leaf for leaf in found if leaf]
        return sorted((leaf for leaf in leaves.values() if first <= leaf.iova <= last),
                      key=lambda leaf: leaf.iova)


class Frames:
    """Which frames devices may reach, as blocks of the size of the leaves."""

    def __init__(self):
        self.counts = {level: {} for level in LEVELS}

    def add(self, level, address, change):
        """One use more, or fewer."""
        counts = self.counts[level]
        left = counts.get(address, 0) + change
        if left:
            counts[address] = left
        else:
            del counts[address]

    def find(self, base, size):
        """A block in use that overlaps a range: (address, size), or None."""
        for level in LEVELS:
            counts, step = self.counts[level], span(level)
            if size // step < len(counts):
                for address in range(base & -step, base + size, step):
                    if address in counts:
                        return address, step
            else:
                for address in counts:
                    if address < base + size and address + step > base:
                        return address, step
        return None


class Witness:
    """Replays a trace and collects violations."""

    def __init__(self, unit):
        self.unit = unit  # of a vendor
        self.calls = marks.call_names()
        self.violations = []
        self.unreported = 0
        self.counts = {}
        self.begun = False
        self.dead = False
        self.debts = []
        self.domains = {}
        self.contexts = {}  # domain id and root by requester
        self.entries = set()  # interrupt-remapping entries: (source, index)
        self.reachable = Frames()
        self.recent = deque(maxlen=REMEMBERED)  # invalidations and waits
        self.unmapped = deque(maxlen=REMEMBERED)  # marks

    # --- reporting

    def violate(self, rule, line, text, *more):
        """Note that a rule was broken."""
        if len(self.violations) >= REPORTED:
            self.unreported += 1
            return
        self.violations.append("\n    ".join([f"line {line}: rule {rule}: {text}", *more]))

    def told(self, mark):
        """A mark with its line."""
        return f"line {mark.line}: {mark.describe(self.calls)}"

    def since(self, line):
        """The invalidations after a line, for a message."""
        return [f"line {at}: {text}" for at, text in self.recent if at > line][:8] or [
            "no invalidation since"]

    def count(self, name, change=1):
        """Keep the statistics."""
        self.counts[name] = self.counts.get(name, 0) + change

    # --- debts

    def owe(self, debt):
        """A store owes something; after the unit's death nobody can pay."""
        self.debts.append(debt)
        self.count("debts")

    def settle(self, debt):
        """Nothing can reach any more what the debt kept reachable."""
        if isinstance(debt, TranslationDebt):
            for leaf in debt.leaves:
                self.reachable.add(leaf.level, leaf.paddr, -1)
            for frame in debt.frames:
                self.reachable.add(0, frame, -1)

    def leave(self, mark):
        """A call, a step or a task's end is over."""
        if self.dead:
            return
        kept = []
        for debt in self.debts:
            if debt.mark.cpu != mark.cpu:
                kept.append(debt)
                continue
            self.violate(debt.rule, mark.line, f"{mark.describe(self.calls)}, but owes "
                         f"{debt.missing()}", "for " + self.told(debt.mark),
                         *self.since(debt.mark.line))
            self.settle(debt)
        self.debts = kept

    # --- marks

    def mark(self, mark):
        """The kernel says something."""
        self.count("marks")
        getattr(self, "mark_" + mark.name)(mark)

    def mark_begin(self, mark):
        self.begun = True

    def mark_call_enter(self, mark):
        pass

    mark_call_leave = mark_step_leave = mark_task_end = leave

    def mark_unit_dead(self, mark):
        self.dead = True

    def mark_leaf_set(self, mark):
        domain = self.domains.setdefault(mark.domain, Domain())
        step = span(mark.level)
        size = mark.count * step
        for i in range(mark.count):
            iova = mark.iova + i * step
            leaf = Leaf(mark.domain, iova, mark.level, mark.paddr + i * step, mark.flags,
                        mark.line)
            old = domain.leaf_at(iova)
            if old:
                self.violate("marks", mark.line, f"{mark.describe()}: stored over a leaf",
                             f"line {old.line}: stored, iova {old.iova:#x}")
                self.drop(domain, old)
            domain.leaves[mark.level][iova] = leaf
            self.reachable.add(mark.level, leaf.paddr, 1)
        domain.tainted = mark.line
        self.count("leaves", mark.count)
        if self.unit.caches_absent:
            self.owe(TranslationDebt(mark, [(mark.iova, mark.iova + size - 1)], drain=False))

    def drop(self, domain, leaf):
        """Forget a leaf without a debt."""
        del domain.leaves[leaf.level][leaf.iova]
        self.reachable.add(leaf.level, leaf.paddr, -1)

    def mark_leaf_clear(self, mark):
        domain = self.domains.setdefault(mark.domain, Domain())
        gone = domain.leaves_in(mark.level, mark.first, mark.last)
        if not gone:
            self.violate("marks", mark.line, f"{mark.describe()}: none was there")
            return
        ranges = []
        for leaf in gone:
            last = leaf.iova + span(leaf.level) - 1
            if ranges and ranges[-1][1] + 1 == leaf.iova:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((leaf.iova, last))
            del domain.leaves[leaf.level][leaf.iova]
        domain.tainted = mark.line
        self.unmapped.append(mark)
        self.owe(TranslationDebt(mark, ranges, leaves=gone))

    def mark_table_link(self, mark):
        domain = self.domains.setdefault(mark.domain, Domain())
        domain.tables[mark.frame] = mark
        domain.tainted = mark.line
        self.reachable.add(0, mark.frame, 1)
        if self.unit.caches_absent:
            self.owe(TranslationDebt(mark, [(mark.iova, mark.iova + span(mark.level) - 1)],
                                     upper=True, drain=False))

    def mark_table_unlink(self, mark):
        domain = self.domains.setdefault(mark.domain, Domain())
        frames = (mark.frame,)
        if domain.tables.pop(mark.frame, None) is None:
            self.violate("marks", mark.line, f"{mark.describe()}: it was not linked")
            frames = ()
        domain.tainted = mark.line
        self.owe(TranslationDebt(mark, [(mark.iova, mark.iova + span(mark.level) - 1)],
                                 upper=True, frames=frames))

    def mark_command(self, mark):
        """The unit was told; what counts is that it takes it."""

    def mark_context(self, mark):
        debt = self.unit.context_debt(mark, mark.requester in self.contexts)
        if mark.state == marks.CONTEXT_PRESENT:
            domain = self.domains.setdefault(mark.domain, Domain())
            if mark.requester in self.contexts:
                self.violate("marks", mark.line, f"{mark.describe()}: it was present")
            self.contexts[mark.requester] = (mark.domain, mark.root)
            domain.tainted = mark.line
            if mark.root not in domain.tables:
                domain.tables[mark.root] = mark
                self.reachable.add(0, mark.root, 1)
        elif mark.state == marks.CONTEXT_ABSENT:
            if self.contexts.pop(mark.requester, (None,))[0] != mark.domain:
                self.violate("marks", mark.line, f"{mark.describe()}: it was not present so")
                return
        if debt:
            self.owe(debt)

    def mark_remap(self, mark):
        entry = mark.source, mark.index
        if mark.present:
            self.entries.add(entry)
        else:
            self.entries.discard(entry)
        self.owe(self.unit.remap_debt(mark))

    def mark_frames_free(self, mark):
        found = self.reachable.find(mark.base, mark.count * PAGE)
        if not found:
            return
        address, size = found
        self.violate("f", mark.line, f"{mark.describe()}, but a device may reach "
                     f"{bounds(address, address + size - 1)}", *self.holders(address, size))

    def holders(self, address, size):
        """Who makes a block reachable, for a message."""
        lines = []
        for number, domain in self.domains.items():
            for level in LEVELS:
                lines += [f"line {leaf.line}: domain {number}: iova {leaf.iova:#x} leads there"
                          for leaf in domain.leaves[level].values()
                          if address <= leaf.paddr < address + size]
            if address in domain.tables:
                lines.append(self.told(domain.tables[address]))
        for debt in self.debts:
            if isinstance(debt, TranslationDebt) and (
                    address in debt.frames or any(leaf.paddr == address for leaf in debt.leaves)):
                lines.append(f"{self.told(debt.mark)}: owes {debt.missing()}")
        return lines[:4]

    def mark_domain_free(self, mark):
        domain = self.domains.pop(mark.domain, None)
        if domain is None:
            return  # never used
        users = [function(requester) for requester, (number, _) in self.contexts.items()
                 if number == mark.domain]
        if users:
            self.violate("a", mark.line, f"{mark.describe()}, but {users[0]} translates through it")
        if domain.flushed <= domain.tainted:
            self.violate("a", mark.line, f"{mark.describe()} without an invalidation of the whole "
                         f"domain since line {domain.tainted}", *self.since(domain.tainted))
        for level in LEVELS:
            for leaf in list(domain.leaves[level].values()):
                self.violate("a", mark.line, f"{mark.describe()}, but iova {leaf.iova:#x} is mapped",
                             f"line {leaf.line}: stored")
                self.drop(domain, leaf)
        for frame in domain.tables:
            self.reachable.add(0, frame, -1)

    # --- what the unit does

    def event(self, event):
        """The unit did something."""
        self.HANDLERS[type(event)](self, event)

    def invalidation(self, inv):
        """An invalidation was taken from the queue."""
        self.count("invalidations")
        self.recent.append((inv.line, inv.describe()))
        for debt in self.debts:
            debt.invalidate(inv)
        if inv.drain and not inv.leaf_only:
            for number, domain in self.domains.items():
                if inv.whole_domain(number):
                    domain.flush_taken = inv.line

    def wait(self, wait):
        """Everything taken before is done."""
        self.recent.append((wait.line, "wait"))
        kept = []
        for debt in self.debts:
            before = isinstance(debt, ContextDebt) and debt.context_done
            debt.wait(wait.line)
            if isinstance(debt, ContextDebt) and debt.context_done and not before:
                # Until now the requester's walks could fill the caches.
                self.taint(debt.mark.domain, wait.line)
            if debt.settled:
                self.settle(debt)
            else:
                kept.append(debt)
        self.debts = kept
        for domain in self.domains.values():
            domain.flushed = domain.flush_taken

    def taint(self, number, line):
        """The unit may have cached something of a domain."""
        if number in self.domains:
            self.domains[number].tainted = line

    def leaves_for(self, number, iova):
        """Leaves of a domain that may be used for an address: stored, or not yet flushed."""
        domain = self.domains.get(number)
        leaf = domain.leaf_at(iova) if domain else None
        found = [leaf] if leaf else []
        for debt in self.debts:
            if isinstance(debt, TranslationDebt) and debt.domain == number:
                found += [leaf for leaf in debt.leaves if leaf.holds(iova)]
        return found

    def domains_of(self, source):
        """Domains that a requester may be in: by its entry, or by one not yet flushed."""
        found = [self.contexts[source][0]] if source in self.contexts else []
        return found + [debt.mark.domain for debt in self.debts
                        if isinstance(debt, ContextDebt) and debt.mark.requester == source
                        and debt.mark.state == marks.CONTEXT_ABSENT]

    def use(self, use):
        """A translation was used."""
        self.count("translations")
        who = f"{function(use.source)}: iova {use.iova:#x} {use.how}"
        numbers = self.domains_of(use.source)
        if use.domain is not None:
            if use.domain not in numbers:
                self.violate("e", use.line, f"{who} in domain {use.domain}, but the requester "
                             f"is in {numbers or 'none'}")
            numbers = [use.domain]
        elif not numbers:
            self.violate("e", use.line, f"{who}, but the requester is in no domain")
            return
        leaves = [leaf for number in numbers for leaf in self.leaves_for(number, use.iova)]
        if not leaves:
            self.violate("b", use.line, f"{who} in domain {numbers[0]}, where nothing is mapped "
                         "there", *self.last_unmap(numbers[0], use.iova))
        elif not any(use.agrees(leaf, span(leaf.level)) for leaf in leaves):
            leaf = leaves[0]
            self.violate("c", use.line, f"{who} as {use.describe_target()}, which is not what "
                         f"domain {leaf.domain} holds",
                         f"line {leaf.line}: iova {leaf.iova:#x} -> {leaf.paddr:#x}, "
                         f"{span(leaf.level) >> 10} KiB, flags {leaf.flags}")

    def last_unmap(self, number, iova):
        """When an address was unmapped, for a message."""
        for mark in reversed(self.unmapped):
            if mark.domain == number and mark.first <= iova <= mark.last:
                return [self.told(mark), *self.since(mark.line)]
        return ["never mapped, or unmapped long before"]

    def context_use(self, use):
        """A context entry was used."""
        allowed = [self.contexts[use.source]] if use.source in self.contexts else []
        if (use.domain, use.root) in allowed or any(
                use.domain == debt.mark.domain for debt in self.debts
                if isinstance(debt, ContextDebt) and debt.mark.requester == use.source):
            return
        self.violate("e", use.line, f"context entry of {function(use.source)} {use.how}: domain "
                     f"{use.domain}, root {use.root:#x}; the kernel says {allowed or 'absent'}")

    def untranslated(self, result):
        """A request came to nothing, or passed as it was, which must never happen."""
        self.count("refusals")
        if result.target == 0:
            return
        who = f"{function(result.source)}: iova {result.iova:#x}"
        if result.target == result.iova & -PAGE:
            self.violate("e", result.line, f"{who} passed untranslated")
        else:
            self.violate("c", result.line, f"{who} led to {result.target:#x}, but the unit neither "
                         "walked there nor remembered it")

    def interrupt(self, interrupt):
        """An interrupt was remapped: through an entry that is there, or was until its flush."""
        self.count("interrupts")
        if not self.unit.checks_interrupts:
            return
        gone = [(debt.mark.source, debt.mark.index) for debt in self.debts
                if debt.mark.name == "remap"]
        for source, index in [*self.entries, *gone]:
            if source & 0xFF == interrupt.source and index == interrupt.index:
                return
        self.violate("d", interrupt.line, f"an interrupt of {function(interrupt.source)} passed "
                     f"through entry {interrupt.index}, which is absent")

    def end(self, line, orderly):
        """The trace is over; a guest that panicked may owe what it was about to settle."""
        if orderly and not self.dead:
            self.unit.end()
        if not self.begun:
            self.violations.append("the trace holds no marks: was the kernel told marks=on?")
        if self.dead or not orderly:
            return
        for debt in self.debts:
            self.violate(debt.rule, line, f"the trace ends, but owes {debt.missing()}",
                         "for " + self.told(debt.mark), *self.since(debt.mark.line))

    HANDLERS = {Invalidation: invalidation, Wait: wait, Use: use, ContextUse: context_use,
                Untranslated: untranslated, Interrupt: interrupt}
