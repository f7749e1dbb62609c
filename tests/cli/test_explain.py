"""gatepost explain: what became of a message, in words that are kept in
tests/cli/explain/ (UPDATE=1 in the environment writes them anew: read what
you commit); found by any of its names; and to recipients no more than is
theirs."""

import json
import os
from pathlib import Path

import pytest

from support.samples import Samples

WORDS = Path(__file__).parent / "explain"
NAMES = ["clean", "tagged", "rejected", "rejected_by_dmarc", "greylisted",
         "still_waiting", "too_large", "deferred_by_dns",
         "accepted_without_dns", "sent", "ratelimited", "shadow", "shared"]


@pytest.fixture(scope="module")
def samples(folder):
    return Samples(folder).fill()


@pytest.mark.parametrize("name", NAMES)
def test_words(samples, name):
    said = samples.good("explain", samples.ids(name)[-1])
    path = WORDS / f"{name}.txt"
    if os.environ.get("UPDATE"):
        path.write_text(said)
    assert said == path.read_text()
    assert max(map(len, said.splitlines())) <= 80


def test_check_says_the_same(samples):
    """One code for both: what `gatepost check` prints of a record."""
    assert samples.tool("explain", "rejected").splitlines()[0].startswith(
        samples.good("explain", samples.ids("rejected")[0]).splitlines()[0])


@pytest.mark.parametrize("name", [
    "greylisted@example.org", "<greylisted@example.org>", "4Q00005z",
    "1m8fsample000005", " 4Q00007z ",
])
def test_each_name_leads_to_the_whole_story(samples, name):
    said = samples.good("explain", name)
    assert said.startswith("Accepted at try 3, 15 min 5 s after the first;")
    for record in samples.ids("greylisted"):
        assert f"(record {record})" in said


def test_the_try_that_was_named_is_told_in_detail(samples):
    ids = samples.ids("greylisted")
    for number, record in enumerate(ids, 1):
        said = samples.good("explain", record)
        assert f"---- Try {number} in detail ----" in said
        assert f"  Record      {record}\n" in said
    said = samples.good("explain", "greylisted@example.org")
    assert "---- Try 3 in detail ----" in said


def test_json_is_the_records_of_the_story(samples):
    records = json.loads(samples.good("explain", "--json", "4Q00005z"))
    assert [r["id"] for r in records] == samples.ids("greylisted")
    assert [r["action"] for r in records] == ["greylist", "greylist", "accept"]
    # The words above say nothing that is not here.
    assert records[0]["symbols"][0]["group"] == "rbl_address"


def test_what_is_not_there(samples):
    done = samples.run("explain", "nobody-knows-\x1b[2J")
    assert done.returncode == 1
    assert done.stdout == b""
    text = done.stderr.decode()
    assert "\x1b" not in text
    for words in (r"nobody-knows-\x1b[2J", "record id", "queue id",
                  "Message-ID", "history.db"):
        assert words in text


def test_a_name_of_several_messages_is_told(tmp_path):
    """Queue ids come again after a while."""
    own = Samples(tmp_path)
    own.tool("twins", tmp_path)
    done = own.run("explain", "4QTWINz")
    assert done.returncode == 1
    assert done.stdout == b""
    text = done.stderr.decode()
    assert "'4QTWINz' is the name of 2 messages" in text
    for record in ("twin1", "twin2"):
        assert record in text
        assert own.good("explain", record).startswith("Accepted.")


# ---- what a recipient may see ----

def seen(samples, who, name="shared@example.org", *words):
    return samples.run("explain", "--recipient", who, *words, name)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_recipient_sees_nobody_else(samples, words):
    # The second of its tries, in which a fact names one of them.
    record = samples.ids("shared")[1]
    bob = seen(samples, "bob@example.net", record, *words)
    assert bob.returncode == 0
    assert b"bob@example.net" in bob.stdout
    for hidden in (b"carol", b"Carol", b"mallory"):
        assert hidden not in bob.stdout
    assert b"(not shown: it names somebody else)" in bob.stdout
    carol = seen(samples, "<CAROL@example.net>", record, *words)
    assert carol.returncode == 0
    for hidden in (b"bob@", b"mallory"):
        assert hidden not in carol.stdout
    assert b"first try for Carol@example.net" in carol.stdout


def test_a_recipient_sees_only_tries_that_were_for_him(samples):
    first, second, third = samples.ids("shared")
    bob = json.loads(seen(samples, "bob@example.net", "shared@example.org",
                          "--json").stdout)
    assert [r["id"] for r in bob] == [first, second]
    assert all(r["recipients"] == ["bob@example.net"] for r in bob)
    assert all(r["recipients_total"] == 1 and r["user"] is None for r in bob)
    # The last one by its own name: for him there is no such message.
    done = seen(samples, "bob@example.net", third)
    assert done.returncode == 1
    assert done.stdout == b""
    # In the words for one that is not there at all.
    other = seen(samples, "bob@example.net", "0" * 16)
    assert done.stderr.replace(third.encode(), b"0" * 16) == other.stderr


@pytest.mark.parametrize("who", ["dave@example.net", "@example.net",
                                 "example.net", "bob@example.ne", "<>", "%"])
def test_who_is_no_recipient_sees_nothing(samples, who):
    for name in ("shared@example.org", samples.ids("shared")[0], "4Q00017z"):
        done = seen(samples, who, name)
        assert done.returncode == 1
        assert done.stdout == b""
        for hidden in (b"bob@example.net", b"carol", b"alice"):
            assert hidden not in done.stderr


# ---- bytes of strangers ----

def test_hostile_bytes_stay_harmless(samples):
    record, = samples.ids("hostile")
    said = samples.run("explain", record).stdout
    said.decode()
    assert b"\\x1b[31m" in said and b"\nforged" not in said
    for byte in (*range(0, 10), *range(11, 32), 127):
        assert bytes([byte]) not in said
    for hidden in ("\x9b", "\u202e"):
        assert hidden.encode() not in said
    assert max(map(len, said.decode().splitlines())) <= 80


def test_hostile_bytes_come_back_from_json(samples):
    import base64
    record, = json.loads(samples.good("explain", "--json",
                                      samples.ids("hostile")[0]))
    assert record["sender"].startswith("\x1b[31m\x1b]0;title\x07\r\n")
    raw = base64.b64decode(record["bytes"]["/sender"])
    assert raw.startswith(b"\x1b[31m\x1b]0;title\x07\r\n2026-11-27 forged line"
                          b"\x00\t\"}],\\ '; DROP TABLE record;--")
    assert raw.endswith(b"<script>\xff\xc2\x9b \xe2\x80\xae\xc3\xbc")
    # Texts are cut when they are kept, but the record is whole.
    assert len(record["subject"]) == 1000


# ---- no history; wrong words ----

def test_no_history(tmp_path):
    done = Samples(tmp_path).run("explain", "x")
    assert done.returncode == 1
    assert b"there is no history yet" in done.stderr
    assert not list(tmp_path.glob("history*"))
    done = Samples(tmp_path).run("explain", "--set", "history.enabled=no",
                                 "x")
    assert done.returncode == 1
    assert b"history.enabled is no" in done.stderr


@pytest.mark.parametrize("words, says", [
    ([], b"name a message"),
    (["a", "b"], b"one word too many"),
    (["--recipent", "a", "b"], b"did you mean '--recipient'?"),
    (["--recipient", "", "b"], b"whose"),
    (["--json=yes", "b"], b"takes no value"),
])
def test_wrong_usage(samples, words, says):
    done = samples.run("explain", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert b"usage: gatepost explain" in done.stderr
