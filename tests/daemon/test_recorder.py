"""The recorder: what it keeps, and that mail never depends on it."""

import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from support import ports
from support.dnsserver import DnsServer, SilentDns
from support.gatepost import Gatepost
from support.milterclient import Session


def message(number=0):
    return (b"From: someone@sender.example\nTo: user@ours.example\n"
            b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
            b"Message-ID: <%d@sender.example>\nSubject: x\n\nbody\n" % number)


@pytest.fixture
def gatepost(new_gatepost):
    return new_gatepost()


def send(daemon, first=0, count=1, timeout=20):
    """Messages with those numbers; the slowest answer in seconds."""
    slowest = 0
    with Session(daemon.listen[0], timeout=timeout) as session:
        session.open()
        for number in range(first, first + count):
            began = time.monotonic()
            answer = session.message(message(number),
                                     queue_id=f"Q{number}")
            slowest = max(slowest, time.monotonic() - began)
            assert answer.verdict in "ca", answer
        session.quit()
    return slowest


def numbers(daemon, *words):
    """The messages that the history has."""
    return [int(record["queue_id"][1:]) for record in daemon.history(*words)]


def wait_numbers(daemon, expected, timeout=15):
    expected = list(expected)
    try:
        ports.wait_until(lambda: sorted(numbers(daemon)) == expected, timeout,
                         "the history to have all messages")
    except TimeoutError:
        assert sorted(numbers(daemon)) == expected
        raise


def said(daemon, part):
    return [line for line in daemon.lines() if part in line.get("msg", "")]


@pytest.mark.tsan
def test_every_message_is_found_again(gatepost):
    send(gatepost, 0, 20)
    wait_numbers(gatepost, range(20))
    record, = gatepost.history("--queue", "Q7")
    assert record["message_id"] == "<7@sender.example>"
    assert record["action"] == "accept"
    assert record["direction"] == "in"
    logged = gatepost.record("Q7")
    # The same record as in the log, which has the line's time beside it.
    for key in ("id", "score", "symbols", "checks", "auth", "ms", "sender"):
        assert record[key] == logged[key]


@pytest.mark.tsan
def test_what_was_sent_before_the_end_is_written(new_gatepost):
    daemon = new_gatepost()
    send(daemon, 0, 200)
    assert daemon.stop() == 0
    assert sorted(numbers(daemon)) == list(range(200))


@contextmanager
def load(daemon, first=0):
    """Messages without pause; yields a list of the numbers sent so far."""
    sent, stop, slow = [], threading.Event(), []

    def run():
        number = first
        while not stop.is_set():
            slow.append(send(daemon, number, 20))
            sent.extend(range(number, number + 20))
            number += 20

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent, slow
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.slow
def test_kill_minus_nine_loses_what_was_in_memory_alone(gatepost):
    """Its socket is kept by the master, its file is whole."""
    with load(gatepost) as (sent, slow):
        for _ in range(3):
            had = len(sent)
            victim = gatepost.recorder()
            os.kill(victim, signal.SIGKILL)
            ports.wait_until(lambda: len(sent) > had + 200, 30, "more mail")
            ports.wait_until(lambda v=victim: gatepost.recorder() != v, 10,
                             "another recorder")
    assert max(slow) < 5
    last = sent[-1]
    ports.wait_until(lambda: last in numbers(gatepost, "--queue", f"Q{last}"),
                     15, "the last message in the history")
    found = numbers(gatepost)
    assert len(found) == len(set(found))
    assert set(found) <= set(sent)
    counted = gatepost.metrics()
    assert counted['gatepost_records_sent_total'] == len(sent)
    assert counted['gatepost_records_dropped_total'] == 0
    # Up to 0.2 s of records may have been in the memory of each victim.
    assert len(found) >= len(sent) * 0.5
    with sqlite3.connect(gatepost.folder / "state/history.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(said(gatepost, "the recorder was ended by signal 9")) == 3


@pytest.mark.slow
def test_a_frozen_recorder_costs_records_but_no_time(gatepost):
    """Workers never wait for it: what finds no room is counted."""
    send(gatepost, 0, 50)
    wait_numbers(gatepost, range(50))
    quick = send(gatepost, 50, 200)
    recorder = gatepost.recorder()
    os.kill(recorder, signal.SIGSTOP)
    try:
        frozen = send(gatepost, 1000, 200)
        # Until the socket is full: the kernel may have granted 8 MB.
        for first in range(2000, 30000, 1000):
            send(gatepost, first, 1000)
            if gatepost.counters()["records_dropped"]:
                break
    finally:
        os.kill(recorder, signal.SIGCONT)
    assert frozen < quick + 1
    dropped = gatepost.metrics()["gatepost_records_dropped_total"]
    assert dropped > 0
    send(gatepost, 50000, 10)
    ports.wait_until(lambda: 50009 in numbers(gatepost, "--queue", "Q50009"),
                     20, "records to be kept again")
    counted = gatepost.metrics()
    assert counted["gatepost_records_lost_total"] == 0
    assert len(numbers(gatepost)) == counted["gatepost_records_sent_total"]
    assert gatepost.recorder() == recorder


@pytest.fixture
def small_disk(new_gatepost, folder):
    """A daemon whose state is on a disk of 3 MB."""
    state = folder / "small"
    state.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", state],
                   check=True)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    try:
        for place in (state, elsewhere):
            place.chmod(0o777)
        daemon = new_gatepost({"state_dir": str(state),
                               # The vault and the store have troubles of
                               # their own.
                               "vault.path": f"{elsewhere}/vault",
                               "store": f"sqlite:{elsewhere}/store.db"})
        yield daemon, state
        daemon.stop()
    finally:
        subprocess.run(["umount", state], check=True)


def fill(disk):
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        with pytest.raises(OSError):
            while file.write(bytes(4096)):
                pass
    return filler


def test_a_full_disk_stops_history_with_an_alarm_and_no_mail(small_disk):
    daemon, disk = small_disk
    send(daemon, 0, 10)
    wait_numbers(daemon, range(10))
    assert ill(daemon)[0] == []
    filler = fill(disk)
    send(daemon, 10, 100)
    ports.wait_until(lambda: said(daemon, "history has stopped"), 15,
                     "the alarm")
    assert "no room left" in said(daemon, "history has stopped")[0]["msg"]
    # An answer is good for two seconds.
    ports.wait_until(lambda: ill(daemon)[0] == ["history"], 5,
                     "the history to be ill", pause=0.5)
    assert daemon.metrics()["gatepost_history_up"] == 0
    assert send(daemon, 110, 100) < 5
    filler.unlink()
    ports.wait_until(lambda: said(daemon, "history goes on"), 30,
                     "history to go on")
    wait_numbers(daemon, range(210))
    assert len(said(daemon, "history has stopped")) == 1
    assert daemon.metrics()["gatepost_history_up"] == 1


def test_a_file_that_is_removed_is_made_anew(gatepost):
    send(gatepost, 0, 5)
    wait_numbers(gatepost, range(5))
    for name in ("history.db", "history.db-wal", "history.db-shm"):
        (gatepost.folder / "state" / name).unlink(missing_ok=True)
    send(gatepost, 10, 5)
    ports.wait_until(lambda: said(gatepost, "opened anew"), 10, "the warning")
    wait_numbers(gatepost, range(10, 15))


@pytest.mark.tsan
def test_reloads_lose_nothing(gatepost):
    with load(gatepost) as (sent, slow):
        for generation in range(2, 5):
            gatepost.reload()
            ports.wait_until(
                lambda g=generation: said(gatepost,
                                          f"ready: generation {g} "), 20,
                "the next generation")
            had = len(sent)
            ports.wait_until(lambda h=had: len(sent) > h + 100, 30,
                             "more mail")
    wait_numbers(gatepost, range(len(sent)), 30)
    gatepost.recorder()
    counted = gatepost.metrics()
    assert counted["gatepost_records_dropped_total"] == 0
    assert counted["gatepost_records_stored_total"] == len(sent)


@pytest.mark.slow
def test_the_oldest_records_go(new_gatepost):
    """What is above the bound is removed some times a minute."""
    daemon = new_gatepost({"history.records": "1000"})
    send(daemon, 0, 1500)
    ports.wait_until(lambda: len(numbers(daemon)) == 1000, 40,
                     "the oldest records to go", pause=0.5)
    assert sorted(numbers(daemon)) == list(range(500, 1500))


def test_history_can_be_switched_off(new_gatepost):
    daemon = new_gatepost({"history.enabled": "no"})
    send(daemon, 0, 5)
    status, text = daemon.http("/healthz")
    assert status == 200, text
    assert "switched off" in text
    assert not (daemon.folder / "state/history.db").exists()
    done = daemon.run("log")
    assert done.returncode != 0
    assert "history.enabled" in done.stderr


# Health

@pytest.mark.tsan
def test_health_is_well_and_leaves_no_trace(gatepost):
    send(gatepost, 0, 3)
    wait_numbers(gatepost, range(3))
    before = gatepost.counters()
    status, text = gatepost.http("/healthz")
    assert status == 200
    assert text.startswith("well\n")
    assert re.search(r"^workers +well +a message was judged in [\d.]+ ms$",
                     text, re.M)
    assert re.search(r"^records +well ", text, re.M)
    after = gatepost.counters()
    for name in ("messages", "sessions", "bytes"):
        assert after[name] == before[name]
    time.sleep(0.5)
    assert sorted(numbers(gatepost)) == [0, 1, 2]
    assert not [record for record in gatepost.records()
                if "Is all well?" in record["subject"]]


def ill(daemon):
    """The parts that are ill, and the whole text."""
    status, text = daemon.http("/healthz")
    found = re.findall(r"^(\w+) +ill ", text, re.M)
    assert (status == 503) == bool(found) == text.startswith("ill\n"), text
    return found, text


def test_health_names_dns(folder):
    with SilentDns() as silent:
        with Gatepost(folder / "silent", silent.address) as daemon:
            found, text = ill(daemon)
            assert found == ["dns"], text


def test_health_names_workers(gatepost):
    worker, = gatepost.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        found, text = ill(gatepost)
        assert found == ["workers"], text
        assert "no answer in time" in text
    finally:
        os.kill(worker, signal.SIGCONT)
    time.sleep(2.1)
    assert ill(gatepost)[0] == []


def test_health_names_the_store(new_gatepost):
    port = ports.free_port()
    daemon = new_gatepost({"store": f"redis://127.0.0.1:{port}",
                           "greylist.mode": "always",
                           "greylist.delay": "1s"})
    with Session(daemon.listen[0]) as session:
        session.open()
        session.message(message())
    ports.wait_until(lambda: "store" in ill(daemon)[0], 15,
                     "the store to be ill", pause=2.1)


# Metrics

def assert_never_fell(before, after):
    """Whatever is a counter has not become less."""
    for name, value in before.items():
        if re.match(r"\w+(_total|_bucket|_count|_sum)\b", name):
            assert after[name] >= value, name


def test_counters_never_go_backwards(new_gatepost):
    daemon = new_gatepost({"worker.processes": "2"})
    send(daemon, 0, 50)
    before = daemon.metrics()
    assert before['gatepost_messages_total{direction="in",action="accept"}'] \
        == 50
    victim = daemon.workers()[0]
    os.kill(victim, signal.SIGKILL)
    ports.wait_until(lambda: len(daemon.workers()) == 2
                     and victim not in daemon.workers(), 10, "a new worker")
    after = daemon.metrics()
    assert_never_fell(before, after)
    send(daemon, 100, 50)
    daemon.reload()
    ports.wait_until(lambda: said(daemon, "ready: generation 2 "), 20,
                     "the next generation")
    os.kill(daemon.recorder(), signal.SIGKILL)
    ports.wait_until(lambda: said(daemon, "the recorder was ended"), 10,
                     "the recorder's death")
    last = ports.wait_until(lambda: daemon.recorder() and daemon.metrics(),
                            10, "metrics")
    assert_never_fell(after, last)
    assert last['gatepost_messages_total{direction="in",action="accept"}'] \
        == 100
    assert last['gatepost_process_crashes_total{role="worker"}'] == 1
    assert last['gatepost_process_crashes_total{role="recorder"}'] == 1
    assert last['gatepost_processes{role="recorder"}'] == 1
