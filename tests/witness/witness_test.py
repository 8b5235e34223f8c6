#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The witness on recorded traces of VT-d, and on the same with one thing wrong: each is reported."""

import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import marks  # noqa: E402
import witness  # noqa: E402
from doctored import Case, Trace  # noqa: E402


class Good(Case):
    def test_recorded_traces_pass_and_hold_something(self):
        for name in ("map", "map-caching"):
            report = Trace(name).check()
            self.assertEqual(report.violations, [])
            for what in ("marks", "leaves", "debts", "invalidations", "translations"):
                self.assertGreater(report.counts[what], 20, what)

    def test_what_a_trace_of_an_ordinary_unit_lacks_is_owed_in_caching_mode(self):
        trace = Trace()
        trace.options = "caching-mode=on"
        self.reports(trace, "rule a: system call container_map returns, but owes",
                     "rule a: .*an invalidation of the IOTLB and cached upper entries")

    def test_a_larger_invalidation_than_needed_pays_too(self):
        trace = Trace()
        unmap = trace.find("leaves of 4 KiB removed")
        trace.lines[trace.find("type iotlb", unmap)] = \
            "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0x100e2"
        self.passes(trace)
        trace.lines[trace.find("type iotlb", unmap)] = \
            "vtd_inv_desc invalidate desc type iotlb high 0x0 low 0xd2"
        self.passes(trace)

    def test_two_invalidations_that_cover_a_range_together_pay(self):
        trace = Trace()
        unmap = trace.find("removed, iova 0x40000000-0x40006fff")
        index = trace.find("type iotlb", unmap)
        trace.change(index, "high 0x40000043", "high 0x40000042")
        self.reports(trace, "0x40004000-0x40006fff")
        trace.lines.insert(index, trace.lines[index].replace("40000042", "40004042"))
        self.passes(trace)


class Flushes(Case):
    """Rule a: an invalidation that covers the store, and its wait, before the return."""

    def setUp(self):
        self.trace = Trace()
        self.unmap = self.trace.find("leaves of 4 KiB removed")
        self.inv = self.trace.find("type iotlb", self.unmap)

    def owes(self, text=""):
        self.reports(self.trace, "rule a: system call container_unmap returns, but owes " + text)

    def test_no_invalidation(self):
        del self.trace.lines[self.inv]
        self.owes("an invalidation of the IOTLB, domain 1, 0x50000000-0x50000fff")

    def test_invalidation_of_another_domain(self):
        self.trace.change(self.inv, "low 0x100f2", "low 0x200f2")
        self.owes("an invalidation")
        self.reports(self.trace, r"IOTLB, domain 2, 0x50000000-0x50000fff")

    def test_invalidation_of_another_page(self):
        self.trace.change(self.inv, "high 0x50000040", "high 0x50001040")
        self.owes("an invalidation")

    def test_address_mask_too_small(self):
        unmap = self.trace.find("removed, iova 0x40000000-0x40006fff")
        self.trace.change(self.trace.find("type iotlb", unmap), "high 0x40000043",
                          "high 0x40000041")
        self.owes("an invalidation of the IOTLB, domain 1, 0x40002000-0x40006fff")

    def test_no_drain(self):
        self.trace.change(self.inv, "low 0x100f2", "low 0x100b2")
        self.owes("an invalidation")

    def test_no_wait(self):
        del self.trace.lines[self.trace.find("wait_sw", self.inv)]
        self.owes("the wait after its invalidation")

    def test_invalidation_before_the_store(self):
        self.trace.move(self.inv, self.unmap)
        self.owes("an invalidation")

    def test_invalidation_after_the_return(self):
        leave = self.trace.find("container_unmap returns", self.unmap)
        self.trace.move(self.trace.find("wait_sw", self.inv), leave + 1)
        self.owes("the wait")

    def test_invalidation_of_another_cache(self):
        self.trace.lines[self.inv] = \
            "vtd_inv_desc invalidate desc type context-cache high 0x0 low 0x11"
        self.owes("an invalidation of the IOTLB")

    def test_leaf_only_hint_although_a_table_was_unlinked(self):
        unlink = self.trace.find("table .* unlinked")
        index = self.trace.find("type iotlb", unlink)
        high = re.search(r"high (0x[0-9a-f]+)", self.trace.lines[index])[1]
        self.trace.change(index, f"high {high}", f"high {int(high, 16) | 0x40:#x}")
        self.reports(self.trace, "rule a: .* owes an invalidation of the IOTLB and cached upper")

    def test_a_step_and_a_tasks_end_owe_the_same(self):
        del self.trace.lines[self.inv]
        leave = self.trace.find("container_unmap returns", self.unmap)
        self.trace.lines[leave] = Trace.encoded("step_leave", step=1)
        self.reports(self.trace, "rule a: an interrupt is over, but owes")
        self.trace.lines[leave] = Trace.encoded("task_end", task=7)
        self.reports(self.trace, "rule a: the end of task 7 is through, but owes")

    def test_another_cpu_does_not_owe_it(self):
        leave = self.trace.find("container_unmap returns", self.unmap)
        self.trace.lines.insert(self.unmap + 1, Trace.encoded("call_leave", 1, number=0))
        self.passes(self.trace)
        self.trace.mark(leave + 1, cpu=1)
        del self.trace.lines[self.inv + 1]
        del self.trace.lines[leave + 1:]
        self.reports(self.trace, "rule a: the trace ends, but owes")
        lines = self.trace.expanded()
        self.assertEqual(witness.check(lines, witness.VENDORS[self.trace.iommu](), orderly=False).violations, [])

    def test_an_id_given_back_under_which_something_may_be_cached(self):
        free = self.trace.find("domain id 1 given back")
        flushes = [index for index in range(free) if re.search(
            "type iotlb high 0x0 low 0x100e2", self.trace.lines[index])]
        for index in reversed(flushes[-2:]):
            del self.trace.lines[index]
        self.reports(self.trace, "rule a: domain id 1 given back without an invalidation")

    def test_an_id_given_back_that_is_still_used(self):
        free = self.trace.find("domain id 1 given back")
        self.trace.move(free, self.unmap)
        self.reports(self.trace, "domain id 1 given back, but 00:03.0 translates through it",
                     "domain id 1 given back, but iova 0x50000000 is mapped")

    def test_nothing_is_owed_to_a_dead_unit(self):
        del self.trace.lines[self.inv]
        self.trace.lines.insert(self.inv, Trace.encoded("unit_dead"))
        del self.trace.lines[self.trace.find("container_unmap returns", self.inv) + 1:]
        self.passes(self.trace)


class CachingMode(Case):
    """Rule a where absent entries are cached, too."""

    def setUp(self):
        self.trace = Trace("map-caching")

    def test_a_new_leaf_without_invalidation(self):
        index = self.trace.find("1 x 4 KiB mapped", self.trace.find("container_unmap returns"))
        while "linked" in self.trace.words(index - 1):
            index = self.trace.find("1 x 4 KiB mapped", index + 1)
        del self.trace.lines[self.trace.find("type iotlb", index)]
        self.reports(self.trace, "rule a: system call container_map returns, but owes")

    def test_a_new_table_with_the_leaf_only_hint(self):
        index = self.trace.find("type iotlb", self.trace.find("table .* linked"))
        high = re.search(r"high (0x[0-9a-f]+)", self.trace.lines[index])[1]
        self.trace.change(index, f"high {high}", f"high {int(high, 16) | 0x40:#x}")
        self.reports(self.trace, "rule a: .* owes an invalidation of the IOTLB and cached upper")

    def test_a_new_context_without_invalidation_under_id_0(self):
        present = self.trace.find("context entry .* present")
        self.trace.change(self.trace.find("type context-cache", present), "low 0x1800000031",
                          "low 0x1800010031")
        self.reports(self.trace, "rule e: .*owes an invalidation of the context cache, 00:03.0, "
                                 "domain 0")


class Translations(Case):
    """Rules b and c: what is translated is mapped, and as the domain holds it."""

    def setUp(self):
        self.trace = Trace()
        self.walk = self.trace.find("vtd_iotlb_page_update")
        self.translate = self.trace.find("vtd_dmar_translate")
        self.unmap = self.trace.find("leaves of 4 KiB removed", self.translate)
        self.leave = self.trace.find("container_unmap returns", self.unmap)

    def hit(self):
        return self.trace.lines[self.walk].replace("page_update", "page_hit").replace(
            "page update", "page hit")

    def test_a_hit_while_mapped_passes_and_until_the_flush_is_done(self):
        for index in (self.unmap + 2, self.unmap + 1, self.walk + 1):
            self.trace.lines.insert(index, self.hit())
        self.passes(self.trace)

    def test_a_translation_after_its_unmap_returned(self):
        self.trace.lines.insert(self.leave + 1, self.trace.lines[self.translate])
        self.reports(self.trace, "rule b: 00:03.0: iova 0x50000000 translated in domain 1, where "
                                 "nothing is mapped(.|\n)*leaves of 4 KiB removed")

    def test_a_hit_in_the_iotlb_after_its_unmap_returned(self):
        self.trace.lines.insert(self.leave + 1, self.hit())
        self.reports(self.trace, "rule b: .*found in the IOTLB")

    def test_a_translation_before_anything_is_mapped(self):
        self.trace.lines.insert(self.trace.find("container_add_group returns"),
                                self.trace.lines[self.translate])
        self.reports(self.trace, "rule b: (.|\n)*never mapped")

    def test_a_translation_to_another_frame(self):
        self.trace.change(self.translate, "gpa 0x", "gpa 0x1")
        self.reports(self.trace, "rule c: .* translated as 0x1.* not what domain 1 holds")

    def test_a_larger_leaf_than_was_stored(self):
        self.trace.change(self.translate, "mask 0xfff", "mask 0x1fffff")
        self.reports(self.trace, "rule c: ")

    def test_rights_that_were_not_given(self):
        slpte = re.search(r"slpte (0x[0-9a-f]+)", self.trace.lines[self.walk])[1]
        self.assertEqual(int(slpte, 16) & 3, 1)  # the recorded one may be read only
        self.trace.change(self.walk, slpte, f"{int(slpte, 16) | 2:#x}")
        self.reports(self.trace, "rule c: .* walked as entry")

    def test_a_translation_in_another_domain(self):
        self.trace.change(self.walk, "domain 0x1", "domain 0x2")
        self.reports(self.trace, "rule e: .* in domain 2, but the requester is in")

    def test_a_translation_of_a_requester_without_a_domain(self):
        self.trace.change(self.translate, "dev 00:03.00", "dev 00:04.00")
        self.reports(self.trace, "rule e: 00:04.0: .* the requester is in no domain")


class Remapping(Case):
    """Rule d: interrupt-remapping entries."""

    def setUp(self):
        self.trace = Trace()
        self.change = self.trace.find("interrupt-remapping entry 0")
        self.inv = self.trace.find("type iec", self.change)

    def test_no_invalidation(self):
        del self.trace.lines[self.inv]
        self.reports(self.trace, "rule d: boot is over, but owes an invalidation of the "
                                 "interrupt-entry cache, entry 0")

    def test_no_wait(self):
        del self.trace.lines[self.inv + 1]
        self.reports(self.trace, "rule d: boot is over, but owes the wait")

    def test_invalidation_of_another_entry(self):
        self.trace.change(self.inv, "low 0x14", "low 0x100000014")
        self.reports(self.trace, "rule d: boot is over")

    def test_a_mask_covers_its_neighbours(self):
        self.trace.mark(self.change, index=6)
        self.trace.change(self.inv, "low 0x14", f"low {4 << 32 | 1 << 27 | 0x14:#x}")
        self.reports(self.trace, "rule d: boot is over")
        self.trace.change(self.inv, f"{4 << 32 | 1 << 27 | 0x14:#x}",
                          f"{4 << 32 | 2 << 27 | 0x14:#x}")
        self.passes(self.trace)


class Contexts(Case):
    """Rule e: context entries."""

    def setUp(self):
        self.trace = Trace()
        self.absent = self.trace.find("context entry of 00:03.0 absent")
        self.context = self.trace.find("type context-cache", self.absent)
        self.iotlb = self.trace.find("type iotlb", self.context)

    def owes(self, text):
        self.reports(self.trace, "rule e: system call handle_close returns, but owes " + text)

    def test_no_invalidation_of_the_context_cache(self):
        del self.trace.lines[self.context]
        self.owes("an invalidation of the context cache, 00:03.0, domain 1")

    def test_invalidation_of_another_requester(self):
        self.trace.change(self.context, "low 0x1800010031", "low 0x1900010031")
        self.owes("an invalidation of the context cache")

    def test_a_function_mask_covers_its_siblings(self):
        self.trace.change(self.context, "low 0x1800010031", f"low {3 << 48 | 0x1900010031:#x}")
        self.passes(self.trace)

    def test_invalidation_under_another_domain(self):
        self.trace.change(self.context, "low 0x1800010031", "low 0x1800000031")
        self.owes("an invalidation of the context cache")

    def test_no_wait_between_context_cache_and_iotlb(self):
        del self.trace.lines[self.trace.find("wait_sw", self.context)]
        self.owes("an invalidation of the IOTLB, domain 1, with drain, after")

    def test_no_invalidation_of_the_iotlb(self):
        del self.trace.lines[self.iotlb]
        self.owes("an invalidation of the IOTLB")

    def test_only_pages_of_the_iotlb(self):
        self.trace.change(self.iotlb, "low 0x100e2", "low 0x100f2")
        self.owes("an invalidation of the IOTLB")

    def test_no_wait_at_the_end(self):
        del self.trace.lines[self.trace.find("wait_sw", self.iotlb)]
        self.owes("the wait after the invalidation of the IOTLB")

    def test_a_changed_entry_needs_its_context_flushed(self):
        at = self.trace.find("container_map begins")
        changed = Trace.encoded("context", requester=0x18, domain=1, state=2, root=0)
        self.trace.lines.insert(at + 1, changed)
        self.reports(self.trace, "rule e: system call container_map returns")
        self.trace.lines[at + 2:at + 2] = self.trace.lines[self.context + 1:self.context + 3]
        self.passes(self.trace)

    def test_a_context_entry_used_after_it_went(self):
        use = self.trace.find("vtd_iotlb_cc_hit")
        self.trace.lines.insert(self.iotlb + 2, self.trace.lines[use])
        self.reports(self.trace, "rule e: context entry of 00:03.0 found in the cache")

    def test_a_stale_context_entry(self):
        use = self.trace.find("vtd_iotlb_cc_hit")
        self.trace.change(use, "low 0x", "low 0x1")
        self.reports(self.trace, "rule e: context entry of 00:03.0 found in the cache")


class Frames(Case):
    """Rule f: no frame goes back while a device may reach it."""

    def free(self, index, address):
        self.trace.lines.insert(index, Trace.encoded("frames_free", base=address, count=1))

    def setUp(self):
        self.trace = Trace()
        self.store = self.trace.find("1 x 4 KiB mapped")
        self.unmap = self.trace.find("leaves of 4 KiB removed", self.store)
        self.frame = Trace.parse(self.trace.lines[self.store]).paddr

    def test_while_mapped(self):
        self.free(self.store + 1, self.frame)
        self.reports(self.trace, "rule f: frames .* given back, but a device may reach(.|\n)*"
                                 "domain 1: iova 0x50000000 leads there")

    def test_between_unmap_and_wait(self):
        self.free(self.trace.find("wait_sw", self.unmap), self.frame)
        self.reports(self.trace, "rule f: (.|\n)*owes the wait after its invalidation")

    def test_after_the_wait_it_may(self):
        self.free(self.trace.find("wait_sw", self.unmap) + 1, self.frame)
        self.passes(self.trace)

    def test_inside_a_larger_leaf_and_a_larger_run(self):
        store = self.trace.find("2048 KiB mapped")
        leaf = Trace.parse(self.trace.lines[store]).paddr
        self.free(store + 1, leaf + 0x5000)
        self.reports(self.trace, "rule f: ")
        self.trace.mark(store + 1, base=leaf - 0x200000, count=1024)
        self.reports(self.trace, "rule f: ")
        self.trace.mark(store + 1, base=leaf + 0x200000, count=1)
        self.passes(self.trace)

    def test_of_a_table_that_is_linked_or_not_yet_flushed(self):
        link = self.trace.find("table .* linked")
        self.free(link + 1, Trace.parse(self.trace.lines[link]).frame)
        self.reports(self.trace, "rule f: (.|\n)*linked")
        self.trace = Trace()
        unlink = self.trace.find("table .* unlinked")
        self.free(unlink + 1, Trace.parse(self.trace.lines[unlink]).frame)
        self.reports(self.trace, "rule f: (.|\n)*unlinked")

    def test_of_the_root_table(self):
        context = self.trace.find("context entry .* present")
        self.free(self.store, Trace.parse(self.trace.lines[context]).root)
        self.reports(self.trace, "rule f: ")


class Stream(Case):
    """The marks must be whole, and must add up."""

    def verdict(self, lines):
        return witness.check(lines, witness.VENDORS[self.trace.iommu]()).violations

    def broken(self, lines, pattern):
        violations = self.verdict(lines)
        self.assertTrue(any(re.search(pattern, text) for text in violations), violations)

    def setUp(self):
        self.trace = Trace()
        self.lines = self.trace.expanded()
        self.marks = [index for index, line in enumerate(self.lines)
                      if line.startswith(witness.SCRATCH)]

    def test_any_lost_byte_is_noticed(self):
        for index in self.marks[10:130]:
            self.broken(self.lines[:index] + self.lines[index + 1:], "cannot be read")

    def test_any_changed_byte_is_noticed(self):
        for index in self.marks[10:130]:
            value = int(self.lines[index][-2:], 16) ^ 0x10
            changed = f"{witness.SCRATCH}{value:02x}"
            self.broken(self.lines[:index] + [changed] + self.lines[index + 1:], "cannot be read")

    def test_a_lost_record_is_noticed(self):
        self.trace.fresh = False
        del self.trace.lines[self.trace.find("leaves of 4 KiB removed")]
        self.broken(self.trace.expanded(), "was due")

    def test_a_trace_that_ends_inside_a_record(self):
        self.broken(self.lines[:self.marks[-2]], "ends inside a record")

    def test_no_marks_at_all(self):
        self.broken([line for line in self.lines if line.startswith("vtd_")], "holds no marks")
        self.broken([], "holds no marks")

    def test_firmware_may_use_the_register_before(self):
        noise = [f"{witness.SCRATCH}{value:02x}" for value in (0x00, 0xa7, 0xff, 0x55)]
        self.assertEqual(self.verdict(noise + self.lines), [])

    def test_bytes_in_the_words_of_later_versions(self):
        later = [line.replace("write addr 0x07 val", "[0x07] <-") for line in self.lines]
        self.assertNotEqual(later, self.lines)
        self.assertEqual(self.verdict(later), [])

    def test_a_line_that_cannot_be_read(self):
        self.lines.insert(100, "vtd_inv_desc something new")
        self.broken(self.lines, "cannot be read: vtd_inv_desc something new")

    def test_marks_that_contradict_each_other(self):
        del self.trace.lines[self.trace.find("1 x 4 KiB mapped")]
        self.reports(self.trace, "rule marks: .*removed.*none was there", "rule b: ")
        self.trace = Trace()
        store = self.trace.find("1 x 4 KiB mapped")
        self.trace.lines.insert(store, self.trace.lines[store])
        self.reports(self.trace, "rule marks: .*stored over a leaf")
        self.trace = Trace()
        del self.trace.lines[self.trace.find("table .* linked", store)]
        self.reports(self.trace, "rule marks: .*it was not linked")
        self.trace = Trace()
        absent = self.trace.find("context entry .* absent")
        self.trace.lines.insert(absent, self.trace.lines[absent])
        self.reports(self.trace, "rule marks: .*it was not present")

    def test_the_kernel_and_this_folder_number_the_same_kinds(self):
        header = (HERE.parents[1] / "kernel" / "mark.h").read_text()
        kinds = re.search(r"enum mark_kind \{(.*?)\};", header, re.DOTALL)[1]
        kinds = {name.lower(): int(number) for name, number in
                 re.findall(r"MARK_(\w+) = (\d+),", kinds)}
        self.assertEqual(kinds, marks.NUMBERS)
        self.assertEqual(int(re.search(r"MARK_START +(0x\w+)", header)[1], 16), marks.START)
        self.assertEqual(int(re.search(r"MARK_VERSION +(\d+)", header)[1]), marks.VERSION)


if __name__ == "__main__":
    unittest.main()
