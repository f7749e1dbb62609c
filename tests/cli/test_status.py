"""gatepost status: on one screen, with and without a daemon to ask."""

import copy
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from support.gatepost import program
from support.recorderfake import STATUS, FakeRecorder, http
from support.samples import Samples


@pytest.fixture
def samples(folder, request):
    own = folder / re.sub(r"\W", "_", request.node.name)[-40:]
    own.mkdir()
    return Samples(own)


def status_of(change):
    status = copy.deepcopy(STATUS)
    change(status)
    return http(json.dumps(status).encode())


def recorder(samples, reply=http(json.dumps(STATUS).encode())):
    return FakeRecorder(samples.folder / "recorder.sock", reply)


def lines(text):
    """Label to text, lines that go on joined."""
    found, label = {}, ""
    for line in text.splitlines():
        if line[:11].strip() and not line.startswith(" "):
            label = line[:11].strip()
        found[label] = (found.get(label, "") + " " + line[11:].strip()).strip()
    return found


def test_all_of_it_on_one_screen(samples):
    samples.traffic(int(time.time()), 30)
    with recorder(samples) as fake:
        said = samples.good("status")
    assert len(said.splitlines()) <= 24
    assert max(map(len, said.splitlines())) <= 80
    assert fake.requests[0].startswith(b"GET /status HTTP/1.0\r\n")
    assert "Gatepost 0.1" in said and "up 3 days 1 h, configuration 3" in said
    found = lines(said)
    assert found["Processes"] == (
        "186.5 MB: master 9.1 MB, 2 workers 48.1 MB + 47.1 MB, recorder 82.1 "
        "MB")
    assert found["Sessions"].startswith("17 now, 48211 since the start")
    assert found["Checks"].startswith("slowest: rbl, 118.8 ms")
    assert found["Lists"] == (
        "2; 42900 questions, 8802 listed; not well: dbl.spamhaus.org "
        "SUSPENDED (900 errors of 900)")
    assert "zen.spamhaus.org" not in said
    assert found["DNS"].startswith("611000 questions, 66 % known already")
    assert found["Store"].startswith("works; 50123 calls, 1 late")
    assert found["Records"].startswith("47407 sent, 47405 stored, 0 dropped")
    assert found["Vault"] == ("25 virus, 12 attachment held, oldest 3 days 3 "
                              "h; 6 released; 2.8 MB")
    assert "records, " in found["History"]
    assert found["Trouble"] == "none since the start"


def test_traffic_is_of_the_last_hour_and_day(samples):
    samples.traffic(int(time.time()), 30)
    with recorder(samples):
        said = samples.good("status")
        counted = json.loads(samples.good("status", "--json"))
    received = re.search(r"received +(\d+) +(\d+) +(\d+)", said)
    assert 0 < int(received[2]) < int(received[3])
    assert int(received[3]) == counted["day"]["received"]
    every = samples.good("log", "--since", "24h", "--limit", "all")
    assert abs(len(every.splitlines()) - counted["day"]["messages"]) < 20
    assert sum(counted["day"][kind] for kind in (
        "accepted", "tagged", "rejected", "deferred")) == \
        counted["day"]["messages"]


def test_trouble_is_told(samples):
    def change(status):
        status["crashes"]["worker"] = 2
        status["records"].update(dropped=7, history_up=False)
        status["store"].update(down_now=1, downs=3, failed=5)
        status["messages"]["unanswered"] = 1
    with recorder(samples, status_of(change)):
        found = lines(samples.good("status"))
    assert found["Trouble"] == ("2 crashes, 7 records dropped, 1 messages "
                                "unanswered, 5 store failures")
    assert found["Records"].endswith("the history CANNOT BE WRITTEN")
    assert found["Store"].startswith("DOWN; ")


def test_many_lists_that_are_not_well_take_little_room(samples):
    def change(status):
        status["lists"] = [{"name": f"{i}.example", "asked": 9, "listed": 0,
                            "errors": 1, "suspended": 0} for i in range(20)]
    with recorder(samples, status_of(change)):
        said = samples.good("status")
    assert lines(said)["Lists"].endswith("2.example (1 errors of 9) and 17 "
                                         "more")
    assert len(said.splitlines()) <= 24


def test_many_processes_are_summed_by_role(samples):
    def change(status):
        status["processes"] += [{"role": "worker", "pid": 900 + i,
                                 "slot": 9 + i, "rss_bytes": 10_000_000}
                                for i in range(40)]
    with recorder(samples, status_of(change)):
        said = samples.good("status")
    assert "42 workers 495.2 MB" in said
    assert len(said.splitlines()) <= 24


def test_without_a_daemon_the_history_is_shown(samples):
    samples.fill("clean")
    done = samples.run("status")
    assert done.returncode == 1
    said = done.stdout.decode()
    assert "does not answer: gatepostd does not run here" in \
        " ".join(said.split())
    assert "Mail of the last" in said
    assert lines(said)["History"].startswith("1 record, ")
    assert "Processes" not in said and "Trouble" not in said
    done = samples.run("status", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["daemon"] is None and said["history"]["records"] == 1


def test_without_a_history_the_daemon_is_shown(samples):
    with recorder(samples):
        said = samples.good("status")
        counted = json.loads(samples.good("status", "--json"))
    assert lines(said)["History"].startswith("there is no history yet")
    assert "Mail of the last" not in said
    assert counted["history"] is None
    assert counted["daemon"] == STATUS
    assert not list(samples.folder.glob("history*"))


@pytest.mark.parametrize("reply, says", [
    (b"", "no HTTP"), (b"SSH-2.0-x\r\n\r\n", "no HTTP"),
    (http(b"{}", "503 Service Unavailable"), "status 503"),
    (http(b"nonsense"), "no JSON"),
    (http(b"[" * 100000), "no JSON"),
    (http(b"{}")[:-1], "cut off"),
    (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 5_000_000, "too long"),
], ids=["nothing", "SSH", "503", "nonsense", "deep", "short", "long"])
def test_odd_answers(samples, reply, says):
    with recorder(samples, reply):
        done = samples.run("status")
    assert done.returncode == 1
    assert says in " ".join(done.stdout.decode().split())


def test_an_answer_with_other_members_is_shown_as_far_as_it_goes(samples):
    reply = http(b'{"checks": 7, "lists": {"a": []}, "processes": [1, "x"], '
                 b'"crashes": [true], "uptime_s": -1e300, "x": null}')
    with recorder(samples, reply):
        done = samples.run("status")
    assert done.returncode == 0
    assert b"Checks" in done.stdout


def test_a_silent_daemon_is_waited_for_two_seconds(samples):
    with recorder(samples, None):
        began = time.monotonic()
        done = samples.run("status")
        took = time.monotonic() - began
    assert done.returncode == 1
    assert b"in time" in done.stdout
    assert 1.5 < took < 6


def test_hostile_names_stay_harmless(samples):
    bad = "\x1b[2J\x9b31m\u202e\nTrouble    none"

    def change(status):
        status["version"] = bad
        status["processes"][0]["role"] = bad
        status["checks"][1]["name"] = bad
        status["lists"][1]["name"] = bad
    with recorder(samples, status_of(change)):
        done = samples.run("status")
    text = done.stdout.decode()
    assert done.returncode == 0
    for character in ("\x1b", "\x9b", "\u202e"):
        assert character not in text
    assert text.count("\nTrouble") == 1
    assert max(map(len, text.splitlines())) <= 100


# ---- watching ----

class Watcher:
    """gatepost status --watch on a terminal of so many rows."""

    def __init__(self, samples, rows=24, columns=80):
        self.master, slave = pty.openpty()
        import fcntl
        import struct
        import termios
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [program("gatepost"), "status", "--watch", "-c", samples.conf],
            stdin=slave, stdout=slave, stderr=slave,
            env={**os.environ, "TZ": "UTC"})
        os.close(slave)
        self.said = b""

    def read_until(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.said and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.master, 65536)
                except OSError:
                    break
        assert text in self.said, self.said

    def end(self, sign):
        self.process.send_signal(sign)
        self.read_until(b"\x1b[?1049l")
        return self.process.wait(20)


def test_watch_draws_over_itself_and_ends_cleanly(samples):
    samples.fill("clean")
    with recorder(samples) as fake:
        watcher = Watcher(samples)
        watcher.read_until(b"Ctrl-C")
        first = watcher.said
        watcher.said = b""
        # Again, two seconds later, without clearing the screen first.
        watcher.read_until(b"Ctrl-C")
        again = watcher.said
        assert watcher.end(signal.SIGINT) == 0
    assert len(fake.requests) >= 2
    assert first.startswith(b"\x1b[?1049h")
    assert b"\x1b[2J" not in first + again
    assert again.count(b"\x1b[H") == 1
    # No line may scroll: there are fewer line feeds than rows.
    assert again.count(b"\n") < 24
    # As it found the terminal: cursor, wrapping, screen.
    assert watcher.said.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_watch_goes_on_without_the_daemon_and_finds_it_again(samples):
    watcher = Watcher(samples, rows=10)
    watcher.read_until(b"does not answer")
    with recorder(samples):
        watcher.read_until(b"up 3 days")
        assert watcher.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("words, says", [
    (["--watch", "--json"], "takes no --json"),
    (["--watch"], "needs a terminal"),
    (["now"], "one word too many"),
])
def test_wrong_usage(samples, words, says):
    done = samples.run("status", *words)
    assert done.returncode == 2
    assert says in done.stderr.decode()
