"""DNS for tests and the demonstration: nsd with zones given as text, and a
server that never answers."""

import os
import shutil
import signal
import socket
import threading
from pathlib import Path

from support import ports
from support.process import Failed, Process

SOA = ("$ORIGIN {origin}\n$TTL 300\n"
       "@ SOA ns hostmaster 1 3600 600 86400 {negative}\n"
       "@ NS ns\n")

CONFIGURATION = """\
server:
  ip-address: 127.0.0.1
  port: {port}
  server-count: 1
  username: "{user}"
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  database: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: ""
  xfrdir: "{folder}"
  rrl-ratelimit: 0
  hide-version: yes
remote-control:
  control-enable: no
"""


class DnsServer:
    """nsd as a plain process on a loopback port of its own.

    zones: {"example.org": "www A 192.0.2.1\n..."}; SOA and NS records are
    added unless the text has a SOA of its own.
    """

    def __init__(self, folder, zones, port=None, negative_ttl=60):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or ports.free_port()
        self.negative_ttl = negative_ttl
        self.zones = dict(zones)
        self.process = None

    @property
    def address(self):
        """As gatepost's setting dns.servers wants it."""
        return f"127.0.0.1@{self.port}"

    def _write(self):
        user = "nsd" if os.getuid() == 0 else ""
        text = CONFIGURATION.format(port=self.port, folder=self.folder,
                                    user=user)
        for number, (origin, records) in enumerate(self.zones.items()):
            origin = origin.rstrip(".") + "."
            head = "" if " SOA " in records else SOA.format(
                origin=origin, negative=self.negative_ttl)
            if head and not any(line.startswith("ns ")
                                for line in records.splitlines()):
                head += "ns A 127.0.0.1\n"
            name = f"{number}.zone"
            (self.folder / name).write_text(head + records + "\n")
            text += f'zone:\n  name: "{origin}"\n  zonefile: "{name}"\n'
        (self.folder / "nsd.conf").write_text(text)
        if user:
            shutil.chown(self.folder, user)

    def start(self):
        program = shutil.which("nsd", path="/usr/sbin:/usr/bin")
        if not program:
            raise Failed("nsd is not installed")
        self._write()
        self.process = Process("nsd", [program, "-d", "-c",
                                       self.folder / "nsd.conf"],
                               self.folder / "nsd.log")
        ports.wait_until(lambda: self.process.check()
                         and "nsd started" in self._log()
                         and ports.is_open(self.port), 10, "nsd to answer")
        text = self._log()
        if "error:" in text:
            self.stop()
            raise Failed("nsd does not like a zone:\n" + text)
        return self

    def _log(self):
        return self.process.log.read_text(errors="replace")

    def change(self, zones):
        """Serves other zones from now on."""
        self.stop()
        self.zones = dict(zones)
        self.start()

    def stop(self):
        if self.process:
            self.process.stop(signal.SIGTERM)
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class SilentDns:
    """Takes every question and never says a word."""

    def __init__(self):
        self.port = ports.free_port()
        self.address = f"127.0.0.1@{self.port}"
        self.asked = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._tcp = socket.socket()
        self._tcp.bind(("127.0.0.1", self.port))
        self._tcp.listen(64)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                data = self._udp.recv(4096)
            except OSError:
                return
            if not data:
                return
            self.asked += 1

    def stop(self):
        # An empty datagram to itself wakes the reader.
        self._udp.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(2)
        self._udp.close()
        self._tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
