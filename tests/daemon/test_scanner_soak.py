"""Many messages while the signatures are loaded again and again: none passes
unscanned, none waits beyond its deadline, memory returns to its level. Some
hundreds by default; GATEPOST_SOAK=10000 (`make soak`) is the whole."""

import base64
import itertools
import json
import os
import random
import re
import threading
import time
import zlib

import pytest

from support import memory, milterclient, ports
from support.clamd import EICAR
from support.gatepost import Gatepost
from support.milterclient import Session
from support.signatures import copy_signatures, write_signatures

WHOLE = "GATEPOST_SOAK" in os.environ
MESSAGES = int(os.environ.get("GATEPOST_SOAK", 300))
SIGNATURES = 400000 if WHOLE else 20000
RELOAD_S = 2 if WHOLE else 0.6
CLIENTS = 8
WARM_UP = 64
# scanner.queue and scanner.time, as they are by default.
DEADLINE_S = 5 + 25


def is_virus(number):
    return number % 4 == 0


def attachment(number):
    """No two are the same, so that nothing is known from before."""
    chance = random.Random(number)
    data = chance.randbytes(int(chance.lognormvariate(10, 1.5)) % 1000000)
    if number % 3 == 1:
        data = zlib.compress(data.hex().encode())
    return data + (EICAR if is_virus(number) else b"")


def message(number):
    coded = base64.encodebytes(attachment(number))
    return (f"From: s@sender.example\nTo: user@ours.example\n"
            f"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
            f"Message-ID: <{number}@sender.example>\nSubject: {number}\n"
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
            "--b\n\nhello\n--b\nContent-Type: application/octet-stream\n"
            "Content-Transfer-Encoding: base64\n\n").encode() \
        + coded + b"--b--\n"


class Clients:
    """Sessions that play messages at once and note each answer."""

    def __init__(self, gatepost, numbers):
        self.address, self.numbers = gatepost.milter, iter(numbers)
        self.lock = threading.Lock()
        self.waits, self.wrong = [], []
        self.threads = [threading.Thread(target=self._run)
                        for _ in range(CLIENTS)]

    def _take(self):
        with self.lock:
            return next(self.numbers, None)

    def _session(self, numbers):
        with Session(self.address, timeout=120) as session:
            session.open(ip="192.0.2.1")
            for number in numbers:
                session.envelope()
                session.content(message(number))
                began = time.monotonic()
                answer = session.end(f"Q{number:06d}")
                self.waits.append(time.monotonic() - began)
                wanted = (milterclient.REJECT if is_virus(number)
                          else milterclient.CONTINUE)
                if answer.verdict != wanted:
                    self.wrong.append((number, answer))
            session.quit()

    def _run(self):
        while numbers := [number for number in
                          (self._take() for _ in range(5))
                          if number is not None]:
            try:
                self._session(numbers)
            except (OSError, milterclient.Closed) as trouble:
                self.wrong.append((numbers, trouble))

    def play(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        return self


class Repeat:
    """Does something every so many seconds until it is left."""

    def __init__(self, seconds, deed):
        self.seconds, self.deed = seconds, deed
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.wait(self.seconds):
            self.deed()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def scanner_of(gatepost):
    (pid,) = gatepost._children("gatepost-scanner")
    return pid


def level(gatepost):
    """Memory of the scanner once one generation is left, all of whose
    children have been at work."""
    ports.wait_until(
        lambda: len(memory.tree(scanner_of(gatepost)))
        == 2 + int(gatepost.settings["scanner.processes"]), 30,
        "one generation of scanners")
    warm = Clients(gatepost, range(10 ** 6, 10 ** 6 + WARM_UP)).play()
    assert not warm.wrong
    return memory.tree_pss_mb(scanner_of(gatepost))


def results(gatepost, count):
    """What the records say of each message played, by its number."""
    def written():
        text = gatepost.log.read_text()
        return len(re.findall(r'"queue_id":"Q0\d{5}"', text)) >= count
    ports.wait_until(written, 30, "all records")
    found = {}
    for line in gatepost.records():
        number = int(line["queue_id"][1:])
        if number < 10 ** 6:
            found.setdefault(number, []).append(line["antivirus"]["result"])
    return found


@pytest.mark.parametrize("how", ["beside", "free_first"])
def test_reloads_under_load_cost_nothing(folder, how, measured):
    where = copy_signatures(folder / f"signatures-{how}")
    made = where / "made.hdb"
    write_signatures(made, SIGNATURES)
    seeds = itertools.count(2)
    most = [0]

    def sample():
        most[0] = max(most[0], memory.tree_pss_mb(scanner_of(gatepost)))

    with Gatepost(folder / how, "127.0.0.1@9", {
            "antivirus.engine": "libclamav", "antivirus.action": "reject",
            "antivirus.database": where, "scanner.reload": how,
            "scanner.watch": "200ms", "scanner.processes": "2",
            "trusted_networks": "192.0.2.0/24"}) as gatepost:
        def loads():
            return gatepost.log.read_text().count("scanning with")

        ports.wait_until(loads, 30, "the first signatures")
        before, loaded = level(gatepost), loads()
        with Repeat(0.25, sample), Repeat(RELOAD_S, lambda: write_signatures(
                made, SIGNATURES, next(seeds))):
            began = time.monotonic()
            load = Clients(gatepost, range(MESSAGES)).play()
            took = time.monotonic() - began
        time.sleep(1)       # what is written last is loaded as well
        after = level(gatepost)
        found = results(gatepost, MESSAGES)
        status = json.loads(gatepost.http("/status")[1])["scanner"]
        loaded = loads() - loaded
    unscanned = [number for number, said in found.items()
                 if "unscanned" in said]
    measured(f"{MESSAGES} messages over {loaded} loads of {SIGNATURES} "
             f"signatures ({how}) in {took:.0f} s: {len(unscanned)} "
             f"unscanned, the longest wait {max(load.waits):.2f} s; memory "
             f"of the scanner {before:.0f} MB before, {most[0]:.0f} MB at "
             f"most, {after:.0f} MB after")
    assert not load.wrong
    assert not unscanned and status["unscanned"] == 0
    assert found == {number: ["infected" if is_virus(number) else "clean"]
                     for number in range(MESSAGES)}
    assert len(load.waits) == MESSAGES and max(load.waits) < DEADLINE_S
    assert loaded >= 2
    assert after < before * 1.2 + 5
