/* SPDX-License-Identifier: MIT */
/*
 * newlib's <math.h>, and the functions of long double, which it lacks for x86-64. Those that round,
 * split, compare or take remainders are exact; acosl and its like compute with double, and have
 * its precision and range (docs/posix.md).
 */
#ifndef CORDON_MATH_H
#define CORDON_MATH_H

/* As for the compiler it is, wherever it lies. */
#pragma GCC system_header

#include <sys/features.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exact. */
long double ceill(long double x);
long double copysignl(long double x, long double sign);
long double fabsl(long double x);
long double fdiml(long double x, long double y);
long double floorl(long double x);
long double fmaxl(long double x, long double y);
long double fminl(long double x, long double y);
long double fmodl(long double x, long double y);
long double frexpl(long double x, int *exponent);
int ilogbl(long double x);
long double ldexpl(long double x, int exponent);
long long llrintl(long double x);
long long llroundl(long double x);
long double logbl(long double x);
long lrintl(long double x);
long lroundl(long double x);
long double modfl(long double x, long double *whole);
long double nanl(const char *tag);
long double nearbyintl(long double x);
long double nextafterl(long double x, long double towards);
double nexttoward(double x, long double towards);
float nexttowardf(float x, long double towards);
long double nexttowardl(long double x, long double towards);
long double remainderl(long double x, long double y);
long double remquol(long double x, long double y, int *quotient);
long double rintl(long double x);
long double roundl(long double x);
long double scalblnl(long double x, long exponent);
long double scalbnl(long double x, int exponent);
long double truncl(long double x);

/* Of the precision of double; fmal rounds the product to long double first. */
long double acoshl(long double x);
long double acosl(long double x);
long double asinhl(long double x);
long double asinl(long double x);
long double atan2l(long double y, long double x);
long double atanhl(long double x);
long double atanl(long double x);
long double cbrtl(long double x);
long double coshl(long double x);
long double cosl(long double x);
long double erfcl(long double x);
long double erfl(long double x);
long double exp2l(long double x);
long double expl(long double x);
long double expm1l(long double x);
long double fmal(long double x, long double y, long double z);
long double lgammal(long double x);
long double log10l(long double x);
long double log1pl(long double x);
long double log2l(long double x);
long double logl(long double x);
long double powl(long double x, long double y);
long double sinhl(long double x);
long double sinl(long double x);
long double tanhl(long double x);
long double tanl(long double x);
long double tgammal(long double x);

#if __GNU_VISIBLE
void sincosl(long double x, long double *sine, long double *cosine);
#endif

#ifdef __cplusplus
}
#endif

/* At last, because libstdc++ has a header of that name, which wants to see all of the above. */
#include_next <math.h>

#endif
