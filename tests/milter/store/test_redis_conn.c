/*
 * A connection against a peer of our own that does what Redis would not:
 * lets wait, speaks unasked, closes, reads nothing for long. And names.
 */
#include "milter/store/redis_conn.h"
#include "common/base/clock.h"
#include "milter/store/redis_names.h"
#include "tests/support/cmocka.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOISE_MS 400 /* what a busy machine may add */

struct peer {
	int listener;
	struct redis_addresses addresses;
	pthread_t thread;
	void (*act)(int fd);
};

static void *serve(void *argument)
{
	struct peer *peer = argument;
	int fd = accept(peer->listener, NULL, NULL);

	if (fd >= 0) {
		peer->act(fd);
		close(fd);
	}
	return NULL;
}

/* A peer that does that with the first connection. */
static void peer_start(struct peer *peer, void (*act)(int fd))
{
	struct sockaddr_in *a = (struct sockaddr_in *)peer->addresses.address;
	socklen_t n = sizeof(*a);

	*peer = (struct peer){.act = act};
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->addresses.length[0] = n;
	peer->addresses.count = 1;
	peer->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)a, n), 0);
	assert_int_equal(
		getsockname(peer->listener, (struct sockaddr *)a, &n), 0);
	assert_int_equal(listen(peer->listener, 5), 0);
	assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void peer_end(struct peer *peer)
{
	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listener);
}

static void say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Reads one command, or what there is of it. */
static void hear(int fd)
{
	char bytes[4096];

	(void)!read(fd, bytes, sizeof(bytes));
}

static void ping(struct redis_conn *conn)
{
	redis_conn_command(conn, (const char *[]){"PING", NULL});
}

/* Waits; how long it took. */
static int64_t wait_ms(struct redis_conn *conn, int64_t ms)
{
	int64_t start_ms = clock_mono_ms();

	redis_conns_wait(&conn, 1, start_ms + ms);
	return clock_mono_ms() - start_ms;
}

static void answer_two(int fd)
{
	hear(fd);
	say(fd, "+O");
	usleep(20000);
	say(fd, "NE\r\n$3\r\nt");
	usleep(20000);
	say(fd, "wo\r\n");
	hear(fd); /* until it is closed */
}

static void answers_come_in_order_and_in_pieces(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct peer peer;

	(void)state;
	peer_start(&peer, answer_two);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	ping(conn);
	ping(conn);
	assert_int_equal(redis_conn_missing(conn), 2);
	assert_null(redis_conn_take(conn));
	wait_ms(conn, 5000);
	assert_string_equal(redis_conn_error(conn), "");
	assert_true(slice_eq(redis_conn_take(conn)->text, SLICE("ONE")));
	assert_true(slice_eq(redis_conn_take(conn)->text, SLICE("two")));
	assert_null(redis_conn_take(conn));
	assert_true(redis_conn_is_usable(conn));
	redis_conn_free(&conn);
	peer_end(&peer);
}

static void dribble(int fd)
{
	hear(fd);
	say(fd, "+ONE\r\n$1000\r\n");
	for (int i = 0; i < 100; i++) {
		say(fd, "x");
		usleep(5000);
	}
}

static void an_answer_without_end_is_given_up_at_the_deadline(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct peer peer;
	int64_t took_ms;

	(void)state;
	peer_start(&peer, dribble);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	ping(conn);
	ping(conn);
	took_ms = wait_ms(conn, 100);
	assert_in_range(took_ms, 100, 100 + NOISE_MS);
	assert_string_equal(redis_conn_error(conn), "no answer in time");
	assert_false(redis_conn_is_usable(conn));
	/* What came before can be taken. */
	assert_true(slice_eq(redis_conn_take(conn)->text, SLICE("ONE")));
	assert_null(redis_conn_take(conn));
	redis_conn_free(&conn);
	peer_end(&peer);
}

static void refuse(int fd)
{
	say(fd, "-ERR max number of clients reached\r\n");
}

static void what_is_said_before_the_end_is_heard(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct peer peer;

	(void)state;
	peer_start(&peer, refuse);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	usleep(50000);
	for (int i = 0; i < 1000; i++)
		ping(conn);
	wait_ms(conn, 5000);
	assert_true(redis_conn_error(conn)[0] != '\0');
	assert_int_equal(redis_conn_missing(conn), 0);
	assert_true(slice_starts_nocase(redis_conn_take(conn)->text,
					SLICE("ERR max number")));
	redis_conn_free(&conn);
	peer_end(&peer);
}

static void speak_later(int fd)
{
	hear(fd);
	say(fd, "+ONE\r\n");
	usleep(50000);
	say(fd, "+MORE\r\n");
	hear(fd);
}

static void a_server_that_speaks_unasked_is_not_used(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct peer peer;

	(void)state;
	peer_start(&peer, speak_later);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	ping(conn);
	wait_ms(conn, 5000);
	assert_true(redis_conn_is_usable(conn));
	usleep(200000);
	assert_false(redis_conn_is_usable(conn));
	redis_conn_free(&conn);
	peer_end(&peer);
}

static void close_now(int fd)
{
	(void)fd;
}

static void the_next_address_is_tried(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct redis_addresses two;
	struct peer closed, peer;

	(void)state;
	peer_start(&closed, close_now);
	peer_end(&closed);
	peer_start(&peer, answer_two);
	two = closed.addresses;
	two.address[1] = peer.addresses.address[0];
	two.length[1] = peer.addresses.length[0];
	two.count = 2;
	redis_conn_open(conn, &two, NULL, NULL);
	ping(conn);
	ping(conn);
	wait_ms(conn, 5000);
	assert_string_equal(redis_conn_error(conn), "");
	redis_conn_open(conn, &closed.addresses, NULL, NULL);
	ping(conn);
	wait_ms(conn, 5000);
	assert_string_equal(redis_conn_error(conn),
			    "cannot connect: Connection refused");
	redis_conn_free(&conn);
	peer_end(&peer);
}

#define MANY 2000
#define WORD 20000

/* Says everything before it reads anything. */
static void say_first(int fd)
{
	size_t left = (size_t)MANY * (WORD + 60);
	char *text = malloc(WORD);
	char head[32];
	ssize_t n = 1;

	memset(text, 'y', WORD);
	snprintf(head, sizeof(head), "$%d\r\n", WORD);
	for (int i = 0; i < MANY; i++) {
		say(fd, head);
		(void)!send(fd, text, WORD, MSG_NOSIGNAL);
		say(fd, "\r\n");
	}
	while (left > 0 && n > 0) {
		n = read(fd, text, WORD);
		left -= n > 0 ? (size_t)n : 0;
	}
	free(text);
}

static void a_large_batch_does_not_block_itself(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	char *word = calloc(1, WORD);
	struct peer peer;

	(void)state;
	peer_start(&peer, say_first);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	for (int i = 0; i < MANY; i++) {
		redis_conn_begin(conn, 1);
		redis_conn_word(conn, (struct slice){word, WORD});
	}
	wait_ms(conn, 60000);
	assert_string_equal(redis_conn_error(conn), "");
	for (int i = 0; i < MANY; i++)
		assert_int_equal(redis_conn_take(conn)->text.n, WORD);
	redis_conn_forget(conn);
	assert_null(redis_conn_take(conn));
	redis_conn_free(&conn);
	peer_end(&peer);
	free(word);
}

static void echo_numbers(int fd)
{
	char text[200] = "";
	size_t n = 0;

	while (n < 71) {
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

		if (got <= 0)
			return;
		n += (size_t)got;
	}
	say(fd, strcmp(text, "*4\r\n$1\r\n0\r\n$20\r\n-9223372036854775808\r\n"
			     "$20\r\n18446744073709551615\r\n$0\r\n\r\n") == 0
			? "+SAME\r\n"
			: "+OTHER\r\n");
}

static void numbers_are_written_whole(void **state)
{
	struct redis_conn *conn = redis_conn_new();
	struct peer peer;

	(void)state;
	peer_start(&peer, echo_numbers);
	redis_conn_open(conn, &peer.addresses, NULL, NULL);
	redis_conn_begin(conn, 4);
	redis_conn_number(conn, 0);
	redis_conn_number(conn, INT64_MIN);
	redis_conn_unsigned(conn, UINT64_MAX);
	redis_conn_word(conn, SLICE_NONE);
	wait_ms(conn, 5000);
	assert_true(slice_eq(redis_conn_take(conn)->text, SLICE("SAME")));
	redis_conn_free(&conn);
	peer_end(&peer);
}

static int port_of(const struct redis_addresses *a, size_t i)
{
	if (a->address[i].ss_family == AF_INET)
		return ntohs(
			((const struct sockaddr_in *)&a->address[i])->sin_port);
	return ntohs(
		((const struct sockaddr_in6 *)&a->address[i])->sin6_port);
}

static void names_are_found_or_given_up(void **state)
{
	struct redis_names *names = redis_names_new();
	struct redis_addresses found;
	int64_t start_ms = clock_mono_ms();
	struct err err;

	(void)state;
	assert_int_equal(redis_names_find(names, "192.0.2.1", 6379, 0, &found,
					  &err),
			 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(port_of(&found, 0), 6379);
	assert_int_equal(redis_names_find(names, "2001:db8::1", 1, 0, &found,
					  &err),
			 0);
	assert_int_equal(found.address[0].ss_family, AF_INET6);
	assert_int_equal(port_of(&found, 0), 1);
	assert_int_equal(redis_names_find(names, "localhost", 7,
					  clock_mono_ms() + 5000, &found,
					  &err),
			 0);
	assert_true(found.count > 0);
	assert_int_equal(port_of(&found, found.count - 1), 7);
	/* Known by now: the same without waiting, for any port. */
	assert_int_equal(redis_names_find(names, "localhost", 8, 0, &found,
					  &err),
			 0);
	assert_int_equal(port_of(&found, 0), 8);
	start_ms = clock_mono_ms();
	assert_int_equal(redis_names_find(names, "nothing.invalid", 7,
					  clock_mono_ms() + 100, &found,
					  &err),
			 -1);
	assert_true(clock_mono_ms() - start_ms < 100 + NOISE_MS);
	assert_non_null(strstr(err.text, "nothing.invalid: "));
	redis_names_free(&names);
}

static void a_path_must_fit(void **state)
{
	struct redis_addresses found;
	char path[200];
	struct err err;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(redis_names_path(path, &found, &err), -1);
	path[107] = '\0';
	assert_int_equal(redis_names_path(path, &found, &err), 0);
	assert_int_equal(found.address[0].ss_family, AF_UNIX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_in_order_and_in_pieces),
		cmocka_unit_test(
			an_answer_without_end_is_given_up_at_the_deadline),
		cmocka_unit_test(what_is_said_before_the_end_is_heard),
		cmocka_unit_test(a_server_that_speaks_unasked_is_not_used),
		cmocka_unit_test(the_next_address_is_tried),
		cmocka_unit_test(a_large_batch_does_not_block_itself),
		cmocka_unit_test(numbers_are_written_whole),
		cmocka_unit_test(names_are_found_or_given_up),
		cmocka_unit_test(a_path_must_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
