#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The witness on a recorded trace of AMD-Vi, and on the same with one thing wrong."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import amdvi  # noqa: E402
import events  # noqa: E402
import marks  # noqa: E402
from doctored import Case, Trace  # noqa: E402

DIRECTORIES, SIZE = 2, 1


class AmdCase(Case):
    """Commands stand twice in the trace: announced by the kernel, and taken by the unit."""

    def setUp(self):
        self.trace = Trace("amd-map")

    def command(self, opcode, start=0):
        """The next announced command of a kind."""
        return self.trace.find(f"command {opcode:#x}0", start)

    def drop(self, announced, taken):
        """Neither the kernel gave a command nor the unit took it."""
        index = self.trace.find(taken, announced)
        del self.trace.lines[index], self.trace.lines[announced]

    def drop_wait(self, start):
        self.drop(self.command(amdvi.WAIT, start), "amdvi_completion_wait")

    def operand(self, index, **fields):
        """Change the operands of an announced command."""
        self.trace.mark(index, **fields)

    def fields(self, index):
        return self.trace.parse(self.trace.lines[index]).fields


class Good(AmdCase):
    def test_the_recorded_trace_passes_and_holds_something(self):
        report = self.trace.check()
        self.assertEqual(report.violations, [])
        for what in ("marks", "leaves", "debts", "invalidations", "translations"):
            self.assertGreater(report.counts[what], 20, what)
        self.assertGreater(report.counts["refusals"], 2)

    def test_larger_invalidations_than_needed_pay_too(self):
        unmap = self.trace.find("leaves of 4 KiB removed")
        self.operand(self.command(amdvi.PAGES, unmap),
                     high=amdvi.EVERYTHING | SIZE | DIRECTORIES)
        self.passes(self.trace)


class Commands(Case):
    """Operands mean what the specification says (2.4)."""

    def pages(self, high, low=3 << 60 | 7 << 32):
        return amdvi.Command(low, high).event(1)

    def test_without_size_bit_one_page(self):
        inv = self.pages(0x12345002)
        self.assertEqual((inv.first, inv.last, inv.domain), (0x12345000, 0x12345FFF, 7))
        self.assertFalse(inv.leaf_only)
        self.assertTrue(self.pages(0x12345000).leaf_only)

    def test_the_lowest_clear_bit_says_the_size(self):
        for order in range(1, 40):
            high = 0xABCD << 52 & 0x7FF0000000000000 | (1 << order + 11) - 0x1000 | SIZE
            inv = self.pages(high)
            self.assertEqual(inv.last - inv.first + 1, 4096 << order, hex(high))
            self.assertEqual(inv.first, high & -(4096 << order) & ~3)

    def test_all_ones_is_the_domain(self):
        inv = self.pages(amdvi.EVERYTHING | SIZE)
        self.assertEqual(inv.granularity, events.DOMAIN)
        self.assertTrue(inv.whole_domain(7))
        self.assertFalse(inv.whole_domain(8))

    def test_a_wait_that_stores_nothing_is_none(self):
        self.assertIsNone(amdvi.Command(1 << 60 | 4, 0).event(1))


class Announced(AmdCase):
    """The kernel's commands and the unit's are the same, one by one."""

    def setUp(self):
        super().setUp()
        self.pages = self.command(amdvi.PAGES, self.trace.find("leaves of 4 KiB removed"))

    def test_a_command_that_was_not_announced(self):
        line = self.trace.lines[self.trace.find("amdvi_pages_inval", self.pages)]
        self.trace.lines.insert(self.trace.find("container_unmap returns", self.pages), line)
        self.reports(self.trace, "INVALIDATE_IOMMU_PAGES was taken, but not announced")

    def test_a_command_that_was_not_taken(self):
        del self.trace.lines[self.trace.find("amdvi_pages_inval", self.pages)]
        self.reports(self.trace, "COMPLETION_WAIT was taken, but INVALIDATE_IOMMU_PAGES was")

    def test_the_last_command_was_not_taken(self):
        self.trace.lines.append(Trace.encoded("command", low=8 << 60, high=0))
        self.reports(self.trace, "1 commands were announced, but never taken")

    def test_operands_that_differ(self):
        self.operand(self.pages, low=3 << 60 | 2 << 32)
        self.reports(self.trace, r"operands \[1\], but \[2\] were announced")

    def test_a_wait_that_stores_elsewhere(self):
        wait = self.command(amdvi.WAIT, self.pages)
        self.operand(wait, high=self.fields(wait)["high"] + 1)
        self.reports(self.trace, "COMPLETION_WAIT was taken with operands")

    def test_a_device_that_differs(self):
        self.operand(self.command(amdvi.DEVICE), low=2 << 60 | 0x18)
        self.reports(self.trace, "INVALIDATE_DEVTAB_ENTRY was taken with operands")

    def test_commands_that_the_kernel_never_gives(self):
        self.trace.lines.insert(self.pages, "amdvi_prefetch_pages Pre-fetch of AMD-Vi pages")
        self.reports(self.trace, "cannot be read: amdvi_prefetch_pages")


class Flushes(AmdCase):
    """Rule a."""

    def setUp(self):
        super().setUp()
        self.unmap = self.trace.find("leaves of 4 KiB removed, iova 0x40000000-0x40006fff")
        self.pages = self.command(amdvi.PAGES, self.unmap)

    def owes(self, text=""):
        self.reports(self.trace, "rule a: system call container_unmap returns, but owes " + text)

    def test_no_invalidation(self):
        self.drop(self.pages, "amdvi_pages_inval")
        self.owes("an invalidation of the IOTLB, domain 1, 0x40000000-0x40006fff")

    def test_another_domain(self):
        self.operand(self.pages, low=3 << 60 | 2 << 32)
        self.trace.change(self.trace.find("amdvi_pages_inval", self.pages), "domain 0x1",
                          "domain 0x2")
        self.owes("an invalidation")

    def test_another_page(self):
        self.operand(self.pages, high=0x40008000 | 0x3000 | SIZE | DIRECTORIES)
        self.owes("an invalidation")

    def test_too_small(self):
        self.operand(self.pages, high=0x40001000 | SIZE | DIRECTORIES)
        self.owes("an invalidation of the IOTLB, domain 1, 0x40004000-0x40006fff")

    def test_a_size_without_its_bit(self):
        self.operand(self.pages, high=0x40003000 | DIRECTORIES)
        self.owes("an invalidation of the IOTLB, domain 1, 0x40000000-0x40002fff, 0x40004000")

    def test_no_wait(self):
        self.drop_wait(self.pages)
        self.owes("the wait after its invalidation")

    def test_a_wait_that_nobody_can_see_the_end_of(self):
        wait = self.command(amdvi.WAIT, self.pages)
        self.operand(wait, low=self.fields(wait)["low"] & ~1)
        self.owes("the wait after its invalidation")

    def test_before_the_store(self):
        for pattern in ("command 0x30", "command 0x10", "amdvi_pages", "amdvi_completion"):
            self.trace.move(self.trace.find(pattern, self.unmap), self.unmap)
            self.unmap += 1
        self.owes("an invalidation")

    def test_after_the_return(self):
        leave = self.trace.find("container_unmap returns", self.unmap)
        for pattern in ("amdvi_completion", "command 0x10"):
            self.trace.move(self.trace.find(pattern, self.unmap), leave + 1)
            leave -= 1
        self.owes("the wait")

    def test_directories_stay_although_a_table_was_unlinked(self):
        pages = self.command(amdvi.PAGES, self.trace.find("table .* unlinked"))
        self.operand(pages, high=self.fields(pages)["high"] & ~DIRECTORIES)
        self.reports(self.trace, "rule a: .* owes an invalidation of the IOTLB and cached upper")

    def test_a_new_leaf_is_owed_an_invalidation(self):
        """The unit says that it may cache what is absent."""
        leaf = self.trace.find("1 x 4 KiB mapped", self.trace.find("container_unmap returns"))
        self.drop(self.command(amdvi.PAGES, leaf), "amdvi_pages_inval")
        self.reports(self.trace, "rule a: system call container_map returns, but owes")

    def test_an_id_given_back_under_which_something_may_be_cached(self):
        free = self.trace.find("domain id 1 given back")
        flush = [index for index in range(free) if "command 0x3000000100000000 0x7ffffffff"
                 in self.trace.words(index)]
        for index in flush[-2:]:
            self.operand(index, high=self.fields(index)["high"] & ~DIRECTORIES)
        self.reports(self.trace, "rule a: domain id 1 given back without an invalidation")


class Translations(AmdCase):
    """Rules b and c, as far as the trace tells."""

    def setUp(self):
        super().setUp()
        self.walk = self.trace.find("amdvi_cache_update")
        self.unmap = self.trace.find("leaves of 4 KiB removed", self.walk)
        self.leave = self.trace.find("container_unmap returns", self.unmap)

    def hit(self):
        line = self.trace.lines[self.walk]
        return "amdvi_iotlb_hit hit iotlb devid" + line[line.index(" 00:03"):]

    def test_a_hit_while_mapped_passes_and_until_the_flush_is_done(self):
        for index in (self.unmap + 2, self.unmap + 1, self.walk + 1):
            self.trace.lines.insert(index, self.hit())
        self.passes(self.trace)

    def test_a_walk_after_its_unmap_returned(self):
        self.trace.lines.insert(self.leave + 1, self.trace.lines[self.walk])
        self.reports(self.trace, "rule b: 00:03.0: iova 0x50000000 walked in domain 1, where "
                                 "nothing is mapped(.|\n)*leaves of 4 KiB removed")

    def test_a_hit_after_its_unmap_returned(self):
        self.trace.lines.insert(self.leave + 1, self.hit())
        self.reports(self.trace, "rule b: .*found in the IOTLB")

    def test_another_frame(self):
        self.trace.change(self.walk, "hpa 0x", "hpa 0x1")
        self.reports(self.trace, "rule c: .* walked as a leaf that begins at 0x1")

    def test_another_domain(self):
        self.trace.change(self.walk, "domid 0x1", "domid 0x2")
        self.reports(self.trace, "rule e: .* in domain 2, but the requester is in")

    def test_a_requester_without_a_domain(self):
        self.trace.change(self.walk, "00:03.0", "00:04.0")
        self.reports(self.trace, "rule e: 00:04.0: .* but the requester is in")

    def test_a_result_from_nowhere(self):
        self.result("00:03.0", "0x50000008", "0x384000")
        self.reports(self.trace, "rule c: .*led to 0x384000, but the unit neither walked")

    def result(self, source, iova, target):
        self.trace.lines.insert(
            self.leave + 1, f"amdvi_translation_result devid: {source} gpa {iova} hpa {target}")

    def test_a_requester_that_passes_untranslated(self):
        for source in ("00:03.0", "00:04.0"):
            self.result(source, "0x50000004", "0x50000000")
            self.reports(self.trace, f"rule e: {source}: iova 0x50000004 passed untranslated")

    def test_a_refusal_is_none(self):
        self.result("00:04.0", "0x50000004", "0x0")
        self.passes(self.trace)


class Remapping(AmdCase):
    """Rule d."""

    def setUp(self):
        super().setUp()
        self.change = self.trace.find("interrupt-remapping entry 49 of 00:14.0")
        self.inv = self.command(amdvi.REMAP, self.change)

    def test_no_invalidation(self):
        self.drop(self.inv, "amdvi_intr_inval")
        self.reports(self.trace, "rule d: boot is over, but owes an invalidation of the interrupt "
                                 "table, 00:14.0")

    def test_no_wait(self):
        self.drop_wait(self.inv)
        self.reports(self.trace, "rule d: boot is over, but owes the wait")

    def test_another_source(self):
        self.operand(self.inv, low=5 << 60 | 0x18)
        self.reports(self.trace, "rule d: boot is over")

    def test_a_new_table_needs_the_device_table_entry_flushed(self):
        device = self.command(amdvi.DEVICE)
        self.assertLess(device, self.change)
        self.drop(device, "amdvi_devtab_inval")
        self.reports(self.trace, "rule e: boot is over, but owes an invalidation of the device "
                                 "table entry, 00:14.0")

    def message(self, source, vector, where):
        data = f"addr 0xfee00000, data {vector:#x}"
        self.trace.lines[where:where] = [
            f"amdvi_ir_remap_msi_req {data.replace(',', '')} devid {source:#x}",
            f"amdvi_ir_remap_msi ({data}) -> ({data})"]

    def test_an_interrupt_through_an_entry_that_is_there(self):
        self.message(0xA0, 49, self.trace.find("boot is over"))
        self.passes(self.trace)

    def test_an_interrupt_through_an_absent_entry(self):
        self.message(0xA0, 50, self.trace.find("boot is over"))
        self.reports(self.trace, "rule d: an interrupt of 00:14.0 passed through entry 50")

    def test_an_interrupt_of_another_source(self):
        self.message(0x18, 49, self.trace.find("boot is over"))
        self.reports(self.trace, "rule d: an interrupt of 00:03.0 passed")

    def test_a_blocked_interrupt_is_none(self):
        at = self.trace.find("boot is over")
        self.message(0x18, 49, at)
        del self.trace.lines[at + 1]
        self.passes(self.trace)

    def test_until_the_flush_of_an_entry_that_went(self):
        at = self.trace.find("boot is over")
        absent = self.trace.lines[self.change]
        self.trace.lines.insert(at, absent)
        self.trace.mark(at, present=0)
        for line in reversed(self.trace.lines[self.inv:self.inv + 4]):
            self.trace.lines.insert(at + 1, line)
        self.message(0xA0, 49, at + 1)
        self.passes(self.trace)
        self.message(0xA0, 49, self.trace.find("boot is over"))
        self.reports(self.trace, "rule d: an interrupt of 00:14.0 passed")


class DeviceEntries(AmdCase):
    """Rule e."""

    def setUp(self):
        super().setUp()
        self.present = self.trace.find("context entry of 00:03.0 present")
        self.absent = self.trace.find("context entry of 00:03.0 absent")
        self.device = self.command(amdvi.DEVICE, self.absent)
        self.pages = self.command(amdvi.PAGES, self.device)

    def owes(self, text):
        self.reports(self.trace, "rule e: system call handle_close returns, but owes " + text)

    def test_attached_without_an_invalidation(self):
        """The blocked entry was valid: it may be cached."""
        self.drop(self.command(amdvi.DEVICE, self.present), "amdvi_devtab_inval")
        self.reports(self.trace, "rule e: system call container_add_group returns, but owes an "
                                 "invalidation of the device table entry, 00:03.0")

    def test_blocked_without_an_invalidation(self):
        self.drop(self.device, "amdvi_devtab_inval")
        self.owes("an invalidation of the device table entry, 00:03.0")

    def test_of_another_requester(self):
        self.operand(self.device, low=2 << 60 | 0x19)
        self.trace.change(self.trace.find("amdvi_devtab_inval", self.device), "00:03.0",
                          "00:03.1")
        self.owes("an invalidation of the device table entry")

    def test_no_wait_before_the_translations_go(self):
        self.drop_wait(self.device)
        self.owes("an invalidation of the IOTLB, domain 1, with drain, after that of the device")

    def test_translations_stay(self):
        self.drop(self.pages, "amdvi_pages_inval")
        self.owes("an invalidation of the IOTLB")

    def test_directories_stay(self):
        self.operand(self.pages, high=self.fields(self.pages)["high"] & ~DIRECTORIES)
        self.owes("an invalidation of the IOTLB")

    def test_only_one_page_goes(self):
        self.operand(self.pages, high=0x40000000 | DIRECTORIES)
        self.owes("an invalidation of the IOTLB")

    def test_no_wait_at_the_end(self):
        self.drop_wait(self.pages)
        self.owes("the wait after the invalidation of the IOTLB")

    def test_a_changed_entry_needs_its_flush(self):
        at = self.trace.find("container_map begins")
        self.trace.lines.insert(at + 1, Trace.encoded("context", requester=0x20, domain=0,
                                                      state=marks.CONTEXT_CHANGED, root=0))
        self.reports(self.trace, "rule e: system call container_map returns, but owes an "
                                 "invalidation of the device table entry, 00:04.0")


class Frames(AmdCase):
    """Rule f."""

    def free(self, index, address):
        self.trace.lines.insert(index, Trace.encoded("frames_free", base=address, count=1))

    def test_between_unmap_and_wait(self):
        store = self.trace.find("1 x 4 KiB mapped")
        unmap = self.trace.find("leaves of 4 KiB removed", store)
        frame = Trace.parse(self.trace.lines[store]).paddr
        done = self.trace.find("amdvi_completion_wait", unmap)
        self.free(done + 1, frame)
        self.passes(self.trace)
        del self.trace.lines[done + 1]
        self.free(done, frame)
        self.reports(self.trace, "rule f: (.|\n)*owes the wait after its invalidation")

    def test_of_a_table_not_yet_flushed(self):
        unlink = self.trace.find("table .* unlinked")
        self.free(unlink + 1, Trace.parse(self.trace.lines[unlink]).frame)
        self.reports(self.trace, "rule f: (.|\n)*unlinked")


if __name__ == "__main__":
    unittest.main()
