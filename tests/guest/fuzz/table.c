/* SPDX-License-Identifier: MIT */
/*
 * The calls there are, from the one table of system calls: what to give as an argument is read
 * from the type and the name of the parameter. A call that is added there is made here, too.
 */
#include <string.h>
#include <tests/guest/fuzz/table.h>

static const struct {
	const char *name;
	const char *prototype;
	uint32_t number;
} table[] = {
#define SYSCALL(number, name, prototype) {#name, #prototype, number},
#include <cordon/syscalls.def>
#undef SYSCALL
};
#define TABLE (sizeof(table) / sizeof(table[0]))

/* How often, where that is not twice in a round. 0: console_write and system_log would write
 * into the results, task_exit and thread_exit would end the victim. */
static const struct {
	const char *name;
	uint32_t weight;
} weights[] = {
        {"console_write", 0},       {"system_log", 0},
        {"task_exit", 0},           {"thread_exit", 0},
        {"task_spawn", 1},          {"task_kill", 1},
        {"thread_set_pointer", 1},  {"memory_create", 6},
        {"memory_map", 8},          {"memory_unmap", 6},
        {"handle_close", 3},        {"container_add_group", 4},
        {"container_map", 8},       {"container_unmap", 6},
        {"container_batch", 4},     {"container_remove_group", 1},
        {"group_device", 4},        {"device_region_read", 6},
        {"device_region_write", 8}, {"device_region_map", 3},
        {"channel_send", 6},        {"channel_receive", 6},
        {"channel_create", 3},
};
#define USUAL_WEIGHT 2

/* Types, without const, that say it all. */
static const struct {
	const char *type;
	enum argument kind;
} types[] = {
        {"cordon_handle_t *", OUT_HANDLE},
        {"cordon_bdf_t", BDF},
        {"struct cordon_wait *", IN_WAIT},
        {"struct cordon_memory_map *", IN_MAP},
        {"struct cordon_region_map *", IN_REGION_MAP},
        {"struct cordon_dma_map *", IN_DMA_MAP},
        {"struct cordon_dma_op *", IN_DMA_OPS},
        {"struct cordon_spawn *", IN_SPAWN},
        {"struct cordon_thread *", IN_THREAD},
        {"struct cordon_message *", IN_MESSAGE},
        {"uint32_t *", IN_WORD},
};

/* Names of numbers. */
static const struct {
	const char *name;
	enum argument kind;
} names[] = {
        {"deadline", DEADLINE}, {"size", SIZE},     {"address", ADDRESS},    {"fs_base", ADDRESS},
        {"offset", OFFSET},     {"iova", IOVA},     {"flags", MEMORY_FLAGS}, {"rights", RIGHTS},
        {"prot", PROTECTION},   {"region", REGION},
};

/* Names of handles. Every other may be of any type. */
static const struct {
	const char *name;
	uint32_t type;
} objects[] = {
        {"authority", CORDON_OBJECT_AUTHORITY}, {"console", CORDON_OBJECT_CONSOLE},
        {"memory", CORDON_OBJECT_MEMORY},       {"task", CORDON_OBJECT_TASK},
        {"thread", CORDON_OBJECT_THREAD},       {"event", CORDON_OBJECT_EVENT},
        {"channel", CORDON_OBJECT_CHANNEL},     {"container", CORDON_OBJECT_CONTAINER},
        {"group", CORDON_OBJECT_GROUP},         {"device", CORDON_OBJECT_DEVICE},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static uint32_t kind_of_handle(const char *name, size_t length)
{
	for (size_t i = 0; i < LENGTH(objects); i++)
		if (is(name, length, objects[i].name))
			return OF(objects[i].type);
	return OF(CORDON_OBJECT_NONE);
}

static uint32_t kind_of_number(const char *name, size_t length)
{
	for (size_t i = 0; i < LENGTH(names); i++)
		if (is(name, length, names[i].name))
			return names[i].kind;
	return NUMBER;
}

/* A parameter: "const struct cordon_dma_map *args". */
static uint32_t kind_of(const char *text, size_t length)
{
	static const char constant[] = "const ";
	int given = length > strlen(constant) && memcmp(text, constant, strlen(constant)) == 0;
	size_t type = length;

	while (type > 0 && text[type - 1] != ' ' && text[type - 1] != '*')
		type--;
	if (given) {
		text += strlen(constant);
		length -= strlen(constant);
		type -= strlen(constant);
	}
	for (size_t i = 0; i < LENGTH(types); i++)
		if (is(text, type - (text[type - 1] == ' '), types[i].type))
			return types[i].kind == IN_MESSAGE && !given ? OUT_MESSAGE : types[i].kind;
	if (text[type - 1] == '*')
		return given ? IN_BYTES : OUT;
	if (is(text, type - 1, "cordon_handle_t"))
		return kind_of_handle(text + type, length - type);
	return kind_of_number(text + type, length - type);
}

/* "(type name, type name)"; "(void)" has no parameters. */
static void read_prototype(const char *at, struct call *call)
{
	static const char system[] = "system_";
	at++;
	if (strcmp(at, "void)") == 0)
		return;
	while (call->count < CALL_ARGUMENTS) {
		size_t length = strcspn(at, ",)");

		uint32_t *kind = &call->arguments[call->count++];

		*kind = kind_of(at, length);
		if (*kind == ADDRESS && memcmp(call->name, system, strlen(system)) == 0)
			*kind = PHYSICAL;
		if (at[length] != ',')
			return;
		at += length + 1;
		at += strspn(at, " ");
	}
}

static uint32_t weight_of(const char *name)
{
	for (size_t i = 0; i < LENGTH(weights); i++)
		if (strcmp(weights[i].name, name) == 0)
			return weights[i].weight;
	return USUAL_WEIGHT;
}

uint32_t calls_read(struct call calls[CALLS_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < TABLE && count < CALLS_MAX - 1; i++) {
		struct call *call = &calls[count++];

		memset(call, 0, sizeof(*call));
		call->number = table[i].number;
		call->name = table[i].name;
		call->weight = weight_of(call->name);
		read_prototype(table[i].prototype, call);
	}
	/* And one that nobody has. */
	calls[count] = (struct call){
	        .number = CORDON_SYSCALL_LIMIT + 1, .name = "(none)", .weight = 1};
	return count + 1;
}

int64_t call_raw(uint64_t number, const uint64_t arguments[CALL_ARGUMENTS])
{
	/* cppcheck takes the registers' names for statements. */
	/* cppcheck-suppress constStatement */
	register uint64_t r10 __asm__("r10") = arguments[3];
	/* cppcheck-suppress constStatement */
	register uint64_t r8 __asm__("r8") = arguments[4];
	/* cppcheck-suppress constStatement */
	register uint64_t r9 __asm__("r9") = arguments[5];
	uint64_t thread_pointer = 0; /* the C library's */
	uint64_t rdi = arguments[0], rsi = arguments[1], rdx = arguments[2];
	int64_t result;

	if (number == CORDON_SYS_thread_set_pointer)
		__asm__ volatile("mov %%fs:0, %0" : "=r"(thread_pointer));
	__asm__ volatile("syscall"
	                 : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8),
	                   "+r"(r9)
	                 : "a"(number)
	                 : "rcx", "r11", "memory");
	if (number == CORDON_SYS_thread_set_pointer)
		cordon_thread_set_pointer(thread_pointer);
	return result;
}
