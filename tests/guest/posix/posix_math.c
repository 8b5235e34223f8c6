/* SPDX-License-Identifier: MIT */
/* <math.h> of long double: at the edges of the format, and against plain arithmetic. */
#define _GNU_SOURCE
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <tests/guest/posix/posix.h>

/* What the compiler must not compute by itself. */
static long double given(long double x)
{
	__asm__ volatile("" : "+m"(x));
	return x;
}

static bool same(long double a, long double b)
{
	return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b));
}

static bool close_to(long double a, long double b)
{
	return fabsl(a - b) <= 1e-15L * fmaxl(fabsl(b), 1);
}

static void test_rounding(void)
{
	static const struct {
		long double x, down, up, zero, even, away;
	} table[] = {
	        {2.5L, 2, 3, 2, 2, 3},
	        {-2.5L, -3, -2, -2, -2, -3},
	        {0.5L, 0, 1, 0, 0, 1},
	        {-0.5L, -1, -0.0L, -0.0L, -0.0L, -1},
	        {1.75L, 1, 2, 1, 2, 2},
	        {-0.0L, -0.0L, -0.0L, -0.0L, -0.0L, -0.0L},
	        {0.5L - LDBL_EPSILON / 4, 0, 1, 0, 0, 0},
	        {0x1.0000000000000002p63L, 0x1.0000000000000002p63L, 0x1.0000000000000002p63L,
	         0x1.0000000000000002p63L, 0x1.0000000000000002p63L, 0x1.0000000000000002p63L},
	        {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY},
	        {NAN, NAN, NAN, NAN, NAN, NAN},
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		long double x = given(table[i].x);

		good = good && same(floorl(x), table[i].down) && same(ceill(x), table[i].up) &&
		       same(truncl(x), table[i].zero) && same(rintl(x), table[i].even) &&
		       same(nearbyintl(x), table[i].even) && same(roundl(x), table[i].away);
		if (!good) {
			tap_note("row %zu: %Lg", i, x);
			break;
		}
	}
	tap_ok(good, "each way to round, at halves, zeroes, great numbers and none");
	tap_ok(lrintl(given(2.5L)) == 2 && lroundl(given(2.5L)) == 3 &&
	               llrintl(given(-3.5L)) == -4 && llroundl(given(-3.5L)) == -4 &&
	               llroundl(given(0x1.fffffffffffffffcp62L)) == LLONG_MAX,
	       "rounded to whole numbers, up to the greatest");
}

static void test_parts(void)
{
	long double whole, part;
	int exponent, other;

	tap_ok(frexpl(given(-12), &exponent) == -0.75L && exponent == 4 &&
	               frexpl(given(__LDBL_DENORM_MIN__), &other) == 0.5L && other == -16444,
	       "a number is taken apart, also the least one");
	tap_ok(ldexpl(given(0.5L), -16444) == __LDBL_DENORM_MIN__ &&
	               scalbnl(given(0.75L), 4) == 12 && isinf(scalblnl(given(1), LONG_MAX)) &&
	               scalbnl(given(LDBL_MAX), INT_MIN) == 0,
	       "and scaled, out of the format too");
	tap_ok(ilogbl(given(12)) == 3 && ilogbl(given(LDBL_MIN / 4)) == -16384 &&
	               ilogbl(given(0)) == FP_ILOGB0 && ilogbl(given(NAN)) == FP_ILOGBNAN &&
	               logbl(given(-12)) == 3 && logbl(given(0)) == -INFINITY &&
	               logbl(given(-INFINITY)) == INFINITY,
	       "exponents");
	part = modfl(given(-3.25L), &whole);
	tap_ok(same(part, -0.25L) && same(whole, -3) &&
	               same(modfl(given(-INFINITY), &whole), -0.0L) && whole == -INFINITY &&
	               same(modfl(given(-2), &whole), -0.0L),
	       "whole and part");
	tap_ok(same(copysignl(given(3), -0.0L), -3) && same(copysignl(given(-3), 1), 3) &&
	               same(fabsl(given(-0.0L)), 0),
	       "signs");
}

static void test_neighbours(void)
{
	static const long double edges[] = {1,    1 - LDBL_EPSILON / 2, LDBL_MIN, LDBL_MAX, 2,
	                                    0.5L, __LDBL_DENORM_MIN__};
	bool good = true;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (int sign = -1; sign <= 1; sign += 2) {
			long double x = given(sign * edges[i]);
			long double up = nextafterl(x, INFINITY), down = nextafterl(x, -INFINITY);

			/* There and back, and nothing between. */
			good = good && down < x && x < up &&
			       (isinf(up) || nextafterl(up, -INFINITY) == x) &&
			       (isinf(down) || nextafterl(down, INFINITY) == x) &&
			       (isinf(up) || x + (up - x) / 2 == x || x + (up - x) / 2 == up);
		}
	}
	tap_ok(good, "neighbours, where exponents change too");
	tap_ok(nextafterl(given(1), 2) - 1 == LDBL_EPSILON &&
	               nextafterl(given(0), -1) == -__LDBL_DENORM_MIN__ &&
	               same(nextafterl(__LDBL_DENORM_MIN__, 0), 0) &&
	               nextafterl(given(INFINITY), 0) == LDBL_MAX &&
	               nextafterl(given(LDBL_MIN), 0) == LDBL_MIN - __LDBL_DENORM_MIN__,
	       "the first, the last, and those around zero");
	tap_ok(nexttoward(1.0, given(1.5L)) == 1 + DBL_EPSILON &&
	               nexttoward(0.0, given(-1)) == -__DBL_DENORM_MIN__ &&
	               nexttowardf(1.0f, given(1.5L)) == 1 + FLT_EPSILON &&
	               nexttowardl(given(1), 2) == 1 + LDBL_EPSILON &&
	               nexttoward(1.0, given(1 + LDBL_EPSILON)) == 1 + DBL_EPSILON,
	       "neighbours of the smaller formats");
}

static void test_remainders(void)
{
	int quotient;

	tap_ok(fmodl(given(-7), 3) == -1 && fmodl(given(0x1p16000L), 3) == 1 &&
	               isnan(fmodl(given(1), given(0))) && fmodl(given(5), INFINITY) == 5,
	       "fmodl, also of what takes many steps");
	tap_ok(remainderl(given(7), 2) == -1 && remainderl(given(5), 2) == 1 &&
	               remquol(given(29), 3, &quotient) == -1 && (quotient & 7) == (10 & 7) &&
	               remquol(given(-29), 3, &quotient) == 1 && (-quotient & 7) == (10 & 7) &&
	               remquol(given(LDBL_MAX), LDBL_MAX / 2, &quotient) == 0 && quotient == 2 &&
	               remquol(given(1e18L), 7, &quotient) == 1 && (quotient & 7) == 1,
	       "remainders to the nearest, with the end of the quotient");
	tap_ok(fmaxl(given(NAN), 2) == 2 && fminl(2, given(NAN)) == 2 && fmaxl(1, 2) == 2 &&
	               fminl(1, 2) == 1 && fdiml(given(5), 3) == 2 && fdiml(given(3), 5) == 0 &&
	               isnan(fdiml(given(NAN), 1)) && isnan(nanl("")),
	       "choices pass over what is no number");
}

static void test_series(void)
{
	const long double x = given(0.625L);

	tap_ok(close_to(sinl(x) * sinl(x) + cosl(x) * cosl(x), 1) &&
	               close_to(tanl(x), sinl(x) / cosl(x)) && close_to(asinl(sinl(x)), x) &&
	               close_to(acosl(cosl(x)), x) && close_to(atanl(tanl(x)), x) &&
	               close_to(atan2l(given(-1), -1), -2.356194490192344928847L),
	       "circles");
	tap_ok(close_to(coshl(x) * coshl(x) - sinhl(x) * sinhl(x), 1) &&
	               close_to(tanhl(x), sinhl(x) / coshl(x)) && close_to(asinhl(sinhl(x)), x) &&
	               close_to(acoshl(coshl(x)), x) && close_to(atanhl(tanhl(x)), x),
	       "hyperbolas");
	tap_ok(close_to(logl(expl(x)), x) && close_to(log2l(exp2l(x)), x) &&
	               close_to(log1pl(expm1l(x)), x) && close_to(log10l(given(1000)), 3) &&
	               powl(given(2), 10) == 1024 && close_to(cbrtl(given(27)), 3) &&
	               sqrtl(given(2.25L)) == 1.5L && hypotl(given(3), 4) == 5,
	       "powers and logarithms");
	tap_ok(close_to(erfl(x) + erfcl(x), 1) && close_to(tgammal(given(5)), 24) &&
	               close_to(lgammal(given(5)), logl(24)) && fmal(given(2), 3, 4) == 10,
	       "the others");
}

int main(void)
{
	test_rounding();
	test_parts();
	test_neighbours();
	test_remainders();
	test_series();
	return tap_done();
}
