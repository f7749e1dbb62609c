"""Real Redis servers for tests: alone, as a Cluster, under Sentinel; and a
proxy that makes one slow."""

import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import redis

from support import ports
from support.gatepost import TOP
from support.process import Failed, Process


def documented_rights():
    """The rights that docs/redis.md tells the administrator to give."""
    text = (TOP / "docs/redis.md").read_text()
    line = next(line for line in text.splitlines()
                if line.startswith("user gatepost "))
    return line.partition(">PASSWORD ")[2].split(" ")


def find(name):
    path = shutil.which(name, path="/usr/bin:/usr/local/bin")
    if not path:
        raise Failed(f"{name} is not installed")
    return path


class RedisServer:
    """One server, on a port of loopback and a unix socket; it keeps nothing
    on disk. `config`: more lines of redis.conf."""

    program = "redis-server"

    def __init__(self, folder, password=None, config="", tls=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port()
        self.tls = tls  # a Certificate: at tls_port, besides
        self.tls_port = ports.free_port() if tls else None
        self.socket = self.folder / "redis.sock"
        self.password = password
        self.config = config
        self.process = None
        self.client = self.connect(password)

    def connect(self, password):
        return redis.Redis("127.0.0.1", self.port, password=password,
                           socket_timeout=5, decode_responses=True)

    def text(self):
        text = (f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
                f"unixsocket {self.socket}\nunixsocketperm 777\n"
                "daemonize no\nsave \"\"\nappendonly no\n")
        if self.password:
            text += (f"requirepass {self.password}\n"
                     f"masterauth {self.password}\n")
        return text + self.tls_text() + self.config

    def tls_text(self):
        if not self.tls:
            return ""
        return (f"tls-port {self.tls_port}\n"
                f"tls-cert-file {self.tls.cert}\ntls-key-file {self.tls.key}\n"
                f"tls-ca-cert-file {self.tls.ca}\ntls-auth-clients no\n")

    def start(self, wait=True):
        conf = self.folder / "redis.conf"
        conf.write_text(self.text())
        self.process = Process(self.program, [find(self.program), conf],
                               self.folder / "redis.log")
        if wait:
            self.wait()
        return self

    def wait(self):
        ports.wait_until(lambda: self.process.check() and self.answers(), 20,
                         f"{self.program} on port {self.port}")

    def answers(self):
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def do(self, *words):
        """One command, by the server's own words."""
        try:
            return self.client.execute_command(*words)
        except redis.ConnectionError:
            # The connection was of a server before this one.
            return self.client.execute_command(*words)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.address}/0"

    def freeze(self):
        self.process.kill(signal.SIGSTOP)

    def go_on(self):
        self.process.kill(signal.SIGCONT)

    def kill(self):
        """At once; what it had is gone."""
        self.process.stop(signal.SIGKILL)

    def stop(self):
        if self.process:
            self.go_on()
            self.process.stop(signal.SIGKILL)
            self.process = None
        self.client.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Servers:
    """Several; `servers` lists them, and begin() starts them."""

    def start(self):
        try:
            self.begin()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        for server in self.servers:
            server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class RedisCluster(Servers):
    """Masters that share the slots evenly, each with that many replicas.
    A master that is silent for a second is replaced."""

    def __init__(self, folder, masters=3, replicas=0, config=""):
        self.masters = masters
        self.nodes = []
        for number in range(masters * (1 + replicas)):
            bus = ports.free_port()
            self.nodes.append(RedisServer(
                Path(folder) / f"node{number}",
                config="cluster-enabled yes\ncluster-node-timeout 1000\n"
                       f"cluster-port {bus}\n"
                       "cluster-replica-validity-factor 0\n"
                       "repl-diskless-sync-delay 0\n" + config))
            self.nodes[-1].bus = bus

    @staticmethod
    def thinks_well(node):
        """Whether that node says that the Cluster works."""
        return "cluster_state:ok" in node.do("CLUSTER", "INFO")

    @property
    def url(self):
        return "redis://" + ",".join(node.address for node in self.nodes[:2])

    @property
    def servers(self):
        return self.nodes

    def begin(self):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait()
        share = 16384 // self.masters + 1
        for number, node in enumerate(self.nodes):
            node.id = node.do("CLUSTER", "MYID")
            if number < self.masters:
                node.do("CLUSTER", "ADDSLOTSRANGE", number * share,
                        min((number + 1) * share, 16384) - 1)
            node.do("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.do("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port,
                    self.nodes[0].bus)
        ports.wait_until(self.all_known, 20, "the nodes to know each other")
        for number, node in enumerate(self.nodes[self.masters:]):
            node.do("CLUSTER", "REPLICATE",
                    self.nodes[number % self.masters].id)
        ports.wait_until(self.is_well, 30, "the Cluster to work")

    def all_known(self):
        return all(len(node.do("CLUSTER", "NODES").splitlines())
                   == len(self.nodes) for node in self.nodes)

    def is_well(self):
        return all(
            self.thinks_well(node)
            and (number < self.masters or
                 node.do("INFO", "replication").get("master_link_status")
                 == "up")
            for number, node in enumerate(self.nodes))

    def owner(self, slot):
        """The master that has that slot."""
        for first, last, (_, port, *_), *_ in self._slots():
            if first <= slot <= last:
                return next(n for n in self.nodes if n.port == port)
        raise Failed(f"nobody has slot {slot}")

    def _slots(self):
        node = next(n for n in self.nodes if n.answers())
        with socket.create_connection(("127.0.0.1", node.port), 5) as link:
            link.sendall(b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
            return read_answer(link.makefile("rb"))

    def begin_move(self, slot, target):
        """From now on, new keys of that slot are the target's (ASK)."""
        source = self.owner(slot)
        target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        return source

    def move_keys(self, slot, source, target):
        while keys := source.do("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.do("MIGRATE", "127.0.0.1", target.port, "", 0, 5000,
                      "KEYS", *keys)

    def end_move(self, slot, target):
        """The slot is the target's (MOVED)."""
        target.do("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        for node in self.nodes:
            if node is not target and node.answers():
                try:
                    node.do("CLUSTER", "SETSLOT", slot, "NODE", target.id)
                except redis.ResponseError:
                    pass  # a replica; it hears of it


def read_answer(stream):
    """One answer, of the kinds that CLUSTER SLOTS is made of."""
    line = stream.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:].decode()
    if kind == b"*":
        return [read_answer(stream) for _ in range(int(rest))]
    if kind == b"$":
        return stream.read(int(rest) + 2)[:-2].decode()
    return int(rest) if kind == b":" else rest


class Sentinel(RedisServer):
    program = "redis-sentinel"

    def __init__(self, folder, master, name="mymaster", password=None):
        super().__init__(folder)
        self.master = master
        self.watched_port = master.port
        self.name = name
        self.own_password = password
        if password:
            self.client = self.connect(password)

    def text(self):
        monitor = f"sentinel monitor {self.name} 127.0.0.1 " \
                  f"{self.watched_port} 2\n"
        if self.master.password:
            monitor += f"sentinel auth-pass {self.name} " \
                       f"{self.master.password}\n"
        own = f"requirepass {self.own_password}\n" if self.own_password else ""
        return (f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
                "daemonize no\n" + own + self.tls_text() +
                ("tls-replication yes\n" if self.tls else "") + monitor +
                f"sentinel down-after-milliseconds {self.name} 600\n"
                f"sentinel failover-timeout {self.name} 3000\n")

    def master_port(self):
        return int(self.client.execute_command(
            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])


class RedisSentinels(Servers):
    """A master, a replica, and three sentinels that watch them."""

    def __init__(self, folder, password=None, own_password=None):
        folder = Path(folder)
        self.name = "mymaster"
        self.password = password
        self.master = RedisServer(folder / "one", password,
                                  "repl-diskless-sync-delay 0\n")
        self.replica = RedisServer(
            folder / "two", password, "repl-diskless-sync-delay 0\n"
            f"replicaof 127.0.0.1 {self.master.port}\n")
        self.sentinels = [Sentinel(folder / f"sentinel{i}", self.master,
                                   self.name, own_password)
                          for i in range(3)]

    @property
    def url(self):
        login = f":{self.password}@" if self.password else ""
        hosts = ",".join(s.address for s in self.sentinels)
        return f"redis-sentinel://{login}{hosts}/{self.name}/0"

    @property
    def servers(self):
        return (*self.sentinels, self.replica, self.master)

    def begin(self):
        self.master.start()
        self.replica.start()
        for sentinel in self.sentinels:
            sentinel.start()
        ports.wait_until(self.is_well, 30, "the sentinels to agree")

    def is_well(self):
        if self.replica.do("INFO", "replication")["master_link_status"] \
                != "up":
            return False
        for sentinel in self.sentinels:
            state = sentinel.client.sentinel_master(self.name)
            if int(state["num-other-sentinels"]) < 2 \
                    or int(state["num-slaves"]) < 1:
                return False
        return True


class SlowProxy:
    """Hands bytes on to a server, each way after `delay` seconds."""

    def __init__(self, port):
        self.target = port
        self.delay = 0.0
        self.stopped = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.stopped:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(
                    ("127.0.0.1", self.target), 5)
            except OSError:
                continue
            self.sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=pair,
                                 daemon=True).start()

    def _copy(self, source, target):
        try:
            while data := source.recv(65536):
                time.sleep(self.delay)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.stopped = True
        self.listener.close()
        for end in self.sockets:
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
