/*
 * The seal. The one file that sees OpenSSL's MAC interface. The key is
 * fetched into a context once; each message works on a copy of it.
 */
#include "common/verdict/seal.h"
#include "common/mail/tags.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define KEY_BYTES 32
#define KEY_HEX (KEY_BYTES * 2)
#define MAC_BYTES 32
#define VALUE_MAX 1000
#define CLOCK_SKEW 3600

struct seal_key {
	EVP_MAC_CTX *mac;
};

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct slice hex, unsigned char *bytes, size_t n)
{
	if (hex.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(hex.p[2 * i]);
		int low = hex_digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Writes and syncs a temporary file beside `path`, then links it there. */
static int write_key(const char *path, const char *line, size_t n)
{
	char temporary[4096];
	int fd, rc = -1;

	if (snprintf(temporary, sizeof(temporary), "%s.%d", path,
		     (int)getpid()) >= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	if (write(fd, line, n) == (ssize_t)n && fsync(fd) == 0)
		rc = link(temporary, path);
	/* Another process may have been first: its key is as good. */
	if (rc < 0 && errno == EEXIST)
		rc = 0;
	close(fd);
	unlink(temporary);
	return rc;
}

int seal_key_create(const char *path, struct err *err)
{
	unsigned char bytes[KEY_BYTES];
	char line[KEY_HEX + 1];

	if (access(path, F_OK) == 0)
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_set(err, "no random bytes for a new key: %s",
			       strerror(errno));
	to_hex(bytes, sizeof(bytes), line);
	line[KEY_HEX] = '\n';
	if (write_key(path, line, sizeof(line)) < 0)
		return err_set(err,
			       "%s: the key of the verdict header cannot be "
			       "written: %s",
			       path, strerror(errno));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(line, sizeof(line));
	return 0;
}

static int read_key(const char *path, unsigned char bytes[KEY_BYTES],
		    struct err *err)
{
	char line[KEY_HEX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_set(err,
			       "%s: the key of the verdict header cannot be "
			       "read: %s",
			       path, strerror(errno));
	n = read(fd, line, sizeof(line));
	close(fd);
	if (n < KEY_HEX ||
	    !from_hex((struct slice){line, KEY_HEX}, bytes, KEY_BYTES))
		return err_set(err,
			       "%s: holds no key; it must be %d hexadecimal "
			       "digits (remove it and a new one is made at "
			       "start)",
			       path, KEY_HEX);
	return 0;
}

struct seal_key *seal_key_load(const char *path, struct err *err)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0),
		OSSL_PARAM_construct_end()};
	unsigned char bytes[KEY_BYTES];
	struct seal_key *key;
	EVP_MAC *hmac;

	if (read_key(path, bytes, err) < 0)
		return NULL;
	key = calloc(1, sizeof(*key));
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (key && hmac)
		key->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (key && key->mac &&
	    EVP_MAC_init(key->mac, bytes, sizeof(bytes), params))
		return key;
	err_set(err, "OpenSSL offers no HMAC-SHA256");
	if (key)
		seal_key_free(&key);
	return NULL;
}

void seal_key_free(struct seal_key **key)
{
	if (!*key)
		return;
	EVP_MAC_CTX_free((*key)->mac);
	free(*key);
	*key = NULL;
}

/* Blanks change when fields are folded anew on their way: leave them out. */
static void add_field(EVP_MAC_CTX *mac, struct slice value)
{
	size_t from = 0;

	for (size_t i = 0; i <= value.n; i++) {
		if (i < value.n && value.p[i] != ' ' && value.p[i] != '\t' &&
		    value.p[i] != '\r' && value.p[i] != '\n')
			continue;
		if (i > from)
			EVP_MAC_update(mac,
				       (const unsigned char *)value.p + from,
				       i - from);
		from = i + 1;
	}
	EVP_MAC_update(mac, (const unsigned char *)"\n", 1);
}

static bool mac_of(const struct seal_key *key, struct slice text,
		   struct slice message_id, struct slice from,
		   unsigned char out[MAC_BYTES])
{
	EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key->mac);
	size_t n = 0;
	bool ok;

	if (!mac)
		return false;
	add_field(mac, text);
	add_field(mac, message_id);
	add_field(mac, from);
	ok = EVP_MAC_final(mac, out, &n, MAC_BYTES) && n == MAC_BYTES;
	EVP_MAC_CTX_free(mac);
	return ok;
}

struct slice seal_write(struct arena *arena, const struct seal_key *key,
			const struct seal_fields *f)
{
	struct slice text = arena_printf(
		arena,
		"v=1; id=%.*s; class=%.*s; action=%.*s; score=%.2f; t=%lld;",
		SLICE_FMT(f->id), SLICE_FMT(f->class), SLICE_FMT(f->action),
		f->score, (long long)f->time);
	unsigned char mac[MAC_BYTES];
	char hex[MAC_BYTES * 2 + 1];

	if (!mac_of(key, text, f->message_id, f->from, mac))
		return SLICE_NONE;
	to_hex(mac, sizeof(mac), hex);
	hex[sizeof(hex) - 1] = '\0';
	return arena_printf(arena, "%.*s\n\ts=%s", SLICE_FMT(text), hex);
}

static bool read_fields(const struct tags *tags, struct seal_fields *f)
{
	static const char *const names[] = {"v",      "id",    "class",
					    "action", "score", "t"};
	const struct slice *value[6];
	char number[32], *end;
	uint64_t when;

	for (int i = 0; i < 6; i++) {
		value[i] = tags_get(tags, names[i]);
		if (!value[i])
			return false;
	}
	if (!slice_eq(*value[0], SLICE("1")) ||
	    value[4]->n >= sizeof(number) || !slice_to_u64(*value[5], &when))
		return false;
	memcpy(number, value[4]->p, value[4]->n);
	number[value[4]->n] = '\0';
	f->score = strtod(number, &end);
	f->id = *value[1];
	f->class = *value[2];
	f->action = *value[3];
	f->time = (int64_t)when;
	return *end == '\0';
}

bool seal_read(const struct seal_key *key, struct slice value,
	       struct slice message_id, struct slice from,
	       struct seal_fields *fields_r)
{
	unsigned char want[MAC_BYTES], have[MAC_BYTES];
	const struct slice *seal;
	struct slice text;
	struct tags tags;

	if (value.n > VALUE_MAX)
		return false;
	tags_parse(value, &tags);
	seal = tags_get(&tags, "s");
	if (tags.malformed || tags.repeated || tags.count != 7 || !seal ||
	    !from_hex(*seal, have, sizeof(have)) ||
	    !read_fields(&tags, fields_r))
		return false;
	fields_r->message_id = message_id;
	fields_r->from = from;
	/* The very bytes that were sealed: all before the seal, the last. */
	text = slice_sub(value, 0, slice_rfind(value, ';') + 1);
	return mac_of(key, text, message_id, from, want) &&
	       CRYPTO_memcmp(want, have, sizeof(want)) == 0;
}

bool seal_is_recent(const struct seal_fields *fields, int64_t now,
		    int64_t max_age)
{
	/* Not by subtraction: the time is any number from outside. */
	return fields->time <= now + CLOCK_SKEW &&
	       fields->time >= now - max_age - CLOCK_SKEW;
}
