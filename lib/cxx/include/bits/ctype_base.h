/* SPDX-License-Identifier: MIT */
/* The seam between libstdc++ and <ctype.h>: which bits of newlib's table mean what. */
#ifndef CORDON_CXX_CTYPE_BASE_H
#define CORDON_CXX_CTYPE_BASE_H

namespace std
{
struct ctype_base {
	typedef const int *__to_type;
	typedef char mask;
	static const mask upper = _U;
	static const mask lower = _L;
	static const mask alpha = _U | _L;
	static const mask digit = _N;
	static const mask xdigit = _X | _N;
	static const mask space = _S;
	static const mask print = static_cast<mask>(_P | _U | _L | _N | _B);
	static const mask graph = _P | _U | _L | _N;
	static const mask cntrl = _C;
	static const mask punct = _P;
	static const mask alnum = _U | _L | _N;
	static const mask blank = _S;
};
} // namespace std

#endif
