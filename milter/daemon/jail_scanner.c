/*
 * An allow-list by libseccomp, as jail.c has one; Landlock, where the
 * kernel has it, on top: that has no libc functions yet.
 */
#include "config.h"

#include "milter/daemon/jail_scanner.h"
#include "milter/daemon/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define OPEN_FILES_MAX 256

#ifdef WITH_SANITIZERS
/* Their shadow takes more address space than any bound would leave. */
static int bound_memory(uint64_t memory, struct err *err)
{
	(void)memory;
	(void)err;
	return 0;
}
#else
static int bound_memory(uint64_t memory, struct err *err)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	struct rlimit limit;

	if (!file || fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	if (pages == 0)
		return err_set(err, "cannot read /proc/self/statm");
	limit.rlim_cur = limit.rlim_max =
		pages * (unsigned long long)sysconf(_SC_PAGESIZE) + memory;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return err_set(err, "cannot bound memory: %s", strerror(errno));
	return 0;
}
#endif

static int bound(int what, uint64_t value, struct err *err)
{
	struct rlimit limit = {value, value};

	if (setrlimit((__rlimit_resource_t)what, &limit) != 0)
		return err_set(err, "cannot set a limit of resources: %s",
			       strerror(errno));
	return 0;
}

/* Where the kernel knows it: nothing but that folder. */
static void confine_to(const char *folder)
{
	const uint64_t all = (1ULL << 13) - 1; /* rights of its version 1 */
	struct landlock_ruleset_attr rules = {.handled_access_fs = all};
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE};
	int set = (int)syscall(SYS_landlock_create_ruleset, &rules,
			       sizeof(rules), 0);

	if (set < 0)
		return;
	beneath.parent_fd = open(folder, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd >= 0 &&
	    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH,
		    &beneath, 0) == 0)
		(void)syscall(SYS_landlock_restrict_self, set, 0);
	if (beneath.parent_fd >= 0)
		close(beneath.parent_fd);
	close(set);
}

int jail_scanner_enter(const struct jail_scanner *bounds, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, "cannot give up privileges: %s",
			       strerror(errno));
	/* First, since it reads what Landlock hides. */
	if (bound_memory(bounds->memory, err) < 0)
		return -1;
	confine_to(bounds->tmp);
	if (bound(RLIMIT_CORE, 0, err) < 0 ||
	    bound(RLIMIT_NOFILE, OPEN_FILES_MAX, err) < 0 ||
	    bound(RLIMIT_FSIZE, bounds->file_bytes, err) < 0)
		return -1;
	return jail_enter_scanner(err);
}

/* The hard limit stays as it is: it could not be raised again. */
void jail_scanner_bound_cpu(int64_t ms)
{
	struct timespec used;
	struct rlimit limit;
	rlim_t until;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
	    getrlimit(RLIMIT_CPU, &limit) != 0)
		return;
	ms += used.tv_nsec / 1000000;
	until = (rlim_t)used.tv_sec + (rlim_t)(ms + 999) / 1000;
	limit.rlim_cur = until < limit.rlim_max ? until : limit.rlim_max;
	(void)setrlimit(RLIMIT_CPU, &limit);
}
