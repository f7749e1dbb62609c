"""Quarantine: a place that only delivery fills, and never leaks."""

import pytest

from mda_messages import message

ERRORS = "dovecot_gatepost_errors_total{class=\"save\",action=\"deferred\"}"


@pytest.mark.parametrize("case", ["quarantine", "virus"])
def test_a_save_that_fails_is_tried_again_later(dovecot, metrics, case):
    user = dovecot.add_user(f"save-{case}",
                            gatepost_quarantine_mailbox="Nowhere",
                            gatepost_virus_mailbox="Nowhere/Else")
    code, text = dovecot.deliver(message(dovecot.secret, case).text, user)
    assert code == 451, text
    assert dovecot.counts(user) == {}
    assert metrics(ERRORS) == 1


def test_a_disk_error_never_fills_inbox(dovecot):
    user = dovecot.add_user("save-disk")
    place = dovecot.home(user) / "quarantine"
    # A file where the folder should be.
    place.write_text("")
    mail = message(dovecot.secret, "quarantine")
    assert dovecot.deliver(mail.text, user)[0] == 451
    assert dovecot.deliver(message(dovecot.secret, "clean").text,
                           user)[0] == 250
    # When it can be written, Postfix's next try brings it in.
    place.unlink()
    assert dovecot.deliver(mail.text, user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1, "Quarantine/Spam": 1}


def test_users_take_out_but_put_nothing_in(dovecot):
    user = dovecot.add_user("acl")
    for case in ("quarantine", "virus", "clean"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    client = dovecot.imap(user)
    client.select("INBOX")
    assert client.copy("1", "Quarantine/Spam")[0] == "NO"
    assert client.append("Quarantine/Spam", None, None, b"a: b\n\nc")[0] == "NO"
    assert client.create("Quarantine/Mine")[0] == "NO"
    assert client.delete("Quarantine/Spam")[0] == "NO"
    client.select("Quarantine/Spam")
    assert client._simple_command("MOVE", "1", "INBOX")[0] == "OK"
    client.logout()
    assert dovecot.counts(user) == {"INBOX": 2, "Quarantine/Virus": 1}


def test_release_is_checked_against_the_quota(dovecot):
    user = dovecot.add_user("acl-quota", quota_rule="*:storage=10k")
    mail = message(dovecot.secret, "quarantine", size=50000)
    dovecot.deliver(mail.text, user)
    client = dovecot.imap(user)
    client.select("Quarantine/Spam")
    status, (text,) = client._simple_command("MOVE", "1", "INBOX")
    assert status == "NO" and b"OVERQUOTA" in text
    client.logout()
    assert dovecot.counts(user) == {"Quarantine/Spam": 1}


def test_imap_shows_both_quotas(dovecot):
    user = dovecot.add_user("acl-roots")
    client = dovecot.imap(user)
    for folder, root in (("INBOX", b"Mail"),
                         ("Quarantine/Spam", b"Quarantine")):
        _, (roots, _) = client.getquotaroot(folder)
        assert roots[0].rsplit(b" ", 1)[1].strip(b'"') == root
    client.logout()


def test_folders_of_another_name(dovecot):
    user = dovecot.add_user("acl-names", gatepost_quarantine_mailbox="Lists",
                            gatepost_junk_mailbox="Lists",
                            gatepost_virus_mailbox="Junk")
    for case in ("tag", "quarantine", "virus", "unscanned"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    assert dovecot.counts(user) == {"Lists": 2, "Junk": 2}
