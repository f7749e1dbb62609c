"""The whole way: SMTP, Postfix, Gatepost, LMTP, Dovecot with the plugin, and
IMAP; and back, from what a user does to the engine's record."""

import sys
from pathlib import Path

import pytest

from support import ports
from support.clamd import EICAR
from support.dovecot import DOMAIN
from support.folder import Folder
from support.mailhost import MailHost
from support.signatures import copy_signatures

sys.path.insert(0, str(Path(__file__).parents[1] / "mta"))

from mta_messages import CLEAN, REFUSED, TAGGED, ZONES, message  # noqa: E402

RELEASED = 'gatepost_feedback_total{said="ham",how="release"}'


class Host(MailHost):
    """One that files instead of refusing."""

    def __init__(self, folder, settings=None):
        super().__init__(folder, ZONES, {
            "score.SPF_FAIL": "8", "actions.reject": "off",
            "antivirus.engine": "libclamav",
            "antivirus.database": str(copy_signatures(folder / "clamav")),
            **(settings or {})})

    def bring(self, user, who, body="Hello\n"):
        """Sends a message; its record, once it has been delivered."""
        reply, record = self.judge(
            message(who["sender"], body=body), **who,
            recipients=(f"{user}@{DOMAIN}",))
        assert reply.code == 250, reply
        return record

    def wait(self, user, expected):
        ports.wait_until(lambda: self.dovecot.counts(user) == expected, 15,
                         f"{expected}, not {self.dovecot.counts(user)}")


@pytest.fixture(scope="module")
def host():
    with Folder() as folder, Host(folder) as running:
        yield running


def test_each_message_lands_where_its_verdict_says(host):
    user = host.dovecot.add_user("lands")
    assert host.bring(user, CLEAN)["action"] == "accept"
    host.wait(user, {"INBOX": 1})
    assert host.bring(user, TAGGED)["action"] == "tag"
    host.wait(user, {"INBOX": 1, "Junk": 1})
    record = host.bring(user, REFUSED)
    assert record["action"] == "tag" and record["score"] >= 10
    host.wait(user, {"INBOX": 1, "Junk": 1, "Quarantine/Spam": 1})


def test_a_virus_stays_in_the_vault_until_it_is_released(host):
    user = host.dovecot.add_user("vaulted")
    record = host.bring(user, CLEAN, EICAR.decode("ascii") + "\n")
    assert record["vault"] == "held"
    host.bring(user, CLEAN)
    host.wait(user, {"INBOX": 1})
    done = host.gatepost.run("quarantine", "release", record["id"])
    assert done.returncode == 0, done.stderr
    host.wait(user, {"INBOX": 2})


def test_what_a_user_takes_out_of_quarantine_teaches_the_engine(host):
    user = host.dovecot.add_user("teaches")
    record = host.bring(user, REFUSED)
    host.wait(user, {"Quarantine/Spam": 1})
    before = host.gatepost.metrics()
    client = host.dovecot.imap(user)
    client.select("Quarantine/Spam")
    assert client._simple_command("MOVE", "1", "INBOX")[0] == "OK"
    client.logout()
    host.wait(user, {"INBOX": 1})
    ports.wait_until(
        lambda: host.gatepost.metrics()[RELEASED] == before[RELEASED] + 1, 10,
        "the engine to hear of it")
    now = host.gatepost.metrics()
    for name in ("gatepost_false_positives_total",
                 "gatepost_feedback_allowed_total"):
        assert now[name] == before[name] + 1
    assert host.opinions(record["id"]) == [(user, "ham", "release")]
    text = host.gatepost.run("explain", record["id"]).stdout
    assert f"{user} took it out of quarantine: no spam" in text
    listed = host.gatepost.run("greylist", "list").stdout
    assert REFUSED["sender"] in listed and f"{user}@{DOMAIN}" in listed


def test_a_header_that_a_sender_made_is_worth_nothing(host):
    user = host.dovecot.add_user("forged")
    record = host.bring(user, CLEAN)
    host.wait(user, {"INBOX": 1})
    client = host.dovecot.imap(user)
    client.select("INBOX")
    mail = client.fetch("1", "(BODY[])")[1][0][1]
    client.logout()
    assert mail.count(b"X-Gatepost-Verdict:") == 1
    # Replayed with spam: the milter takes it out and seals its own.
    reply = host.send(mail, **REFUSED, recipients=(f"{user}@{DOMAIN}",))
    assert reply.code == 250
    host.wait(user, {"INBOX": 1, "Quarantine/Spam": 1})
    assert record["action"] == "accept"


def test_mail_is_delivered_while_the_engine_is_down(host):
    user = host.dovecot.add_user("alone")
    host.bring(user, REFUSED)
    host.wait(user, {"Quarantine/Spam": 1})
    host.gatepost.stop()
    try:
        client = host.dovecot.imap(user)
        client.select("Quarantine/Spam")
        assert client._simple_command("MOVE", "1", "INBOX")[0] == "OK"
        client.logout()
        # Past the milter, as with milter_default_action = accept.
        assert host.dovecot.deliver(message("a@clean.example"), user)[0] == 250
        host.wait(user, {"INBOX": 2})
    finally:
        host.gatepost.start()


def test_infected_mail_that_is_let_in_lands_beside_quarantine():
    with Folder() as folder, Host(folder, {"antivirus.action": "tag"}) as host:
        user = host.dovecot.add_user("let-in")
        record = host.bring(user, CLEAN, EICAR.decode("ascii") + "\n")
        assert record["action"] == "tag"
        host.wait(user, {"Quarantine/Virus": 1})
