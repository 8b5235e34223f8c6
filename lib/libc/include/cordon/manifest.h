/* SPDX-License-Identifier: MIT */
/*
 * What a program wants, in the program: the manifest statements (docs/manifest.md) with which
 * cordon-run and `make run TASK=` start it when no manifest is given. A suggestion to whoever
 * makes an image, and nothing that the kernel or init ever looks at.
 *
 *	CORDON_MANIFEST("group id=1234:11e8 reset=trusted");
 *	CORDON_MANIFEST("args --verbose\n"
 *	                "budget frames=4096");
 *
 * At file scope; several add up.
 */
#ifndef CORDON_MANIFEST_H
#define CORDON_MANIFEST_H

#define CORDON_MANIFEST(text) CORDON_MANIFEST_AT(text, __COUNTER__)

/* Twice, so that the number takes the place of its name before it is pasted. */
#define CORDON_MANIFEST_AT(text, number) CORDON_MANIFEST_AS(text, number)
#define CORDON_MANIFEST_AS(text, number)             \
	static const char cordon_manifest_##number[] \
	        __attribute__((section(".cordon.manifest"), used, retain, aligned(1))) = text

#endif
