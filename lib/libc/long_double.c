/* SPDX-License-Identifier: MIT */
/*
 * <math.h> for long double, which newlib has for machines only where it is the same as double. Here
 * it is the 80-bit format of the x87 unit (SDM volume 1, sections 4.2.2 and 8.3), whose
 * instructions round, scale and take remainders exactly. Functions with series behind them compute
 * with double.
 */
#define _GNU_SOURCE /* sincosl */
#include <limits.h>
#include <math.h>
#include <stdint.h>

#define X87_ROUNDING_MASK 0x0c00u /* control word (SDM volume 1, section 8.1.5) */
#define X87_DOWN          0x0400u
#define X87_UP            0x0800u
#define X87_TRUNCATE      0x0c00u

#define X87_C2 0x0400u /* status word (section 8.1.3): FPREM and FPREM1 are not done yet */

union parts {
	long double value;
	struct {
		uint64_t significand; /* its first bit is there, and set in normal numbers */
		uint16_t sign_and_exponent;
	};
};

#define SIGN_BIT 0x8000u

/* --- rounding --------------------------------------------------------------------------------- */

static long double round_as_set(long double x)
{
	__asm__("frndint" : "+t"(x));
	return x;
}

static long double round_with(long double x, uint16_t rounding)
{
	uint16_t before, control;

	__asm__ volatile("fnstcw %0" : "=m"(before));
	control = (uint16_t)((before & ~X87_ROUNDING_MASK) | rounding);
	__asm__ volatile("fldcw %1\n\tfrndint\n\tfldcw %2" : "+t"(x) : "m"(control), "m"(before));
	return x;
}

long double ceill(long double x)
{
	return round_with(x, X87_UP);
}

long double floorl(long double x)
{
	return round_with(x, X87_DOWN);
}

long double truncl(long double x)
{
	return round_with(x, X87_TRUNCATE);
}

long double rintl(long double x)
{
	return round_as_set(x);
}

long double nearbyintl(long double x)
{
	return round_as_set(x);
}

/* Halves go away from zero. */
long double roundl(long double x)
{
	long double whole = truncl(x);

	if (fabsl(x - whole) >= 0.5L)
		whole += copysignl(1, x);
	return copysignl(whole, x);
}

long lrintl(long double x)
{
	return (long)round_as_set(x);
}

long long llrintl(long double x)
{
	return (long long)round_as_set(x);
}

long lroundl(long double x)
{
	return (long)roundl(x);
}

long long llroundl(long double x)
{
	return (long long)roundl(x);
}

/* --- parts of a number ---------------------------------------------------------------------- */

long double fabsl(long double x)
{
	__asm__("fabs" : "+t"(x));
	return x;
}

long double copysignl(long double x, long double sign)
{
	union parts to = {x}, from = {sign};

	to.sign_and_exponent = (uint16_t)((to.sign_and_exponent & ~SIGN_BIT) |
	                                  (from.sign_and_exponent & SIGN_BIT));
	return to.value;
}

static int clamp(long exponent)
{
	/* Far beyond what the format has: from the smallest to the greatest number. */
	const long limit = 100000;

	return (int)(exponent > limit ? limit : exponent < -limit ? -limit : exponent);
}

long double scalblnl(long double x, long exponent)
{
	long double by = clamp(exponent);

	__asm__("fscale" : "+t"(x) : "u"(by));
	return x;
}

long double scalbnl(long double x, int exponent)
{
	return scalblnl(x, exponent);
}

long double ldexpl(long double x, int exponent)
{
	return scalblnl(x, exponent);
}

long double logbl(long double x)
{
	long double significand, exponent;

	if (isinf(x))
		return INFINITY;
	__asm__("fxtract" : "=t"(significand), "=u"(exponent) : "0"(x));
	return exponent;
}

int ilogbl(long double x)
{
	if (isnan(x))
		return FP_ILOGBNAN;
	if (isinf(x))
		return INT_MAX;
	return x == 0 ? FP_ILOGB0 : (int)logbl(x);
}

/* x is a number from 0.5 to below 1, and that power of two. */
long double frexpl(long double x, int *exponent)
{
	*exponent = 0;
	if (x == 0 || !isfinite(x))
		return x;
	*exponent = ilogbl(x) + 1;
	return scalblnl(x, -*exponent);
}

long double modfl(long double x, long double *whole)
{
	*whole = truncl(x);
	return copysignl(isinf(x) ? 0 : x - *whole, x);
}

/* --- neighbours ------------------------------------------------------------------------------ */

/* One step away from zero, or (out 0) towards it; x is finite, and not 0 when it goes in. */
static long double step(long double x, int out)
{
	const uint64_t first = UINT64_C(1) << 63;
	union parts parts = {x};

	if (out) {
		parts.significand++;
		if (parts.significand == 0 || /* carried: 1.11...1 to 10.0 */
		    (parts.significand == first && (parts.sign_and_exponent & ~SIGN_BIT) == 0)) {
			parts.significand = first;
			parts.sign_and_exponent++;
		}
		return parts.value;
	}
	parts.significand--;
	if (parts.significand < first && (parts.sign_and_exponent & ~SIGN_BIT) != 0) {
		parts.sign_and_exponent--;
		if ((parts.sign_and_exponent & ~SIGN_BIT) != 0)
			parts.significand |= first;
	}
	return parts.value;
}

long double nextafterl(long double x, long double towards)
{
	union parts least = {.significand = 1};

	if (isnan(x) || isnan(towards))
		return x + towards;
	if (x == towards)
		return towards;
	if (x == 0)
		return copysignl(least.value, towards);
	if (isinf(x))
		return copysignl(__LDBL_MAX__, x);
	return step(x, (x < towards) == (x > 0));
}

long double nexttowardl(long double x, long double towards)
{
	return nextafterl(x, towards);
}

double nexttoward(double x, long double towards)
{
	if (isnan(x) || isnan(towards))
		return (double)(x + towards);
	if (x == towards)
		return (double)towards;
	if (x == 0)
		return copysign(__DBL_DENORM_MIN__, (double)towards);
	return nextafter(x, x < towards ? INFINITY : -INFINITY);
}

float nexttowardf(float x, long double towards)
{
	if (isnan(x) || isnan(towards))
		return (float)(x + towards);
	if (x == towards)
		return (float)towards;
	if (x == 0)
		return copysignf(__FLT_DENORM_MIN__, (float)towards);
	return nextafterf(x, x < towards ? INFINITY : -INFINITY);
}

/* --- choices ---------------------------------------------------------------------------------- */

long double fmaxl(long double x, long double y)
{
	if (isnan(x))
		return y;
	return isnan(y) || x > y ? x : y;
}

long double fminl(long double x, long double y)
{
	if (isnan(x))
		return y;
	return isnan(y) || x < y ? x : y;
}

long double fdiml(long double x, long double y)
{
	if (isnan(x) || isnan(y))
		return x + y;
	return x > y ? x - y : 0;
}

/* --- remainders: the instructions do some 60 bits of the quotient at a time ---------------------
 */

/* Whether more is to be done. */
static int step_to_zero(long double *x, long double y)
{
	uint16_t status;

	__asm__ volatile("fprem\n\tfnstsw %1" : "+t"(*x), "=a"(status) : "u"(y));
	return status & X87_C2;
}

static int step_to_nearest(long double *x, long double y)
{
	uint16_t status;

	__asm__ volatile("fprem1\n\tfnstsw %1" : "+t"(*x), "=a"(status) : "u"(y));
	return status & X87_C2;
}

long double fmodl(long double x, long double y)
{
	while (step_to_zero(&x, y))
		;
	return x;
}

long double remainderl(long double x, long double y)
{
	while (step_to_nearest(&x, y))
		;
	return x;
}

/* *quotient: its lowest three bits, with its sign. FPREM1 tells them on hardware, and QEMU does
 * not: so they come from what is left after all eights, which is a small multiple of y and the
 * rest. */
long double remquol(long double x, long double y, int *quotient)
{
	long double rest = remainderl(x, y);
	int small = isnan(rest) ? 0 : (int)rintl((fmodl(x, 8 * y) - rest) / y);

	*quotient = small < 0 ? -(-small & 7) : small & 7;
	return rest;
}

/* --- what double computes ----------------------------------------------------------------------
 */

#define BY_DOUBLE(name)                    \
	long double name##l(long double x) \
	{                                  \
		return name((double)x);    \
	}

BY_DOUBLE(acos)
BY_DOUBLE(acosh)
BY_DOUBLE(asin)
BY_DOUBLE(asinh)
BY_DOUBLE(atan)
BY_DOUBLE(atanh)
BY_DOUBLE(cbrt)
BY_DOUBLE(cos)
BY_DOUBLE(cosh)
BY_DOUBLE(erf)
BY_DOUBLE(erfc)
BY_DOUBLE(exp)
BY_DOUBLE(exp2)
BY_DOUBLE(expm1)
BY_DOUBLE(lgamma)
BY_DOUBLE(log)
BY_DOUBLE(log10)
BY_DOUBLE(log1p)
BY_DOUBLE(log2)
BY_DOUBLE(sin)
BY_DOUBLE(sinh)
BY_DOUBLE(tan)
BY_DOUBLE(tanh)
BY_DOUBLE(tgamma)

long double atan2l(long double y, long double x)
{
	return atan2((double)y, (double)x);
}

long double powl(long double x, long double y)
{
	return pow((double)x, (double)y);
}

/* The compiler makes one call of sinl and cosl beside each other. */
void sincosl(long double x, long double *sine, long double *cosine)
{
	double both[2];

	sincos((double)x, &both[0], &both[1]);
	*sine = both[0];
	*cosine = both[1];
}

long double fmal(long double x, long double y, long double z)
{
	return x * y + z;
}
