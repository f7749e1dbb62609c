/* Keys: the first 80 bits of a fingerprint, as 16 letters and digits. */
#include "milter/store/store_keys.h"
#include "common/verdict/fingerprint.h"

/* RFC 4648's base32 in lower case; 5 bytes make 8 characters. */
static void to_base32(const unsigned char bytes[5], char text[8])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t bits = 0;

	for (int i = 0; i < 5; i++)
		bits = bits << 8 | bytes[i];
	for (int i = 7; i >= 0; i--, bits >>= 5)
		text[i] = digits[bits & 31];
}

void store_key(const struct slice *parts, size_t count,
	       char key_r[STORE_KEY + 1])
{
	unsigned char digest[FINGERPRINT];

	fingerprint(parts, count, digest);
	to_base32(digest, key_r);
	to_base32(digest + 5, key_r + 8);
	key_r[STORE_KEY] = '\0';
}
