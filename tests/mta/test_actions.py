"""What the SMTP client sees, and what is delivered, for each action."""

import re

import pytest

from mta_messages import CLEAN, REFUSED, TAGGED, message
from support.smtp import Client
from support.stack import fields

NAME = "mx.gatepost.example"


def test_accept_gives_250_and_authentication_results(stack):
    reply, record = stack.judge(message(CLEAN["sender"]), **CLEAN)
    assert reply.code == 250
    assert record["action"] == "accept"
    mail = stack.mail_of(reply)
    (results,) = fields(mail, "Authentication-Results")
    assert results.startswith(NAME + ";")
    assert "spf=pass" in results and "dmarc=pass" in results
    assert not fields(mail, "X-Spam")
    # On top of all, as RFC 8601 4.1 asks: above our own Received field.
    assert mail.index(b"Authentication-Results:") < mail.index(b"Received:")


def test_tag_marks_the_delivered_message(stack):
    reply, record = stack.judge(message(TAGGED["sender"]), **TAGGED)
    assert reply.code == 250
    assert record["action"] == "tag"
    mail = stack.mail_of(reply)
    assert fields(mail, "X-Spam") == ["Yes"]
    (score,) = fields(mail, "X-Spam-Score")
    assert float(score.split()[0]) == pytest.approx(record["score"], abs=0.06)
    (status,) = fields(mail, "X-Spam-Status")
    assert "SPF_FAIL" in status


def test_reject_gives_550_with_reason_and_record_id(stack):
    before = stack.postfix.count_delivered()
    reply, record = stack.judge(message(REFUSED["sender"]), **REFUSED)
    assert reply.code == 550
    assert reply.enhanced == "5.7.1"
    assert record["id"] in reply.text
    assert "strict.example" in reply.text
    assert record["action"] == "reject"
    assert stack.postfix.queue() == []
    assert stack.postfix.count_delivered() == before


def test_reject_by_score_names_the_main_reason(new_stack):
    stack = new_stack({"actions.reject": "7"})
    reply, record = stack.judge(message(TAGGED["sender"]), **TAGGED)
    assert reply.code == 550
    most = max(record["symbols"], key=lambda one: one["score"])
    assert most["name"] == "SPF_FAIL"
    assert most["meaning"] in reply.text


def test_tempfail_gives_451(new_stack):
    # Nothing listens there.
    stack = new_stack({"actions.dns_failure": "tempfail",
                       "limits.deadline": "3s"}, dns="127.0.0.1@9")
    reply, record = stack.judge(message(CLEAN["sender"]), **CLEAN)
    assert reply.code == 451
    assert reply.enhanced.startswith("4.")
    assert record["action"] == "tempfail"
    assert record["auth"]["spf"]["result"] == "temperror"


def test_shadow_mode_only_tags(new_stack):
    stack = new_stack({"shadow": "yes"})
    reply, record = stack.judge(message(REFUSED["sender"]), **REFUSED)
    assert reply.code == 250
    assert (record["action"], record["would"]) == ("tag", "reject")
    assert fields(stack.mail_of(reply), "X-Spam") == ["Yes"]


def test_authenticated_clients_skip_sender_checks(stack):
    reply, record = stack.judge(message(REFUSED["sender"]),
                                **{**REFUSED, "login": "eve"})
    assert reply.code == 250
    assert record["action"] == "accept"
    assert record["user"] == "eve"


def test_trusted_networks_skip_sender_checks(new_stack):
    stack = new_stack({"trusted_networks": "198.51.100.0/24"})
    reply, record = stack.judge(message(REFUSED["sender"]), **REFUSED)
    assert reply.code == 250
    assert record["action"] == "accept"


def test_many_recipients_get_one_verdict(stack):
    recipients = [f"user{n}@gatepost.example" for n in range(30)]
    before = stack.postfix.count_delivered()
    reply, record = stack.judge(message(TAGGED["sender"]), **TAGGED,
                                recipients=recipients)
    assert reply.code == 250
    assert record["recipients"] == recipients
    mails = stack.postfix.wait_delivered(before + 30)[before:]
    assert all(fields(mail, "X-Spam") == ["Yes"] for mail in mails)


def test_messages_of_one_session_are_judged_apart(stack):
    with Client(stack.postfix.port) as smtp:
        smtp.ehlo("localhost")
        smtp.xclient("198.51.100.2")
        smtp.ehlo("client.example")
        rcpts = ["user@gatepost.example"]
        actions = []
        for sender in ("eve@strict.example", "bob@spf.example", "",
                       "eve@strict.example"):
            reply = smtp.message(sender, rcpts,
                                 message(sender or "x@spf.example"))
            actions.append(stack.record_of(reply)["action"])
    assert actions == ["reject", "tag", actions[2], "reject"]
    assert actions[2] != "reject"


def test_forged_results_of_our_name_go_and_others_stay(stack):
    forged = message(
        CLEAN["sender"],
        f"Authentication-Results: {NAME}; spf=pass",
        "Authentication-Results: mx.elsewhere.example; spf=fail",
        f"Authentication-Results: {NAME.upper()} 1; dkim=pass",
        "Authentication-Results: \"unfinished",
        f"Authentication-Results:\n\t(comment) {NAME} ;\n\tdmarc=pass",
        f"authentication-results:{NAME};" + " x=y;" * 3000)
    reply, _ = stack.judge(forged, **CLEAN)
    found = fields(stack.mail_of(reply), "Authentication-Results")
    ours = [value for value in found if NAME in value.lower()]
    assert len(ours) == 1 and found[0] == ours[0]
    assert found[1:] == ["mx.elsewhere.example; spf=fail"]


def test_forged_marks_of_ours_go(stack):
    forged = message(CLEAN["sender"], "X-Spam: Yes", "X-Spam-Score: 99",
                     "X-Gatepost-Verdict: v=1; class=ham",
                     "X-Gatepost-Anything: 1", "X-Other: stays")
    reply, _ = stack.judge(forged, **CLEAN)
    mail = stack.mail_of(reply)
    assert not fields(mail, "X-Spam")
    assert not fields(mail, "X-Gatepost-Anything")
    assert "v=1; class=ham" not in fields(mail, "X-Gatepost-Verdict")
    assert fields(mail, "X-Other") == ["stays"]


def test_the_verdict_header_is_signed(stack):
    reply, record = stack.judge(message(CLEAN["sender"]), **CLEAN)
    (verdict,) = fields(stack.mail_of(reply), "X-Gatepost-Verdict")
    assert f"id={record['id']}" in verdict
    assert re.search(r"\bs=[\w+/=-]{40,}", verdict)


def test_the_log_line_says_what_postfix_says(stack):
    reply, record = stack.judge(message(CLEAN["sender"]), **CLEAN)
    assert record["queue_id"] == reply.queue_id
    assert record["sender"] == CLEAN["sender"]
    assert record["client"] == CLEAN["client"]
    assert record["helo"] == CLEAN["helo"]
    assert record["size"] > 100
    assert set(record["ms"]) and all(ms >= 0 for ms in record["ms"].values())
