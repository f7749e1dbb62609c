/* What files are by their bytes: programs and what only looks like one. */
#include "milter/scan/kind.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define FILE_BYTES 8192

static const struct {
	const char *what;
	struct slice bytes, kind;
} whole_cases[] = {
	{"text", SLICE("MZ is how programs begin\n"), SLICE("text")},
	{"two letters", SLICE("MZ"), SLICE("text")},
	{"long text", SLICE("MZ is how programs begin, and so does this text, "
			    "which is longer than the header of one\n"),
	 SLICE("text")},
	{"letters and zeros", SLICE("MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	 SLICE("")},
	{"a page", SLICE("<!DOCTYPE html><p>MZ"), SLICE("html")},
	{"nothing", SLICE(""), SLICE("")},
};

static void test_what_is_no_program_is_told_as_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(whole_cases) / sizeof(*whole_cases);
	     i++) {
		struct slice kind = kind_of(whole_cases[i].bytes);

		if (!slice_eq(kind, whole_cases[i].kind))
			fail_msg("%s: %.*s", whole_cases[i].what,
				 SLICE_FMT(kind));
	}
}

static void put(char *to, size_t at, unsigned number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[at + (size_t)i] = (char)(number >> 8 * i);
}

/* As linkers write it: 64 bytes of header, no relocations, no program. */
static void make_dos(char file[FILE_BYTES])
{
	memset(file, 0, FILE_BYTES);
	memcpy(file, "MZ", 2);
	put(file, 2, 0x90, 2);
	put(file, 4, 3, 2);
	put(file, 8, 4, 2);
	put(file, 24, 0x40, 2);
}

static bool is_exe(const char *file, size_t n)
{
	return slice_eq(kind_of((struct slice){file, n}), SLICE("exe"));
}

static void test_programs_are_known_by_their_headers(void **state)
{
	static const char *const begins[] = {"PE", "NE", "LE", "LX"};
	char file[FILE_BYTES];

	(void)state;
	make_dos(file);
	assert_true(is_exe(file, FILE_BYTES));
	assert_true(is_exe(file, 64));
	memcpy(file, "ZM", 2);
	assert_true(is_exe(file, FILE_BYTES));
	/* Windows does not look at the fields of the first header. */
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		memset(file, 'x', FILE_BYTES);
		memcpy(file, "MZ", 2);
		put(file, 60, FILE_BYTES - 4, 4);
		memcpy(file + FILE_BYTES - 4, begins[i], 2);
		memset(file + FILE_BYTES - 2, 0, 2);
		assert_true(is_exe(file, FILE_BYTES));
		assert_false(is_exe(file, FILE_BYTES - 4));
	}
}

static const struct {
	const char *what;
	size_t at;
	unsigned number;
} broken[] = {
	{"more than a page in the last page", 2, 0x2020},
	{"no pages", 4, 0},
	{"no header", 8, 0},
	{"a header larger than the program", 8, 0x2020},
	{"relocations outside of the header", 6, 100},
};

static void test_fields_that_do_not_fit_make_no_program(void **state)
{
	char file[FILE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		make_dos(file);
		put(file, broken[i].at, broken[i].number, 2);
		if (is_exe(file, FILE_BYTES))
			fail_msg("%s: a program", broken[i].what);
	}
}

/* With a folder whose entry stands at `at`. */
static void make_ole2(char file[FILE_BYTES], const char *name, size_t at)
{
	size_t n = strlen(name);

	memset(file, 0, FILE_BYTES);
	memcpy(file, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	for (size_t i = 0; i < n; i++)
		file[at + 2 * i] = name[i];
	put(file, at + 64, (unsigned)(2 * n + 2), 2);
}

static bool is_encrypted(const char *file, size_t n)
{
	struct slice bytes = {file, n};

	return kind_is_encrypted(kind_of(bytes), bytes);
}

static void test_documents_with_a_password_are_told(void **state)
{
	char file[FILE_BYTES];

	(void)state;
	make_ole2(file, "EncryptedPackage", 1024);
	assert_true(is_encrypted(file, FILE_BYTES));
	assert_true(is_encrypted(file, 1024 + 128));
	assert_false(is_encrypted(file, 1024 + 127));
	file[0] = 'x';
	assert_false(is_encrypted(file, FILE_BYTES));
	make_ole2(file, "EncryptedPackage", FILE_BYTES - 128);
	assert_true(is_encrypted(file, FILE_BYTES));
	make_ole2(file, "EncryptedPackage", 1028);
	assert_false(is_encrypted(file, FILE_BYTES));
	make_ole2(file, "EncryptedPackages", 1024);
	assert_false(is_encrypted(file, FILE_BYTES));
	make_ole2(file, "WordDocument", 1024);
	assert_false(is_encrypted(file, FILE_BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_program_is_told_as_it_is),
		cmocka_unit_test(test_programs_are_known_by_their_headers),
		cmocka_unit_test(test_fields_that_do_not_fit_make_no_program),
		cmocka_unit_test(test_documents_with_a_password_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
