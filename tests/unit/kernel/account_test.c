// SPDX-License-Identifier: MIT
/* Budgets: what is lent is taken, comes back, and never adds up to more than there is (S10). */
#include <criterion/criterion.h>
#include <kernel/account.h>

#include <tests/random.h>

#define TREE 24

static const struct cordon_budget machine = {
        .frames = 1000,
        .kernel = 1 << 20,
        .handles = 800,
        .threads = 80,
        .mappings = 400,
        .objects = 160,
};

static struct account *machine_create(void)
{
	struct account *account;

	cr_assert_eq(account_create(&machine, &account), 0);
	return account;
}

static uint64_t left(const struct account *account, enum charge kind)
{
	return account->limit[kind] - account->used[kind];
}

/* The account is as it was made, and goes. */
static void machine_end(struct account *account)
{
	for (int kind = 0; kind < CHARGE_KINDS; kind++) {
		cr_assert_eq(account->lent[kind], 0);
		cr_assert_eq(account->used[kind], kind == CHARGE_KERNEL ? ACCOUNT_OWN_MEMORY : 0);
	}
	cr_assert_eq(account->references, 1);
	account_unref(account);
	cr_assert_eq(heap_in_use(), 0);
}

Test(account, S10_what_a_child_gets_is_taken_from_its_parent_and_comes_back)
{
	const struct cordon_budget named = {.frames = 600,
	                                    .kernel = 10000,
	                                    .handles = 30,
	                                    .threads = 2,
	                                    .mappings = 50,
	                                    .objects = 7};
	struct account *parent = machine_create();
	struct account *child;

	cr_assert_eq(account_divide(parent, &named, &child), 0);
	cr_assert_eq(left(parent, CHARGE_FRAMES), 400);
	cr_assert_eq(left(parent, CHARGE_HANDLES), 770);
	cr_assert_eq(account_charge(parent, CHARGE_FRAMES, 401), -ENOMEM);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 601), -ENOMEM);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 600), 0);
	cr_assert_eq(account_charge(parent, CHARGE_FRAMES, 400), 0,
	             "the child cannot be in its way");
	cr_assert_eq(account_used(parent, CHARGE_FRAMES), 400, "what the child has is not its use");
	account_uncharge(child, CHARGE_FRAMES, 600);
	account_uncharge(parent, CHARGE_FRAMES, 400);
	account_unref(child);
	machine_end(parent);
}

Test(account, S10_nobody_lends_more_than_is_left)
{
	struct account *parent = machine_create();
	struct account *a, *b;
	/* One kind is too much, the last one: what was lent before it comes back. */
	const struct cordon_budget too_much = {.frames = 10, .objects = 161};
	const struct cordon_budget half = {.frames = 500}, more = {.frames = 501};

	cr_assert_eq(account_divide(parent, &too_much, &a), -ENOMEM);
	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		cr_assert_eq(parent->lent[kind], 0);
	cr_assert_eq(account_divide(parent, &half, &a), 0);
	cr_assert_eq(account_divide(parent, &more, &b), -ENOMEM);
	cr_assert_eq(account_divide(a, &more, &b), -ENOMEM);
	cr_assert_eq(account_divide(parent, &half, &b), 0);
	account_unref(a);
	account_unref(b);
	machine_end(parent);
}

Test(account, what_is_not_named_is_an_eighth_of_what_is_left)
{
	const struct cordon_budget nothing = {0};
	struct account *parent = machine_create();
	struct account *child, *grandchild;

	cr_assert_eq(account_charge(parent, CHARGE_FRAMES, 200), 0);
	cr_assert_eq(account_divide(parent, &nothing, &child), 0);
	cr_assert_eq(child->limit[CHARGE_FRAMES], 100);
	cr_assert_eq(child->limit[CHARGE_THREADS], 10);
	cr_assert_eq(account_divide(child, &nothing, &grandchild), 0);
	cr_assert_eq(grandchild->limit[CHARGE_FRAMES], 12);
	cr_assert_eq(grandchild->limit[CHARGE_THREADS], 1);
	account_unref(grandchild);
	account_unref(child);
	account_uncharge(parent, CHARGE_FRAMES, 200);
	machine_end(parent);
}

Test(account, S10_a_chain_of_descendants_ends_where_nothing_can_be_lent)
{
	const struct cordon_budget nothing = {0};
	struct account *chain[64] = {machine_create()};
	int length = 0;

	while (account_divide(chain[length], &nothing, &chain[length + 1]) == 0)
		cr_assert_lt(++length, 62);
	cr_assert_gt(length, 2, "kernel memory for the account itself ends it");
	while (length > 0)
		account_unref(chain[length--]);
	machine_end(chain[0]);
}

Test(account, a_closed_account_keeps_only_what_is_in_use)
{
	const struct cordon_budget named = {.frames = 600, .objects = 100};
	struct account *parent = machine_create();
	struct account *child;

	cr_assert_eq(account_divide(parent, &named, &child), 0);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 5), 0);
	account_close(child);
	cr_assert_eq(left(parent, CHARGE_FRAMES), 995);
	cr_assert_eq(left(parent, CHARGE_OBJECTS), 160);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 1), -ENOMEM);
	cr_assert_eq(account_used(child, CHARGE_FRAMES), 5, "what went back is not its use");
	account_close(child); /* again: nothing more */
	cr_assert_eq(left(parent, CHARGE_FRAMES), 995);
	account_uncharge(child, CHARGE_FRAMES, 5);
	account_unref(child);
	machine_end(parent);
}

Test(account, S10_what_is_let_go_after_the_end_goes_back_at_once)
{
	const struct cordon_budget named = {.frames = 600, .objects = 100};
	struct account *parent = machine_create();
	struct account *child;

	cr_assert_eq(account_divide(parent, &named, &child), 0);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 500), 0);
	cr_assert_eq(account_charge(child, CHARGE_OBJECTS, 2), 0);
	account_close(child);
	cr_assert_eq(left(parent, CHARGE_FRAMES), 500);
	/* One object stays for ever; what the other one held is not lost until then. */
	account_uncharge(child, CHARGE_FRAMES, 500);
	account_uncharge(child, CHARGE_OBJECTS, 1);
	cr_assert_eq(left(parent, CHARGE_FRAMES), 1000);
	cr_assert_eq(left(parent, CHARGE_OBJECTS), 159);
	cr_assert_eq(account_used(child, CHARGE_FRAMES), 0);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 1), -ENOMEM, "it is the parent's now");
	account_uncharge(child, CHARGE_OBJECTS, 1);
	account_unref(child);
	machine_end(parent);
}

Test(account, each_refusal_is_counted_and_nothing_else)
{
	const struct cordon_budget named = {.frames = 10, .handles = 3};
	struct account *parent = machine_create();
	struct cordon_budget limits, lent, refused;
	uint64_t before = account_refusals(CHARGE_FRAMES);
	struct account *child;

	cr_assert_eq(account_divide(parent, &named, &child), 0);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 10), 0);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 1), -ENOMEM);
	cr_assert_eq(account_charge(child, CHARGE_FRAMES, 11), -ENOMEM, "more than the limit");
	cr_assert_eq(account_charge(child, CHARGE_HANDLES, 4), -ENOMEM);
	account_uncharge(child, CHARGE_FRAMES, 10);
	account_describe(child, &limits, &lent, &refused);
	cr_assert_eq(refused.frames, 2);
	cr_assert_eq(refused.handles, 1);
	cr_assert_eq(refused.kernel, 0);
	cr_assert_eq(refused.threads + refused.mappings + refused.objects + refused.cpu, 0);
	cr_assert_eq(account_refusals(CHARGE_FRAMES), before + 2);
	/* Who wants to lend more than it has is refused that, too. */
	cr_assert_eq(account_divide(child, &(struct cordon_budget){.frames = 11}, &parent),
	             -ENOMEM);
	account_describe(child, &limits, &lent, &refused);
	cr_assert_eq(refused.frames, 3);
	parent = child->parent;
	account_describe(parent, &limits, &lent, &refused);
	cr_assert_eq(refused.frames, 0, "not its own");
	account_unref(child);
	machine_end(parent);
}

Test(account, what_a_grandchild_gives_back_passes_through_a_closed_parent)
{
	const struct cordon_budget outer = {.frames = 600}, inner = {.frames = 300};
	struct account *parent = machine_create();
	struct account *child, *one, *other;

	cr_assert_eq(account_divide(parent, &outer, &child), 0);
	cr_assert_eq(account_divide(child, &inner, &one), 0);
	cr_assert_eq(account_divide(child, &inner, &other), 0);
	account_close(child);
	account_unref(child); /* its children keep it */
	cr_assert_eq(left(parent, CHARGE_FRAMES), 400);
	account_unref(one);
	cr_assert_eq(left(parent, CHARGE_FRAMES), 700);
	account_unref(other);
	machine_end(parent);
}

Test(account, kernel_memory_is_charged_at_what_it_takes_of_its_frames)
{
	struct account *account = machine_create();
	uint64_t before = account->used[CHARGE_KERNEL];
	void *memory[64];

	/* As many of any size as a frame holds cost that frame; nothing is cheaper than its bytes.
	 */
	for (size_t size = 1; size <= PAGE_SIZE; size += 7) {
		cr_assert_geq(heap_cost(size), size);
		cr_assert_geq(PAGE_SIZE / heap_cost(size) * heap_cost(size) + heap_cost(size),
		              PAGE_SIZE);
	}
	cr_assert_eq(heap_cost(1025), PAGE_SIZE);
	cr_assert_eq(heap_cost(PAGE_SIZE), PAGE_SIZE);
	cr_assert_eq(heap_cost(PAGE_SIZE + 1), 2 * PAGE_SIZE);
	cr_assert_eq(heap_cost(5 * PAGE_SIZE), 8 * PAGE_SIZE);
	for (int i = 0; i < 64; i++)
		cr_assert(memory[i] = account_alloc(account, 64));
	cr_assert_geq(account->used[CHARGE_KERNEL] - before, PAGE_SIZE);
	for (int i = 0; i < 64; i++)
		account_free(account, memory[i], 64);
	account_free(account, NULL, 64);
	cr_assert_eq(account->used[CHARGE_KERNEL], before);
	account->limit[CHARGE_KERNEL] = before + heap_cost(100) - 1;
	cr_assert_null(account_alloc(account, 100));
	cr_assert_null(account_alloc_object(account, 100));
	cr_assert_eq(account->used[CHARGE_OBJECTS], 0);
	machine_end(account);
}

Test(account, an_account_pays_for_itself)
{
	const struct cordon_budget little = {.kernel = ACCOUNT_OWN_MEMORY - 1};
	struct account *parent = machine_create();
	struct account *child;

	cr_assert_eq(account_divide(parent, &little, &child), -ENOMEM);
	machine_end(parent);
}

/* --- random trees: the limits of all never exceed the machine, whoever ends when ---------------
 */

struct node {
	struct account *account;
	bool closed;
	uint64_t charged[CHARGE_KINDS];
};

static void node_charge(struct random *random, struct node *node)
{
	enum charge kind = random_below(random, CHARGE_KINDS);
	uint64_t amount = random_below(random, 40);
	bool fits = amount <= left(node->account, kind);

	cr_assert_eq(account_charge(node->account, kind, amount), fits ? 0 : -ENOMEM);
	if (fits)
		node->charged[kind] += amount;
}

static void node_end(struct node *node)
{
	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		account_uncharge(node->account, kind, node->charged[kind]);
	account_unref(node->account);
	*node = (struct node){0};
}

static void check_tree(const struct node *nodes, const struct account *root)
{
	for (int kind = 0; kind < CHARGE_KINDS; kind++) {
		uint64_t own = kind == CHARGE_KERNEL ? ACCOUNT_OWN_MEMORY : 0;
		uint64_t sum = own;

		for (int i = 0; i < TREE; i++)
			if (nodes[i].account)
				sum += nodes[i].charged[kind] + own;
		cr_assert_leq(sum, root->limit[kind], "more is in use than the machine has");
		cr_assert_leq(root->used[kind], root->limit[kind]);
	}
}

Test(account, S10_random_trees_never_use_more_than_the_machine_has)
{
	struct random random = {17};
	struct account *root = machine_create();
	struct node nodes[TREE] = {0};

	for (int step = 0; step < 20000; step++) {
		struct node *node = &nodes[random_below(&random, TREE)];
		struct node *other = &nodes[random_below(&random, TREE)];
		struct account *parent = other->account && !other->closed ? other->account : root;

		if (!node->account) {
			const struct cordon_budget budget = {
			        .frames = random_below(&random, 300),
			        .objects = (uint32_t)random_below(&random, 40)};

			if (account_divide(parent, &budget, &node->account) != 0)
				node->account = NULL;
		} else if (random_below(&random, 4) > 0) {
			node_charge(&random, node);
		} else if (!node->closed) {
			account_close(node->account);
			node->closed = true;
		} else {
			node_end(node);
		}
		check_tree(nodes, root);
	}
	for (int i = 0; i < TREE; i++)
		if (nodes[i].account)
			node_end(&nodes[i]);
	machine_end(root);
}
