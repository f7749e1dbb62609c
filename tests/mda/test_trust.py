"""Which verdict headers are believed."""

import os

import pytest

from mda_messages import Message, message
from support import seal

FORGED = "dovecot_gatepost_forged_total{class=\"%s\"}"
UNSEEN = "dovecot_gatepost_filed_total{action=\"inbox\",class=\"none\"}"
KEY_ERRORS = "dovecot_gatepost_errors_total{class=\"key\"}"


def forged(number):
    """A header that claims the message to be clean, as anybody can write."""
    return (f"X-Gatepost-Verdict: v=1; id=f{number}; class=clean; "
            f"action=accept; score=0.00; t=1900000000;\n"
            f"\ts={number:064x}\n")


def test_without_a_header_mail_is_delivered_as_ever(dovecot, metrics):
    user = dovecot.add_user("trust-none")
    assert dovecot.deliver(Message().text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1}
    assert metrics(UNSEEN) == 1
    assert metrics(FORGED % "seal") == 0


@pytest.mark.parametrize("place", ["above", "below", "between"])
def test_a_good_header_among_eight_forged_ones(dovecot, metrics, place):
    user = dovecot.add_user(f"trust-eight-{place}")
    below = {"above": 8, "below": 0, "between": 4}[place]
    mail = Message()
    for number in range(below):
        mail.header(forged(number))
    mail.verdict(dovecot.secret, "quarantine", "spam", 12)
    for number in range(below, 8):
        mail.header(forged(number))
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"Quarantine/Spam": 1}
    assert metrics(FORGED % "seal") == 1
    assert "ignored 8 verdict headers: seal" in dovecot.log_text()


def test_a_flood_of_forged_headers_is_not_searched(dovecot, metrics):
    user = dovecot.add_user("trust-flood")
    mail = Message().verdict(dovecot.secret, "quarantine", "spam", 12)
    for number in range(5000):
        mail.header(forged(number))
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1}
    assert "ignored 5001 verdict headers: seal" in dovecot.log_text()


def test_broken_headers_do_no_harm(dovecot):
    user = dovecot.add_user("trust-broken")
    mail = Message()
    for value in ("", ";", "v=1", "v=1;" * 400, "s=" + "f" * 64,
                  "\x01\x7f\xff", "v=1; id=a; class=b; action=c; score=nan; "
                  "t=99999999999999999999; s=" + "0" * 64,
                  "v=2; id=a; class=virus; action=quarantine; score=1; t=1; "
                  "s=" + "0" * 64):
        mail.header(f"X-Gatepost-Verdict: {value}\n")
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1}


def test_the_header_of_another_message_is_not_believed(dovecot, metrics):
    user = dovecot.add_user("trust-replay")
    other = message(dovecot.secret, "clean")
    replayed = Message().header(other.top)
    spam = message(dovecot.secret, "quarantine").header(other.top)
    for mail in (replayed, spam):
        assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1, "Quarantine/Spam": 1}
    assert metrics(FORGED % "seal") == 2
    assert metrics(UNSEEN) == 1


@pytest.mark.parametrize("days, folder", [
    (6.9, "Quarantine/Spam"), (7.2, "INBOX"), (-1, "INBOX")])
def test_headers_expire_after_a_week(dovecot, metrics, days, folder):
    user = dovecot.add_user(f"trust-age{days}")
    mail = Message().verdict(dovecot.secret, "quarantine", "spam", 12,
                             age=days * 86400)
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {folder: 1}
    assert metrics(FORGED % "age") == (folder == "INBOX")


def test_another_key_proves_nothing(dovecot, metrics):
    user = dovecot.add_user("trust-wrong-key")
    mail = message(os.urandom(32), "quarantine")
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1}
    assert metrics(FORGED % "seal") == 1


def test_refolded_headers_are_still_good(dovecot):
    user = dovecot.add_user("trust-folded")
    mail = message(dovecot.secret, "quarantine")
    mail.top = mail.top.replace("; ", ";\n  ").replace("\n\ts=", "  s=")
    mail.rest = mail.rest.replace("From: Sender ", "From: Sender\n\t")
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"Quarantine/Spam": 1}


def test_without_a_key_mail_flows_and_the_log_says_so_once(new_dovecot):
    server = new_dovecot()
    user = server.add_user("anna")
    server.key.unlink()
    mail = message(server.secret, "quarantine")
    # One connection is one process.
    with server.lmtp() as client:
        client.ehlo()
        for _ in range(3):
            client.sendmail("a@example.org", f"{user}@gatepost.example",
                            mail.text)
        assert server.counts(user) == {"INBOX": 3}
        (line,) = [line for line in server.log_text().splitlines()
                   if "Error" in line]
        assert f"{server.key}: the key of the verdict header cannot be " \
            "read" in line
        assert "mail_access_groups" in line
        assert server.metrics()[KEY_ERRORS] == 3

        # The milter makes one: from now on it counts, without a restart.
        secret = seal.write_key(server.key)
        client.sendmail("a@example.org", f"{user}@gatepost.example",
                        message(secret, "quarantine").text)
        assert server.counts(user) == {"INBOX": 3, "Quarantine/Spam": 1}
        # It is replaced.
        server.key.unlink()
        secret = seal.write_key(server.key)
        client.sendmail("a@example.org", f"{user}@gatepost.example",
                        message(secret, "virus").text)
    assert server.counts(user) == {"INBOX": 3, "Quarantine/Spam": 1,
                                   "Quarantine/Virus": 1}


def test_only_delivery_opens_the_key(dovecot):
    """IMAP, POP3 and doveadm have the plugin, but never read the file."""
    user = dovecot.add_user("trust-imap")
    dovecot.deliver(message(dovecot.secret, "clean").text, user)
    os.utime(dovecot.key, (1000000000, 1000000000))
    assert dovecot.counts(user) == {"INBOX": 1}
    dovecot.pop3(user).quit()
    dovecot.doveadm("mailbox", "status", "-u", user, "messages", "*")
    # Reading would have set it anew, as delivery does (relatime).
    assert dovecot.key.stat().st_atime == 1000000000
    dovecot.deliver(message(dovecot.secret, "clean").text, user)
    assert dovecot.key.stat().st_atime != 1000000000
