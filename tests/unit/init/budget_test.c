// SPDX-License-Identifier: MIT
/* How init divides what it may use among the tasks of a manifest. */
#include <criterion/criterion.h>
#include <string.h>
#include <tasks/init/budget.h>

static const struct cordon_budget left = {
        .frames = 1000,
        .kernel = 100000,
        .handles = 500,
        .threads = 40,
        .mappings = 90,
        .objects = 7,
};

static struct manifest manifest;

static void parse(const char *text)
{
	cr_assert_eq(manifest_parse(&manifest, text, strlen(text)), 0, "%s", manifest.error);
}

Test(budget, tasks_that_name_nothing_share_equally)
{
	struct cordon_budget share;

	parse("task a /a\ntask b /b\ntask c /c\n wait\n"
	      "task by-hand /d\n manual\ntask too /e\n manual\n budget frames=900\n");
	share = budget_share(&manifest, &left);
	cr_assert_eq(share.frames, 333);
	cr_assert_eq(share.kernel, 33333);
	cr_assert_eq(share.handles, 166);
	cr_assert_eq(share.threads, 13);
	cr_assert_eq(share.mappings, 30);
	cr_assert_eq(share.objects, 2);
}

Test(budget, what_is_named_is_taken_off_kind_by_kind)
{
	struct cordon_budget share, budget;

	parse("task a /a\n budget frames=700 threads=4\ntask b /b\ntask c /c\n budget threads=6\n");
	share = budget_share(&manifest, &left);
	cr_assert_eq(share.frames, 150);
	cr_assert_eq(share.threads, 30);
	cr_assert_eq(share.handles, 166);
	budget = budget_complete(&manifest.tasks[0].budget, &share);
	cr_assert_eq(budget.frames, 700);
	cr_assert_eq(budget.threads, 4);
	cr_assert_eq(budget.handles, 166);
}

Test(budget, nothing_is_left_when_more_is_named_than_there_is)
{
	struct cordon_budget share;

	parse("task a /a\n budget frames=900\ntask b /b\n budget frames=200\ntask c /c\n");
	share = budget_share(&manifest, &left);
	cr_assert_eq(share.frames, 0);
	cr_assert_eq(share.handles, 166);
	parse("task a /a\n budget frames=1\n");
	cr_assert_eq(budget_share(&manifest, &left).frames, 0, "nobody needs a share");
}

Test(budget, what_is_left_is_without_use_and_loans)
{
	const struct cordon_task_info task = {
	        .frames = 100,
	        .kernel = 5,
	        .handles = 499,
	        .threads = 1,
	        .mappings = 90,
	        .objects = 9,
	        .budget = left,
	        .lent = {.frames = 150, .handles = 2},
	};
	struct cordon_budget rest = budget_left(&task);

	cr_assert_eq(rest.frames, 750);
	cr_assert_eq(rest.kernel, 99995);
	cr_assert_eq(rest.handles, 0, "numbers of different moments may not fit");
	cr_assert_eq(rest.mappings, 0);
	cr_assert_eq(rest.objects, 0);
	cr_assert_eq(budget_part(&rest, 8).frames, 93);
}
