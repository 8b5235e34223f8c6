/* SPDX-License-Identifier: MIT */
/* Programs: what elf_check accepts can be mapped, is not writable and executable, and begins in
 * code that the file has. The first 8 bytes of the input are the size of the file. */
#include <cordon/errno.h>
#include <kernel/elf.h>
#include <tests/fuzz/fuzz.h>

static void check(const struct elf_plan *plan, uint64_t file_size)
{
	uint64_t end = CORDON_USER_MIN;
	bool entry = false;

	FUZZ_CHECK(plan->segment_count > 0 && plan->segment_count <= ELF_SEGMENTS_MAX);
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct elf_segment *segment = &plan->segments[i];
		uint32_t prot = segment->prot;

		FUZZ_CHECK(segment->size > 0 && segment->file_size <= segment->size);
		FUZZ_CHECK(segment->file_size <= file_size &&
		           segment->file_offset <= file_size - segment->file_size);
		FUZZ_CHECK(align_down(segment->address, PAGE_SIZE) >= end);
		FUZZ_CHECK(segment->size <= CORDON_USER_MAX - segment->address);
		end = align_up(segment->address + segment->size, PAGE_SIZE);
		FUZZ_CHECK(end <= CORDON_USER_MAX);
		FUZZ_CHECK(prot & CORDON_PROT_READ);
		FUZZ_CHECK(!(prot & CORDON_PROT_WRITE) || !(prot & CORDON_PROT_EXEC));
		entry |= prot & CORDON_PROT_EXEC && plan->entry >= segment->address &&
		         plan->entry < segment->address + segment->file_size;
	}
	FUZZ_CHECK(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint64_t file_size = fuzz_number(&input, 8);
	size_t head_size = input.size < ELF_HEAD_SIZE ? input.size : ELF_HEAD_SIZE;
	const char *reason = NULL;
	struct elf_plan plan;
	uint8_t *head;
	int error;

	/* The contract: the head is the file, or its first 4096 bytes. */
	if (head_size < ELF_HEAD_SIZE || file_size < ELF_HEAD_SIZE)
		file_size = head_size;
	head = fuzz_copy(input.data, head_size);
	error = elf_check(head, head_size, file_size, &plan, &reason);
	FUZZ_CHECK(error == 0 || (error == -ENOEXEC && reason));
	if (!error)
		check(&plan, file_size);
	free(head);
	return 0;
}
