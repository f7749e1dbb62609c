/* Lists of addresses, domains and networks, and the shipped one. */
#include "milter/checks/greylist_names.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEOPLE (GREYLIST_ADDRESSES | GREYLIST_DOMAINS)
#define HOSTS (GREYLIST_DOMAINS | GREYLIST_NETWORKS)
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct greylist_names make(struct arena *a, const char *const *texts,
				  size_t count, unsigned kinds)
{
	struct slice *v = ARENA_ARRAY(a, struct slice, count);
	struct greylist_names list;
	struct err err;

	for (size_t i = 0; i < count; i++)
		v[i] = slice_cstr(texts[i]);
	if (greylist_names_make(a, &(struct strlist){v, count}, kinds, &list,
				&err) < 0)
		fail_msg("%s", err.text);
	return list;
}

static void addresses_and_domains_are_found(void **state)
{
	static const char *const entries[] = {
		"Alice@Example.org",
		"postmaster@",
		"example.NET",
		"b\xc3\xbc"
		"cher.example",
		"localhost",
	};
	static const struct {
		const char *address, *entry;
	} cases[] = {
		{"alice@example.org", "alice@example.org"},
		{"bob@example.org", ""},
		{"alice@sub.example.org", ""},
		{"postmaster@anywhere.test", "postmaster@"},
		{"postmaster", ""},
		{"x@example.net", "example.net"},
		{"x@a.b.example.net", "example.net"},
		{"x@myexample.net", ""},
		{"example.net@other.test", ""},
		{"x@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"root@localhost", "localhost"},
		{"", ""},
		{"@", ""},
	};
	struct arena *a = arena_new(0);
	struct greylist_names list = make(a, entries, COUNT(entries), PEOPLE);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice found = greylist_names_address(
			&list, slice_cstr(cases[i].address));

		if (!slice_eq(found, slice_cstr(cases[i].entry)))
			fail_msg("%s is found as '%.*s'", cases[i].address,
				 SLICE_FMT(found));
	}
	arena_free(&a);
}

static void hosts_are_found(void **state)
{
	static const char *const entries[] = {"192.0.2.0/24", "2001:db8::1",
					      "mail.example.org"};
	static const struct {
		const char *ip, *entry;
	} cases[] = {
		{"192.0.2.77", "192.0.2.0/24"},
		{"192.0.3.77", ""},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:db8::2", ""},
	};
	struct arena *a = arena_new(0);
	struct greylist_names list = make(a, entries, COUNT(entries), HOSTS);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip ip;

		assert_true(ip_parse(slice_cstr(cases[i].ip), &ip));
		assert_true(slice_eq(greylist_names_ip(&list, &ip),
				     slice_cstr(cases[i].entry)));
	}
	assert_int_equal(
		greylist_names_domain(&list, SLICE("a.mail.example.org")).n,
		16);
	assert_int_equal(greylist_names_domain(&list, SLICE("example.org")).n,
			 0);
	assert_int_equal(greylist_names_domain(&list, SLICE_NONE).n, 0);
	arena_free(&a);
}

static void what_is_no_entry_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned kinds;
	} cases[] = {
		{"", PEOPLE},
		{"*.example.org", PEOPLE},
		{".example.org", PEOPLE},
		{"@example.org", PEOPLE},
		{"a@*.example.org", PEOPLE},
		{"192.0.2.0/24", PEOPLE},
		{"192.0.2.1", PEOPLE},
		{"a b", PEOPLE},
		{"a@b..c", PEOPLE},
		{"alice@example.org", HOSTS},
		{"192.0.2", HOSTS},
		{"192.0.2.0/33", HOSTS},
		{"postmaster@", HOSTS},
		{"example.org/24", HOSTS},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice text = slice_cstr(cases[i].text);
		struct greylist_names list;
		struct err err = {""};

		if (greylist_names_make(a, &(struct strlist){&text, 1},
					cases[i].kinds, &list, &err) == 0)
			fail_msg("'%s' is taken", cases[i].text);
		assert_non_null(strstr(err.text, "is not allowed; write"));
	}
	arena_free(&a);
}

static int read_file(struct arena *a, const char *text,
		     struct greylist_names *list_r, struct err *err)
{
	char path[] = "/tmp/gatepost-names-XXXXXX";
	int fd = mkstemp(path), rc;
	bool missing;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	rc = greylist_names_read(a, path, HOSTS, list_r, &missing, err);
	assert_false(missing);
	unlink(path);
	return rc;
}

static void a_file_has_comments_and_line_numbers(void **state)
{
	struct arena *a = arena_new(0);
	struct greylist_names list;
	struct err err = {""};
	bool missing;

	(void)state;
	assert_int_equal(read_file(a,
				   "# names\n\nb.example # b\r\n"
				   "\ta.example\n192.0.2.0/24",
				   &list, &err),
			 0);
	assert_int_equal(list.name_count, 2);
	assert_int_equal(list.net_count, 1);
	assert_true(slice_eq(list.names[0], SLICE("a.example")));
	assert_int_equal(read_file(a, "", &list, &err), 0);
	assert_int_equal(list.name_count, 0);
	assert_int_equal(read_file(a, "a.example\n\nb c\n", &list, &err), -1);
	assert_non_null(strstr(err.text, ":3: 'b c' is not allowed; write"));
	assert_int_equal(greylist_names_read(a, "/nonexistent/x", HOSTS, &list,
					     &missing, &err),
			 -1);
	assert_true(missing);
	assert_int_equal(
		greylist_names_read(a, "/", HOSTS, &list, &missing, &err), -1);
	assert_false(missing);
	arena_free(&a);
}

static void the_shipped_file_is_well_formed(void **state)
{
	const char *srcdir = getenv("srcdir");
	struct arena *a = arena_new(0);
	struct greylist_names list;
	struct err err = {""};
	char path[512];
	bool missing;

	(void)state;
	snprintf(path, sizeof(path), "%s/contrib/greylist-providers",
		 srcdir ? srcdir : "..");
	if (greylist_names_read(a, path, HOSTS, &list, &missing, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(list.name_count > 20);
	for (size_t i = 1; i < list.name_count; i++)
		if (slice_eq(list.names[i - 1], list.names[i]))
			fail_msg("%.*s stands twice", SLICE_FMT(list.names[i]));
	assert_true(
		greylist_names_domain(&list, SLICE("mail-wm1-f44.google.com"))
			.n > 0);
	assert_int_equal(greylist_names_domain(
				 &list, SLICE("1.bc.googleusercontent.com"))
				 .n,
			 0);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_domains_are_found),
		cmocka_unit_test(hosts_are_found),
		cmocka_unit_test(what_is_no_entry_is_refused),
		cmocka_unit_test(a_file_has_comments_and_line_numbers),
		cmocka_unit_test(the_shipped_file_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
