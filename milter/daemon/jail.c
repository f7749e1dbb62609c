/*
 * The list of calls is an allow-list by libseccomp. What is not on it fails
 * with EPERM, so that a library that only probes goes on; the attempt to
 * start a program ends the process.
 */
#include "config.h"

#include "milter/daemon/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int jail_find_user(const char *name, struct jail_user *user_r,
		   struct err *err)
{
	const struct passwd *found;

	*user_r = (struct jail_user){.change = geteuid() == 0};
	if (!user_r->change)
		return 0;
	errno = 0;
	found = getpwnam(name);
	if (!found)
		return err_set(err,
			       "user = \"%s\": there is no such user; make it "
			       "(adduser --system --group %s) or set user to "
			       "one that exists",
			       name, name);
	user_r->uid = found->pw_uid;
	user_r->gid = found->pw_gid;
	snprintf(user_r->name, sizeof(user_r->name), "%s", name);
	return 0;
}

#ifdef WITH_SANITIZERS
/* Reports read the process's own files in /proc, which that would close. */
static const int dumpable = 1;
#else
static const int dumpable = 0;
#endif

int jail_drop(const struct jail_user *user, struct err *err)
{
	struct rlimit none = {0, 0};

	if (user->change &&
	    (setgroups(0, NULL) != 0 ||
	     setresgid(user->gid, user->gid, user->gid) != 0 ||
	     setresuid(user->uid, user->uid, user->uid) != 0))
		return err_set(err, "cannot become user %s: %s", user->name,
			       strerror(errno));
	/* Others of the same user may neither trace it nor read its memory. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) != 0 ||
	    setrlimit(RLIMIT_CORE, &none) != 0)
		return err_set(err, "cannot give up privileges: %s",
			       strerror(errno));
	return 0;
}

static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise),
	/* threads, and the end of the process */
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(tgkill), SCMP_SYS(restart_syscall),
	/* signals */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	/* time and chance */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_getres), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
	SCMP_SYS(prlimit64), SCMP_SYS(sysinfo), SCMP_SYS(uname),
	/* open files */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(statx),
	SCMP_SYS(access), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(getcwd), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup2),
	SCMP_SYS(dup3), SCMP_SYS(ioctl), SCMP_SYS(pipe), SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2), SCMP_SYS(memfd_create), SCMP_SYS(ftruncate),
	/* waiting */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	/* sockets that are open already; opening is ruled below */
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind),
	SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown), SCMP_SYS(socketpair),
};

/* Beside opening for writing. */
static const int allowed_for_files[] = {
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(pwrite64),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fallocate),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(lstat),
	SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat), SCMP_SYS(umask),
	SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(flock), SCMP_SYS(getdents64),
	SCMP_SYS(fstatfs), SCMP_SYS(statfs),
};

/* All that a scanner's child does; libclamav makes and reads its files. */
static const int allowed_for_scanner[] = {
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid), SCMP_SYS(getpid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(tgkill), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_getres), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
	SCMP_SYS(sysinfo), SCMP_SYS(uname),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(close),
	SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(getcwd),
	SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(ftruncate),
	SCMP_SYS(getdents64), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(umask),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
};

static const int deadly[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

#ifdef WITH_SANITIZERS
/* What the sanitizers' runtimes do on their own behalf when they report. */
static const int allowed_for_sanitizers[] = {
	SCMP_SYS(personality), SCMP_SYS(kill), SCMP_SYS(getppid),
	SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(msync),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(prctl), SCMP_SYS(ptrace), SCMP_SYS(wait4),
	SCMP_SYS(process_vm_writev), SCMP_SYS(set_tid_address),
};
#else
static const int allowed_for_sanitizers[] = {SCMP_SYS(getpid)};
#endif

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return failed;
}

static int allow_reading(scmp_filter_ctx filter)
{
	int failed = seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ,
			O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));

	if (failed)
		return failed;
	return seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
		SCMP_A1(SCMP_CMP_MASKED_EQ,
			O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

/* Sockets are for DNS, the store and the log. */
static int allow_opening(scmp_filter_ctx filter, bool writes_files)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	int failed = writes_files ? 0 : allow_reading(filter);

	for (size_t i = 0; i < LENGTH(families) && !failed; i++)
		failed = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i],
				0));
	return failed;
}

static int fill(scmp_filter_ctx filter, bool writes_files)
{
	int failed = allow_all(filter, allowed, LENGTH(allowed));

	if (!failed)
		failed = allow_all(filter, allowed_for_sanitizers,
				   LENGTH(allowed_for_sanitizers));
	if (!failed && writes_files)
		failed = allow_all(filter, allowed_for_files,
				   LENGTH(allowed_for_files));
	if (!failed)
		failed = allow_opening(filter, writes_files);
	for (size_t i = 0; i < LENGTH(deadly) && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
					  deadly[i], 0);
	return failed;
}

/* Its own bound of CPU time alone, which it raises for each message. */
static int allow_cpu_limit(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
				SCMP_A0(SCMP_CMP_EQ, 0, 0),
				SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU, 0));
}

static int fill_for_scanner(scmp_filter_ctx filter)
{
	int failed = allow_all(filter, allowed_for_scanner,
			       LENGTH(allowed_for_scanner));

	if (!failed)
		failed = allow_cpu_limit(filter);
	if (!failed)
		failed = allow_all(filter, allowed_for_sanitizers,
				   LENGTH(allowed_for_sanitizers));
	for (size_t i = 0; i < LENGTH(deadly) && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
					  deadly[i], 0);
	return failed;
}

/* Puts a filter in force that was filled, unless that failed; frees it. */
static int enforce(scmp_filter_ctx filter, int failed, struct err *err)
{
	if (!failed)
		failed = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (failed)
		return err_set(err, "cannot limit the system calls: %s",
			       strerror(-failed));
	return 0;
}

int jail_enter_scanner(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	return enforce(filter, filter ? fill_for_scanner(filter) : -ENOMEM,
		       err);
}

int jail_enter(bool writes_files, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	return enforce(filter, filter ? fill(filter, writes_files) : -ENOMEM,
		       err);
}
