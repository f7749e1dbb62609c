"""doveadm gatepost: what an administrator sees of quarantine and does with
it, on the command line and over HTTP."""

import base64
import calendar
import http.client
import json
import os
import re
import time

import pytest

from ear import Ear
from mda_messages import CASES, Message, message
from support import ports, seal
from support.dovecot import FORMATS, Dovecot
from support.folder import Folder

KEY = "a key for the engine"
HTTP = """\
doveadm_api_key = {key}
service doveadm {{
  user = {account}
  inet_listener http {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""
SMALL = {"quota_rule": "*:storage=100k"}
# Each test has some to itself; all that quota is asked about come first.
USERS = {
    "anna": {}, "berta": {}, "carla": {}, "doris": {}, "emma": {},
    "frida": SMALL, "gerda": {}, "hanna": {}, "ida": {}, "jana": {},
    "kira": {}, "lena": {}, "maria": {}, "nora": {}, "olga": {},
    "other-names": {"gatepost_quarantine_mailbox": "Lists",
                    "gatepost_virus_mailbox": "Lists"},
    "no-folder": {"gatepost_quarantine_mailbox": "Quarantine/Nowhere"},
}
USAGE, CANNOT_CREATE, UNAVAILABLE, NOT_FOUND = 64, 73, 65, 68


@pytest.fixture(scope="module")
def dovecot():
    with Folder() as folder:
        port = ports.free_port()
        server = Dovecot(folder / "dovecot", one_list=True)
        server.config = HTTP.format(key=KEY, port=port,
                                    account=server.account.pw_name)
        server.doveadm_port = port
        server.secret = seal.write_key(server.key)
        for user, fields in USERS.items():
            server.add_user(user, **fields)
        with server:
            yield server


@pytest.fixture
def ear(dovecot):
    one = Ear(dovecot.folder / "feedback")
    yield one
    one.close()


def put(dovecot, user, case="quarantine", record="01testrecord", **how):
    one = Message(to=user, **how).verdict(dovecot.secret, *CASES[case],
                                          record=record)
    assert dovecot.deliver(one.text, user)[0] == 250
    return one


def rows(dovecot, *words):
    """The rows of a command, by the names of their columns."""
    return json.loads(dovecot.doveadm("-f", "json", "gatepost", *words))


def listed(dovecot, user, *words):
    """(uid, id) of each message that the command lists."""
    return [(row["mailbox"], row["uid"], row["id"])
            for row in rows(dovecot, "list", "-u", user, *words)]


def test_list_shows_what_is_in_quarantine(dovecot):
    began = int(time.time())
    put(dovecot, "anna", "quarantine", "01anna", subject="Buy now")
    put(dovecot, "anna", "virus", "02anna", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    put(dovecot, "anna", "tag", "03anna")
    put(dovecot, "anna", "clean", "04anna")
    spam, virus = rows(dovecot, "list", "-u", "anna")
    received = spam.pop("received"), virus.pop("received")
    sender = "Sender <sender@example.org>"
    assert spam == {
        "mailbox": "Quarantine/Spam", "uid": 1, "from": sender,
        "subject": "Buy now", "class": "spam", "score": "12.00",
        "id": "01anna"}
    assert virus == {
        "mailbox": "Quarantine/Virus", "uid": 1, "from": sender,
        "subject": "Grüße", "class": "virus", "score": "0.00",
        "id": "02anna"}
    for text in received:
        when = time.strptime(text + " UTC", "%Y-%m-%dT%H:%M:%SZ %Z")
        assert began <= calendar.timegm(when) <= time.time()


@pytest.mark.parametrize("form", ["tab", "flow", "table", "pager", "json"])
def test_list_in_every_form_of_doveadm(dovecot, form):
    if not listed(dovecot, "berta"):
        put(dovecot, "berta", record="01berta")
    text = dovecot.doveadm("-f", form, "gatepost", "list", "-u", "berta")
    assert "01berta" in text and "Sender <sender@example.org>" in text


def test_list_by_folder_and_age(dovecot):
    put(dovecot, "carla", "quarantine", "01carla")
    put(dovecot, "carla", "virus", "02carla")
    spam = ("Quarantine/Spam", 1, "01carla")
    virus = ("Quarantine/Virus", 1, "02carla")
    for words, expected in [
            ((), [spam, virus]), (("-k", "spam"), [spam]),
            (("--kind", "virus"), [virus]), (("-s", "1h"), [spam, virus])]:
        assert listed(dovecot, "carla", *words) == expected
    time.sleep(2)
    assert listed(dovecot, "carla", "--since", "1s") == []


def test_texts_cannot_harm_a_terminal(dovecot):
    evil = ("=?utf-8?q?=1B[2J=1B]0;owned=07_=C2=9B31m_=E2=80=AEgpj.exe"
            "=0D=0Ainjected=09tab?=")
    text = Message(subject=evil).text.replace(
        b"From: Sender", b"From: =?utf-8?q?=1B[31mRed?= raw\x1b[5m \x9b1m")
    text = (b"X-Gatepost-Verdict: v=1; id=a\x1b[7m; class=sp\x1bam; "
            b"score=\x1b]1;2\x07\n") + text
    user = "doris"
    folder = dovecot.home(user) / "quarantine/.Spam"
    # As if it had come before there was a filter.
    status, _, errors = dovecot.try_doveadm(
        "save", "-u", user, "-m", "Quarantine/Spam")
    assert status in (0, 77), errors
    put(dovecot, user, "quarantine", "01doris")
    name = folder / "new/1.evil.host"
    name.write_bytes(text)
    os.chown(name, dovecot.account.pw_uid,
                           dovecot.account.pw_gid)
    for form in ("tab", "flow", "table", "pager"):
        output = dovecot.doveadm("-f", form, "gatepost", "list", "-u", user)
        assert "owned" in output and "Red" in output
        # The pager separates its pages by \f.
        assert not re.search("[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u202e\u2066]",
                             output)
    output = dovecot.doveadm("-f", "tab", "gatepost", "list", "-u", user)
    assert [line.count("\t") for line in output.splitlines()] == [7] * 3


def test_release_by_uid_and_by_record(dovecot, ear):
    for record in ("01emma", "02emma", "03emma", "04emma"):
        put(dovecot, "emma", record=record)
    put(dovecot, "emma", "virus", "05emma")
    ear.heard()
    dovecot.doveadm("gatepost", "release", "-u", "emma", "1", "03emma")
    assert [row[2] for row in listed(dovecot, "emma")] == [
        "02emma", "04emma", "05emma"]
    assert ear.heard() == [("ham", "release", "yes", "emma",
                            ["01emma", "03emma"])]
    dovecot.doveadm("gatepost", "release", "-u", "emma", "-t", "Lists", "2")
    assert dovecot.counts("emma") == {
        "INBOX": 2, "Lists": 1, "Quarantine/Spam": 1, "Quarantine/Virus": 1}
    assert ear.heard() == [("ham", "release", "yes", "emma", ["02emma"])]
    # A UID is of Spam unless it is said that it is not.
    status, _, errors = dovecot.try_doveadm("gatepost", "release", "-u",
                                            "emma", "1")
    assert status == NOT_FOUND and "1: no such message" in errors
    dovecot.doveadm("gatepost", "release", "-u", "emma", "-k", "virus", "1")
    assert listed(dovecot, "emma") == [("Quarantine/Spam", 4, "04emma")]
    assert ear.heard() == [("ham", "release", "yes", "emma", ["05emma"])]


def test_release_over_quota_leaves_it_where_it_is(dovecot, ear):
    user = "frida"
    put(dovecot, user, record="01frida", size=150000)
    put(dovecot, user, record="02frida")
    status, _, errors = dovecot.try_doveadm(
        "gatepost", "release", "-u", user, "01frida", "02frida")
    assert status == CANNOT_CREATE
    assert "cannot move message 1 to INBOX: Mailbox is full" in errors
    # What fits is let out all the same.
    assert listed(dovecot, user) == [("Quarantine/Spam", 1, "01frida")]
    assert dovecot.counts(user) == {"INBOX": 1, "Quarantine/Spam": 1}
    assert ear.heard() == [("ham", "release", "yes", user, ["02frida"])]


def test_release_to_where_there_is_no_folder(dovecot, ear):
    put(dovecot, "gerda", record="01gerda")
    status, _, errors = dovecot.try_doveadm(
        "gatepost", "release", "-u", "gerda", "-t", "Nowhere", "01gerda")
    assert status == NOT_FOUND and "Nowhere: cannot open it" in errors
    assert listed(dovecot, "gerda") == [("Quarantine/Spam", 1, "01gerda")]
    assert ear.heard() == []


def test_release_for_all_users(dovecot, ear):
    for user in ("hanna", "ida"):
        put(dovecot, user, record="01both")
    dovecot.doveadm("gatepost", "release", "-A", "01both")
    for user in ("hanna", "ida"):
        assert dovecot.counts(user) == {"INBOX": 1}
    assert {user for *_, user, _ in ear.heard()} == {"hanna", "ida"}
    status, _, errors = dovecot.try_doveadm("gatepost", "release", "-A",
                                            "01both")
    assert status == NOT_FOUND
    assert errors.count("01both: no such message") == 1


@pytest.mark.parametrize("words, said", [
    (("release", "-u", "anna"), "which messages"),
    (("release", "-A", "12"), "UID"),
    (("purge", "-u", "anna"), "how old"),
    (("purge", "-u", "anna", "--all", "3d"), "how old"),
    (("purge", "-u", "anna", "soon"), "soon: not an age"),
    (("purge", "-u", "anna", "-k", "junk", "--all"), "junk: no folder"),
    (("list", "-u", "anna", "-k", "ham"), "ham: no folder"),
    (("list", "-u", "anna", "-s", "x"), "x: not an age"),
])
def test_mistakes_change_nothing(dovecot, words, said):
    before = listed(dovecot, "anna")
    status, output, errors = dovecot.try_doveadm("gatepost", *words)
    assert status == USAGE and said in errors and not output.strip()
    assert listed(dovecot, "anna") == before


def test_purge_by_age_and_folder(dovecot, ear):
    user = "jana"
    put(dovecot, user, "quarantine", "01jana")
    put(dovecot, user, "virus", "02jana")
    put(dovecot, user, "clean", "03jana")
    dovecot.doveadm("gatepost", "purge", "-u", user, "1h")
    assert len(listed(dovecot, user)) == 2
    time.sleep(2)
    put(dovecot, user, "quarantine", "04jana")
    dovecot.doveadm("gatepost", "purge", "-u", user, "-k", "virus", "2s")
    assert [row[2] for row in listed(dovecot, user)] == ["01jana", "04jana"]
    dovecot.doveadm("gatepost", "purge", "-u", user, "2s")
    assert [row[2] for row in listed(dovecot, user)] == ["04jana"]
    dovecot.doveadm("gatepost", "purge", "-u", user, "--all")
    assert dovecot.counts(user) == {"INBOX": 1}
    assert ear.heard() == []


def test_usage_of_all_roots(dovecot):
    user = "kira"
    put(dovecot, user, "clean", size=20000)
    put(dovecot, user, "quarantine", size=50000)
    put(dovecot, user, "virus")
    usage = {(row["root"], row["resource"]):
             (row["used"], row["limit"], row["percent"])
             for row in rows(dovecot, "usage", "-u", user)}
    assert set(usage) == {(root, resource) for root in ("Mail", "Quarantine")
                          for resource in ("storage", "messages")}
    assert usage["Mail", "messages"] == (1, "-", "-")
    assert usage["Quarantine", "messages"] == (2, "-", "-")
    for root, size in (("Mail", 20000), ("Quarantine", 50000)):
        used, limit, percent = usage[root, "storage"]
        assert size < used < size + 5000
        assert limit == str(1 << 30) and percent == "0"


def test_usage_of_all_users(dovecot):
    put(dovecot, "lena", "quarantine", size=30000)
    each = rows(dovecot, "usage", "-A")
    assert {row["username"] for row in each} == set(USERS)
    totals = rows(dovecot, "usage", "-A", "--total")
    assert len(totals) == 4
    for total in totals:
        of = [row for row in each if row["root"] == total["root"]
              and row["resource"] == total["resource"]]
        assert total["username"] == "*" and total["users"] == len(USERS)
        assert total["used"] == sum(row["used"] for row in of)
        if total["resource"] == "storage":
            assert total["limit"] == str(sum(int(row["limit"]) for row in of))
        else:
            assert total["limit"] == "-"
    alone = rows(dovecot, "usage", "-u", "lena", "-t")
    assert [row["users"] for row in alone] == [1] * 4


def test_without_quota_it_says_so(new_dovecot):
    server = new_dovecot(quota=False)
    user = server.add_user("any")
    put(server, user, record="01any")
    assert listed(server, user) == [("Quarantine/Spam", 1, "01any")]
    server.doveadm("gatepost", "release", "-u", user, "01any")
    assert server.counts(user) == {"INBOX": 1}
    status, _, errors = server.try_doveadm("gatepost", "usage", "-u", user)
    assert status == UNAVAILABLE and "quota plugin is not loaded" in errors


def test_folders_of_another_name(dovecot):
    put(dovecot, "other-names", "quarantine", "01names")
    put(dovecot, "other-names", "virus", "02names")
    assert listed(dovecot, "other-names") == [("Lists", 1, "01names"),
                                              ("Lists", 2, "02names")]
    assert listed(dovecot, "no-folder") == []


def post(dovecot, key, *command):
    """The (status, body) of one command over HTTP."""
    client = http.client.HTTPConnection("127.0.0.1", dovecot.doveadm_port,
                                        timeout=20)
    client.request("POST", "/doveadm/v1", json.dumps([[*command, "tag"]]), {
        "Content-Type": "application/json", "Authorization":
        "X-Dovecot-API " + base64.b64encode(key.encode()).decode()})
    answer = client.getresponse()
    status, body = answer.status, answer.read()
    client.close()
    return status, body


def call(dovecot, command, **parameters):
    """("doveadmResponse", rows) or ("error", …)."""
    status, body = post(dovecot, KEY, command, parameters)
    assert status == 200
    ((kind, content, tag),) = json.loads(body)
    assert tag == "tag"
    return kind, content


def test_over_http(dovecot, ear):
    user = "maria"
    put(dovecot, user, "quarantine", "01maria")
    put(dovecot, user, "virus", "02maria")
    put(dovecot, user, "quarantine", "03maria", size=20000)
    kind, found = call(dovecot, "gatepostList", user=user)
    assert kind == "doveadmResponse"
    assert [(row["mailbox"], row["uid"], row["id"]) for row in found] == \
        listed(dovecot, user)
    assert call(dovecot, "gatepostRelease", user=user,
                message=["01maria", "2"]) == ("doveadmResponse", [])
    assert ear.heard() == [("ham", "release", "yes", user,
                            ["01maria", "03maria"])]
    assert call(dovecot, "gatepostList", user=user, kind="spam") == \
        ("doveadmResponse", [])
    _, usage = call(dovecot, "gatepostUsage", user=user)
    assert {(row["root"], row["resource"]): row["used"] for row in usage}[
        "Quarantine", "messages"] == 1
    # What fails says so, and the server lives on.
    for parameters, code in (({"message": ["01maria"]}, NOT_FOUND),
                             ({"message": []}, USAGE), ({}, USAGE)):
        kind, content = call(dovecot, "gatepostRelease", user=user,
                             **parameters)
        assert (kind, content["exitCode"]) == ("error", code)
    assert call(dovecot, "gatepostPurge", user=user, all=True) == \
        ("doveadmResponse", [])
    assert dovecot.counts(user) == {"INBOX": 2}
    _, totals = call(dovecot, "gatepostUsage", allUsers=True, total=True)
    assert [row["users"] for row in totals] == [len(USERS)] * 4


def test_over_http_only_with_the_key(dovecot):
    put(dovecot, "nora", record="01nora")
    for key, expected in ((KEY, 200), (KEY[:-1], 401), ("", 401)):
        status, body = post(dovecot, key, "gatepostList", {"user": "nora"})
        assert status == expected
        assert (b"01nora" in body) == (expected == 200)


def test_through_the_server(dovecot):
    """-S: by the protocol that doveadm uses between hosts."""
    put(dovecot, "olga", record="01olga")
    put(dovecot, "olga", record="02olga")
    socket = dovecot.folder / "run/doveadm-server"
    assert [row[2] for row in listed(dovecot, "olga", "-S", socket, "-k",
                                     "spam")] == ["01olga", "02olga"]
    dovecot.doveadm("gatepost", "release", "-S", socket, "-u", "olga", "-t",
                    "Lists", "02olga")
    assert dovecot.counts("olga") == {"Lists": 1, "Quarantine/Spam": 1}
    dovecot.doveadm("gatepost", "purge", "-S", socket, "-u", "olga", "--all")
    assert dovecot.counts("olga") == {"Lists": 1}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(new_dovecot, form):
    server = new_dovecot(form=form)
    one = Ear(server.folder / "feedback")
    user = server.add_user("any", **SMALL)
    for record, size in (("01any", 0), ("02any", 150000), ("03any", 0),
                         ("04any", 0)):
        put(server, user, record=record, size=size)
    status, *_ = server.try_doveadm("gatepost", "release", "-u", user,
                                    "01any", "02any", "03any")
    assert status == CANNOT_CREATE
    assert [row[2] for row in listed(server, user)] == ["02any", "04any"]
    assert server.counts(user) == {"INBOX": 2, "Quarantine/Spam": 2}
    # Not all at once, so each by itself.
    assert one.heard() == [("ham", "release", "yes", user, [record])
                           for record in ("01any", "03any")]
    server.doveadm("gatepost", "release", "-u", user, "04any")
    server.doveadm("gatepost", "purge", "-u", user, "--all")
    assert server.counts(user) == {"INBOX": 3}
    used = {(row["root"], row["resource"]): row["used"]
            for row in rows(server, "usage", "-u", user)}
    assert used["Mail", "messages"] == 3
    assert used["Quarantine", "messages"] == used["Quarantine", "storage"] == 0
    assert not re.search("Panic|Fatal|signal", server.log_text())
    one.close()


def test_nothing_crashed(dovecot):
    assert not re.search("Panic|Fatal|signal", dovecot.log_text())
