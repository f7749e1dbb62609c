"""A program that is started, watched and stopped by its own process id."""

import os
import signal
import subprocess
from pathlib import Path


class Failed(Exception):
    """A program did not start or did not do what it was asked."""


class Process:
    def __init__(self, name, argv, log, **options):
        self.name = name
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self.child = subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, **options)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def tail(self, lines=15):
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    def check(self):
        """Raises if the program has ended."""
        if not self.alive():
            raise Failed(f"{self.name} ended with status "
                         f"{self.child.returncode}:\n{self.tail()}")
        return True

    def kill(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, timeout=15):
        """Ends it and returns its exit status; kills it past timeout."""
        self.kill(number)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failed(f"{self.name} did not stop within {timeout} s:\n"
                         + self.tail()) from None


def children(pid):
    """The process ids whose parent is pid."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text()
        except OSError:
            continue
        if int(status.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry.name))
    return sorted(found)


def status(pid):
    """The fields of /proc/PID/status as a dict (VmRSS, Threads ...)."""
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields
