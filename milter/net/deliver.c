/*
 * libcurl speaks SMTP and HTTP; this says what, follows what is answered,
 * and ends it when time is over. A call owns its handle, so any thread may
 * call; nothing is kept from one call to the next.
 *
 * Bytes: libcurl doubles a dot at the begin of a line, which is one after
 * CR LF, as RFC 5321 4.5.2 says. Many servers, Postfix among them, take a
 * bare LF for a line's end too. There, a message of ours with LF.LF would
 * end early and what follows be obeyed as commands ("SMTP smuggling"), so a
 * dot after a bare LF is doubled as well; a server that is strict keeps one
 * dot too many. A message without a line end at its end gets CR LF, without
 * which SMTP cannot end it. An empty one stays empty.
 *
 * STARTTLS: used when offered, and without a look at the certificate, as
 * between mail servers (RFC 7435), but not on this host, where it protects
 * from nobody. HTTPS is verified by the system's certificates.
 */
#include "milter/net/deliver.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "milter/net/deliver_check.h"
#include "milter/net/deliver_dialogue.h"
#include "milter/net/deliver_source.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RECIPIENTS_MAX 1000

/* Without it, a name server that is silent outlasts our own time. */
#if LIBCURL_VERSION_NUM >= 0x075700
static void set_quick_exit(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
}
#else
static void set_quick_exit(CURL *curl)
{
	(void)curl;
}
#endif

#if LIBCURL_VERSION_NUM >= 0x075500
static void set_protocols(CURL *curl, bool mail)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
			 mail ? "smtp" : "http,https");
}
#else
static void set_protocols(CURL *curl, bool mail)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
			 mail ? (long)CURLPROTO_SMTP
			      : (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
}
#endif

int deliver_init(struct err *err)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (code == CURLE_OK)
		return 0;
	return err_set(err, "libcurl does not start: %s",
		       curl_easy_strerror(code));
}

/* One call: what libcurl's callbacks are given. */
struct talk {
	struct dialogue dialogue;
	struct source *source;
};

static bool lacks_utf8(const struct dialogue *d)
{
	return d->needs_utf8 && !d->has_utf8 && d->stage >= MAIL;
}

static size_t read_message(char *to, size_t size, size_t count, void *with)
{
	struct talk *talk = with;
	size_t n;

	talk->dialogue.stage = MESSAGE;
	if (lacks_utf8(&talk->dialogue))
		return CURL_READFUNC_ABORT;
	n = source_read(talk->source, to, size * count);
	return talk->source->failed ? CURL_READFUNC_ABORT : n;
}

static int follow(CURL *curl, curl_infotype type, char *bytes, size_t n,
		  void *with)
{
	struct talk *talk = with;
	struct slice line = {bytes, n};

	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		dialogue_command(&talk->dialogue, line);
	else if (type == CURLINFO_HEADER_IN)
		dialogue_reply(&talk->dialogue, line);
	return 0;
}

/* Asked at least once a second, also where libcurl's own limit is not. */
static int look_at_clock(void *with, curl_off_t a, curl_off_t b, curl_off_t c,
			 curl_off_t d)
{
	const struct talk *talk = with;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return lacks_utf8(&talk->dialogue) ||
	       clock_mono_ms() >= talk->dialogue.deadline_ms;
}

static size_t ignore(char *bytes, size_t size, size_t count, void *with)
{
	(void)bytes;
	(void)with;
	return size * count;
}

/* What mail and posts have in common. */
static void set_common(CURL *curl, char *why, int64_t timeout_ms)
{
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* Not what the environment says. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	set_quick_exit(curl);
}

static int check_envelope(const struct deliver_mail *mail, struct err *err)
{
	if (mail->rcpt_count == 0)
		return err_set(err, "there is no recipient");
	if (mail->rcpt_count > RECIPIENTS_MAX)
		return err_set(err, "%zu recipients are too many (%d)",
			       mail->rcpt_count, RECIPIENTS_MAX);
	if (mail->sender.n > 0 && !deliver_address_ok(mail->sender))
		return err_set(err, "the sender's address cannot be sent");
	for (size_t i = 0; i < mail->rcpt_count; i++)
		if (!deliver_address_ok(mail->rcpts[i]))
			return err_set(err,
				       "the address of recipient %zu cannot "
				       "be sent",
				       i + 1);
	for (const char *p = mail->helo; p && *p; p++)
		if (!ascii_is_alnum(*p) && !strchr(".-:[]", *p))
			return err_set(err,
				       "\"%.100s\" is no name to greet "
				       "with",
				       mail->helo);
	return 0;
}

static struct curl_slist *list_recipients(struct arena *arena,
					  const struct deliver_mail *mail)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < mail->rcpt_count; i++) {
		struct curl_slist *more = curl_slist_append(
			list, arena_cstr(arena, mail->rcpts[i]));

		if (!more) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

static void set_mail(CURL *curl, struct arena *arena,
		     const struct deliver_mail *mail,
		     const struct deliver_server *server)
{
	const char *helo = mail->helo ? mail->helo : "";
	char *escaped = *helo ? curl_easy_escape(curl, helo, 0) : NULL;
	struct slice url = arena_printf(arena, "smtp://%s%s%s:%u/%s",
					server->ipv6 ? "[" : "", server->host,
					server->ipv6 ? "]" : "", server->port,
					escaped ? escaped : "");

	curl_free(escaped);
	set_protocols(curl, true);
	curl_easy_setopt(curl, CURLOPT_URL, url.p);
	curl_easy_setopt(
		curl, CURLOPT_IPRESOLVE,
		(long)(server->ipv6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_V4));
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			 (long)(mail->timeout_ms / 1000 + 1));
	if (mail->sender.n > 0)
		curl_easy_setopt(curl, CURLOPT_MAIL_FROM,
				 arena_cstr(arena, mail->sender));
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	if (!server->local)
		curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_callbacks(CURL *curl, struct talk *talk)
{
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
	curl_easy_setopt(curl, CURLOPT_READDATA, talk);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, follow);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, talk);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_clock);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, talk);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/* "RCPT TO:<x>", for errors; made safe later. */
static struct slice name_stage(struct arena *arena, const struct dialogue *d,
			       const struct deliver_mail *mail)
{
	if (d->stage == RCPT && d->rcpts > 0 && d->rcpts <= mail->rcpt_count)
		return arena_printf(arena, "RCPT TO:<%.*s>",
				    SLICE_FMT(mail->rcpts[d->rcpts - 1]));
	return slice_cstr(dialogue_stage_word(d->stage));
}

static enum deliver_result __attribute__((format(printf, 3, 4)))
say(struct err *err, enum deliver_result result, const char *format, ...)
{
	struct arena *arena = arena_new(0);
	va_list args;
	struct slice text;

	va_start(args, format);
	text = utf8_shown(arena, arena_vprintf(arena, format, args));
	va_end(args);
	text = utf8_cut(text, sizeof(err->text) - 1);
	err_set(err, "%.*s", SLICE_FMT(text));
	arena_free(&arena);
	return result;
}

static enum deliver_result judge_mail(struct arena *arena,
				      const struct deliver_mail *mail,
				      const struct talk *talk, CURLcode code,
				      const char *why, struct err *err)
{
	const struct dialogue *d = &talk->dialogue;
	struct slice stage = name_stage(arena, d, mail);
	struct slice reply = {d->reply, d->reply_n};
	char first = d->reply_n > 0 ? d->reply[0] : '\0';

	if (code == CURLE_OK)
		return DELIVER_DONE;
	if (talk->source->failed)
		return say(err, DELIVER_LATER, "the message cannot be read");
	if (lacks_utf8(d))
		return say(err, DELIVER_REFUSED,
			   "%s: the server does not take addresses in UTF-8 "
			   "(SMTPUTF8)",
			   mail->server);
	if (code == CURLE_OPERATION_TIMEDOUT ||
	    code == CURLE_ABORTED_BY_CALLBACK)
		return say(err, DELIVER_LATER,
			   "%s: no answer to %.*s in %lld ms", mail->server,
			   SLICE_FMT(stage), (long long)mail->timeout_ms);
	if (first == '4' || first == '5')
		return say(err, first == '5' ? DELIVER_REFUSED : DELIVER_LATER,
			   "%s: the answer to %.*s was: %.*s", mail->server,
			   SLICE_FMT(stage), SLICE_FMT(reply));
	return say(err, DELIVER_LATER, "%s: %.*s failed: %s", mail->server,
		   SLICE_FMT(stage), why[0] ? why : curl_easy_strerror(code));
}

static enum deliver_result send_mail(struct arena *arena,
				     const struct deliver_mail *mail,
				     const struct deliver_server *server,
				     struct talk *talk, struct err *err)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *rcpts = list_recipients(arena, mail);
	int64_t size = source_begin(talk->source, mail);
	char why[CURL_ERROR_SIZE] = "";
	enum deliver_result result;

	if (!curl || !rcpts || size < 0) {
		result = say(err, DELIVER_LATER, "%s",
			     size < 0 ? "the message cannot be read"
				      : "out of memory");
	} else {
		set_common(curl, why, mail->timeout_ms);
		set_mail(curl, arena, mail, server);
		set_callbacks(curl, talk);
		curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpts);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)size);
		result = judge_mail(arena, mail, talk, curl_easy_perform(curl),
				    why, err);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(rcpts);
	return result;
}

enum deliver_result deliver_mail(const struct deliver_mail *mail,
				 struct err *err)
{
	struct arena *arena = arena_new(2 * SOURCE_CHUNK);
	struct talk talk = {.source = ARENA_NEW(arena, struct source)};
	struct dialogue *d = &talk.dialogue;
	enum deliver_result result = DELIVER_REFUSED;
	struct deliver_server server;

	d->reply_ended = true;
	d->deadline_ms = clock_mono_ms() + mail->timeout_ms;
	d->needs_utf8 = deliver_address_utf8(mail->sender);
	for (size_t i = 0; i < mail->rcpt_count; i++)
		d->needs_utf8 |= deliver_address_utf8(mail->rcpts[i]);
	if (mail->timeout_ms <= 0)
		result = say(err, DELIVER_LATER, "no time was left");
	else if (deliver_server_read(slice_cstr(mail->server), &server, err) ==
			 0 &&
		 check_envelope(mail, err) == 0)
		result = send_mail(arena, mail, &server, &talk, err);
	arena_free(&arena);
	return result;
}

static bool field_ok(const char *text)
{
	return !strpbrk(text, "\r\n");
}

/* NULL: no memory, or a field that would be two. */
static struct curl_slist *list_headers(struct arena *arena,
				       const struct deliver_post *post)
{
	struct slice type =
		arena_printf(arena, "Content-Type: %s", post->content_type);
	/* libcurl would ask first whether a long body may come. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more;

	more = field_ok(type.p) ? curl_slist_append(list, type.p) : NULL;
	for (size_t i = 0; more && post->headers && post->headers[i]; i++)
		more = field_ok(post->headers[i])
			       ? curl_slist_append(list, post->headers[i])
			       : NULL;
	if (!more)
		curl_slist_free_all(list);
	return more;
}

/* Keeps the begin of what is answered, for errors. */
static size_t keep_begin(char *bytes, size_t size, size_t count, void *with)
{
	struct dialogue *d = with;
	size_t n = size * count, room = REPLY_MAX - d->reply_n;

	memcpy(d->reply + d->reply_n, bytes, n < room ? n : room);
	d->reply_n += n < room ? n : room;
	return n;
}

static void set_post(CURL *curl, const struct deliver_post *post,
		     struct curl_slist *headers, struct dialogue *d)
{
	set_protocols(curl, false);
	curl_easy_setopt(curl, CURLOPT_URL, post->url);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "gatepost");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
			 post->body.p ? post->body.p : "");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)post->body.n);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_begin);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
}

static enum deliver_result judge_post(CURL *curl, const struct dialogue *d,
				      CURLcode code, const char *why,
				      struct err *err)
{
	struct slice reply = slice_trim((struct slice){d->reply, d->reply_n});
	long status = 0;

	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return say(err, DELIVER_REFUSED, "%s",
			   why[0] ? why : curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return say(err, DELIVER_LATER, "%s",
			   why[0] ? why : curl_easy_strerror(code));
	if (status / 100 == 2)
		return DELIVER_DONE;
	return say(err,
		   status / 100 == 4 && status != 408 && status != 429
			   ? DELIVER_REFUSED
			   : DELIVER_LATER,
		   "the answer was %ld %.*s", status, SLICE_FMT(reply));
}

enum deliver_result deliver_post(const struct deliver_post *post,
				 struct err *err)
{
	struct arena *arena = arena_new(0);
	struct curl_slist *headers = list_headers(arena, post);
	struct dialogue d = {0}; /* for what is answered */
	char why[CURL_ERROR_SIZE] = "";
	enum deliver_result result;
	CURL *curl = curl_easy_init();

	if (post->timeout_ms <= 0) {
		result = say(err, DELIVER_LATER, "no time was left");
	} else if (!headers) {
		result = say(err, DELIVER_REFUSED,
			     "a field of the header has a line end");
	} else if (!curl) {
		result = say(err, DELIVER_LATER, "out of memory");
	} else {
		set_common(curl, why, post->timeout_ms);
		set_post(curl, post, headers, &d);
		result =
			judge_post(curl, &d, curl_easy_perform(curl), why, err);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	arena_free(&arena);
	return result;
}
