/*
 * A socket is opened for each commit that has something to tell: that is
 * seldom, and a process that serves many users keeps nothing of them.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"
#include "dovecot-plugin/settings.h"
#include "dovecot-plugin/tell.h"

#include <sys/socket.h>
#include <sys/un.h>

/* Of one kind, in one commit; what comes above that is dropped. */
#define DATAGRAMS_MAX 10
/* Ids that fit into one beside the rest of it. */
#define IDS_BYTES (FEEDBACK_MAX - 512)

struct datagram {
	string_t *ids;
	unsigned int count;
};

struct heap {
	struct datagram datagrams[DATAGRAMS_MAX];
	unsigned int count; /* of datagrams begun */
	unsigned int dropped;
};

struct tell {
	pool_t pool;
	const struct plugin_settings *settings;
	const struct mail_user *user;
	struct heap heaps[FEEDBACK_SAIDS][FEEDBACK_HOWS];
};

struct tell *plugin_tell_new(const struct plugin_settings *settings,
			     const struct mail_user *user)
{
	pool_t pool = pool_alloconly_create("gatepost feedback", 2048);
	struct tell *tell = p_new(pool, struct tell, 1);

	tell->pool = pool;
	tell->settings = settings;
	tell->user = user;
	return tell;
}

static bool has_room(const struct datagram *datagram, const char *id)
{
	return datagram->count < FEEDBACK_IDS_MAX &&
	       str_len(datagram->ids) + 1 + strlen(id) <= IDS_BYTES;
}

/* The one that takes the id; NULL: all are full. */
static struct datagram *room_for(struct tell *tell, struct heap *heap,
				 const char *id)
{
	struct datagram *last = &heap->datagrams[heap->count];

	if (heap->count > 0 && has_room(last - 1, id))
		return last - 1;
	if (heap->count == DATAGRAMS_MAX)
		return NULL;
	heap->count++;
	last->ids = str_new(tell->pool, 64);
	return last;
}

void plugin_tell_add(struct tell *tell, const struct feedback *said,
		     const char *id)
{
	struct heap *heap = &tell->heaps[said->said][said->how];
	struct datagram *datagram = room_for(tell, heap, id);

	if (datagram == NULL) {
		heap->dropped++;
		return;
	}
	if (datagram->count++ > 0)
		str_append_c(datagram->ids, ',');
	str_append(datagram->ids, id);
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (i_strocpy(address.sun_path, path, sizeof(address.sun_path)) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
			       sizeof(address)) != 0)
		i_close_fd(&fd);
	return fd;
}

static bool send_one(int fd, const struct feedback *said)
{
	char text[FEEDBACK_MAX];
	size_t n = feedback_write(said, text);

	return n > 0 && send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void send_heap(struct heap *heap, struct feedback *said, int fd,
		      struct event *event)
{
	unsigned int sent = 0, dropped = heap->dropped;

	for (unsigned int i = 0; i < heap->count; i++) {
		struct datagram *datagram = &heap->datagrams[i];

		said->ids = (struct slice){str_c(datagram->ids),
					   str_len(datagram->ids)};
		if (send_one(fd, said))
			sent += datagram->count;
		else
			dropped += datagram->count;
	}
	if (sent > 0)
		plugin_event_feedback(event, feedback_said_word(said->said),
				      "sent", sent);
	if (dropped > 0)
		plugin_event_feedback(event, feedback_said_word(said->said),
				      "dropped", dropped);
}

void plugin_tell_send(struct tell *tell, struct event *event)
{
	struct feedback said = {
		.user = slice_cstr(tell->user->username),
		.allow = tell->settings->allow_on_release,
	};
	int fd = open_socket(tell->settings->feedback_socket);

	for (int s = 0; s < FEEDBACK_SAIDS; s++) {
		for (int h = 0; h < FEEDBACK_HOWS; h++) {
			said.said = (enum feedback_said)s;
			said.how = (enum feedback_how)h;
			send_heap(&tell->heaps[s][h], &said, fd, event);
		}
	}
	i_close_fd(&fd);
}

void plugin_tell_free(struct tell **tell)
{
	pool_t pool = (*tell)->pool;

	*tell = NULL;
	pool_unref(&pool);
}
