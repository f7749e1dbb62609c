/*
 * No callback before end-of-message ever waits: libmilter's pool would make
 * other sessions wait too. Callbacks of one session run on changing
 * threads, one at a time. What libmilter passes in is its own and copied;
 * what is made here belongs to the session, its message or their arenas.
 *
 * Protocol: the milter protocol, version 6, as Postfix and libmilter speak
 * it. Most steps are negotiated to need no reply, which saves a round trip
 * for each. Connect and MAIL are answered all the same: Postfix keeps what
 * needs no reply in its buffer, and DNS is to be asked early. Over TCP, DATA
 * is answered too: Postfix sends the message from another process, and what
 * was not acknowledged by then (the macros of DATA, for one) holds it back
 * for 40 ms (Nagle's algorithm on its side, delayed acknowledgement on
 * ours).
 */
#include "milter/daemon/milter.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/account.h"
#include "milter/daemon/apply.h"
#include "milter/daemon/hold.h"
#include "milter/daemon/probe.h"
#include "milter/daemon/records.h"
#include "milter/daemon/session.h"
#include "milter/engine/report.h"

#include <libmilter/mfapi.h>
#include <stdio.h>

/*
 * Postfix passes header fields up to its header_size_limit whole;
 * libmilter's own bound of 64 KiB would make such mail bounce.
 */
#define MAX_COMMAND (4u << 20)

#define WANTED_STEPS                                                   \
	(SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH | \
	 SMFIP_NR_BODY | SMFIP_NOUNKNOWN)

/* libmilter's callbacks are given no pointer of ours before a session. */
static struct milter_service *the_service;

static struct session *session_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

static struct slice macro(SMFICTX *ctx, const char *name)
{
	return slice_cstr(smfi_getsymval(ctx, (char *)name));
}

/* Admits or refuses; either way the session is known from here on. */
static struct session *open_session(SMFICTX *ctx)
{
	struct session *session = session_new(the_service->engine);

	if (!session || smfi_setpriv(ctx, session) != MI_SUCCESS) {
		session_free(&session);
		return NULL;
	}
	session->refused = atomic_fetch_add(&the_service->sessions, 1) >=
			   the_service->max_sessions;
	counter_add(the_service->counters, GAUGE_SESSIONS, 1);
	return session;
}

static void begin_transaction(struct session *session)
{
	session->in_transaction = true;
	atomic_fetch_add(&the_service->transactions, 1);
}

static void end_transaction(struct session *session)
{
	if (session->in_transaction)
		atomic_fetch_sub(&the_service->transactions, 1);
	session_end_mail(session);
}

/*
 * libmilter keeps the macros of a stage until others come for it, so each
 * MAIL must bring some: {mail_addr} always has a value, and a login does not
 * outlive its message.
 */
static void ask_macros(SMFICTX *ctx)
{
	static const struct {
		int stage;
		const char *names;
	} lists[] = {
		{SMFIM_CONNECT, "{daemon_name} {client_resolve}"},
		{SMFIM_HELO, "{tls_version}"},
		{SMFIM_ENVFROM, "{auth_authen} {tls_version} {mail_addr}"},
		{SMFIM_EOM, "i"},
	};

	/* Refused, the MTA sends those it is configured to send. */
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		(void)smfi_setsymlist(ctx, lists[i].stage,
				      (char *)lists[i].names);
}

/* Its many parameters are libmilter's. NOLINTNEXTLINE(*-function-size) */
static sfsistat on_negotiate(SMFICTX *ctx, unsigned long mta_actions,
			     unsigned long mta_steps, unsigned long f2,
			     unsigned long f3, unsigned long *actions_r,
			     unsigned long *steps_r, unsigned long *f2_r,
			     unsigned long *f3_r)
{
	unsigned long steps = WANTED_STEPS;
	struct session *session;

	(void)mta_actions;
	(void)f2;
	(void)f3;
	*f2_r = *f3_r = 0;
	*actions_r = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
	/* The worker's own session: it never carries a message. */
	if (!atomic_load(&the_service->serving))
		return SMFIS_CONTINUE;
	session = open_session(ctx);
	if (!session)
		return SMFIS_REJECT;
	if (!the_service->over_tcp)
		steps |= SMFIP_NODATA;
	session->own_space = (mta_steps & SMFIP_HDR_LEADSPC) != 0;
	*steps_r = steps | (mta_steps & SMFIP_HDR_LEADSPC);
	ask_macros(ctx);
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	struct session *session = session_of(ctx);

	if (!session)
		return SMFIS_TEMPFAIL;
	session_keep(session, &session->conn.daemon_name,
		     macro(ctx, "{daemon_name}"));
	session->conn.probe = slice_eq(session->conn.daemon_name,
				       slice_cstr(PROBE_DAEMON_NAME));
	counter_add(the_service->counters, COUNTER_SESSIONS,
		    !session->conn.probe);
	if (session->refused) {
		counter_add(the_service->counters, COUNTER_SESSIONS_REFUSED, 1);
		apply_reply(ctx, "451", "4.3.2",
			    "Too busy now, please try again later");
		return SMFIS_TEMPFAIL;
	}
	session_set_client(session, address, slice_cstr(host),
			   macro(ctx, "{client_resolve}"));
	session_mail(session);
	return SMFIS_CONTINUE;
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct session *session = session_of(ctx);

	if (!session || session->refused)
		return SMFIS_NOREPLY;
	if (session->in_transaction)
		end_transaction(session);
	session_set_helo(session, slice_cstr(name));
	session_keep(session, &session->conn.tls_version,
		     macro(ctx, "{tls_version}"));
	engine_stage(session_mail(session), STAGE_HELO);
	return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct session *session = session_of(ctx);
	struct conn *conn;

	if (!session || session->refused)
		return SMFIS_TEMPFAIL;
	conn = &session->conn;
	/* Begun at connect, unless it is a later message of the session. */
	if (session->in_transaction)
		end_transaction(session);
	session_keep(session, &conn->user, macro(ctx, "{auth_authen}"));
	session_keep(session, &conn->tls_version, macro(ctx, "{tls_version}"));
	mail_set_sender(session_mail(session),
			session_path(slice_cstr(args[0])));
	begin_transaction(session);
	engine_stage(session->mail, STAGE_ENVELOPE);
	return SMFIS_CONTINUE;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **args)
{
	struct session *session = session_of(ctx);

	if (session && !session->refused &&
	    !mail_add_rcpt(session_mail(session),
			   session_path(slice_cstr(args[0]))))
		session->over = "too many recipients";
	return SMFIS_NOREPLY;
}

/* Its reply is what matters; see above. */
static sfsistat on_data(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *session = session_of(ctx);
	struct slice text = slice_cstr(value);
	struct mail *mail;

	if (!session || session->refused)
		return SMFIS_NOREPLY;
	mail = session_mail(session);
	/* An MTA that keeps the space after the colon to itself. */
	if (!session->own_space)
		text = arena_printf(mail->arena, " %s", value);
	if (!session->over && !mail_add_header(mail, slice_cstr(name), text))
		session->over = "the header is too long";
	return SMFIS_NOREPLY;
}

static void end_header(struct session *session)
{
	struct mail *mail = session_mail(session);

	if (mail->stage < STAGE_HEADERS)
		engine_stage(mail, STAGE_HEADERS);
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	struct session *session = session_of(ctx);

	if (session && !session->refused)
		end_header(session);
	return SMFIS_NOREPLY;
}

/*
 * SKIP is not used: it would need a reply to every chunk, which costs a
 * usual message of one chunk more than it saves a rare one of many.
 */
static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
	struct session *session = session_of(ctx);

	if (!session || session->refused || session->over)
		return SMFIS_NOREPLY;
	end_header(session);
	(void)engine_body(session->mail,
			  (struct slice){(const char *)bytes, n});
	return SMFIS_NOREPLY;
}

static void judge(struct session *session, struct decision *decision_r)
{
	struct milter_service *service = the_service;
	struct mail *mail = session->mail;

	if (session->over) {
		policy_tempfail(mail, session->over, decision_r);
		return;
	}
	if (mail->spool.state == SPOOL_TOO_LARGE) {
		policy_too_large(mail, decision_r);
		return;
	}
	counter_add(service->counters, GAUGE_WAITING, 1);
	tick_begin(service->tick);
	if (mail->conn->probe)
		mail->deadline_ms = clock_mono_ms() + PROBE_JUDGE_MS;
	engine_finish(mail);
	policy_decide(service->policy, mail, decision_r);
	if (!mail->conn->probe) {
		policy_commit(service->policy, mail, decision_r);
		hold_message(service->policy, service->counters, mail,
			     decision_r);
	}
	tick_end(service->tick);
	counter_add(service->counters, GAUGE_WAITING, (uint64_t)-1);
}

static sfsistat on_eom(SMFICTX *ctx)
{
	struct session *session = session_of(ctx);
	const struct record *record;
	struct decision decision;
	struct mail *mail;
	sfsistat status;
	bool failed;

	if (!session || session->refused)
		return SMFIS_TEMPFAIL;
	end_header(session);
	mail = session->mail;
	mail->queue_id = arena_dup(mail->arena, macro(ctx, "i"));
	judge(session, &decision);
	status = apply_decision(ctx, &decision, mail->arena, session->own_space,
				&failed);
	if (failed) {
		counter_add(the_service->counters, COUNTER_UNANSWERED, 1);
		log_warn("queue id %.*s, record %s: the mail server went away "
			 "before the answer",
			 SLICE_FMT(mail->queue_id), mail->id);
	}
	record = report_make(the_service->policy, mail, &decision);
	records_send(the_service->records, the_service->counters, mail->arena,
		     record);
	if (!record->probe) {
		report_log(mail, record);
		account_message(the_service->account, the_service->counters,
				mail, &decision);
	}
	end_transaction(session);
	return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct session *session = session_of(ctx);

	if (!session)
		return SMFIS_CONTINUE;
	if (session->in_transaction)
		counter_add(the_service->counters, COUNTER_ABORTED, 1);
	end_transaction(session);
	return SMFIS_CONTINUE;
}

/* May come without connect, and for idle sessions under libmilter's lock. */
static sfsistat on_close(SMFICTX *ctx)
{
	struct session *session = session_of(ctx);

	if (!session)
		return SMFIS_CONTINUE;
	(void)smfi_setpriv(ctx, NULL);
	end_transaction(session);
	session_free(&session);
	atomic_fetch_sub(&the_service->sessions, 1);
	counter_add(the_service->counters, GAUGE_SESSIONS, (uint64_t)-1);
	return SMFIS_CONTINUE;
}

int milter_prepare(struct milter_service *service, int fd, struct err *err)
{
	static const struct smfiDesc filter = {
		.xxfi_name = (char *)"gatepost",
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
		.xxfi_negotiate = on_negotiate,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_data = on_data,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
	};
	char where[32];

	snprintf(where, sizeof(where), "fd:%d", fd);
	the_service = service;
	(void)smfi_setmaxdatasize(MAX_COMMAND);
	if (smfi_register(filter) != MI_SUCCESS ||
	    smfi_setconn(where) != MI_SUCCESS ||
	    smfi_settimeout(service->idle_s) != MI_SUCCESS ||
	    smfi_setbacklog(8) != MI_SUCCESS)
		return err_set(err, "the milter library does not start");
	return 0;
}

void milter_run(void)
{
	(void)smfi_main();
}
