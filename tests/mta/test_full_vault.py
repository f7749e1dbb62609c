"""A vault on a file system that is really full: what cannot be held is
deferred, nothing half-written is left, all other mail goes on, and what
waited comes in when there is room."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess

import pytest

from mta_messages import CLEAN, SETTINGS, TAGGED, ZONES, message
from support import ports
from support.folder import Folder
from support.postfix import Postfix
from support.smtp import send
from support.stack import Stack
from test_antivirus import mail

SIZE = 4 << 20


class Disk:
    """A small file system, and a file that fills it up."""

    def __init__(self, folder):
        self.folder = folder
        self.filler = folder / "filler"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o",
                        f"size={SIZE},mode=0777", "tmpfs", folder],
                       check=True, timeout=20)

    def free(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave=0):
        with open(self.filler, "ab", buffering=0) as file:
            file.write(bytes(self.free() - leave))
        assert self.free() == leave

    def empty(self):
        self.filler.unlink(missing_ok=True)

    def end(self):
        subprocess.run(["umount", "-l", self.folder], check=True, timeout=20)


@pytest.fixture(scope="module")
def disk():
    with Folder() as folder:
        folder.chmod(0o755)
        one = Disk(folder / "small")
        yield one
        one.end()


@pytest.fixture(scope="module")
def running(disk):
    with Folder() as folder, Stack(folder, ZONES, {
            **SETTINGS, "attachments.enabled": "yes",
            "vault.path": str(disk.folder / "vault"), "vault.min_free": "0",
            # A server of this host is to count as one from outside.
            "trusted_networks": "192.0.2.200"}) as one:
        # The index takes its room before there is none.
        ports.wait_until(lambda: one.gatepost.metrics()[
            "gatepost_vault_free_bytes"] > 0, 15, "the vault's index")
        yield one


@pytest.fixture
def stack(running, disk):
    yield running
    disk.empty()
    for path in held(disk):
        path.unlink()


def held(disk):
    return sorted((disk.folder / "vault").glob("??/*.*"))


def unfinished(disk):
    return list((disk.folder / "vault/tmp").iterdir())


def forbidden(size, name="tool.exe"):
    return mail(b"MZ" + os.urandom(size * 3 // 4), name)


def of_size(size):
    """Exactly so many bytes, the last of them after the last part."""
    message = forbidden(size // 2)
    return message + b"x" * (size - len(message) - 2) + b"\r\n"


def listed(stack):
    done = stack.gatepost.run("quarantine", "list", "--json")
    return {json.loads(line)["id"] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("leave, why", [
    (0, "less than vault.min_free"),
    # Room for the message, but not for what is written before it.
    (304 << 10, "cannot be written: No space left on device")])
def test_what_does_not_fit_is_deferred_and_leaves_nothing(stack, disk, leave,
                                                          why):
    disk.fill(leave)
    reply, record = stack.judge(of_size(304 << 10), **CLEAN)
    assert reply.code == 451, reply
    assert (record["cause"], record["vault"]) == ("vault", None)
    stack.gatepost.wait_line(why)
    assert not held(disk) and not unfinished(disk)
    assert disk.free() == leave
    # All else is taken, and delivered.
    reply = stack.send(message(CLEAN["sender"]), **CLEAN)
    assert reply.code == 250
    assert stack.mail_of(reply)
    disk.empty()
    again = of_size(304 << 10)
    reply, record = stack.judge(again, **CLEAN)
    assert (reply.code, record["vault"]) == (250, "held")
    file, = held(disk)
    assert file.read_bytes().endswith(again)
    assert listed(stack) == {record["id"]}


def test_while_it_fills_up_each_message_is_whole_or_deferred(stack, disk):
    disk.fill(1 << 20)
    messages = [forbidden(200 << 10, f"{n}.exe") for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: stack.judge(one, **CLEAN),
                                messages))
    kept = {}
    for one, (reply, record) in zip(messages, answers):
        if reply.code == 250:
            kept[record["id"]] = one
        else:
            assert (reply.code, record["cause"]) == (451, "vault")
    assert 0 < len(kept) < len(messages)
    assert {path.name.split(".")[0] for path in held(disk)} == set(kept)
    for path in held(disk):
        assert path.read_bytes().endswith(kept[path.name.split(".")[0]])
    assert not unfinished(disk)
    disk.empty()
    assert listed(stack) == set(kept)
    done = stack.gatepost.run("quarantine", "reindex")
    assert done.returncode == 0, done.stderr
    print(f"measured: {len(kept)} of {len(messages)} found room")


def test_a_server_that_retries_gets_it_in_when_there_is_room(stack, disk):
    # Of a domain that asks nobody to refuse what is not its own.
    sent = forbidden(300 << 10).replace(CLEAN["sender"].encode(),
                                        TAGGED["sender"].encode())
    with Folder() as folder, Postfix(folder / "other", domains=(), settings={
            "default_transport": "smtp", "mynetworks": "127.0.0.0/8",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "relayhost": f"[127.0.0.1]:{stack.postfix.port}"}) as other:
        before = stack.postfix.count_delivered()
        disk.fill()
        had = len(stack.gatepost.records())
        assert send(other.port, sent, sender=TAGGED["sender"],
                    client=None).code == 250

        def tries():
            return [one for one in stack.gatepost.records()[had:]
                    if one["cause"] == "vault"]
        ports.wait_until(lambda: len(tries()) >= 2, 30, "two tries")
        (waiting,) = other.queue()
        assert waiting["queue_name"] in ("deferred", "active")
        assert not held(disk) and not unfinished(disk)
        disk.empty()
        ports.wait_until(lambda: not other.queue(), 30,
                         "the message to be taken")
    file, = held(disk)
    assert file.read_bytes().endswith(sent)
    assert stack.postfix.count_delivered() == before
    assert listed(stack) == {file.name.split(".")[0]}
    ports.wait_until(
        lambda: stack.gatepost.metrics()["gatepost_vault_messages"] == 1, 15,
        "the recorder to see it")
    assert "vault" in stack.gatepost.http("/healthz")[1]


@pytest.mark.parametrize("settled", [False, True])
def test_deleting_makes_room_where_there_is_none(stack, disk, settled):
    ids = [stack.judge(of_size(304 << 10), **CLEAN)[1]["id"]
           for _ in range(3)]
    if settled:     # the index has all of it
        assert listed(stack) == set(ids)
    disk.fill()
    done = stack.gatepost.run("quarantine", "delete", ids[0])
    assert done.returncode == 0, done.stderr
    assert len(held(disk)) == 2
    reply, record = stack.judge(of_size(200 << 10), **CLEAN)
    assert (reply.code, record["vault"]) == (250, "held")
    disk.empty()
    assert listed(stack) == {*ids[1:], record["id"]}


def test_expiry_makes_room_where_there_is_none(stack, disk):
    """Though the index can write down nothing of what has changed."""
    recorder = stack.gatepost.recorder()
    os.kill(recorder, signal.SIGSTOP)
    try:
        ids = [stack.judge(of_size(304 << 10), **CLEAN)[1]["id"]
               for _ in range(3)]
        for path in held(disk)[:2]:
            make_old(path)
        assert listed(stack) == set(ids)
        disk.fill()
        for path in held(disk):
            os.utime(path.parent)
        assert disk.free() == 0
    finally:
        os.kill(recorder, signal.SIGCONT)
    ports.wait_until(lambda: len(held(disk)) == 1, 30, "two to expire")
    assert disk.free() > 300 << 10
    reply, record = stack.judge(of_size(200 << 10), **CLEAN)
    assert (reply.code, record["vault"]) == (250, "held")


def make_old(path):
    """Past vault.keep; in its place, so that it takes no more room."""
    with open(path, "r+b") as file:
        match = re.search(rb"^stored: (\d+)$", file.read(4096), re.MULTILINE)
        file.seek(match.start(1))
        file.write(b"%d" % (int(match[1]) - 31 * 86400 * 1000))
