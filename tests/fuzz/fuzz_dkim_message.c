/*
 * A whole message through the DKIM check, by libopendkim and by ourselves.
 * The keys of the message in the corpus are there, so that it gets as far as
 * the signature. Both ways must agree.
 */
#include "tests/support/dkim_ask.h"

#include <stdlib.h>
#include <string.h>

static const char keys[] =
	"e._domainkey.example.com TXT v=DKIM1; k=ed25519; p="
	"OBzMVu9kD50oWuDMn6Za133ILPGLbMb5RnTymv4q0jQ="
	"\n"
	"r._domainkey.example.com TXT v=DKIM1; p="
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDP/62GI/dDGwrqvx7TfVbj"
	"XPU72YZAlgezAyaH5dBH/Z6LF6ItUyIrSYkTy05H9EiB0PDpXeCbuvAI8ABI"
	"IewHtkIHg4Nx+J0/r0nsh2Bq8JifSCFHudKorG63VjBY3RZwg8/xkY6Zm2vF"
	"QlYa0TKZufmi6yOr6tMNtfLk1se24wIDAQAB"
	"\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench *library, *own;
	struct slice message = {(const char *)data, size};
	struct mail *one, *two;

	if (!library) {
		library = dkim_bench("dkim { verifier = libopendkim }", keys,
				     false);
		own = dkim_bench(NULL, keys, false);
	}
	one = dkim_ask(library, message, 0);
	two = dkim_ask(own, message, 5);
	if (strcmp(dkim_words(one), dkim_words(two)) != 0)
		abort();
	mail_free(&one);
	mail_free(&two);
	return 0;
}
