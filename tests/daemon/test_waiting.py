"""Many sessions at once, and DNS that never answers."""

import threading
import time

import pytest

from support import milterclient, process
from support.dnsserver import SilentDns
from support.gatepost import Gatepost
from support.milterclient import Session

MESSAGE = (b"From: someone@sender.example\nTo: user@ours.example\n"
           b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
           b"Message-ID: <1@sender.example>\nSubject: x\n\nbody\n")


@pytest.fixture(scope="module")
def silent():
    with SilentDns() as server:
        yield server


@pytest.fixture
def gatepost(folder, silent, request):
    where = folder / request.node.name
    with Gatepost(where, silent.address, {"limits.deadline": "2s"},
                  listen=[f"unix:{where}/run/milter.sock"]) as daemon:
        daemon.address = daemon.listen[0]
        yield daemon


class Sessions:
    """Clients that all reach end-of-message before any asks for it."""

    def __init__(self, address, count):
        self.address, self.count = address, count
        self.together = threading.Barrier(count)
        self.times, self.problems = [], []

    def _run(self, number):
        try:
            with Session(self.address, timeout=120) as session:
                session.open(ip=f"192.0.2.{number % 250 + 1}")
                session.envelope()
                session.content(MESSAGE)
                self.together.wait(60)
                begun = time.monotonic()
                answer = session.end(f"LOAD{number}")
                self.times.append(time.monotonic() - begun)
                if answer.verdict != milterclient.CONTINUE:
                    self.problems.append(repr(answer))
                session.quit()
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(repr(problem))

    def run(self, meanwhile=lambda: None):
        threads = [threading.Thread(target=self._run, args=(number,))
                   for number in range(self.count)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            meanwhile()
            time.sleep(0.1)
        self.times.sort()
        assert self.problems == []
        return self

    def at(self, part):
        return self.times[min(int(self.count * part), self.count - 1)]


@pytest.mark.parametrize(
    "count", [pytest.param(50, marks=pytest.mark.tsan), 200])
def test_waiting_sessions_do_not_wait_for_each_other(gatepost, count):
    # Without the tick of the pool some of them take two turns: 4 s.
    sessions = Sessions(gatepost.address, count).run()
    assert sessions.at(0.95) < 3
    assert sessions.at(1) < 3.5


@pytest.mark.slow
def test_500_sessions_cost_bounded_threads_and_memory(gatepost, measured):
    worker, = gatepost.workers()
    peak = {}

    def look():
        status = process.status(worker)
        for name in ("Threads", "VmRSS"):
            peak[name] = max(peak.get(name, 0), int(status[name].split()[0]))
    sessions = Sessions(gatepost.address, 500).run(look)
    measured(f"500 sessions, silent DNS: p50 {sessions.at(0.5):.2f} s, "
             f"p99 {sessions.at(0.99):.2f} s, "
             f"{peak['Threads']} threads, {peak['VmRSS'] // 1024} MB resident")
    assert sessions.at(0.99) < 4
    # One thread per waiting message, and few besides.
    assert peak["Threads"] <= 500 + 20
    time.sleep(1)
    assert int(process.status(worker)["Threads"]) < 20


def test_a_session_with_answers_is_not_held_up(folder, silent):
    # Trusted clients need no DNS: they must pass while others wait.
    where = folder / "mixed"
    with Gatepost(where, silent.address,
                  {"limits.deadline": "3s",
                   "trusted_networks": "198.51.100.0/24"},
                  listen=[f"unix:{where}/run/milter.sock"]) as daemon:
        waiting = Sessions(daemon.listen[0], 100)
        thread = threading.Thread(target=waiting.run)
        thread.start()
        time.sleep(1)
        slowest = 0
        while thread.is_alive():
            begun = time.monotonic()
            with Session(daemon.listen[0]) as session:
                session.open(ip="198.51.100.1")
                session.message(MESSAGE)
                session.quit()
            slowest = max(slowest, time.monotonic() - begun)
        thread.join()
        assert slowest < 1.5
        assert waiting.problems == []


class Frugal(Gatepost):
    """Without AddressSanitizer's hoard of freed memory."""

    def prepare(self):
        return ["env", "ASAN_OPTIONS=quarantine_size_mb=1",
                *super().prepare()]


@pytest.mark.slow
def test_memory_does_not_grow_with_messages(folder, silent):
    # No name is asked for: the client is trusted.
    where = folder / "growth"
    with Frugal(where, silent.address,
                {"trusted_networks": "198.51.100.0/24"},
                listen=[f"unix:{where}/run/milter.sock"]) as daemon:
        worker, = daemon.workers()

        def resident_after(count):
            for _ in range(count // 10):
                with Session(daemon.listen[0]) as session:
                    session.open(ip="198.51.100.1")
                    for _ in range(10):
                        session.message(MESSAGE)
                    session.quit()
            return int(process.status(worker)["VmRSS"].split()[0])
        warm = resident_after(1000)
        assert resident_after(3000) < warm + 1500


def test_idle_worker_sleeps(gatepost):
    worker, = gatepost.workers()

    def ticks():
        fields = open(f"/proc/{worker}/stat").read().rpartition(")")[2]
        return sum(int(word) for word in fields.split()[11:13])
    time.sleep(2.5)
    before = ticks()
    time.sleep(3)
    # Hundredths of a second: at most 1 % of a core.
    assert ticks() - before <= 3
