"""Starts gatepost-scanner as the master does, and asks it as workers do
(milter/daemon/role.h, milter/net/scan_wire.h)."""

import array
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

from support.gatepost import program
from support.process import Failed, children

FIRST_FD = 3
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
SIGNATURES = Path(__file__).parent / "clamav"
RESULTS = ("clean", "infected", "unscanned")
TROUBLES = ("none", "down", "no_database", "busy", "timeout", "crashed",
            "limit", "error")


class Reader:
    def __init__(self, packed):
        self.packed, self.at = packed, 0

    def number(self):
        value, = struct.unpack_from("<Q", self.packed, self.at)
        self.at += 8
        return value

    def text(self):
        size = self.number()
        text = self.packed[self.at:self.at + size]
        self.at += size
        return text.decode(errors="replace")


def unpack(packed):
    """A report (milter/net/scan_report.c) as a dict."""
    r = Reader(packed)
    assert r.number() == 1
    report = {"result": RESULTS[r.number()], "trouble": TROUBLES[r.number()],
              "reason": r.text(),
              "names": [r.text() for _ in range(r.number())],
              "complete": r.number(), "known": r.number(),
              "engine": r.text(), "version": r.number(), "time": r.number(),
              "signatures": r.number(), "us": r.number(), "parts": []}
    for _ in range(r.number()):
        part = {"name": r.text(), "type": r.text(), "kind": r.text(),
                "size": r.number(), "depth": r.number(),
                "parent": r.number(), "encrypted": bool(r.number())}
        r.number()
        report["parts"].append(part)
    assert r.at == len(packed)
    return report


class Scanner:
    """A scanner with a database of its own."""

    def __init__(self, folder, settings=None, signatures=True):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.database = self.folder / "db"
        for path in (self.database, self.folder / "run"):
            path.mkdir()
            path.chmod(0o777)
        if signatures:
            self.add_signatures()
        self.log = self.folder / "scanner.log"
        self.settings = {
            "antivirus.database": self.database,
            "run_dir": self.folder / "run", "state_dir": self.folder,
            "user": "nobody", "scanner.processes": "2",
            "scanner.watch": "200ms", **(settings or {})}
        self._start()

    def _start(self):
        self.queue, receive = socket.socketpair(socket.AF_UNIX,
                                                socket.SOCK_SEQPACKET)
        self.control, control = socket.socketpair(socket.AF_UNIX,
                                                  socket.SOCK_SEQPACKET)
        conf, counters = os.memfd_create("conf"), os.memfd_create("counters")
        os.ftruncate(counters, 64 << 20)
        fds = [control.fileno(), conf, counters, conf, receive.fileno()]

        def place():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in fds]
            for number, fd in enumerate(high):
                os.dup2(fd, FIRST_FD + number, inheritable=True)

        words = [program("gatepost-scanner"), "--slot", "1", "--generation",
                 "1", "--foreground"]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value}"]
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(words, preexec_fn=place,
                                          close_fds=False, stderr=log)
        for fd in (conf, counters):
            os.close(fd)
        control.close()
        receive.close()
        self.control.settimeout(60)
        assert self.control.recv(1) == b"r", self.said()

    def said(self):
        return self.log.read_text(errors="replace")

    def loads(self):
        return self.said().count("scanning with")

    def add_signatures(self):
        for path in SIGNATURES.iterdir():
            shutil.copy(path, self.database)
            (self.database / path.name).chmod(0o644)

    def generations(self):
        return children(self.child.pid)

    def processes(self):
        """The ids of the children that scan."""
        return [pid for parent in self.generations()
                for pid in children(parent)]

    def ask(self, message, seals=SEALS):
        """Puts it into the queue; returns the socket of the reply."""
        fd = os.memfd_create("message", os.MFD_ALLOW_SEALING)
        if message:
            os.write(fd, message)
        if seals:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.queue.sendmsg(
            [struct.pack("=IIQq", 2, 0, len(message),
                         time.monotonic_ns() // 1000)],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
              array.array("i", [fd, other.fileno()]))])
        os.close(fd)
        other.close()
        return mine

    @staticmethod
    def answer(reply, timeout=30):
        """The report; None: closed without one."""
        with reply:
            reply.settimeout(timeout)
            while said := reply.recv(300000):
                if said[:1] == b"r":
                    return unpack(said[1:])
        return None

    def scan(self, message, **how):
        return self.answer(self.ask(message, **how))

    def stop(self):
        self.control.close()
        self.queue.close()
        status = self.child.wait(60)
        if found := re.search(r"ERROR: \w+Sanitizer|runtime error:",
                              self.said()):
            raise Failed(self.said()[found.start():][:4000])
        return status
