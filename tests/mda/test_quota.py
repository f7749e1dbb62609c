"""Quota as contrib/dovecot configures it: who is full is refused at RCPT,
each recipient has an answer of his own, and a notice comes in time."""

import socket

import pytest

from mda_messages import message
from support import ports
from support.dovecot import DOMAIN
from support.postfix import Postfix
from support.smtp import Client

KB = 1024


def fill(dovecot, user, size):
    """Clean mail of about that many bytes."""
    reply = dovecot.deliver(message(dovecot.secret, "clean", size=size).text,
                            user)
    assert reply[0] == 250, reply


FULL = {"INBOX": 2}


def full(dovecot, name):
    """A user who has room for little more than the notice that came."""
    user = dovecot.add_user(name, quota_rule="*:storage=20k")
    fill(dovecot, user, 19 * 1000)
    ports.wait_until(lambda: dovecot.counts(user) == FULL, 10, "the notice")
    return user


def ask(dovecot, recipient, size=0):
    """What the policy service answers, asked as Postfix does at RCPT."""
    request = {"request": "smtpd_access_policy", "protocol_state": "RCPT",
               "protocol_name": "ESMTP", "client_address": "192.0.2.1",
               "sender": "a@example.org", "recipient": recipient,
               "size": str(size)}
    with socket.create_connection(("127.0.0.1", dovecot.quota_port),
                                  10) as sock:
        sock.sendall("".join(f"{name}={value}\n" for name, value
                             in request.items()).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n\n"):
            data = sock.recv(4096)
            assert data, "the policy service hung up"
            answer += data
    return answer.decode().strip()


def test_the_policy_service_refuses_who_is_full(dovecot):
    roomy = dovecot.add_user("policy-roomy")
    user = full(dovecot, "policy-full")
    assert ask(dovecot, f"{roomy}@{DOMAIN}") == "action=DUNNO"
    # Announced with SIZE, as most servers do.
    assert ask(dovecot, f"{user}@{DOMAIN}", 50 * KB) == \
        "action=552 5.2.2 Mailbox is full"
    assert ask(dovecot, f"{roomy}@{DOMAIN}", 50 * KB) == "action=DUNNO"


def test_the_policy_service_leaves_others_to_postfix(dovecot):
    assert ask(dovecot, f"nobody-here@{DOMAIN}") == "action=DUNNO"
    assert ask(dovecot, "someone@elsewhere.example") == "action=DUNNO"


def test_spam_does_not_make_a_mailbox_full(dovecot):
    user = dovecot.add_user("policy-spam", quota_rule="*:storage=20k")
    spam = message(dovecot.secret, "quarantine", size=50 * KB)
    assert dovecot.deliver(spam.text, user)[0] == 250
    assert ask(dovecot, f"{user}@{DOMAIN}", 10 * KB) == "action=DUNNO"


def test_postfix_refuses_at_rcpt(dovecot, folder):
    roomy = dovecot.add_user("rcpt-roomy")
    user = full(dovecot, "rcpt-full")
    postfix = Postfix(folder / "postfix", settings={
        "virtual_transport": f"lmtp:inet:127.0.0.1:{dovecot.lmtp_port}",
        "smtpd_recipient_restrictions":
            "reject_unauth_destination, check_policy_service "
            f"inet:127.0.0.1:{dovecot.quota_port}"})
    postfix.start()
    try:
        with Client(postfix.plain_port) as smtp:
            smtp.ehlo()
            assert smtp.mail("a@example.org", f"SIZE={30 * KB}").code == 250
            refused = smtp.rcpt(f"{user}@{DOMAIN}")
            assert refused.code == 552 and "full" in refused.text
            assert smtp.rcpt(f"{roomy}@{DOMAIN}").code == 250
            mail = message(dovecot.secret, "clean", size=30 * KB)
            assert smtp.data(mail.text).code == 250
            smtp.quit()
        ports.wait_until(lambda: dovecot.counts(roomy) == {"INBOX": 1}, 15,
                         "delivery")
        assert dovecot.counts(user) == FULL
    finally:
        postfix.stop()


@pytest.mark.parametrize("later,code", [("no", 552), ("yes", 452)])
def test_each_recipient_has_an_answer_of_his_own(new_dovecot, later, code):
    dovecot = new_dovecot(config=f"quota_full_tempfail = {later}\n")
    user = full(dovecot, "full")
    roomy = [dovecot.add_user("roomy-1"), dovecot.add_user("roomy-2")]
    mail = message(dovecot.secret, "clean", size=30 * KB)
    replies = dovecot.deliver(mail.text, roomy[0], user, roomy[1])
    assert [one for one, _ in replies] == [250, code, 250]
    assert b"Mailbox is full" in replies[1][1]
    assert dovecot.counts(user) == FULL
    for one in roomy:
        assert dovecot.counts(one) == {"INBOX": 1}


def subjects(dovecot, user):
    client = dovecot.imap(user)
    client.select("INBOX")
    _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
    client.logout()
    return [part[1].decode().strip().removeprefix("Subject: ")
            for part in found if isinstance(part, tuple)]


def notices(dovecot, user):
    return [one for one in subjects(dovecot, user) if "% full" in one]


def test_a_notice_comes_once_at_each_crossing(dovecot):
    user = dovecot.add_user("warned", quota_rule="*:storage=400k")
    told = []

    def grow(size, *news):
        fill(dovecot, user, size * KB)
        told.extend(f"Your mailbox is {one} % full" for one in news)
        ports.wait_until(lambda: notices(dovecot, user) == told, 10,
                         f"{told}, not {notices(dovecot, user)}")
    grow(240)
    grow(85, 80)
    grow(10)
    grow(48, 95)
    grow(1)
    # Neither notice is the one that makes another come.
    assert len(subjects(dovecot, user)) == 5 + 2


def test_a_notice_reaches_who_is_full_already(dovecot):
    user = dovecot.add_user("warned-late", quota_rule="*:storage=20k",
                            quota_grace="0")
    fill(dovecot, user, int(19.5 * 1000))
    ports.wait_until(lambda: notices(dovecot, user), 10, "the notice")
    assert notices(dovecot, user) == ["Your mailbox is 95 % full"]
    assert dovecot.deliver(message(dovecot.secret, "clean", size=KB).text,
                           user)[0] == 552
