"""The recorder's custody of the vault: seen without being told, counted,
kept within its bounds, and an alarm when room runs out."""

import json
import subprocess


from support import ports
from support.gatepost import Gatepost, program
from support.smtpsink import SmtpSink

MESSAGE = b"Subject: held\r\n\r\nbody\r\n"


def store(daemon, count):
    """Stores messages as a worker would: under its user."""
    path = daemon.folder / "message"
    path.write_bytes(MESSAGE)
    path.chmod(0o644)
    done = subprocess.run(
        [program("tests/milter/store/vault_fill"), daemon.folder / "state",
         "spam", "held", "a@example.org", "b@example.net", *[path] * count],
        capture_output=True, text=True, check=True, timeout=60, user="nobody")
    return done.stdout.split()


def wait_messages(daemon, count):
    ports.wait_until(
        lambda: daemon.metrics()["gatepost_vault_messages"] == count, 15,
        f"{count} messages in the vault")


def said(daemon, part):
    return [line for line in daemon.lines() if part in line.get("msg", "")]


def vault_line(daemon):
    text = daemon.http("/healthz")[1]
    return next(line for line in text.splitlines()
                if line.startswith("vault"))


def test_what_is_stored_is_counted_without_being_told(new_gatepost):
    daemon = new_gatepost()
    wait_messages(daemon, 0)
    ids = store(daemon, 3)
    wait_messages(daemon, 3)
    metrics = daemon.metrics()
    assert metrics["gatepost_vault_size_bytes"] > 3 * len(MESSAGE)
    assert metrics["gatepost_vault_free_bytes"] > 0
    assert vault_line(daemon).split()[1:] == ["well", "3", "messages"]
    assert metrics['gatepost_vault_held_messages{class="spam"}'] == 3
    assert metrics['gatepost_vault_held_messages{class="virus"}'] == 0
    assert metrics['gatepost_vault_held_bytes{class="spam"}'] \
        == metrics["gatepost_vault_size_bytes"]
    assert metrics["gatepost_vault_oldest_held_seconds"] < 30
    assert metrics["gatepost_vault_released_messages"] == 0
    # Root's command and the recorder work on the same index.
    done = daemon.run("quarantine", "delete", ids[0])
    assert done.returncode == 0, done.stderr
    wait_messages(daemon, 2)
    listed = daemon.run("quarantine", "list", "--json").stdout.splitlines()
    assert {json.loads(line)["id"] for line in listed} == set(ids[1:])
    assert not said(daemon, "vault:")


def test_too_many_expire_with_one_alarm(new_gatepost):
    daemon = new_gatepost({"vault.messages": "10"})
    store(daemon, 15)
    ports.wait_until(
        lambda: daemon.metrics()["gatepost_vault_expired_total"] == 5, 25,
        "5 messages to expire")
    wait_messages(daemon, 10)
    assert len(said(daemon, "younger than vault.keep")) == 1
    ports.wait_until(lambda: " ill " in vault_line(daemon), 5,
                     "/healthz to tell")


def test_little_room_is_told_once(new_gatepost):
    daemon = new_gatepost({"vault.min_free": "16384g"})
    ports.wait_until(lambda: said(daemon, "twice vault.min_free"), 10,
                     "the alarm")
    ports.wait_until(lambda: " ill " in vault_line(daemon), 5,
                     "/healthz to tell")
    assert daemon.http("/healthz")[0] == 503
    assert len(said(daemon, "twice vault.min_free")) == 1


def test_a_damaged_index_is_made_anew(new_gatepost):
    daemon = new_gatepost()
    store(daemon, 3)
    wait_messages(daemon, 3)
    index = daemon.folder / "state/vault/index.db"
    daemon.run("quarantine", "list")
    for name in ("index.db-wal", "index.db-shm"):
        (index.parent / name).unlink(missing_ok=True)
    index.unlink()
    store(daemon, 2)
    wait_messages(daemon, 5)
    assert index.exists()


def test_what_was_released_is_counted_apart(new_gatepost):
    daemon = new_gatepost()
    one, two, _ = store(daemon, 3)
    with SmtpSink() as sink:
        daemon.settings["release.smtp"] = sink.address
        done = daemon.run("quarantine", "release", one, two)
        assert done.returncode == 0, done.stderr
    ports.wait_until(
        lambda: daemon.metrics()["gatepost_vault_released_messages"] == 2, 15,
        "two that were released")
    metrics = daemon.metrics()
    assert metrics['gatepost_vault_held_messages{class="spam"}'] == 1
    assert metrics["gatepost_vault_messages"] == 3
    live = json.loads(daemon.http("/status")[1])["vault"]
    assert (live["messages"], live["released"]) == (3, 2)
    assert live["held"] == {"virus": 0, "spam": 1, "dmarc": 0,
                            "attachment": 0, "unscanned": 0}
    ports.wait_until(
        lambda: daemon.metrics()["gatepost_vault_oldest_held_seconds"] > 0,
        15, "the age of the oldest to grow")
