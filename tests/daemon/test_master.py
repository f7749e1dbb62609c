"""gatepostd: what it refuses, how it reloads, restarts and ends."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import milterclient, ports, process
from support.dnsserver import DnsServer, SilentDns
from support.gatepost import Gatepost, build_folder, program
from support.milterclient import Closed, Session

MESSAGE = (b"From: someone@sender.example\nTo: user@ours.example\n"
           b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
           b"Message-ID: <1@sender.example>\nSubject: x\n\nbody\n")


@pytest.fixture(scope="module")
def dns(folder):
    with DnsServer(folder / "dns", {"example": "x A 192.0.2.1"}) as server:
        yield server


@pytest.fixture
def gatepost(folder, dns, request):
    name = re.sub(r"\W+", "-", request.node.name)
    with Gatepost(folder / name, dns.address,
                  {"worker.processes": "2"}) as daemon:
        yield daemon


def judge(address, timeout=20, **envelope):
    with Session(address, timeout=timeout) as session:
        session.open()
        answer = session.message(MESSAGE, **envelope)
        session.quit()
        return answer


# What it refuses

def refused(folder, *arguments, config="", timeout=20):
    """Exit code and the one line of a start that must fail."""
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "bad.conf"
    conf.write_text(config)
    places = ["--set", f"state_dir={folder}", "--set", f"run_dir={folder}",
              "--set", "user=nobody"]
    done = subprocess.run(
        [program("gatepostd"), "-c", conf, *places, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
        start_new_session=True, check=False)
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1, lines
    return done.returncode, lines[0]


LOOPBACK = ["--set", "listen=inet:127.0.0.1:{port}"]


@pytest.mark.parametrize("config,parts", [
    ("no_such_setting = 1\n", ["bad.conf", "no_such_setting"]),
    ("worker {\n  processes = many\n}\n", ["bad.conf:2", "many"]),
    ("worker {\n  procesess = 2\n}\n", ["processes"]),
    ("log {\n  format = xml\n}\n", ["xml", "logfmt", "json"]),
    ("worker {\n", ["bad.conf"]),
    ("trusted_networks = {300.1.1.1}\n", ["trusted_networks"]),
    ("score {\n  NO_SUCH_SYMBOL = 3\n}\n", ["NO_SUCH_SYMBOL"]),
    ("worker {\n  socket_mode = \"rw\"\n}\n", ["socket_mode", "0660"]),
    ("listen = {}\n", ["listen"]),
])
def test_bad_configuration_is_one_clear_line(folder, config, parts):
    code, line = refused(folder / "conf", config=config)
    assert code == 78
    for part in parts:
        assert part in line


@pytest.mark.parametrize("address,part", [
    ("tcp:1.2.3.4:5", "inet:HOST:PORT"),
    ("inet:127.0.0.1", "inet:HOST:PORT"),
    ("inet:127.0.0.1:0", "inet:HOST:PORT"),
    ("inet:127.0.0.1:70000", "inet:HOST:PORT"),
    ("inet:192.0.2.77:9999", "no such address"),
    ("unix:relative/path", "'/'"),
    ("unix:/no/such/folder/milter.sock", "No such file or directory"),
    ("unix:/tmp/" + "x" * 120, "too long"),
])
def test_bad_address_is_one_clear_line(folder, address, part):
    code, line = refused(folder / "address", "--set", f"listen={address}")
    assert code == 69
    assert address in line and part in line


def test_fault_that_only_a_worker_finds_is_one_line_too(folder):
    code, line = refused(
        folder / "worker", "--set", "dns.servers=nonsense", "--set",
        "worker.processes=3", "--set",
        f"listen=inet:127.0.0.1:{ports.free_port()}")
    assert code == 78
    assert "dns.servers" in line and "nonsense" in line


def test_missing_configuration_file(folder):
    done = subprocess.run([program("gatepostd"), "-c", folder / "absent"],
                          capture_output=True, timeout=20, check=False)
    assert done.returncode == 78
    assert b"absent" in done.stderr and done.stderr.count(b"\n") == 1


def test_missing_key_file(folder):
    code, line = refused(folder / "key", "--set", "verdict_key=/no/such.key",
                         "--set", f"listen=inet:127.0.0.1:{ports.free_port()}")
    assert code == 78
    assert "/no/such.key" in line


def test_unknown_user_is_named(folder):
    code, line = refused(folder / "user", "--set", "user=nosuchuser")
    assert code == 78
    assert "nosuchuser" in line


def test_wrong_usage():
    for arguments in (["--nonsense"], ["extra"]):
        done = subprocess.run([program("gatepostd"), *arguments],
                              capture_output=True, timeout=20, check=False)
        assert done.returncode == 64
        assert b"usage: gatepostd" in done.stderr


def test_busy_port_is_named_and_nothing_stays(folder):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        first = folder / "first.sock"
        code, line = refused(
            folder / "busy", "--set",
            f"listen=unix:{first}, inet:127.0.0.1:{port}")
    assert code == 69
    assert f"inet:127.0.0.1:{port}" in line and "in use" in line
    assert not first.exists()


def test_socket_that_answers_is_not_taken(folder):
    path = folder / "taken.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        code, line = refused(folder / "taken", "--set", f"listen=unix:{path}")
    assert code == 69
    assert "in use" in line
    assert path.exists()


def test_file_that_is_no_socket_is_not_taken(folder):
    path = folder / "precious"
    path.write_text("text")
    code, line = refused(folder / "file", "--set", f"listen=unix:{path}")
    assert code == 69
    assert "not a socket" in line
    assert path.read_text() == "text"


# How it listens

def test_stale_socket_is_replaced_and_removed_at_the_end(folder, dns):
    path = folder / "stale/run/stale.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with Gatepost(folder / "stale", dns.address, {
            "worker.socket_mode": "0600", "worker.socket_group": ""},
            listen=[f"unix:{path}"]):
        assert judge(f"unix:{path}").verdict == milterclient.CONTINUE
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_all_addresses_serve(folder, dns):
    path, port = folder / "many.sock", ports.free_port()
    addresses = [f"unix:{path}", f"inet:127.0.0.1:{port}",
                 f"inet6:[::1]:{port}"]
    with Gatepost(folder / "many", dns.address, listen=addresses) as daemon:
        assert len(daemon.workers()) == 3
        for address in addresses:
            assert judge(address).verdict == milterclient.CONTINUE


def test_silent_resolver_at_start_is_no_obstacle(folder):
    with SilentDns() as silent:
        with Gatepost(folder / "silent", silent.address,
                      {"limits.deadline": "2s"}) as daemon:
            begun = time.monotonic()
            answer = judge(daemon.milter)
            assert time.monotonic() - begun < 4
            assert answer.verdict == milterclient.CONTINUE


# What it gives up

def test_workers_are_jailed_and_unprivileged(gatepost):
    for pid in gatepost.workers():
        status = process.status(pid)
        assert status["Seccomp"] == "2"
        assert status["NoNewPrivs"] == "1"
        if os.getuid() == 0:
            assert "0" not in status["Uid"].split()
            assert status["CapEff"].strip("0") == ""


def test_master_gives_up_root(gatepost):
    status = process.status(gatepost.process.pid)
    assert status["NoNewPrivs"] == "1"
    if os.getuid() == 0:
        assert "0" not in status["Uid"].split()
        assert "0" not in status["Gid"].split()


class Unprivileged(Gatepost):
    """Started by nobody."""

    def prepare(self):
        return ["setpriv", "--reuid=65534", "--regid=65534",
                "--clear-groups", *super().prepare()]


@pytest.mark.skipif(os.getuid() != 0, reason="starts as another user")
def test_unprivileged_start_keeps_the_user(folder, dns):
    where = folder / "unprivileged"
    where.mkdir(mode=0o777)
    where.chmod(0o777)
    with Unprivileged(where, dns.address, {"user": "root"}) as daemon:
        assert judge(daemon.milter).verdict == milterclient.CONTINUE
        for pid in [daemon.process.pid, *daemon.workers()]:
            assert process.status(pid)["Uid"].split() == ["65534"] * 4


# How it reloads

def reloaded(daemon, generation):
    daemon.wait_line(f"ready: generation {generation} ", timeout=20)


def test_reload_brings_the_new_configuration(gatepost):
    assert judge(gatepost.milter).verdict == milterclient.CONTINUE
    old = gatepost.workers()
    gatepost.conf.write_text("actions {\n reject = -100\n}\n")
    gatepost.reload()
    reloaded(gatepost, 2)
    assert judge(gatepost.milter).verdict == milterclient.REJECT
    ports.wait_until(lambda: not set(old) & set(gatepost.workers()), 10,
                     "the old workers to end")
    assert len(gatepost.workers()) == 2


class FromFile(Gatepost):
    """Takes addresses and DNS servers from its file, not from --set, so
    that a reload can change them."""

    def __init__(self, folder, dns, listen):
        super().__init__(folder, dns, listen=[listen])
        self.dns = self.settings.pop("dns.servers")
        self.write(listen)

    def arguments(self):
        return super().arguments()[:-2]

    def write(self, listen, more=""):
        self.config = (f'listen = {{"{listen}"}}\n'
                       f'dns {{\n servers = {{"{self.dns}"}}\n}}\n{more}')
        self.folder.mkdir(exist_ok=True)
        self.conf.write_text(self.config)


def test_bad_reload_keeps_the_old_configuration(folder, dns):
    address = f"inet:127.0.0.1:{ports.free_port()}"
    with FromFile(folder / "badreload", dns.address, address) as daemon:
        old = daemon.workers()
        good = daemon.config
        for number, bad in enumerate((
                good + "nonsense = yes\n",
                good + "score {\n X_NO = 1\n}\n",
                good.replace(address, "inet:192.0.2.77:25"),
                good.replace(dns.address, "nonsense"),
                good + "worker {\n",
                good + 'verdict_key = "/no/such.key"\n')):
            daemon.conf.write_text(bad)
            daemon.reload()
            ports.wait_until(
                lambda: sum("reload refused" in line.get("msg", "")
                            for line in daemon.lines()) == number + 1,
                20, "a refusal of " + bad)
        daemon.conf.unlink()
        daemon.reload()
        daemon.wait_line("cannot be read")
        assert old == daemon.workers()
        assert judge(address).verdict == milterclient.CONTINUE
        daemon.conf.write_text(good)
        daemon.reload()
        ports.wait_until(
            lambda: sum("ready: generation" in line.get("msg", "")
                        for line in daemon.lines()) == 2, 20, "a reload")
        assert judge(address).verdict == milterclient.CONTINUE


def test_open_session_keeps_its_configuration(gatepost):
    with Session(gatepost.milter) as session:
        session.open()
        assert session.message(MESSAGE).verdict == milterclient.CONTINUE
        gatepost.conf.write_text("actions {\n reject = -100\n}\n")
        gatepost.reload()
        reloaded(gatepost, 2)
        assert session.message(MESSAGE).verdict == milterclient.CONTINUE
        session.quit()
    ports.wait_until(lambda: len(gatepost.workers()) == 2, 10,
                     "the old worker to end")


def test_reload_moves_to_other_addresses(folder, dns):
    run = folder / "moving/run"
    run.mkdir(parents=True)
    first, second = run / "one.sock", run / "two.sock"
    with FromFile(folder / "moving", dns.address, f"unix:{first}") as daemon:
        with Session(f"unix:{first}") as session:
            session.open()
            daemon.write(f"unix:{second}")
            daemon.reload()
            reloaded(daemon, 2)
            assert judge(f"unix:{second}").verdict == milterclient.CONTINUE
            assert not first.exists()
            # The session that was open is served to its end.
            assert session.message(MESSAGE).verdict == milterclient.CONTINUE
            session.quit()


class Load:
    """Clients that send messages until told to stop, and what went wrong."""

    def __init__(self, address, clients=4, messages=3):
        self.address, self.messages = address, messages
        self.stopping = False
        self.count, self.failures, self.slowest = 0, [], 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run)
                        for _ in range(clients)]

    def _one_session(self):
        with Session(self.address, timeout=30) as session:
            session.open()
            for _ in range(self.messages):
                begun = time.monotonic()
                answer = session.message(MESSAGE)
                with self.lock:
                    self.slowest = max(self.slowest,
                                       time.monotonic() - begun)
                    self.count += 1
                    if answer.verdict not in "cr":
                        self.failures.append(repr(answer))
            session.quit()

    def _run(self):
        while not self.stopping:
            try:
                self._one_session()
            except (OSError, Closed, AssertionError) as problem:
                with self.lock:
                    self.failures.append(repr(problem))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


@pytest.mark.tsan
def test_reloads_under_load_lose_and_delay_nothing(gatepost):
    with Load(gatepost.milter) as load:
        for generation in range(2, 7):
            time.sleep(0.3)
            gatepost.reload()
            reloaded(gatepost, generation)
        time.sleep(0.3)
    assert load.failures == []
    assert load.count > 50
    assert load.slowest < 5


def test_reloads_in_a_burst_end_in_one_serving_generation(gatepost):
    for _ in range(10):
        gatepost.reload()
        time.sleep(0.02)
    time.sleep(1)
    ports.wait_until(lambda: len(gatepost.workers()) == 2, 20,
                     "one generation to be left")
    assert judge(gatepost.milter).verdict == milterclient.CONTINUE


# How it restarts

@pytest.mark.tsan
def test_killed_worker_costs_only_what_it_had(gatepost):
    with Load(gatepost.milter) as load:
        time.sleep(0.3)
        victim = gatepost.workers()[0]
        os.kill(victim, signal.SIGKILL)
        gatepost.wait_line("was ended by signal 9")
        ports.wait_until(lambda: len(gatepost.workers()) == 2, 10,
                         "a new worker")
        time.sleep(0.5)
    # Each client had at most one session with the victim.
    assert len(load.failures) <= 4
    assert judge(gatepost.milter).verdict == milterclient.CONTINUE


def test_worker_in_a_crash_loop_is_restarted_more_slowly(gatepost):
    pauses = []
    for _ in range(3):
        before = gatepost.workers()
        os.kill(before[-1], signal.SIGKILL)
        gone = before[-1]
        ports.wait_until(lambda: gone not in gatepost.workers()
                         and len(gatepost.workers()) == 2, 10, "a new worker")
    for line in gatepost.lines():
        found = re.search(r"starts in (\d+) ms", line.get("msg", ""))
        if found:
            pauses.append(int(found.group(1)))
    assert len(pauses) == 3
    assert sorted(pauses) == pauses and pauses[0] == 100


# How it ends

def test_stop_waits_for_the_message_under_way(folder):
    with SilentDns() as silent:
        daemon = Gatepost(folder / "stop", silent.address,
                          {"limits.deadline": "3s"}).start()
        with Session(daemon.milter) as session:
            session.open()
            session.envelope()
            session.content(MESSAGE)
            session.send("D", b"Ei\0QUEUED\0")
            session.send("E")
            session.flush()
            time.sleep(0.5)
            daemon.process.kill(signal.SIGTERM)
            assert session.answer().verdict == milterclient.CONTINUE
        assert daemon.stop() == 0


def test_stop_is_bounded(folder, dns):
    daemon = Gatepost(folder / "bounded", dns.address,
                      {"worker.drain": "1s"}).start()
    with Session(daemon.milter) as session:
        session.open()
        session.envelope()
        session.end_of_header()
        session.flush()
        time.sleep(0.2)
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert 0.9 < time.monotonic() - begun < 5


def test_stop_does_not_wait_for_idle_sessions(folder, dns):
    daemon = Gatepost(folder / "idle", dns.address).start()
    with Session(daemon.milter) as session:
        session.open()
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 3


def test_second_signal_ends_at_once(folder, dns):
    daemon = Gatepost(folder / "twice", dns.address).start()
    with Session(daemon.milter) as session:
        session.open()
        session.envelope()
        session.end_of_header()
        session.flush()
        time.sleep(0.2)
        daemon.process.kill(signal.SIGTERM)
        time.sleep(0.2)
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 2


def test_signals_to_workers_change_nothing(gatepost):
    workers = gatepost.workers()
    for pid in workers:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT,
                       signal.SIGUSR1, signal.SIGUSR2):
            os.kill(pid, number)
    time.sleep(0.3)
    assert judge(gatepost.milter).verdict == milterclient.CONTINUE
    assert gatepost.workers() == workers


def test_workers_end_when_the_master_is_killed(folder, dns):
    daemon = Gatepost(folder / "orphans", dns.address).start()
    workers = daemon.workers()
    os.kill(daemon.process.pid, signal.SIGKILL)
    daemon.process.child.wait()
    daemon.process = None

    def ended():
        return not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    ports.wait_until(ended, 10, "the workers to end")


# What it tells systemd

class Notifying(Gatepost):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind("\0gatepost-test-" + str(os.getpid()))
        self.told.settimeout(20)

    def prepare(self):
        name = "@gatepost-test-" + str(os.getpid())
        return ["env", f"NOTIFY_SOCKET={name}", *super().prepare()]


def test_systemd_hears_of_start_reload_and_end(folder, dns):
    config = (build_folder() / "config.h").read_text()
    if "HAVE_SYSTEMD 1" not in config:
        pytest.skip("built without libsystemd")
    daemon = Notifying(folder / "notify", dns.address).start()
    with daemon.told as told:
        assert told.recv(100) == b"READY=1"
        daemon.reload()
        assert told.recv(100) == b"RELOADING=1"
        assert told.recv(100) == b"READY=1"
        daemon.stop()
        assert told.recv(100) == b"STOPPING=1"


# What it counts

def test_counters_add_up_and_survive_workers(gatepost):
    for _ in range(5):
        judge(gatepost.milter)
    os.kill(gatepost.workers()[0], signal.SIGKILL)
    gatepost.wait_line("was ended by signal 9")
    ports.wait_until(lambda: len(gatepost.workers()) == 2, 10, "a new worker")
    for _ in range(3):
        judge(gatepost.milter)

    def counted():
        gatepost.process.kill(signal.SIGUSR1)
        time.sleep(0.1)
        # The last session may still be closing.
        return [line for line in gatepost.lines()
                if line.get("sessions_now") == 0]
    line = ports.wait_until(counted, 10, "the counters")[-1]
    assert line["messages"] == 8
    assert line["sessions"] == 8
    assert line["accept"] + line["tag"] == 8
    assert line["bytes"] > 8 * 100
    assert line["worker_crashes"] == 1
    assert line["worker_starts"] >= 2
    assert line["spf_results"] == line["dmarc_results"] == 8
    assert line["symbol_hits"] == sum(
        len(record["symbols"]) for record in gatepost.records())
    assert line["generation"] == 1
