/* Reads /proc/PID/stat of all processes, keeps those below the roots. */
#include "tests/bench/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields of /proc/PID/stat behind the name (proc(5)), from 0. */
enum {
	STAT_PARENT = 1,
	STAT_UTIME = 11,
	STAT_CSTIME = 14,
	STAT_THREADS = 17,
	STAT_RSS = 21,
	STAT_FIELDS
};

static bool parse_stat(char *line, struct proc *p)
{
	const double tick_ms = 1000.0 / (double)sysconf(_SC_CLK_TCK);
	const long page_kb = sysconf(_SC_PAGESIZE) / 1024;
	char *open = strchr(line, '('), *close = strrchr(line, ')');
	char *rest, *word;
	int n = 0;

	if (!open || !close || close < open)
		return false;
	*close = '\0';
	p->pid = (pid_t)strtol(line, NULL, 10);
	snprintf(p->name, sizeof(p->name), "%s", open + 1);
	rest = close + 1;
	while (n < STAT_FIELDS && (word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (n == STAT_PARENT)
			p->parent = (pid_t)strtol(word, NULL, 10);
		else if (n >= STAT_UTIME && n <= STAT_CSTIME)
			p->cpu_ms += strtod(word, NULL) * tick_ms;
		else if (n == STAT_THREADS)
			p->threads = strtol(word, NULL, 10);
		else if (n == STAT_RSS)
			p->rss_kb = strtol(word, NULL, 10) * page_kb;
		n++;
	}
	return n == STAT_FIELDS;
}

static bool read_stat(const char *pid, struct proc *p)
{
	char path[64], line[1024];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	memset(p, 0, sizeof(*p));
	ok = fgets(line, sizeof(line), file) && parse_stat(line, p);
	fclose(file);
	return ok;
}

static size_t read_all(struct proc **all_r)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct proc *all = NULL;
	size_t n = 0, room = 0;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (n == room) {
			room = room ? room * 2 : 256;
			all = realloc(all, room * sizeof(*all));
			if (!all)
				abort();
		}
		if (read_stat(entry->d_name, &all[n]))
			n++;
	}
	if (dir)
		closedir(dir);
	*all_r = all;
	return n;
}

static bool has(const struct procs *procs, pid_t pid)
{
	for (size_t i = 0; i < procs->count; i++)
		if (procs->proc[i].pid == pid)
			return true;
	return false;
}

static bool is_root(const pid_t *roots, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (roots[i] == pid)
			return true;
	return false;
}

void procs_read(const pid_t *roots, size_t n, struct procs *procs_r)
{
	struct proc *all;
	size_t count = read_all(&all), before;

	procs_r->count = 0;
	do {
		before = procs_r->count;
		for (size_t i = 0; i < count; i++)
			if (procs_r->count < PROCS_MAX &&
			    !has(procs_r, all[i].pid) &&
			    (is_root(roots, n, all[i].pid) ||
			     has(procs_r, all[i].parent)))
				procs_r->proc[procs_r->count++] = all[i];
	} while (procs_r->count != before);
	free(all);
}

void procs_read_pss(struct procs *procs)
{
	for (size_t i = 0; i < procs->count; i++) {
		struct proc *p = &procs->proc[i];
		char path[64], line[256];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
			 (int)p->pid);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			if (strncmp(line, "Pss:", 4) == 0)
				p->pss_kb = strtol(line + 4, NULL, 10);
		}
		if (file)
			fclose(file);
	}
}

double procs_cpu_ms(const struct procs *procs)
{
	double sum = 0;

	for (size_t i = 0; i < procs->count; i++)
		sum += procs->proc[i].cpu_ms;
	return sum;
}
