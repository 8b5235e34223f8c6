/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tasks/common/sha256.h>

/* FIPS 180-4, section 4.2.2. */
static const uint32_t round_constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value >> bits | value << (32 - bits);
}

static uint32_t load_big_endian(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap32(value);
}

/* Section 6.2.2, steps 1 and 3 of one round, with the renaming of the eight variables left to
 * the caller, which names them in another order each time. */
static inline void hash_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                              uint32_t f, uint32_t g, uint32_t *h, uint32_t input)
{
	uint32_t t1 = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) +
	              input;

	*d += t1;
	*h = t1 + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
}

static void hash_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[64];

	for (unsigned int t = 0; t < 16; t++)
		w[t] = load_big_endian(block + 4 * t);
	for (unsigned int t = 16; t < 64; t++)
		w[t] = w[t - 16] + w[t - 7] +
		       (rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3) +
		       (rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10);
	for (unsigned int t = 0; t < 64; t++)
		w[t] += round_constants[t];
	for (unsigned int t = 0; t < 64; t += 8) {
		hash_round(a, b, c, &d, e, f, g, &h, w[t]);
		hash_round(h, a, b, &c, d, e, f, &g, w[t + 1]);
		hash_round(g, h, a, &b, c, d, e, &f, w[t + 2]);
		hash_round(f, g, h, &a, b, c, d, &e, w[t + 3]);
		hash_round(e, f, g, &h, a, b, c, &d, w[t + 4]);
		hash_round(d, e, f, &g, h, a, b, &c, w[t + 5]);
		hash_round(c, d, e, &f, g, h, a, &b, w[t + 6]);
		hash_round(b, c, d, &e, f, g, h, &a, w[t + 7]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_init(struct sha256 *hash)
{
	static const uint32_t initial[8] = {
	        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(hash->state, initial, sizeof(initial));
	hash->length = 0;
}

void sha256_update(struct sha256 *hash, const void *data, size_t size)
{
	size_t held = hash->length % SHA256_BLOCK_SIZE;
	const uint8_t *bytes = data;

	hash->length += size;
	if (held) {
		size_t missing = SHA256_BLOCK_SIZE - held;
		size_t part = size < missing ? size : missing;

		memcpy(hash->block + held, bytes, part);
		bytes += part;
		size -= part;
		if (part < missing)
			return;
		hash_block(hash->state, hash->block);
	}
	for (; size >= SHA256_BLOCK_SIZE; size -= SHA256_BLOCK_SIZE, bytes += SHA256_BLOCK_SIZE)
		hash_block(hash->state, bytes);
	if (size)
		memcpy(hash->block, bytes, size);
}

void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_SIZE])
{
	static const uint8_t padding[SHA256_BLOCK_SIZE] = {0x80};
	uint64_t bits = __builtin_bswap64(hash->length * 8);
	size_t held = hash->length % SHA256_BLOCK_SIZE;

	/* One bit, zeros up to eight bytes before the end of a block, then the length. */
	sha256_update(hash, padding,
	              (held < SHA256_BLOCK_SIZE - 8 ? SHA256_BLOCK_SIZE : 2 * SHA256_BLOCK_SIZE) -
	                      8 - held);
	sha256_update(hash, &bits, sizeof(bits));
	for (unsigned int i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(hash->state[i]);

		memcpy(digest + 4 * i, &word, sizeof(word));
	}
}

char *sha256_text(const uint8_t digest[SHA256_SIZE], char text[SHA256_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < SHA256_SIZE; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[2 * SHA256_SIZE] = '\0';
	return text;
}
