"""The client of clamd against a real clamd. A server of ours stands in only
for replies that a real one cannot be made to give."""

import os
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections import namedtuple
from pathlib import Path

import pytest

from support import ports
from support.clamd import EICAR, SIGNATURE, Clamd

BUILD = Path(os.environ.get("GATEPOST_BUILD",
                            Path(__file__).parents[2] / "build/check"))
ASK = BUILD / "tests/milter/net/clamd_ask"
KIB = 1024

Answer = namedtuple("Answer", "result trouble ms offset version name reason")


def read_answer(line):
    result, trouble, ms, offset, version, rest = line.split("\t", 5)
    name, _, reason = rest.partition("|")
    return Answer(result, trouble, int(ms), offset, version, name, reason)


class Asking:
    """clamd_ask, while it runs."""

    def __init__(self, where, *files, ms=10000, options=(), environ=()):
        self.child = subprocess.Popen(
            [ASK, "-t", str(ms), *options, where, *files],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **dict(environ)})

    def answers(self):
        out, problems = self.child.communicate(timeout=60)
        assert self.child.returncode == 0, problems
        return [read_answer(line) for line in out.splitlines()]


def with_hosts(hosts):
    """Words before a command that is to see the file as /etc/hosts."""
    return ["unshare", "--mount", "sh", "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"', hosts]


def ask(where, file, **options):
    return Asking(where, file, **options).answers()[0]


@pytest.fixture(scope="module")
def clamd(folder):
    with Clamd(folder / "clamd", StreamMaxLength="100K", MaxFileSize="200K",
               MaxScanSize="400K", AlertExceedsMax="yes") as server:
        yield server


@pytest.fixture(params=["unix", "tcp"])
def where(clamd, request):
    return getattr(clamd, request.param)


@pytest.fixture
def file(folder):
    def write(content):
        path = folder / "message"
        path.write_bytes(content)
        return path
    return write


def mail(content):
    return b"From: a@a.example\nSubject: x\n\n" + content


@pytest.mark.parametrize("content", [
    b"", b"x", mail(b"hello\n"), mail(os.urandom(90 * KIB))],
    ids=["empty", "byte", "mail", "large"])
def test_clean(where, file, content):
    answer = ask(where, file(content))
    assert answer[:2] == ("clean", "none")
    # clamd has not moved what the worker reads by.
    assert answer.offset == "end"


@pytest.mark.parametrize("before", [0, 70 * KIB])
def test_infected(where, file, before):
    answer = ask(where, file(mail(b"a" * before + EICAR)))
    assert answer[:2] == ("infected", "none")
    assert answer.name == SIGNATURE
    assert answer.offset == "end"


def test_from_the_jail_of_a_worker(where, file):
    answer = ask(where, file(mail(EICAR)), options=["-j", "-v"])
    assert answer.name == SIGNATURE
    assert answer.offset == "end"
    assert answer.version.startswith("ClamAV ")


def test_a_host_that_gets_an_address_later(clamd, folder, file):
    hosts, later = folder / "hosts", folder / "later"
    hosts.write_text("127.0.0.1 localhost\n")
    os.mkfifo(later)
    with subprocess.Popen(
            [*with_hosts(hosts), ASK, "-j", "-v",
             f"tcp:scanner.invalid:{clamd.port}", file(b"x"), later],
            stdout=subprocess.PIPE, text=True) as child:
        answer = read_answer(child.stdout.readline())
        assert answer[:2] == ("unscanned", "down")
        assert "host is not known" in answer.reason
        with hosts.open("a") as table:
            table.write("127.0.0.1 scanner.invalid\n")
        later.write_bytes(EICAR)
        answer = read_answer(child.stdout.readline())
        assert answer.name == SIGNATURE


@pytest.mark.parametrize("size", [101 * KIB, 300 * KIB, 50_000 * KIB])
def test_longer_than_clamd_takes_by_tcp(clamd, file, size):
    # It replies, and resets the connection, while we still send.
    answer = ask(clamd.tcp, file(b"a" * size))
    assert answer[:2] == ("unscanned", "limit")
    assert "size limit exceeded" in answer.reason


def test_the_limit_of_a_stream_is_none_of_a_descriptor(clamd, file):
    assert ask(clamd.unix, file(b"a" * 150 * KIB)).result == "clean"


def test_longer_than_clamd_scans(clamd, file):
    answer = ask(clamd.unix, file(b"a" * 300 * KIB + EICAR))
    assert answer[:2] == ("unscanned", "limit")
    assert answer.reason == "Heuristics.Limits.Exceeded.MaxFileSize"


def test_reports_carry_the_version(where, clamd, file):
    said = clamd.ask(b"zVERSION").rstrip(b"\0").decode()
    answer = ask(where, file(b"x"), options=["-v"])
    assert answer.version == said + "|0|0"
    assert ask(where, file(b"x")).version == "|0|0"


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_absent(folder, file, kind):
    place = {"unix": f"unix:{folder}/absent.sock",
             "tcp": f"tcp:127.0.0.1:{ports.free_port()}"}[kind]
    answer = ask(place, file(b"x"))
    assert answer[:2] == ("unscanned", "down")
    assert place in answer.reason
    assert answer.ms < 1000


def test_a_socket_that_nobody_listens_on(folder, file):
    path = folder / "dead.sock"
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(str(path))
    answer = ask(f"unix:{path}", file(b"x"))
    assert answer[:2] == ("unscanned", "down")
    assert answer.ms < 1000


def test_a_name_with_an_address_that_nobody_listens_on(folder, file):
    # The system gives 127.0.0.1 first, where this clamd is not.
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 scanner.invalid\n127.0.0.2 scanner.invalid\n")
    with Clamd(folder / "second", TCPAddr="127.0.0.2") as clamd:
        done = subprocess.run(
            [*with_hosts(hosts), ASK, "-v",
             f"tcp:scanner.invalid:{clamd.port}", file(EICAR), file(EICAR)],
            stdout=subprocess.PIPE, text=True, timeout=30, check=True)
    answers = [read_answer(line) for line in done.stdout.splitlines()]
    assert [answer.name for answer in answers] == 2 * [SIGNATURE]
    assert answers[0].version.startswith("ClamAV ")


def test_an_unknown_name(file):
    answer = ask("tcp:nowhere.invalid:3310", file(b"x"))
    assert answer[:2] == ("unscanned", "down")


@pytest.fixture
def stopped(clamd):
    os.kill(clamd.process.pid, signal.SIGSTOP)
    yield clamd
    os.kill(clamd.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", ["unix", "tcp"])
@pytest.mark.parametrize("size", [10, 20_000 * KIB])
def test_stopped(stopped, file, kind, size):
    answer = ask(getattr(stopped, kind), file(b"a" * size), ms=500)
    assert answer[:2] == ("unscanned", "timeout")
    assert 450 <= answer.ms < 2000


def test_a_full_queue(stopped, file):
    links = []
    try:
        while True:
            link = socket.socket(socket.AF_UNIX)
            links.append(link)
            link.setblocking(False)
            try:
                link.connect(str(stopped.socket))
            except BlockingIOError:
                break
        answer = ask(stopped.unix, file(b"x"), ms=500)
        assert answer[:2] == ("unscanned", "busy")
        assert "queue is full" in answer.reason
        assert 450 <= answer.ms < 2000
        # One that moves on in time is waited for.
        asking = Asking(stopped.unix, file(EICAR), ms=10000)
        time.sleep(0.3)
    finally:
        for link in links:
            link.close()
        os.kill(stopped.process.pid, signal.SIGCONT)
    assert asking.answers()[0].name == SIGNATURE


def bomb(mebibytes):
    """A gzip file of that many zeros, whose blocks are made once."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(bytes(KIB * KIB))
    block += deflate.flush(zlib.Z_FULL_FLUSH)
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\3" + block * mebibytes
            + deflate.flush() + bytes(8))


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_killed_in_the_middle_of_a_scan(folder, file, kind):
    with Clamd(folder / f"killed-{kind}", MaxScanSize="2000M",
               MaxFileSize="2000M", MaxScanTime=0) as clamd:
        asking = Asking(getattr(clamd, kind), file(bomb(1900)), ms=50000)
        busy = clamd.folder / "tmp"
        ports.wait_until(lambda: any(entry.stat().st_size > 1 << 20 for entry
                                     in busy.rglob("*") if entry.is_file()),
                         20, "clamd to unpack")
        clamd.process.stop(signal.SIGKILL)
        answer = asking.answers()[0]
    assert answer[:2] == ("unscanned", "crashed")


class Fake:
    """Says one thing to each who connects, after it has read `reads`."""

    def __init__(self, folder, reply, reads):
        self.path = folder / "fake.sock"
        self.path.unlink(missing_ok=True)
        self.reply, self.reads = reply, reads
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        link = self.socket.accept()[0]
        with link:
            link.recv(self.reads)
            for piece in self.reply:
                link.sendall(piece)
                time.sleep(0.05)

    def __enter__(self):
        return f"unix:{self.path}"

    def __exit__(self, *_):
        self.thread.join()
        self.socket.close()


# A real clamd closes without a word, has no memory, cuts off its reply or
# says nonsense only by chance.
@pytest.mark.parametrize("reply, expected", [
    ([], ("unscanned", "crashed")),
    ([b"fd[9]: OK"], ("unscanned", "crashed")),
    ([b"fd[9]: Can't allocate memory ERROR\0"], ("unscanned", "error")),
    ([b"fd[9]: Eicar", b" FOU", b"ND\0"], ("infected", "none")),
    ([b"fd[9]: ", b"OK\0"], ("clean", "none")),
    ([b"\0"], ("unscanned", "crashed")),
    ([b"UNKNOWN COMMAND\n"], ("unscanned", "error")),
    ([b"COMMAND READ TIMED OUT\n"], ("unscanned", "error")),
    ([b"a" * 5000], ("unscanned", "error")),
])
def test_rare_replies(folder, file, reply, expected):
    with Fake(folder, reply, 4096) as place:
        answer = ask(place, file(b"x"))
    assert answer[:2] == expected


def test_the_version_of_a_daily_database(folder, file):
    # Only signed databases have a version; none is here. The fake serves
    # one connection, so the scan that follows is not answered.
    with Fake(folder, [b"ClamAV 1.4.6/27000/Sat Nov 28 08:00:00 2026\0"],
              4096) as place:
        answer = ask(place, file(b"x"), ms=200, options=["-v"],
                     environ={"TZ": "UTC"})
    assert answer.version == "ClamAV 1.4.6|27000|1795852800"
