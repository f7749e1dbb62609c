"""gatepost log: messages found by what is known of them, as lines and as
JSON, on any terminal; and those that come while it looks."""

import json
import os
import signal
import subprocess
import time

import pytest

from support import ports
from support.gatepost import program
from support.samples import Samples


@pytest.fixture(scope="module")
def samples(folder):
    return Samples(folder).fill()


def found(samples, *words):
    return [json.loads(line) for line in
            samples.good("log", "--json", *words).splitlines()]


def names(samples, *words):
    return [record["id"] for record in found(samples, *words)]


def test_all_are_shown_as_a_log_oldest_first(samples):
    records = found(samples)
    times = [record["time"] for record in records]
    assert len(records) == 19
    assert times == sorted(times)
    lines = samples.good("log").splitlines()
    assert [line.split()[-1] for line in lines] == names(samples)
    assert lines[0].split() == [
        "2026-11-27", "22:13:05", "accept", "-0.90", "alice@example.org", "->",
        "bob@example.net", "mx.example.org[192.0.2.1]",
        "DMARC_PASS(-0.5),SPF_PASS(-0.2),DKIM_PASS(-0.2)", "1m8fsample000001"]


FILTERS = [
    (["--id", "1m8fsample000003"], ["rejected"]),
    (["--queue", "4Q00003z"], ["rejected"]),
    (["--message-id", "greylisted@example.org"], ["greylisted"] * 3),
    (["--message-id", "<greylisted@example.org>"], ["greylisted"] * 3),
    (["--user", "ALICE"], ["sent", "ratelimited"]),
    (["--user", "alice", "--action", "ratelimit"], ["ratelimited"]),
    (["--action", "reject"], ["rejected", "rejected_by_dmarc"]),
    (["--action", "TAG"], ["tagged", "shadow"]),
    (["--direction", "out"], ["sent", "ratelimited"]),
    (["--recipient", "carol@example.com"], ["sent"]),
    (["--recipient", "example.com"], ["sent"]),
    (["--recipient", "@EXAMPLE.com"], ["sent"]),
    (["--symbol", "dmarc_reject"], ["rejected_by_dmarc"]),
    (["--client", "203.0.113.9"], ["sent", "ratelimited"]),
    (["--sender", "example.org", "--symbol", "SPF_TEMPERROR"],
     ["deferred_by_dns", "accepted_without_dns"]),
    (["--until", "2026-11-27T22:14:30Z"], ["clean", "tagged"]),
    (["--since", "2026-11-27T22:13:30Z", "--until", "@1795817700"],
     ["tagged"]),
    (["--limit", "2", "--until", "2026-11-27T22:15:30Z"],
     ["tagged", "rejected"]),
]


@pytest.mark.parametrize("words, wanted", FILTERS)
def test_filters(samples, words, wanted):
    expected = []
    for name in dict.fromkeys(wanted):
        expected += samples.ids(name)
    assert names(samples, *words) == expected


def test_nothing_matches(samples):
    done = samples.run("log", "--sender", "nobody@example.org")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"nothing matches; the history has 19 records" in done.stderr
    done = samples.run("log", "--since", "2027-01-01", "--json")
    assert done.returncode == 1
    assert done.stdout == b""
    done = samples.run("log", "--since", "2027-01-01", "--set",
                       "history.enabled=no")
    assert b"history.enabled is no" in done.stderr


def test_the_newest_are_shown_and_all_if_asked_for(folder_of_traffic):
    assert len(names(folder_of_traffic)) == 50
    assert len(names(folder_of_traffic, "--limit", "1")) == 1
    every = names(folder_of_traffic, "--limit", "all")
    # More than one page, each record once.
    assert len(every) == len(set(every)) > 1000
    assert every[-50:] == names(folder_of_traffic)


@pytest.fixture(scope="module")
def folder_of_traffic(tmp_path_factory):
    return Samples(tmp_path_factory.mktemp("traffic")).traffic(
        int(time.time()), 24)


@pytest.mark.parametrize("columns", [60, 72, 80, 100, 120, 133, 160, 200, 260])
def test_lines_fit_the_terminal(samples, columns):
    plain = samples.good("log").splitlines()
    lines = samples.good("log", columns=columns).splitlines()
    assert len(lines) in (len(plain), 2 * len(plain))
    assert (len(lines) == len(plain)) == (columns >= 160)
    # Below 80 columns they are only as short as can be.
    assert max(map(len, lines)) <= max(columns, 80)
    for record in names(samples):
        assert record in "\n".join(lines)


def test_short_lines_need_no_second_one(tmp_path):
    own = Samples(tmp_path).fill("clean", "tagged", "greylisted")
    lines = own.good("log", columns=170).splitlines()
    assert len(lines) == 5
    assert "…" not in lines[0]


# ---- following ----

class Follower:
    def __init__(self, samples, *words):
        self.out = samples.folder / "followed"
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [program("gatepost"), "log", "-c", samples.conf, "--follow",
                 *words], stdout=out, stderr=subprocess.PIPE,
                env={**os.environ, "TZ": "UTC"})

    def wait_for(self, text):
        ports.wait_until(lambda: self.process.poll() is None
                         and text in self.out.read_text(), 20, text)

    def stop(self, sign=signal.SIGINT):
        self.process.send_signal(sign)
        code = self.process.wait(20)
        return code, self.process.stderr.read()


def test_follow_shows_what_comes_and_ends_cleanly(tmp_path):
    own = Samples(tmp_path).fill("clean", "sent")
    follower = Follower(own, "--limit", "1")
    try:
        follower.wait_for(own.ids("sent")[0])
        own.fill("rejected")
        follower.wait_for(own.ids("rejected")[0])
        own.fill("tagged")
        follower.wait_for(own.ids("tagged")[0])
    finally:
        code, errors = follower.stop()
    assert code == 0
    assert errors == b""
    shown = follower.out.read_text().splitlines()
    assert [line.split()[-1] for line in shown] == [
        *own.ids("sent"), *own.ids("rejected"), *own.ids("tagged")]


def test_follow_keeps_to_its_filters_and_json(tmp_path):
    own = Samples(tmp_path).fill("clean")
    follower = Follower(own, "--json", "--action", "reject")
    try:
        time.sleep(0.5)
        own.fill("tagged", "rejected")
        follower.wait_for(own.ids("rejected")[0])
    finally:
        code, errors = follower.stop(signal.SIGTERM)
    assert (code, errors) == (0, b"")
    records = [json.loads(line)
               for line in follower.out.read_text().splitlines()]
    assert [r["id"] for r in records] == own.ids("rejected")


# ---- bytes of strangers ----

def test_hostile_bytes_stay_harmless(samples):
    for columns in (None, 80, 200):
        said = samples.run("log", columns=columns).stdout
        text = said.decode()
        # A line feed or a table row of theirs makes no line of ours.
        assert "forged line" not in "".join(
            line[:20] for line in text.splitlines())
        for byte in (*range(0, 10), *range(11, 32), 127):
            assert bytes([byte]) not in said
        assert "\x9b" not in text and "\u202e" not in text
    lines = samples.run("log", "--json").stdout
    assert b"\x1b" not in lines
    assert len(lines.splitlines()) == 19


@pytest.mark.parametrize("value", [
    "' OR 1=1 --", "%", "*", "a\x1b[2J@b.example", "\n", "z" * 100000,
    "\"", "\u202e", "x@" + "y." * 5000 + "example"],
    ids=["SQL", "%", "*", "escape", "line", "long", "quote", "turned",
         "labels"])
def test_hostile_words_find_nothing(samples, value):
    for option in ("--sender", "--recipient", "--message-id", "--queue",
                   "--user", "--id", "--symbol"):
        done = samples.run("log", option, value)
        assert done.returncode in (1, 2, 3), (option, value)
        assert done.stdout == b""
        assert b"\x1b" not in done.stderr


# ---- no history; wrong words ----

def test_no_history_is_said_and_none_is_made(tmp_path):
    done = Samples(tmp_path).run("log")
    assert done.returncode == 1
    assert b"there is no history yet at" in done.stderr
    assert not list(tmp_path.glob("history*"))
    done = Samples(tmp_path).run("log", "--set", "history.enabled=no")
    assert done.returncode == 1
    assert b"history.enabled is no" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_leaves_no_file_of_its_own(folder):
    state = folder / "owned"
    state.mkdir()
    own = Samples(state).fill("clean")
    os.chown(state, 12345, 12345)
    for path in state.glob("history.db*"):
        os.chown(path, 12345, 12345)
    own.good("log")
    for path in state.glob("history.db*"):
        assert path.stat().st_uid == 12345, path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_history_of_somebody_else_is_named(folder):
    state = folder / "private"
    state.mkdir()
    own = Samples(state).fill("clean")
    for path in state.glob("history.db*"):
        path.chmod(0o600)
    done = own.run("log", user=65534)
    assert done.returncode == 3
    assert b"history.db: Permission denied; run it as root" in done.stderr


@pytest.mark.parametrize("words, says", [
    (["x"], "one word too many"),
    (["--action", "rejct"], "did you mean 'reject'?"),
    (["--direction", "inn"], "there is no 'inn'"),
    (["--since", "tomorow"], "'tomorow' is no time"),
    (["--until", "2026-02-30"], "--until: '2026-02-30' is no time"),
    (["--limit", "0"], "--limit"), (["--limit", "many"], "--limit"),
    (["--follow", "--until", "now"], "takes no --until"),
    (["--folow"], "did you mean '--follow'?"),
])
def test_wrong_usage(samples, words, says):
    done = samples.run("log", *words)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"usage: gatepost log" in done.stderr
