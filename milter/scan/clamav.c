/* All-match mode, so that a heuristic hides no signature. */
#include "milter/scan/clamav.h"

#include <clamav.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct clamav {
	struct cl_engine *engine;
	struct cl_scan_options options;
};

static const struct slice limits_prefix = {"Heuristics.Limits.Exceeded", 26};

/* It has its own say on stderr; what matters comes as a result. */
static void drop_message(enum cl_msg severity, const char *full,
			 const char *text, void *context)
{
	(void)severity;
	(void)full;
	(void)text;
	(void)context;
}

static void note_name(struct scan_found *found, struct slice name)
{
	for (size_t i = 0; i < found->name_count; i++)
		if (slice_eq(found->names[i], name))
			return;
	if (found->name_count < SCAN_NAMES_MAX)
		found->names[found->name_count++] =
			arena_dup(found->arena, name);
}

static void note_trouble(struct scan_found *found, enum scan_trouble trouble,
			 struct slice reason)
{
	if (found->trouble != SCAN_NO_TROUBLE)
		return;
	found->trouble = trouble;
	found->reason = arena_dup(found->arena, reason);
}

static void on_found(int fd, const char *virus, void *context)
{
	struct scan_found *found = context;
	struct slice name = slice_cstr(virus);

	(void)fd;
	if (slice_starts_nocase(name, limits_prefix)) {
		note_trouble(found, SCAN_LIMIT, name);
		return;
	}
	if (slice_eq(name, SLICE("Heuristics.Encrypted.PDF")))
		found->encrypted_pdf = true;
	found->signature = true;
	note_name(found, name);
}

static enum scan_trouble trouble_of(cl_error_t code)
{
	switch (code) {
	case CL_CLEAN:
	case CL_VIRUS:
	case CL_VERIFIED:
		return SCAN_NO_TROUBLE;
	case CL_ETIMEOUT:
		return SCAN_TIMEOUT;
	case CL_EMAXREC:
	case CL_EMAXSIZE:
	case CL_EMAXFILES:
		return SCAN_LIMIT;
	default:
		return SCAN_ERROR;
	}
}

static int set_numbers(struct cl_engine *engine,
		       const struct clamav_options *o, struct err *err)
{
	const struct {
		enum cl_engine_field field;
		long long value;
	} numbers[] = {
		{CL_ENGINE_MAX_SCANSIZE, (long long)o->scan_size},
		{CL_ENGINE_MAX_FILESIZE, (long long)o->file_size},
		{CL_ENGINE_MAX_RECURSION, o->recursion},
		{CL_ENGINE_MAX_FILES, o->files},
		{CL_ENGINE_MAX_SCANTIME, o->time_ms},
		{CL_ENGINE_BYTECODE_SECURITY, CL_BYTECODE_TRUST_SIGNED},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		cl_error_t code = cl_engine_set_num(engine, numbers[i].field,
						    numbers[i].value);

		if (code != CL_SUCCESS)
			return err_set(err, "libclamav takes no limit %lld: %s",
				       numbers[i].value, cl_strerror(code));
	}
	return 0;
}

static unsigned database_options(const struct clamav_options *o)
{
	return CL_DB_BYTECODE |
	       (o->phishing ? CL_DB_PHISHING | CL_DB_PHISHING_URLS : 0) |
	       (o->pua ? CL_DB_PUA : 0);
}

static void set_scan_options(struct cl_scan_options *to,
			     const struct clamav_options *o)
{
	to->general = CL_SCAN_GENERAL_ALLMATCHES | CL_SCAN_GENERAL_HEURISTICS;
	to->parse = ~0u;
	to->heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX;
	to->mail = 0;
	if (o->macros)
		to->heuristic |= CL_SCAN_HEURISTIC_MACROS;
	if (o->encrypted)
		to->heuristic |= CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
				 CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
	if (o->phishing)
		to->heuristic |= CL_SCAN_HEURISTIC_PHISHING_SSL_MISMATCH |
				 CL_SCAN_HEURISTIC_PHISHING_CLOAK;
}

static void look_at_file(const char *path, const char *name,
			 struct clamav_about *about)
{
	struct slice s = slice_cstr(name);
	bool signed_file = slice_ends_nocase(s, SLICE(".cvd")) ||
			   slice_ends_nocase(s, SLICE(".cld"));
	struct cl_cvd *head = signed_file ? cl_cvdhead(path) : NULL;
	struct stat info;
	int64_t time = 0;

	if (head) {
		time = head->stime;
		if (slice_starts_nocase(s, SLICE("daily.")) &&
		    head->version > about->database_version)
			about->database_version = head->version;
		cl_cvdfree(head);
	} else if (!signed_file && stat(path, &info) == 0 &&
		   S_ISREG(info.st_mode)) {
		time = info.st_mtime;
	}
	if (time > about->database_time)
		about->database_time = time;
}

static void look_at_folder(const char *folder, struct clamav_about *about)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[4096];

	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		look_at_file(path, entry->d_name, about);
	}
	if (dir)
		closedir(dir);
}

static int load(struct clamav *clamav, const struct clamav_options *o,
		struct clamav_about *about, struct err *err)
{
	unsigned count = 0;
	cl_error_t code;

	if (set_numbers(clamav->engine, o, err) < 0 ||
	    clamav_use_tmp(clamav, o->tmp, err) < 0)
		return -1;
	code = cl_load(o->database, clamav->engine, &count,
		       database_options(o));
	if (code != CL_SUCCESS)
		return err_set(err, "%s: libclamav cannot load it: %s",
			       o->database, cl_strerror(code));
	if (count == 0)
		return err_set(err, "%s: holds no signatures", o->database);
	code = cl_engine_compile(clamav->engine);
	if (code != CL_SUCCESS)
		return err_set(err, "%s: libclamav cannot compile it: %s",
			       o->database, cl_strerror(code));
	cl_engine_set_clcb_virus_found(clamav->engine, on_found);
	about->signatures = count;
	return 0;
}

/* "1.4.6" as 1004006; what follows the third number is left out. */
static uint64_t version_number(struct slice text)
{
	uint64_t whole = 0, number = 0;
	int dots = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (ascii_is_digit(text.p[i])) {
			number = (number * 10 + (uint64_t)(text.p[i] - '0')) %
				 1000;
		} else if (text.p[i] == '.' && dots < 2) {
			whole = (whole + number) * 1000;
			number = 0;
			dots++;
		} else {
			break;
		}
	}
	whole += number;
	for (; dots < 2; dots++)
		whole *= 1000;
	return whole;
}

struct clamav *clamav_load(const struct clamav_options *options,
			   struct clamav_about *about_r, struct err *err)
{
	struct clamav *clamav = calloc(1, sizeof(*clamav));

	*about_r = (struct clamav_about){.signatures = 0};
	snprintf(about_r->engine, sizeof(about_r->engine), "ClamAV %s",
		 cl_retver());
	about_r->engine_number = version_number(slice_cstr(cl_retver()));
	cl_set_clcb_msg(drop_message);
	if (clamav && cl_init(CL_INIT_DEFAULT) == CL_SUCCESS)
		clamav->engine = cl_engine_new();
	if (!clamav || !clamav->engine) {
		free(clamav);
		err_set(err, "libclamav does not start: out of memory?");
		return NULL;
	}
	set_scan_options(&clamav->options, options);
	/* Before, so that a file that comes meanwhile does not count. */
	look_at_folder(options->database, about_r);
	if (load(clamav, options, about_r, err) < 0)
		clamav_free(&clamav);
	return clamav;
}

void clamav_free(struct clamav **clamav)
{
	if (!*clamav)
		return;
	cl_engine_free((*clamav)->engine);
	free(*clamav);
	*clamav = NULL;
}

int clamav_use_tmp(struct clamav *clamav, const char *tmp, struct err *err)
{
	cl_error_t code =
		cl_engine_set_str(clamav->engine, CL_ENGINE_TMPDIR, tmp);

	if (code == CL_SUCCESS)
		return 0;
	return err_set(err, "libclamav does not take %s as temporary folder: "
			    "%s", tmp, cl_strerror(code));
}

void clamav_look(const void *with, struct slice bytes, struct scan_found *found)
{
	const struct clamav *clamav = with;
	struct cl_scan_options options = clamav->options;
	const char *virus = NULL;
	unsigned long scanned = 0;
	cl_fmap_t *map;
	cl_error_t code;

	/* It maps nothing empty, and finds nothing in it. */
	if (bytes.n == 0)
		return;
	map = cl_fmap_open_memory(bytes.p, bytes.n);
	if (!map) {
		note_trouble(found, SCAN_ERROR, SLICE("out of memory"));
		return;
	}
	code = cl_scanmap_callback(map, NULL, &virus, &scanned, clamav->engine,
				   &options, found);
	cl_fmap_close(map);
	if (trouble_of(code) != SCAN_NO_TROUBLE)
		note_trouble(found, trouble_of(code),
			     slice_cstr(cl_strerror(code)));
	else if (code == CL_VIRUS && virus)
		on_found(-1, virus, found);
}
