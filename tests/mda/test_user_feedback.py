"""What users do with their mail, as the engine hears it: one datagram for
each command, after it is done, and never at the command's expense."""

import re
import time

import pytest

from ear import Ear
from mda_messages import Message, CASES, message
from support.dovecot import FORMATS


@pytest.fixture
def ear(dovecot):
    one = Ear(dovecot.folder / "feedback")
    yield one
    one.close()


def put(dovecot, user, case, record):
    text = Message().verdict(dovecot.secret, *CASES[case],
                             record=record).text
    assert dovecot.deliver(text, user)[0] == 250


class Client:
    def __init__(self, dovecot, user):
        self.imap = dovecot.imap(user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.imap.logout()

    def do(self, folder, command, *words):
        """An IMAP command on message 1 of the folder: its status."""
        assert self.imap.select(folder)[0] == "OK"
        status, text = self.imap._simple_command(command, *words)
        return status, text

    def move(self, folder, to, which="1"):
        return self.do(folder, "MOVE", which, to)[0]

    def copy(self, folder, to, which="1"):
        return self.do(folder, "COPY", which, to)[0]


def test_each_act_says_what_it_means(dovecot, ear, metrics):
    user = dovecot.add_user("acts")
    put(dovecot, user, "quarantine", "r1")
    put(dovecot, user, "tag", "r2")
    put(dovecot, user, "clean", "r3")
    assert ear.heard() == []
    with Client(dovecot, user) as client:
        for folder, act, to, expected in [
                ("Quarantine/Spam", "COPY", "INBOX", ("ham", "release", "r1")),
                ("Quarantine/Spam", "MOVE", "Lists", ("ham", "release", "r1")),
                ("Junk", "COPY", "INBOX", ("ham", "copy", "r2")),
                ("Junk", "MOVE", "INBOX", ("ham", "move", "r2")),
                ("INBOX", "COPY", "Junk", ("spam", "copy", "r3")),
                ("INBOX", "MOVE", "Junk", ("spam", "move", "r3"))]:
            assert client.do(folder, act, "1", to)[0] == "OK"
            assert ear.heard() == [(*expected[:2], "yes", user,
                                    [expected[2]])], (folder, act, to)
    assert metrics('dovecot_gatepost_released_total{class="spam"}') == 2
    assert metrics('dovecot_gatepost_feedback_total'
                   '{class="ham",action="sent"}') == 4


def test_what_means_nothing_is_not_told(dovecot, ear):
    user = dovecot.add_user("silent")
    for case, record in [("quarantine", "r1"), ("tag", "r2"),
                         ("clean", "r3"), ("tag", "r4")]:
        put(dovecot, user, case, record)
    assert dovecot.deliver(Message().text, user)[0] == 250
    with Client(dovecot, user) as client:
        # Into Trash and out of it, and within other folders.
        assert client.move("Quarantine/Spam", "Trash") == "OK"
        assert client.move("Junk", "Trash") == "OK"
        assert client.move("INBOX", "Lists") == "OK"
        assert client.move("Lists", "Trash") == "OK"
        assert client.move("Trash", "INBOX") == "OK"
        # A message without a record.
        client.imap.select("INBOX")
        assert client.move("INBOX", "Junk") == "OK"
        # Deleting is no opinion.
        assert client.do("Junk", "STORE", "1", "+FLAGS",
                         "(\\Deleted)")[0] == "OK"
        client.imap.expunge()
        assert client.do("INBOX", "STORE", "1", "+FLAGS",
                         "(\\Flagged work)")[0] == "OK"
    assert ear.heard() == []


def test_marks_say_the_same(dovecot, ear):
    user = dovecot.add_user("marks")
    put(dovecot, user, "clean", "r1")
    with Client(dovecot, user) as client:
        for mark, said in [("+FLAGS ($Junk)", "spam"),
                           ("+FLAGS ($Junk)", None),
                           ("-FLAGS ($Junk)", None),
                           ("+FLAGS (Junk)", "spam"),
                           ("FLAGS ($NotJunk)", "ham"),
                           ("+FLAGS (NonJunk)", None),
                           ("FLAGS (\\Seen)", None)]:
            assert client.do("INBOX", "STORE", "1", mark)[0] == "OK"
            assert ear.heard() == (
                [(said, "flag", "yes", user, ["r1"])] if said else []), mark


def test_many_messages_are_one_datagram(dovecot, ear):
    user = dovecot.add_user("many")
    for number in range(250):
        put(dovecot, user, "tag", f"record{number:08}aa")
    with Client(dovecot, user) as client:
        assert client.move("Junk", "INBOX", "1:*") == "OK"
    heard = ear.heard()
    assert [len(ids) for *_, ids in heard] == [200, 50]
    assert [one for *_, ids in heard for one in ids] == \
        [f"record{number:08}aa" for number in range(250)]


def test_what_fails_is_not_told(dovecot, ear, metrics):
    user = dovecot.add_user("fails", quota_rule="*:storage=10k")
    text = Message(size=50000).verdict(
        dovecot.secret, *CASES["quarantine"], record="r1").text
    assert dovecot.deliver(text, user)[0] == 250
    with Client(dovecot, user) as client:
        assert client.move("Quarantine/Spam", "INBOX") == "NO"
        assert ear.heard() == []
    assert metrics('dovecot_gatepost_released_total{class="spam"}') == 0


def test_a_virus_is_released_by_the_administrator_only(dovecot, ear, metrics):
    user = dovecot.add_user("infected")
    put(dovecot, user, "virus", "r1")
    with Client(dovecot, user) as client:
        for act in ("COPY", "MOVE"):
            status, (text,) = client.do("Quarantine/Virus", act, "1", "INBOX")
            assert status == "NO" and b"administrator" in text
        assert client.copy("Quarantine/Virus", "Quarantine/Spam") == "NO"
    assert ear.heard() == []
    assert dovecot.counts(user) == {"Quarantine/Virus": 1}
    dovecot.doveadm("move", "-u", user, "INBOX", "mailbox",
                    "Quarantine/Virus", "all")
    assert dovecot.counts(user) == {"INBOX": 1}
    assert ear.heard() == [("ham", "release", "yes", user, ["r1"])]


def test_wishes_of_users(dovecot, ear):
    silent = dovecot.add_user("says-nothing", gatepost_feedback="no")
    strict = dovecot.add_user("allows-nobody", gatepost_allow_on_release="no")
    for user in (silent, strict):
        put(dovecot, user, "quarantine", "r1")
        with Client(dovecot, user) as client:
            assert client.move("Quarantine/Spam", "INBOX") == "OK"
    assert ear.heard() == [("ham", "release", "no", strict, ["r1"])]


def test_copies_for_more_recipients_are_no_release(dovecot, ear):
    users = [dovecot.add_user(f"copies-{number}", **how) for number, how in
             enumerate([{}, {"gatepost": "no"}, {"gatepost_tag": "90",
                                                 "gatepost_quarantine": "99"}])]
    text = message(dovecot.secret, "quarantine").text
    assert [code for code, _ in dovecot.deliver(text, *users)] == [250] * 3
    assert [dovecot.counts(user) for user in users] == [
        {"Quarantine/Spam": 1}, {"INBOX": 1}, {"INBOX": 1}]
    assert ear.heard() == []


def test_synchronisation_is_no_opinion(dovecot, ear):
    user = dovecot.add_user("synced")
    put(dovecot, user, "tag", "r1")
    backup = dovecot.home(user) / "backup"
    dovecot.doveadm("backup", "-u", user, f"maildir:{backup}")
    dovecot.doveadm("sync", "-u", user, f"maildir:{backup}")
    assert ear.heard() == []


def release_times(dovecot, user, count):
    for number in range(count):
        put(dovecot, user, "quarantine", f"r{number}")
    worst = 0
    with Client(dovecot, user) as client:
        for _ in range(count):
            began = time.monotonic()
            assert client.move("Quarantine/Spam", "INBOX") == "OK"
            worst = max(worst, time.monotonic() - began)
    assert dovecot.counts(user) == {"INBOX": count}
    return worst


DROPPED = 'dovecot_gatepost_feedback_total{class="ham",action="dropped"}'


def test_without_an_engine_nothing_fails_or_waits(dovecot, metrics):
    assert release_times(dovecot, dovecot.add_user("no-engine"), 5) < 2
    assert metrics(DROPPED) == 5


def test_a_deaf_engine_costs_no_time(dovecot, ear, metrics):
    with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as file:
        holds = int(file.read()) + 1
    assert release_times(dovecot, dovecot.add_user("deaf"), holds + 10) < 2
    assert metrics(DROPPED) == 10
    assert len(ear.heard()) == holds


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells(new_dovecot, form):
    dovecot = new_dovecot(form=form)
    one = Ear(dovecot.folder / "feedback")
    user = dovecot.add_user("any")
    for record in ("r1", "r2"):
        put(dovecot, user, "quarantine", record)
    with Client(dovecot, user) as client:
        assert client.move("Quarantine/Spam", "INBOX", "1:*") == "OK"
    assert one.heard() == [("ham", "release", "yes", user, ["r1", "r2"])]
    one.close()
    assert not re.search("Panic|Fatal|signal", dovecot.log_text())
