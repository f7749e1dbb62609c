/* Domain names. The one file that sees libidn2. */
#include "common/mail/domain.h"

#include <idn2.h>
#include <string.h>

static bool labels_fit(struct slice name)
{
	struct slice rest = name, label;

	if (name.n == 0 || name.n > 253)
		return false;
	while (slice_next(&rest, '.', &label))
		if (label.n == 0 || label.n > 63)
			return false;
	return true;
}

/* Every byte above space and not '@'; *ascii_r: none above 0x7f. */
static bool bytes_fit(struct slice name, bool *ascii_r)
{
	*ascii_r = true;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c == 0x7f || c == '@')
			return false;
		if (c > 0x7f)
			*ascii_r = false;
	}
	return true;
}

bool domain_normalise(struct arena *a, struct slice name,
		      struct slice *normal_r)
{
	bool ascii;
	char *out;
	int rc;

	*normal_r = SLICE_NONE;
	/* 253 ASCII bytes are at most about a thousand of UTF-8. */
	if (name.n == 0 || name.n > 1024 || !bytes_fit(name, &ascii))
		return false;
	if (!ascii) {
		rc = idn2_to_ascii_8z(arena_cstr(a, name), &out,
				      IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
		if (rc != IDN2_OK)
			return false;
		name = arena_dup(a, slice_cstr(out));
		idn2_free(out);
		/* The mapping can bring forth a blank or worse. */
		if (!bytes_fit(name, &ascii) || !ascii)
			return false;
	}
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (!labels_fit(name))
		return false;
	*normal_r = arena_lower(a, name);
	return true;
}

bool domain_is_within(struct slice name, struct slice parent)
{
	if (parent.n == 0 || name.n < parent.n ||
	    !slice_ends_nocase(name, parent))
		return false;
	return name.n == parent.n || name.p[name.n - parent.n - 1] == '.';
}

struct slice domain_parent(struct slice name)
{
	return slice_sub(name, slice_find(name, 0, '.') + 1, name.n);
}

size_t domain_labels(struct slice name)
{
	size_t count = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		count += name.p[i] == '.';
	return count;
}

struct slice domain_tail(struct slice name, size_t count)
{
	for (size_t have = domain_labels(name); have > count; have--)
		name = domain_parent(name);
	return name;
}

bool domain_is_fqdn(struct slice name)
{
	struct slice rest = name, label;
	size_t labels = 0;

	if (!labels_fit(name))
		return false;
	while (slice_next(&rest, '.', &label)) {
		labels++;
		if (label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return labels >= 2;
}
