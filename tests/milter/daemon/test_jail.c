/*
 * What a jailed process can still do and what not. Each case runs in a
 * child of its own, since nobody gets out of the jail again.
 */
#include "milter/daemon/jail.h"
#include "tests/support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Status of a jailed child that ended with what `act` returned. */
static int jailed(int (*act)(void), bool writes_files)
{
	struct jail_user nobody = {.change = false};
	struct err err;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (jail_drop(&nobody, &err) < 0 || jail_enter(writes_files, &err) < 0)
			_exit(99);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int act_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 0;
}

static void test_starting_a_program_ends_the_process(void **state)
{
	int status = jailed(act_exec, true);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int refused(int result)
{
	return result < 0 && errno == EPERM ? 0 : 1;
}

static int act_create(void)
{
	return refused(open("/tmp/gatepost-jail-test", O_WRONLY | O_CREAT,
			    0600));
}

static int act_write(void)
{
	return refused(open("/dev/null", O_WRONLY));
}

static int act_truncate(void)
{
	return refused(open("/dev/null", O_RDONLY | O_TRUNC));
}

static int act_unlink(void)
{
	return refused(unlink("/tmp/gatepost-jail-test"));
}

static int act_packet(void)
{
	return refused(socket(AF_PACKET, SOCK_RAW, 0));
}

static int act_netlink(void)
{
	return refused(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int act_setuid(void)
{
	/* The call itself: libc's function would ask all threads. */
	return refused((int)syscall(SYS_setuid, 0));
}

static int act_chmod(void)
{
	return refused(chmod("/tmp", 0777));
}

static void test_what_a_worker_has_no_use_for_is_refused(void **state)
{
	static int (*const acts[])(void) = {
		act_create, act_write,	 act_truncate, act_unlink,
		act_packet, act_netlink, act_setuid,   act_chmod,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = jailed(acts[i], false);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static int act_read(void)
{
	char byte;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : 1;
}

static int act_dns(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int tcp = socket(AF_INET6, SOCK_STREAM, 0);

	/* No IPv6 on the host is not the jail's doing. */
	return udp >= 0 && (tcp >= 0 || errno == EAFNOSUPPORT) ? 0 : 1;
}

static void *idle(void *arg)
{
	return arg;
}

static int act_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, idle, NULL) == 0 &&
			       pthread_join(thread, NULL) == 0
		       ? 0
		       : 1;
}

static int act_spool(void)
{
	int fd = memfd_create("spool", MFD_CLOEXEC);

	return fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1;
}

static void test_what_a_worker_needs_is_allowed(void **state)
{
	static int (*const acts[])(void) = {act_read, act_dns, act_thread,
					    act_spool};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status = jailed(acts[i], false);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* Makes, grows, reads back and removes a file, as SQLite does. */
static int act_store(void)
{
	char path[] = "/tmp/gatepost-jail-store-XXXXXX", byte = 0;
	int fd = mkstemp(path);

	if (fd < 0 || pwrite(fd, "x", 1, 4095) != 1 || fdatasync(fd) != 0 ||
	    pread(fd, &byte, 1, 4095) != 1 || byte != 'x' ||
	    fchmod(fd, 0600) != 0)
		return 1;
	return unlink(path) == 0 ? 0 : 2;
}

static void test_a_store_in_files_may_be_written(void **state)
{
	(void)state;
	assert_int_equal(jailed(act_store, true), 0);
	assert_int_not_equal(jailed(act_store, false), 0);
}

static void test_an_unknown_user_is_named(void **state)
{
	struct jail_user user;
	struct err err = {""};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(jail_find_user("nosuchuser", &user, &err), -1);
	assert_non_null(strstr(err.text, "nosuchuser"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starting_a_program_ends_the_process),
		cmocka_unit_test(test_what_a_worker_has_no_use_for_is_refused),
		cmocka_unit_test(test_what_a_worker_needs_is_allowed),
		cmocka_unit_test(test_a_store_in_files_may_be_written),
		cmocka_unit_test(test_an_unknown_user_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
