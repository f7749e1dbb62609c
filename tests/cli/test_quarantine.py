"""gatepost quarantine: what the vault holds as an operator sees it, and a
release into a real Postfix, byte for byte."""

import concurrent.futures
import hashlib
import json
import os
import pty
import re
import socket
import subprocess
import threading
import time

import pytest

from support import ports
from support.gatepost import program
from support.postfix import Postfix
from support.smtpsink import SmtpSink

# Past vault.keep.
LATER = 31 * 86400

EICAR = (b"From: \"Bad \x1b[31m\xe2\x80\xae\" <x@evil.example>\r\n"
         b"To: bob@gatepost.example\r\n"
         b"Subject: Invoice \x1b]0;owned\x07 2026\r\n"
         b"Message-ID: <1@evil.example>\r\n"
         b"\r\n"
         b"secret body\r\n.\r\n..\r\n")


class Vault:
    """A state_dir with a vault, and gatepost over it."""

    def __init__(self, folder):
        self.folder = folder
        self.conf = folder / "gatepost.conf"
        self.conf.write_text(f'state_dir = "{folder}"\nrun_dir = "{folder}"\n')
        self.sets = []

    def fill(self, *messages, kind="virus", kept="held",
             sender="x@evil.example",
             rcpts="bob@gatepost.example,carol@gatepost.example"):
        ids = []
        for n, message in enumerate(messages):
            path = self.folder / f"message{n}"
            path.write_bytes(message)
            done = subprocess.run(
                [program("tests/milter/store/vault_fill"), self.folder, kind,
                 kept, sender, rcpts, path],
                capture_output=True, text=True, check=True, timeout=60)
            ids.append(done.stdout.strip())
        return ids

    def prune(self):
        """Removes what will have expired LATER; how many that are."""
        done = subprocess.run(
            [program("tests/milter/store/vault_fill"), self.folder, "prune",
             str(LATER)], capture_output=True, text=True, check=True,
            timeout=60)
        return int(done.stdout)

    def age(self, identity):
        """Stores it as LATER ago."""
        path = self.file(identity)
        path.write_bytes(re.sub(
            rb"^stored: (\d+)$",
            lambda match: b"stored: %d" % (int(match[1]) - LATER * 1000),
            path.read_bytes(), count=1, flags=re.MULTILINE))

    def command(self, *words):
        return [program("gatepost"), "quarantine", "-c", str(self.conf),
                *self.sets, *words]

    def run(self, *words, columns=None):
        env = {**os.environ, "TZ": "UTC"}
        env.pop("COLUMNS", None)
        if columns:
            env["COLUMNS"] = str(columns)
        return subprocess.run(self.command(*words), capture_output=True,
                              env=env, timeout=60, check=False)

    def good(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def listed(self, *words):
        return [json.loads(line)
                for line in self.good("list", "--json", *words).splitlines()]

    def state(self, identity):
        return next(item["state"] for item in self.listed()
                    if item["id"] == identity)

    def file(self, identity, state="held"):
        return next((self.folder / "vault").glob(f"??/{identity}.{state}"))


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path)


# ---- what is shown ----

def test_a_vault_that_never_was(vault):
    done = vault.run("list")
    assert done.returncode == 1
    assert b"nothing was ever held" in done.stderr
    assert not (vault.folder / "vault").exists()


def test_a_list_is_newest_first_and_says_what_matters(vault):
    one, = vault.fill(EICAR)
    two, = vault.fill(EICAR, kind="spam", kept="copy", sender="",
                      rcpts="bob@gatepost.example")
    head, *lines = vault.good("list").splitlines()
    assert head.split() == ["ID", "AGE", "CLASS", "STATE", "SIZE", "FROM",
                            "TO", "WHAT"]
    assert [line.split()[0] for line in lines] == [two, one]
    assert lines[0].split()[2:4] == ["spam", "copy"]
    assert lines[1].split()[2:4] == ["virus", "held"]
    assert " <> " in lines[0] and "bob@gatepost.example +1" in lines[1]
    assert "Eicar-Test-Signature: \"Invoice" in lines[1]
    assert len({line.index("Eicar") for line in lines}) == 1


@pytest.mark.parametrize("columns", [80, 100, 133, 160, 220])
def test_a_list_fits_the_terminal_and_names_each_id(vault, columns):
    ids = vault.fill(EICAR, EICAR + b"x" * 90000)
    text = vault.good("list", columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert all(one in text for one in ids)


@pytest.mark.parametrize("words", [["list"], ["list", "--json"],
                                   ["show", "ID"], ["show", "ID", "--json"]])
def test_hostile_bytes_are_harmless(vault, words):
    one, = vault.fill(EICAR)
    done = vault.run(*[one if word == "ID" else word for word in words])
    assert done.returncode == 0
    for bad in (b"\x1b", b"\x07", "\u202e".encode()):
        assert bad not in done.stdout


def test_show_tells_all_but_the_body(vault):
    one, = vault.fill(EICAR)
    text = vault.good("show", one)
    assert "held: nobody has got it" in text
    assert "bob@gatepost.example, carol@gatepost.example" in text
    assert "yes, byte for byte" in text
    assert "The verdict" in text and "Client      192.0.2.7" in text
    assert "Subject: Invoice" in text
    assert "secret body" not in text
    shown = json.loads(vault.good("show", one, "--json"))
    assert shown["header"][3] == "Message-ID: <1@evil.example>"
    assert len(shown["header"]) == 4
    assert shown["record"]["id"] == one
    assert shown["whole"] is True
    assert shown["sha256"] == hashlib.sha256(EICAR).hexdigest()


def test_filters(vault):
    one, = vault.fill(EICAR)
    two, = vault.fill(b"Subject: other\r\n\r\n", kind="dmarc",
                      sender="y@example.org", rcpts="dave@example.net")
    for words, wanted in [(["--class", "dmarc"], [two]),
                          (["--sender", "EVIL.example"], [one]),
                          (["--recipient", "carol@gatepost.example"], [one]),
                          (["--recipient", "example.net"], [two]),
                          (["--subject", "INVOICE"], [one]),
                          (["--since", "1h"], [two, one]),
                          (["--limit", "1"], [two])]:
        assert [item["id"] for item in vault.listed(*words)] == wanted, words
    done = vault.run("list", "--until", "2020-01-01")
    assert done.returncode == 1
    assert b"nothing matches; the vault has 2 messages" in done.stderr
    done = vault.run("list", "--class", "viru")
    assert done.returncode == 2 and b"did you mean 'virus'?" in done.stderr


@pytest.mark.parametrize("words", [[], ["lst"], ["show"], ["show", "a", "b"],
                                   ["list", "a"], ["release"],
                                   ["release", "a", "--json"],
                                   ["stats", "--class", "spam"],
                                   ["list", "--to", "a@b"],
                                   ["delete", "a", "--allow-sender"]])
def test_wrong_usage(vault, words):
    done = vault.run(*words)
    assert done.returncode == 2
    assert b"usage: gatepost quarantine" in done.stderr


def test_an_id_may_be_shortened_while_it_is_one(vault):
    one, two = vault.fill(EICAR, EICAR)
    assert one in vault.good("show", one[:-3]) or one[:-3] == two[:-3]
    done = vault.run("show", one[:2])
    assert done.returncode == 1
    assert one in done.stderr.decode() and two in done.stderr.decode()
    done = vault.run("show", "nope")
    assert done.returncode == 1
    assert b"there is no message 'nope'" in done.stderr


def test_export(vault, tmp_path):
    one, = vault.fill(EICAR)
    assert vault.run("export", one).stdout == EICAR
    out = tmp_path / "out.eml"
    vault.good("export", one, "--output", str(out))
    assert out.read_bytes() == EICAR
    done = vault.run("export", one, "--output", str(out))
    assert done.returncode == 1 and b"not overwritten" in done.stderr
    done = vault.run("export", "nope", "--output", str(tmp_path / "none"))
    assert done.returncode == 1
    assert not (tmp_path / "none").exists()


def test_export_does_not_write_to_a_terminal(vault):
    one, = vault.fill(EICAR)
    master, slave = pty.openpty()
    done = subprocess.run(vault.command("export", one), stdout=slave,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert b"not written to a terminal" in done.stderr


def test_delete_and_stats(vault):
    one, two = vault.fill(EICAR, EICAR)
    stats = json.loads(vault.good("stats", "--json"))
    assert stats["classes"]["virus"]["held"]["messages"] == 2
    assert vault.good("delete", one) == f"{one} was deleted.\n"
    assert [item["id"] for item in vault.listed()] == [two]
    done = vault.run("delete", one)
    assert done.returncode == 1
    assert json.loads(vault.good("stats", "--json"))["messages"] == 1
    assert "virus" in vault.good("stats")


def test_a_damaged_file_is_told_and_kept(vault):
    one, two = vault.fill(EICAR, EICAR)
    path = vault.file(one)
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    vault.file(two).write_bytes(
        vault.file(two).read_bytes().replace(b"secret", b"public"))
    done = vault.run("reindex")
    assert done.returncode == 1
    assert b"is damaged: it has not the length" in done.stderr
    assert b"1 file of the vault cannot be read" in vault.run("list").stderr
    assert path.exists()
    for words in (["export", two], ["release", two]):
        done = vault.run(*words)
        assert done.returncode == 3 and b"SHA-256 differs" in done.stderr
        assert done.stdout == b""
    assert "damaged" in vault.good("show", two)


def test_root_works_as_the_owner_of_the_vault(vault):
    one, = vault.fill(EICAR)
    for path in [vault.folder, *vault.folder.rglob("*")]:
        os.chown(path, 65534, 65534)
    top = vault.folder
    while top != top.parent:
        top.chmod(top.stat().st_mode | 0o011)
        top = top.parent
    vault.good("list")
    vault.good("delete", one)
    assert {path.stat().st_uid
            for path in (vault.folder / "vault").rglob("*")} == {65534}


# ---- release ----

@pytest.fixture(scope="module")
def postfix(folder):
    with Postfix(folder / "postfix") as running:
        yield running


def send_to(vault, port):
    vault.sets = ["--set", f"release.smtp=inet:127.0.0.1:{port}",
                  "--set", "release.timeout=10s"]


MESSAGES = {
    "dots": EICAR,
    "8bit": b"Subject: caf\xe9\r\n\r\n" + bytes(range(128, 256)) + b"\r\n",
    "large": b"Subject: large\r\n\r\n"
             + b"".join(b"%076d\r\n" % n for n in range(20000)),
    "no_body": b"Subject: x\r\nX-Odd:   spaces  \r\n\tfolded \r\n\r\n",
    "as_from": b"Subject: y\r\n\r\nFrom here on\r\n.From\r\n",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_release_arrives_byte_for_byte(vault, postfix, name):
    message = MESSAGES[name]
    send_to(vault, postfix.plain_port)
    postfix.forget_delivered()
    one, = vault.fill(message, rcpts="bob@gatepost.example")
    said = vault.good("release", one)
    assert said == f"{one} was released to bob@gatepost.example.\n"
    assert vault.state(one) == "released"
    arrived, = postfix.wait_delivered(1)
    # Postfix puts its fields before the message, and stores LF.
    wanted = message.replace(b"\r\n", b"\n")
    assert arrived.startswith(b"Return-Path: <x@evil.example>\n")
    assert hashlib.sha256(arrived[-len(wanted):]).hexdigest() \
        == hashlib.sha256(wanted).hexdigest()


def test_the_envelope_is_the_original_one(vault, postfix):
    send_to(vault, postfix.plain_port)
    postfix.forget_delivered()
    one, = vault.fill(EICAR, sender="")
    vault.good("release", one)
    arrived = postfix.wait_delivered(2)
    assert all(text.startswith(b"Return-Path: <>\n") for text in arrived)
    assert sorted(text.split(b"Delivered-To: ")[1].split(b"\n")[0]
                  for text in arrived) == [b"bob@gatepost.example",
                                           b"carol@gatepost.example"]


def test_a_second_release_says_so_unless_it_is_to_somebody(vault, postfix):
    send_to(vault, postfix.plain_port)
    postfix.forget_delivered()
    one, = vault.fill(EICAR, rcpts="bob@gatepost.example")
    vault.good("release", one)
    done = vault.run("release", one)
    assert done.returncode == 1
    assert b"was released already" in done.stderr
    vault.good("release", one, "--to", "eve@gatepost.example")
    arrived = postfix.wait_delivered(2)
    assert len(arrived) == 2
    assert b"Delivered-To: eve@gatepost.example" in arrived[1]


def test_a_refused_recipient_is_told_and_nothing_is_sent(vault, postfix):
    send_to(vault, postfix.plain_port)
    postfix.forget_delivered()
    one, = vault.fill(EICAR, rcpts="bob@gatepost.example,x@elsewhere.example")
    done = vault.run("release", one)
    assert done.returncode == 3
    assert b"is still held" in done.stderr
    assert b"Relay access denied" in done.stderr
    assert b"--to" in done.stderr
    assert vault.state(one) == "held"
    assert postfix.count_delivered() == 0


def test_while_postfix_is_down_it_stays_held(vault, postfix):
    send_to(vault, ports.free_port())
    one, = vault.fill(EICAR, rcpts="bob@gatepost.example")
    done = vault.run("release", one)
    assert done.returncode == 3
    assert b"is still held" in done.stderr and b"try again" in done.stderr
    assert vault.state(one) == "held"
    send_to(vault, postfix.plain_port)
    vault.good("release", one)
    assert vault.state(one) == "released"


def test_two_releases_at_once_are_one(vault):
    one, = vault.fill(EICAR)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        send_to(vault, silent.getsockname()[1])
        with subprocess.Popen(vault.command("release", one),
                              stderr=subprocess.PIPE) as first:
            peer, _ = silent.accept()
            for verb in ("release", "delete"):
                done = vault.run(verb, one)
                assert done.returncode == 3
                assert b"is being released" in done.stderr
            peer.close()
            assert b"is still held" in first.stderr.read()
        assert first.returncode == 3
    assert vault.state(one) == "held"


def test_several_are_released_and_one_that_fails_stops_none(vault, postfix):
    send_to(vault, postfix.plain_port)
    postfix.forget_delivered()
    one, two = vault.fill(EICAR, EICAR, rcpts="bob@gatepost.example")
    done = vault.run("release", one, "nope", two)
    assert done.returncode == 1
    assert vault.state(one) == vault.state(two) == "released"
    assert len(postfix.wait_delivered(2)) == 2


def test_a_store_that_fails_after_a_release_is_told(vault, postfix):
    """The message is out by then, and stays so."""
    send_to(vault, postfix.plain_port)
    vault.sets += ["--set", f"store=redis://127.0.0.1:{ports.free_port()}"]
    postfix.forget_delivered()
    one, = vault.fill(EICAR, rcpts="bob@gatepost.example")
    done = vault.run("release", one, "--allow-sender")
    assert done.returncode == 3
    assert done.stdout.decode() == (
        f"{one} was released to bob@gatepost.example.\n")
    assert (f"{one} was released, but its sender was not let through "
            "greylisting: store redis") in done.stderr.decode()
    assert vault.state(one) == "released"
    assert len(postfix.wait_delivered(1)) == 1


# ---- release, expiry and delete at once ----

def test_what_is_being_released_neither_expires_nor_is_deleted(vault):
    one, = vault.fill(EICAR, rcpts="bob@gatepost.example")
    may_end = threading.Event()
    with SmtpSink({".": lambda _: may_end.wait(30) and None}) as sink:
        send_to(vault, sink.port)
        with subprocess.Popen(vault.command("release", one),
                              stdout=subprocess.PIPE) as release:
            ports.wait_until(lambda: sink.half, 10, "the message to come")
            assert vault.prune() == 0
            done = vault.run("delete", one)
            assert done.returncode == 3
            assert b"is being released" in done.stderr
            assert vault.file(one).exists()
            may_end.set()
            assert b"was released to bob" in release.stdout.read()
        assert release.returncode == 0
        assert sink.messages[0].data == EICAR
    assert vault.state(one) == "released"
    assert vault.prune() == 1
    done = vault.run("release", one, "--to", "eve@gatepost.example")
    assert done.returncode == 1
    assert b"there is no message" in done.stderr


@pytest.mark.parametrize("words", [[], ["--to", "eve@gatepost.example"]])
def test_what_has_expired_is_not_released_though_it_is_still_there(vault,
                                                                   words):
    one, two = vault.fill(EICAR, EICAR, rcpts="bob@gatepost.example")
    vault.age(one)
    with SmtpSink() as sink:
        send_to(vault, sink.port)
        done = vault.run("release", one, two, *words)
        assert done.returncode == 1
        assert b"is older than vault.keep" in done.stderr
        assert one.encode() in done.stderr
        assert len(sink.messages) == 1
    assert (vault.state(one), vault.state(two)) == ("held", "released")


def test_of_release_delete_and_expiry_one_wins(vault):
    """Whoever comes first; what was sent is what a release said."""
    ids = vault.fill(*(b"Subject: %d\r\n\r\n" % n for n in range(16)),
                     rcpts="bob@gatepost.example")
    # So long that the others often meet a release under way.
    with SmtpSink({".": lambda _: time.sleep(0.2)}) as sink:
        send_to(vault, sink.port)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            releases = {}
            others = []
            for n, one in enumerate(ids):
                if n % 2:
                    others.append(pool.submit(vault.run, "delete", one))
                releases[one] = pool.submit(vault.run, "release", one)
                if n in (7, 11, 15):
                    others.append(pool.submit(vault.prune))
        sent = {ids[int(message.data.split()[1])]
                for message in sink.messages}
        assert len(sent) == len(sink.messages)
    assert {one for one in ids if releases[one].result().returncode == 0} \
        == sent
    for one in set(ids) - sent:
        assert re.search(b"there is no message|is being released or deleted",
                         releases[one].result().stderr)
    assert all(isinstance(other.result(), int)
               or other.result().returncode in (0, 1, 3) for other in others)
    left = {item["id"]: item["state"] for item in vault.listed()}
    assert set(left.values()) <= {"released"}
    assert set(left) <= sent
    print(f"measured: {len(sent)} of {len(ids)} were sent, "
          f"{len(left)} are left")
