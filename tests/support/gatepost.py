"""gatepostd and the command gatepost, as built in the folder that the
variable GATEPOST_BUILD names (./check and ./quickstart set it)."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from support import ports, process
from support.folder import Folder
from support.process import Failed, Process

TOP = Path(__file__).resolve().parents[2]


def build_folder():
    return Path(os.environ.get("GATEPOST_BUILD", TOP / "build"))


PROGRAMS = ("gatepost", "gatepostd", "gatepost-recorder", "gatepost-scanner",
            "gatepost-worker")


@functools.cache
def _reachable_folder():
    """The programs where an unprivileged worker can start them: copies,
    if the build folder is below one that only its owner may enter."""
    build = build_folder().resolve()
    if all(path.stat().st_mode & 0o001 for path in (build, *build.parents)):
        return build
    copies = Folder("gatepost-bin.")
    atexit.register(copies.remove)
    for name in PROGRAMS:
        if (build / name).exists():
            shutil.copy2(build / name, copies.path)
    return copies.path


def program(name):
    """The path of a built program."""
    folder = _reachable_folder() if name in PROGRAMS else build_folder()
    if not (folder / name).exists():
        raise Failed(f"{build_folder() / name} is not there: build first, or "
                     "set GATEPOST_BUILD to the build folder")
    return folder / name


class Gatepost:
    """A running gatepostd that logs JSON into its folder."""

    def __init__(self, folder, dns, settings=None, listen=None, config=""):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port()
        self.listen = listen or [f"inet:127.0.0.1:{self.port}"]
        self.config = config
        self.conf = self.folder / "gatepost.conf"
        self.settings = {
            "authserv_id": "mx.gatepost.example",
            "dns.servers": dns,
            "state_dir": str(self.folder / "state"),
            "run_dir": str(self.folder / "run"),
            "user": "nobody",
            "log.format": "json",
            "worker.processes": "1",
            # Or doubtful messages would be deferred at their first try.
            "greylist.mode": "off",
            # Instances must not meet; http_port is one that is free.
            "http.listen": "",
            # No signatures are there; tests of scanning bring theirs.
            "antivirus.engine": "off",
            "attachments.enabled": "no",
        }
        self.settings.update(settings or {})
        self.wrapper = []       # what starts it, such as env
        self.process = None

    @property
    def milter(self):
        """What Postfix's smtpd_milters takes."""
        return f"inet:127.0.0.1:{self.port}"

    @property
    def log(self):
        return self.folder / "gatepost.log"

    def arguments(self):
        words = ["-c", str(self.conf), "--foreground"]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value}"]
        return words + ["--set", "listen=" + ", ".join(self.listen)]

    def prepare(self):
        """Makes the folders and the file; returns the command line."""
        for name in ("state", "run"):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name).chmod(0o777)
        if self.config is not None:
            self.conf.write_text(self.config)
        return [program("gatepostd"), *self.arguments()]

    def start(self):
        had = len(self.lines())
        self.process = Process("gatepostd", [*self.wrapper, *self.prepare()],
                               self.log)
        ports.wait_until(
            lambda: self.process.check()
            and any(line.get("msg", "").startswith("ready")
                    for line in self.lines()[had:]), 20,
            "gatepostd to be ready")
        return self

    def lines(self):
        """The log so far, as JSON objects; other text is left out."""
        found = []
        if self.log.exists():
            for line in self.log.read_bytes().splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found

    def records(self):
        """The verdict records among the log lines."""
        return [line for line in self.lines() if "symbols" in line]

    def record(self, queue_id, timeout=10):
        """The verdict record of that queue id."""
        def find():
            return next((line for line in self.records()
                         if line.get("queue_id") == queue_id), None)
        return ports.wait_until(find, timeout, "the record of " + queue_id)

    def wait_line(self, part, timeout=10):
        """Waits until some log line contains that text."""
        ports.wait_until(lambda: part in self.log.read_text(errors="replace"),
                         timeout, f"the log to say {part!r}")

    def counters(self):
        """What has been counted, as SIGUSR1 logs it."""
        def logged():
            return [line for line in self.lines() if "sessions_now" in line]
        had = len(logged())
        self.process.kill(signal.SIGUSR1)
        return ports.wait_until(lambda: logged()[had:], 10,
                                "the counters")[0]

    def run(self, *words, timeout=20):
        """Runs the command gatepost with this configuration."""
        verb, *rest = words
        sets = [word for name, value in self.settings.items()
                for word in ("--set", f"{name}={value}")]
        return subprocess.run(
            [program("gatepost"), verb, "-c", self.conf, *sets, *rest],
            capture_output=True, text=True, timeout=timeout, check=False)

    def _children(self, name):
        def is_named(pid):
            try:
                return process.status(pid)["Name"] == name[:15]
            except OSError:
                return False
        return [pid for pid in process.children(self.process.pid)
                if is_named(pid)]

    def workers(self):
        """Process ids of the workers."""
        return self._children("gatepost-worker")

    def scanner_children(self):
        """Process ids of what scans: children of the generations."""
        return [pid for supervisor in self._children("gatepost-scanner")
                for generation in process.children(supervisor)
                for pid in process.children(generation)]

    @contextlib.contextmanager
    def dying_scanners(self, pause):
        """Kills the scanner's children again and again, that many seconds
        apart."""
        ended = threading.Event()

        def kill():
            while not ended.wait(pause):
                for pid in self.scanner_children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            yield
        finally:
            ended.set()
            killer.join()

    def recorder(self, timeout=10):
        """The process id of the one recorder."""
        def find():
            found = self._children("gatepost-recorder")
            return found[0] if len(found) == 1 else None
        return ports.wait_until(find, timeout, "one recorder")

    def http(self, path, timeout=15, accept=None):
        """(status, text) of a page, by the recorder's own socket."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            sock.connect(str(self.folder / "run/recorder.sock"))
            sock.sendall((f"GET {path} HTTP/1.0\r\n"
                          + (f"Accept: {accept}\r\n" if accept else "")
                          + "\r\n").encode())
            data = b""
            while part := sock.recv(65536):
                data += part
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def metrics(self):
        """The samples of /metrics: "name{labels}" to value."""
        status, text = self.http("/metrics")
        assert status == 200, text
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in text.splitlines() if not line.startswith("#")}

    def history(self, *words):
        """What `gatepost log` finds, as JSON objects."""
        done = self.run("log", "--json", "--limit", "all", *words)
        if done.returncode not in (0, 1):
            raise Failed(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def reload(self):
        self.process.kill(signal.SIGHUP)

    def stop(self):
        if self.process:
            child, self.process = self.process, None
            status = child.stop(timeout=60)
            text = self.log.read_text(errors="replace")
            for sign in ("ERROR: AddressSanitizer", "runtime error:",
                         "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer"):
                if sign in text:
                    where = text.index(sign)
                    raise Failed(text[max(0, where - 200):where + 4000])
            return status
        return None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def check(message, *arguments):
    """Runs `gatepost check --json` and returns its object."""
    done = subprocess.run(
        [program("gatepost"), "check", "--json", *arguments, "-"],
        input=message, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"gatepost check: {done.stderr.decode()}")
    return json.loads(done.stdout)
