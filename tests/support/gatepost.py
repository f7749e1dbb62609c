"""gatepostd and the command gatepost, as built in the folder that the
variable GATEPOST_BUILD names (./check and ./quickstart set it)."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from support import ports, process
from support.process import Failed, Process

TOP = Path(__file__).resolve().parents[2]


def build_folder():
    return Path(os.environ.get("GATEPOST_BUILD", TOP / "build"))


def program(name):
    """The path of a built program."""
    path = build_folder() / name
    if not path.exists():
        raise Failed(f"{path} is not there: build first, or set "
                     "GATEPOST_BUILD to the build folder")
    return path


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
        }
        self.settings.update(settings or {})
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
        """Makes the folders, the file, and copies of the programs: an
        unprivileged worker may not reach into the build folder."""
        for name in ("state", "run", "bin"):
            (self.folder / name).mkdir(exist_ok=True)
        for name in ("state", "run"):
            (self.folder / name).chmod(0o777)
        for name in ("gatepostd", "gatepost-worker"):
            shutil.copy2(program(name), self.folder / "bin")
        if self.config is not None:
            self.conf.write_text(self.config)
        return [self.folder / "bin/gatepostd", *self.arguments()]

    def start(self, wrapper=()):
        self.process = Process("gatepostd", [*wrapper, *self.prepare()],
                               self.log)
        ports.wait_until(
            lambda: self.process.check()
            and any(line.get("msg", "").startswith("ready")
                    for line in self.lines()), 20, "gatepostd to be ready")
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

    def workers(self):
        """Process ids of the workers."""
        return process.children(self.process.pid)

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
