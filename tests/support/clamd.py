"""A real clamd on a unix socket and a port of loopback, with a database of
one signature: EICAR."""

import signal
import socket
from pathlib import Path

from support import ports
from support.process import Process

# In two pieces, so that no scanner takes this file for the test virus.
EICAR = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-"
         rb"ANTIVIRUS-TEST-FILE!$H+H*")
SIGNATURE = "Test.Eicar.UNOFFICIAL"


class Clamd:
    program = "/usr/sbin/clamd"

    def __init__(self, folder, **options):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "clamd.sock"
        self.port = ports.free_port()
        self.unix, self.tcp = (f"unix:{self.socket}",
                               f"tcp:127.0.0.1:{self.port}")
        database = self.folder / "db"
        database.mkdir(exist_ok=True)
        (database / "test.ndb").write_text(
            f"Test.Eicar:0:*:{EICAR[28:].hex()}\n")
        (self.folder / "tmp").mkdir(exist_ok=True)
        options = {"DatabaseDirectory": database, "LocalSocket": self.socket,
                   "TCPSocket": self.port, "TCPAddr": "127.0.0.1",
                   "Foreground": "yes", "User": "root",
                   "TemporaryDirectory": self.folder / "tmp",
                   "MaxThreads": 2, **options}
        self.config = self.folder / "clamd.conf"
        self.config.write_text("".join(f"{name} {value}\n"
                                       for name, value in options.items()))
        self.process = None

    def start(self):
        self.process = Process("clamd", [self.program, "-c", self.config],
                               self.folder / "clamd.log")
        ports.wait_until(
            lambda: self.process.check() and self._answers(), 60, "clamd")
        return self

    def _answers(self):
        try:
            return self.ask(b"zPING") == b"PONG\0"
        except OSError:
            return False

    def ask(self, command, timeout=5):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(str(self.socket))
            link.sendall(command + b"\0")
            return link.recv(4096)

    def stop(self):
        if self.process and self.process.alive():
            self.process.kill(signal.SIGCONT)
            self.process.stop(signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
