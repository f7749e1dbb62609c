"""gatepost greylist: what waits, what has passed, and what is never
deferred; on either store, by keys, addresses, domains and networks."""

import json
import os
import re
import stat
import subprocess
import time

import pytest

from support.folder import Folder
from support.gatepost import program
from support.redisserver import RedisServer

KEY = re.compile(r"^[a-z2-7]{16}$")


class Store:
    """A store, and the tool that fills it as the greylist check does."""

    def __init__(self, folder, url):
        # As the daemon's user may find it, whoever fills it first.
        folder.chmod(0o777)
        self.url = url
        self.conf = folder / "gatepost.conf"
        self.conf.write_text(f'store = "{url}"\nuser = nobody\n')

    def ask(self, *lines):
        """The last words of the answers to these lines of store_ask."""
        done = subprocess.run(
            [program("tests/milter/store/store_ask"), "-s",
             "state.timeout=5s", self.url],
            input="\n".join(lines) + "\n", capture_output=True, text=True,
            timeout=60)
        answers = [dict(re.findall(r"(\w+)=(\S+)", line))
                   for line in done.stdout.splitlines()
                   if line.startswith("DONE ")]
        assert len(answers) == len(lines), done
        return answers

    def attempt(self, *tries, delay=300):
        """Each a sender, a recipient and origins; whether all pass."""
        return [answer["pass"] == "1" for answer in self.ask(
            *(f"greylist {sender or '<>'} {recipient} {origins} "
              f"{delay * 1000} 86400000 {36 * 86400000} record0000000001"
              for sender, recipient, origins in tries))]

    def allowed(self, *names):
        """The index of the first of these names that is allowed, or -1."""
        return int(self.ask("allowed " + ",".join(names))[0]["index"])

    def run(self, *words, **options):
        return subprocess.run(
            [program("gatepost"), "greylist", "-c", self.conf,
             *map(str, words)],
            capture_output=True, text=True, timeout=60, **options)

    def good(self, *words, **options):
        done = self.run(*words, **options)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def list(self, *words):
        return json.loads(self.good("--json", "list", *words))


@pytest.fixture(scope="module")
def redis():
    with Folder() as folder, RedisServer(folder, password="s3cret") as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def store(request):
    with Folder() as folder:
        if request.param == "redis":
            server = request.getfixturevalue("redis")
            server.do("FLUSHALL")
            yield Store(folder, server.url)
        else:
            yield Store(folder, f"sqlite:{folder}/greylist.db")


ALICE_BOB = ("alice@example.org", "bob@here.example", "192.0.2.0/24")
ALICE_CAROL = ("alice@example.org", "carol@here.example", "192.0.2.0/24")
BOUNCE = ("", "bob@here.example", "2001:db8:1:2::/64")
NEWS = ("news@lists.example", "carol@there.example",
        "198.51.100.0/24,lists.example")


def fill(store):
    assert store.attempt(ALICE_BOB, ALICE_CAROL, NEWS) == [False] * 3
    assert store.attempt(BOUNCE, BOUNCE, delay=0) == [False, True]


def test_an_empty_store_says_so(store):
    assert store.good("list") == "No entries.\n"
    assert store.good("list", "--waiting") == "No entries are waiting.\n"
    assert store.good("list", "--passed") == "No entries have passed.\n"
    assert store.list() == []
    assert store.good("allowed") == "No names are allowed.\n"
    assert json.loads(store.good("allowed", "--json")) == []


def test_entries_as_json(store):
    fill(store)
    found = store.list()
    assert len(found) == 5
    assert len({entry["key"] for entry in found}) == 5
    for entry in found:
        assert KEY.match(entry["key"])
        assert list(entry) == ["key", "state", "sender", "recipient",
                               "origin", "record", "tries", "age_s",
                               "idle_s", "wait_s", "left_s"]
        assert entry["record"] == "record0000000001"
        assert entry["tries"] == (1 if entry["sender"] else 2)
        assert 0 <= entry["idle_s"] <= entry["age_s"] <= 30
    waiting, = [entry for entry in found
                if entry["recipient"] == "bob@here.example"
                and entry["sender"]]
    assert waiting["sender"] == "alice@example.org"
    assert waiting["origin"] == "192.0.2.0/24"
    assert waiting["state"] == "waiting"
    assert 270 <= waiting["wait_s"] <= 300
    assert 86300 <= waiting["left_s"] <= 86400
    passed, = store.list("--passed")
    assert (passed["sender"], passed["state"]) == ("", "passed")
    assert passed["wait_s"] == 0
    assert 36 * 86400 - 60 <= passed["left_s"] <= 36 * 86400
    assert len(store.list("--waiting")) == 4
    assert len(store.list("--waiting", "--passed")) == 5


@pytest.mark.parametrize("match, count", [
    ("alice@example.org", 2), ("<Alice@Example.ORG>", 2),
    ("bob@here.example", 2), ("@here.example", 3), ("here.example", 3),
    ("lists.example", 2), ("nobody@here.example", 0), ("@ere.example", 0),
    ("sub.here.example", 0), ("abcdefghijklmnop", 0),
])
def test_entries_are_found_by_sender_recipient_or_domain(store, match, count):
    fill(store)
    done = store.run("--json", "list", match)
    assert len(json.loads(done.stdout)) == count
    assert done.returncode == (0 if count else 1)
    if not count:
        done = store.run("list", match)
        assert done.returncode == 1
        assert f"nothing matches '{match}'" in done.stderr


def test_a_key_names_one_entry(store):
    fill(store)
    for entry in store.list():
        for written in (entry["key"], entry["key"].upper()):
            assert [one["key"] for one in store.list(written)] == [
                entry["key"]]


def test_the_table_is_for_people(store):
    fill(store)
    lines = store.good("list").splitlines()
    assert lines[0].split() == ["KEY", "STATE", "TRIES", "FROM", "TO", "VIA"]
    assert len(lines) == 6
    line, = [line for line in lines if "<>" in line]
    assert re.fullmatch(r"[a-z2-7]{16}  passed, 3[56]d left +2  <> +"
                        r"bob@here.example +2001:db8:1:2::/64", line)
    assert sum(bool(re.search(r"  waits (4m[0-9]{2}|5m00)s ", line))
               for line in lines) == 4
    # Columns stand below their heads.
    for head in ("STATE", "FROM", "TO ", "VIA"):
        at = lines[0].index(head)
        assert all(line[at - 1] == " " and line[at] != " "
                   for line in lines), head


def test_what_may_pass_says_so(store):
    assert store.attempt(ALICE_BOB, delay=1) == [False]
    time.sleep(1.1)
    assert "  may pass now  " in store.good("list")
    assert store.list()[0]["wait_s"] == 0


@pytest.mark.parametrize("width", [80, 100, 120, 132])
def test_the_table_fits_the_terminal(store, width):
    store.attempt(("a-very-long-mailbox-name.of-somebody@mail.example.org",
                   "another.long-name@department.of.here.example",
                   "2001:db8:1234:5678::/64,"
                   "quite-a-long-domain-name.signs.example.org"),
                  ("b\u00fccher@example.org", "c@d.example", "192.0.2.0/24"))
    text = store.good("list", env={**os.environ, "COLUMNS": str(width)})
    assert all(len(line) <= width for line in text.splitlines())
    # Keys are what a person types, so they are never cut.
    for entry in store.list():
        assert entry["key"] in text
    if width < 120:
        assert "another.long-nam" in text
    whole = store.good("list")
    assert "a-very-long-mailbox-name.of-somebody@mail.example.org" in whole
    assert "b\u00fccher@example.org" in whole


def test_release_lets_the_next_try_pass(store):
    fill(store)
    key = next(entry["key"] for entry in store.list()
               if entry["recipient"] == "carol@here.example")
    assert store.good("release", key) == (
        "1 entry released: the next try passes.\n")
    assert store.attempt(ALICE_CAROL, ALICE_BOB) == [True, False]
    assert store.good("release", "alice@example.org").startswith("1 entry ")
    assert store.attempt(ALICE_BOB) == [True]
    # What has passed needs no release.
    done = store.run("release", "alice@example.org")
    assert done.returncode == 1
    assert "nothing matches 'alice@example.org'" in done.stderr
    assert store.good("release", "there.example").startswith("2 entries ")


def test_forget_begins_anew(store):
    fill(store)
    assert store.good("forget", "bob@here.example") == "2 entries forgotten.\n"
    assert len(store.list()) == 3
    assert store.run("forget", "bob@here.example").returncode == 1
    assert store.attempt(BOUNCE) == [False]


ALLOWED = [
    ("Alice@Example.ORG", "alice@example.org"),
    ("<alice@example.org>", "alice@example.org"),
    ("@Example.org", "example.org"),
    ("b\u00fccher.example", "xn--bcher-kva.example"),
    ("192.0.2.77", "192.0.2.77"),
    ("192.0.2.77/24", "192.0.2.0/24"),
    ("2001:DB8:1:2:3::4/64", "2001:db8:1:2::/64"),
    ("2001:db8::0:1", "2001:db8::1"),
    ("192.0.2.77/32", "192.0.2.77"),
    # Senders that write anew each time are known by one name.
    ("list-return-42-user=a.test@example.org",
     "list-return-#-*@example.org"),
    ("list-return-#-*@example.org", "list-return-#-*@example.org"),
    ("bob+tag@example.org", "bob+tag@example.org"),
]


@pytest.mark.parametrize("written, name", ALLOWED)
def test_allowed_names(store, written, name):
    assert store.allowed("other.example", name) == -1
    assert name in store.good("allow", written)
    assert store.allowed("other.example", name) == 1
    assert store.good("allowed") == name + "\n"
    assert json.loads(store.good("--json", "allowed")) == [{"name": name}]
    # The same name in another form takes it back.
    assert store.good("forget", written) == "1 entry forgotten.\n"
    assert store.allowed(name) == -1


def test_a_domain_forgets_its_entries_and_its_allowance(store):
    fill(store)
    store.good("allow", "there.example")
    assert store.good("forget", "there.example") == "3 entries forgotten.\n"
    assert len(store.list()) == 3
    assert store.good("allowed") == "No names are allowed.\n"


@pytest.mark.parametrize("words, says", [
    ([], "say what to do"),
    (["show"], "there is no 'show'"),
    (["list", "a@b.example", "c@d.example"], "one word too many"),
    (["list", "--waitng"], "'--waitng'"),
    (["release"], "say what to release"),
    (["release", ""], "names no entry"),
    (["release", "<>"], "bounces have no sender"),
    (["release", "192.0.2.1"], "named by their key"),
    (["release", "short"], "'short' is no key"),
    (["forget", ""], "names no entry"),
    (["forget", "what?"], "'what?'"),
    (["allow"], "say what to allow"),
    (["allow", "a b"], "'a b'"),
    (["allow", "192.0.2.0/25"], "its /24"),
    (["allow", "2001:db8::/32"], "its /64"),
    (["allow", "192.0.2.256"], "'192.0.2.256'"),
    (["allowed", "x"], "one word too many"),
    (["allow", "--json", "a@b.example"], "--json"),
    (["release", "--waiting", "a@b.example"], "--waiting"),
    (["--set"], "'--set' lacks its value"),
])
def test_wrong_usage(store, words, says):
    store.attempt(BOUNCE)
    done = store.run(*words)
    assert done.returncode == 2, done
    assert says in done.stderr.splitlines()[0]
    assert "usage: gatepost greylist" in done.stderr
    assert len(store.list("--waiting")) == 1


def test_words_after_two_hyphens_are_no_options(store):
    store.attempt(("--json@example.org", "b@here.example", "192.0.2.0/24"))
    assert len(store.list("--", "--json@example.org")) == 1


def test_control_characters_do_not_reach_the_terminal(store):
    store.attempt(("a\x1b[31m@example.org", "b@here.example",
                   "192.0.2.0/24"))
    text = store.good("list")
    assert "\x1b" not in text
    assert "[31m@example.org" in text


def test_wrong_configuration(tmp_path):
    conf = tmp_path / "gatepost.conf"
    conf.write_text("store = nothing\n")
    done = subprocess.run([program("gatepost"), "greylist", "-c", conf,
                           "list"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 3
    assert "store" in done.stderr


def test_a_store_that_is_down_is_named_without_its_password(tmp_path):
    conf = tmp_path / "gatepost.conf"
    conf.write_text('store = "redis://user:s3cret@127.0.0.1:1/0"\n')
    done = subprocess.run([program("gatepost"), "greylist", "-c", conf,
                           "list"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "redis 127.0.0.1:1/0" in done.stderr
    assert "refused" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_wrong_password_is_said(folder, redis):
    conf = folder / "wrong.conf"
    conf.write_text(f'store = "redis://:other@{redis.address}/0"\n')
    done = subprocess.run([program("gatepost"), "greylist", "-c", conf,
                           "list"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 3
    assert "password" in done.stderr
    assert "other" not in done.stderr


# ---- SQLite: whose file it is ----

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = 65534


@needs_root
def test_root_leaves_no_file_that_the_daemon_cannot_write(folder):
    state = folder / "state"
    state.mkdir()
    store = Store(state, f"sqlite:{state}/greylist.db")
    # The command comes first, the daemon later.
    store.good("allow", "example.org")
    for path in state.iterdir():
        if path.name.startswith("greylist.db"):
            assert path.stat().st_uid == NOBODY, path
    # A database of another user keeps him, whatever the setting says.
    for path in state.glob("greylist.db*"):
        os.chown(path, 12345, 12345)
    store.good("allow", "example.net")
    for path in state.glob("greylist.db*"):
        assert path.stat().st_uid == 12345, path
    assert store.good("allowed") == "example.net\nexample.org\n"


@needs_root
def test_a_file_of_another_user_is_named(folder):
    state = folder / "private"
    state.mkdir()
    store = Store(state, f"sqlite:{state}/greylist.db")
    store.attempt(ALICE_BOB)
    for path in state.glob("greylist.db*"):
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    done = store.run("list", user=NOBODY)
    assert done.returncode == 3
    assert str(state / "greylist.db") in done.stderr
    assert "ermission" in done.stderr or "rights" in done.stderr
