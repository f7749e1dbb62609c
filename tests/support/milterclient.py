"""The MTA's side of the milter protocol, version 6, as Postfix speaks it."""

import socket
import struct

ADD_HEADERS, CHANGE_BODY, ADD_RCPT, DELETE_RCPT = 0x01, 0x02, 0x04, 0x08
CHANGE_HEADERS, QUARANTINE = 0x10, 0x20
ALL_ACTIONS = 0x1ff

NO_EOH, NO_UNKNOWN, NO_DATA, SKIP = 0x40, 0x100, 0x200, 0x400
NR_HEADER, NR_CONNECT, NR_HELO = 0x80, 0x1000, 0x2000
NR_MAIL, NR_RCPT, NR_DATA = 0x4000, 0x8000, 0x10000
NR_UNKNOWN, NR_EOH, NR_BODY = 0x20000, 0x40000, 0x80000
HEADER_LEADING_SPACE = 0x100000
ALL_STEPS = 0x1fffff

NO_REPLY = {"C": NR_CONNECT, "H": NR_HELO, "M": NR_MAIL, "R": NR_RCPT,
            "T": NR_DATA, "L": NR_HEADER, "N": NR_EOH, "B": NR_BODY}
CONTINUE, ACCEPT, REJECT, TEMPFAIL = "c", "a", "r", "t"


class Closed(Exception):
    """The milter closed the connection."""


class Answer:
    """What came back for a message."""

    def __init__(self):
        self.verdict = None	# "c", "a", "r", "t"
        self.reply = None	# "550 5.7.1 text" where one was set
        self.edits = []		# ("insert", index, name, value), ...

    def inserted(self, name):
        return [value for op, _, field, value in self.edits
                if op == "insert" and field.lower() == name.lower()]

    def __repr__(self):
        return f"Answer({self.verdict!r}, {self.reply!r}, {self.edits!r})"


def connect(address, timeout=60):
    """A socket to "unix:PATH" or "inet:HOST:PORT"."""
    scheme, _, where = address.partition(":")
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(where)
        return sock
    host, _, port = where.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


class Session:
    """One connection to a milter."""

    def __init__(self, address, steps=ALL_STEPS, actions=ALL_ACTIONS,
                 timeout=60):
        self.sock = connect(address, timeout)
        self.buffer = b""
        self.unsent = b""
        self.send("O", struct.pack(">III", 6, actions, steps))
        code, data = self.receive()
        assert code == "O", code
        self.version, self.actions, self.steps = struct.unpack(
            ">III", data[:12])
        self.macro_lists = self._read_lists(data[12:])

    @staticmethod
    def _read_lists(data):
        found = {}
        while len(data) > 4:
            stage, = struct.unpack(">I", data[:4])
            text, _, data = data[4:].partition(b"\0")
            found[stage] = text.decode()
        return found

    def send(self, code, data=b""):
        """Into the buffer: like Postfix, nothing is sent until a reply is
        waited for or much has come together."""
        self.unsent += (struct.pack(">I", len(data) + 1) + code.encode()
                        + data)
        if len(self.unsent) > 131072:
            self.flush()

    def flush(self):
        if self.unsent:
            self.sock.sendall(self.unsent)
            self.unsent = b""

    def _need(self, count):
        while len(self.buffer) < count:
            more = self.sock.recv(65536)
            if not more:
                raise Closed()
            self.buffer += more

    def receive(self):
        self.flush()
        self._need(5)
        length, = struct.unpack(">I", self.buffer[:4])
        self._need(4 + length)
        code = chr(self.buffer[4])
        data = self.buffer[5:4 + length]
        self.buffer = self.buffer[4 + length:]
        return code, data

    def command(self, code, data=b"", macros=None):
        """Sends a step; returns its reply, or None if none is due."""
        if macros:
            text = b"".join(f"{name}\0{value}\0".encode()
                            for name, value in macros.items())
            self.send("D", code.encode() + text)
        self.send(code, data)
        if self.steps & NO_REPLY.get(code, 0):
            return None
        return self.receive()

    def open(self, ip="192.0.2.1", name="unknown", helo="client.example",
             macros=None):
        """CONNECT and HELO. ip None: local submission without address."""
        if ip is None:
            where = b"U"
        else:
            family = b"6" if ":" in ip else b"4"
            where = family + struct.pack(">H", 12345) + ip.encode() + b"\0"
        first = self.command("C", name.encode() + b"\0" + where, macros)
        if helo:
            self.command("H", helo.encode() + b"\0")
        return first

    def envelope(self, sender="someone@sender.example",
                 recipients=("user@ours.example",), macros=None):
        self.command("M", f"<{sender}>".encode() + b"\0", macros)
        for rcpt in recipients:
            self.command("R", f"<{rcpt}>".encode() + b"\0")
        if not self.steps & NO_DATA:
            self.command("T")

    def header(self, name, value):
        """value with every byte after the colon, folded with LF."""
        if not self.steps & HEADER_LEADING_SPACE and value[:1] == b" ":
            value = value[1:]
        self.command("L", name + b"\0" + value + b"\0")

    def end_of_header(self):
        if not self.steps & NO_EOH:
            self.command("N")

    def content(self, message, chunk=65535):
        """The header fields and the body of a message with LF line ends."""
        head, _, body = message.partition(b"\n\n")
        for line in head.replace(b"\n ", b"\n\x01 ").replace(
                b"\n\t", b"\n\x01\t").replace(
                b"\n\x01", b"\x02").split(b"\n"):
            name, _, value = line.replace(b"\x02", b"\n").partition(b":")
            self.header(name, value)
        self.end_of_header()
        body = body.replace(b"\n", b"\r\n")
        for at in range(0, len(body), chunk):
            self.command("B", body[at:at + chunk])

    def end(self, queue_id="4ABCDEF"):
        """End-of-message: the answer with all edits."""
        self.send("D", b"Ei\0" + queue_id.encode() + b"\0")
        self.send("E")
        return self.answer()

    def answer(self):
        answer = Answer()
        while True:
            code, data = self.receive()
            if code == "h" or code == "i" or code == "m":
                self._edit(answer, code, data)
            elif code == "p":
                continue
            elif code == "y":
                answer.reply = data.rstrip(b"\0").decode()
                answer.verdict = (REJECT if answer.reply[0] == "5"
                                  else TEMPFAIL)
                return answer
            else:
                answer.verdict = code
                return answer

    @staticmethod
    def _edit(answer, code, data):
        index = 0
        if code != "h":
            index, = struct.unpack(">I", data[:4])
            data = data[4:]
        name, value = (part.decode("utf-8", "replace")
                       for part in data.split(b"\0")[:2])
        if code == "m" and not value:
            answer.edits.append(("delete", index, name, ""))
        else:
            op = {"h": "add", "i": "insert", "m": "change"}[code]
            answer.edits.append((op, index, name, value))

    def message(self, message, queue_id="4ABCDEF", **envelope):
        """A whole message on an open session."""
        self.envelope(**envelope)
        self.content(message)
        return self.end(queue_id)

    def abort(self):
        self.send("A")
        self.flush()

    def quit(self):
        self.send("Q")
        self.flush()
        self.sock.close()

    def close(self):
        """Without a word."""
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
