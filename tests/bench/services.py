"""Starts and stops what the benchmark needs: the DNS server, Redis, Gatepost,
the empty filter, and the peers. Each gets a folder of its own, runs in the
foreground, without privileges where we have some to drop, and is ended by
its pid.
"""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

PUBLIC_SUFFIXES = "/usr/share/publicsuffix/public_suffix_list.dat"


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """One process (and its children) with a socket to wait for."""

    name = ""
    settle = 0.2        # seconds of quiet after the socket answers

    def __init__(self, folder, dns, tcp=False):
        self.folder = pathlib.Path(folder) / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dns = dns          # (address, port)
        self.port = free_port() if tcp else None
        self.process = None

    @property
    def socket(self):
        return self.folder / "milter"

    @property
    def endpoint(self):
        """Where Postfix would connect."""
        return f"inet:127.0.0.1:{self.port}" if self.port \
            else f"unix:{self.socket}"

    @property
    def libmilter_address(self):
        """The same, as filters on libmilter are told to listen."""
        return f"inet:{self.port}@127.0.0.1" if self.port \
            else f"local:{self.socket}"

    def command(self):
        """Writes the configuration and returns the command line."""
        raise NotImplementedError

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self):
        command = [str(word) for word in self.command()]
        user = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid,
                    "extra_groups": []}
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, umask=0, **user)
        self._wait()
        time.sleep(self.settle)

    def answers(self):
        family = socket.AF_INET if self.port else socket.AF_UNIX
        address = ("127.0.0.1", self.port) if self.port else str(self.socket)
        with socket.socket(family) as probe:
            try:
                probe.connect(address)
                return True
            except OSError:
                return False

    def _wait(self):
        end = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                log = (self.folder / "log").read_text(errors="replace")
                raise Failed(f"{self.name} did not start:\n{log[-2000:]}")
            time.sleep(0.05)

    def complaints(self):
        """Lines of its log that make its figures doubtful."""
        return []

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def pid(self):
        return self.process.pid


class Nsd(Service):
    """The authority for everything: the set's zone served as the root."""

    name = "nsd"

    def __init__(self, folder, dns, zone):
        super().__init__(folder, dns)
        self.zone = zone

    def command(self):
        address, port = self.dns
        self.write("root.zone", self.zone.read_text())
        config = self.write("nsd.conf", f"""
server:
    ip-address: {address}@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.folder}"
    database: ""
    pidfile: "{self.folder}/pid"
    xfrdfile: "{self.folder}/xfrd"
    zonelistfile: "{self.folder}/zones"
    xfrdir: "{self.folder}"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: root.zone
""")
        return ["/usr/sbin/nsd", "-d", "-c", config]

    def start(self):
        # A port below 1024 exists only in our own network namespace.
        if self.dns[1] >= 1024:
            super().start()
            return
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
                  "w", encoding="ascii") as limit:
            limit.write("0")
        super().start()

    def answers(self):
        query = (b"\x12\x34\0\0\0\1\0\0\0\0\0\0"
                 b"\2ns\5bench\7example\0\0\1\0\1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            try:
                probe.sendto(query, self.dns)
                return len(probe.recv(512)) > len(query)
            except OSError:
                return False


class Redis(Service):
    """In memory only: no file is written, as nothing waits for one."""

    name = "redis"

    def __init__(self, folder):
        super().__init__(folder, None, tcp=True)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"redis+unix:{self.socket}"

    def command(self):
        config = self.write("redis.conf", f"""
bind 127.0.0.1
port {self.port}
unixsocket {self.socket}
unixsocketperm 777
save ""
dir {self.folder}
""")
        return ["/usr/bin/redis-server", config]


class Empty(Service):
    name = "empty"

    def __init__(self, folder, dns, build, tcp=False):
        super().__init__(folder, dns, tcp)
        self.build = build

    def command(self):
        return [self.build / "tests/bench/emptyfilter",
                self.libmilter_address]


class Gatepost(Service):
    """With its defaults: one worker per CPU, one log line per message. But
    without greylisting, since the peers do none; greylist.py measures it."""

    name = "gatepost"

    def __init__(self, folder, dns, build, tcp=False,
                 settings="greylist {\n\tmode = off\n}\n"):
        super().__init__(folder, dns, tcp)
        self.build, self.settings = build, settings
        # Most peers scan for nothing; ScanningGatepost does.
        self.scanning = ("antivirus {\n\tengine = off\n}\n"
                         "attachments {\n\tenabled = no\n}\n")

    def command(self):
        address, port = self.dns
        for name in ("state", "run"):
            (self.folder / name).mkdir(exist_ok=True)
        config = self.write("gatepost.conf", f"""
listen = "{self.endpoint}"
state_dir = "{self.folder}/state"
run_dir = "{self.folder}/run"
authserv_id = "mx.bench.example"
dns {{
	servers = {{ "{address}@{port}" }}
}}
worker {{
	socket_mode = "0666"
	socket_group = ""
}}
http {{
	listen = {{}}
}}
{self.scanning}{self.settings}""")
        return [self.build / "gatepostd", "-c", config, "--foreground"]

    def complaints(self):
        """What it warned of: a list it does not ask costs it no time."""
        log = (self.folder / "log").read_text(errors="replace")
        return [line for line in log.splitlines()
                if " level=warn " in line or " level=error " in line]


SIGNATURES = pathlib.Path(__file__).parents[2] / "contrib/quickstart/clamav"


def copy_signatures(folder):
    """The same few signatures for all who scan."""
    folder.mkdir(exist_ok=True)
    for file in SIGNATURES.iterdir():
        shutil.copy(file, folder)
    return folder


class ScanningGatepost(Gatepost):
    """The same with libclamav, and without attachment rules."""

    name = "gatepost+virus"
    settle = 2          # it loads its signatures

    def __init__(self, *where):
        super().__init__(*where)
        self.scanning = (
            f'antivirus {{\n\tdatabase = "{copy_signatures(self.folder / "db")}"'
            "\n}\nattachments {\n\tenabled = no\n}\n")


class OnlyScanningGatepost(ScanningGatepost):
    """It scans and nothing else: mail from everywhere is trusted."""

    name = "gatepost-scan-only"

    def __init__(self, *where):
        super().__init__(*where)
        self.settings += 'trusted_networks = {"0.0.0.0/0", "::/0"}\n'


class ClamavMilter(Service):
    """clamav-milter with a clamd of its own, as Debian has them, over the
    same signatures; it rejects what is infected."""

    name = "clamav-milter"
    settle = 2

    def command(self):
        clamd, milter = (self.write("clamd.conf", f"""
DatabaseDirectory {copy_signatures(self.folder / "db")}
LocalSocket {self.folder}/clamd
LocalSocketMode 666
Foreground yes
MaxThreads {os.cpu_count()}
TemporaryDirectory {self.folder}
"""), self.write("milter.conf", f"""
MilterSocket {self.endpoint}
ClamdSocket unix:{self.folder}/clamd
Foreground yes
OnInfected Reject
TemporaryDirectory {self.folder}
"""))
        return ["/bin/sh", "-c",
                'trap "kill 0" TERM; /usr/sbin/clamd -c "$1" & '
                'until [ -S clamd ]; do sleep 0.1; done; '
                '/usr/sbin/clamav-milter -c "$2" & wait', "sh", clamd, milter]


class Rspamd(Service):
    """Debian's rspamd as it comes, with a self-scanning proxy.

    Debian's configuration is read unchanged. Ours adds: the DNS server, one
    proxy process per CPU that scans by itself (no second process and no
    HTTP in between), no other workers. There is no Redis, so what needs it
    (Bayes, neural, greylisting, ratelimit, history) stays off, which
    favours rspamd here. The vendor's fuzzy servers and maps cannot be
    reached.
    """

    name = "rspamd"
    settle = 20         # its expressions are compiled in the background

    def command(self):
        address, port = self.dns
        where = f"127.0.0.1:{self.port}" if self.port \
            else f"{self.socket} mode=0666"
        local = "etc/local.d"
        self.write(f"{local}/options.inc",
                   f'dns {{ nameserver = "{address}:{port}"; }}\n')
        for worker in ("normal", "controller"):
            self.write(f"{local}/worker-{worker}.inc", "enabled = false;\n")
        self.write(f"{local}/worker-proxy.inc", f"""
bind_socket = "{where}";
count = {os.cpu_count()};
upstream "local" {{ default = yes; self_scan = yes; }}
""")
        for name in ("db", "run", "logs"):
            (self.folder / name).mkdir(exist_ok=True)
        return ["/usr/bin/rspamd", "-f",
                f"--var=LOCAL_CONFDIR={self.folder}/etc",
                f"--var=DBDIR={self.folder}/db",
                f"--var=RUNDIR={self.folder}/run",
                f"--var=LOGDIR={self.folder}/logs"]


class Opendkim(Service):
    """Verifies only. Its resolver is a libunbound of its own, without DNSSEC.

    Nameservers, not ResolverConfiguration: with that it reads the file for
    each connection, and several at once crash it.
    """

    name = "opendkim"

    def command(self):
        address, port = self.dns
        config = self.write("opendkim.conf", f"""
Mode                    v
Socket                  {self.libmilter_address}
PidFile                 {self.folder}/pid
Syslog                  no
UMask                   000
AuthservID              mx.bench.example
AlwaysAddARHeader       yes
Nameservers             {address}@{port}
""")
        return ["/usr/sbin/opendkim", "-f", "-x", config]


class Opendmarc(Service):
    """Takes DKIM results from opendkim's header field, does SPF itself."""

    name = "opendmarc"

    def command(self):
        config = self.write("opendmarc.conf", f"""
Socket                  {self.libmilter_address}
PidFile                 {self.folder}/pid
Syslog                  false
UMask                   000
AuthservID              mx.bench.example
TrustedAuthservIDs      mx.bench.example
SPFSelfValidate         true
PublicSuffixList        {PUBLIC_SUFFIXES}
""")
        return ["/usr/sbin/opendmarc", "-f", "-c", config]
