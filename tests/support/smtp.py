"""An SMTP client that sends exactly the bytes it is given, can pretend to
be another client (XCLIENT) and can misbehave."""

import re
import socket


class Reply:
    def __init__(self, text):
        self.text = text
        self.code = int(text[:3])

    def __repr__(self):
        return self.text

    @property
    def enhanced(self):
        """The enhanced status code, such as 5.7.1, or an empty text."""
        match = re.match(r"\d{3}[ -](\d\.\d{1,3}\.\d{1,3})", self.text)
        return match[1] if match else ""

    @property
    def queue_id(self):
        match = re.search(r"queued as (\S+)", self.text)
        return match[1] if match else None


class Dropped(Exception):
    """The server closed the connection."""


def dot_stuff(message):
    """CRLF line ends, doubled leading dots, and the final dot."""
    message = re.sub(rb"\r?\n", b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Client:
    def __init__(self, port, host="127.0.0.1", timeout=60, source=None):
        self.socket = socket.create_connection(
            (host, port), timeout, (source, 0) if source else None)
        self.buffer = b""
        self.greeting = self.reply()

    def send(self, data):
        self.socket.sendall(data)

    def _line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise Dropped("the server closed the connection")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        lines = [self._line()]
        while lines[-1][3:4] == "-":
            lines.append(self._line())
        return Reply("\n".join(lines))

    def command(self, text):
        if isinstance(text, str):
            text = text.encode()
        self.send(text + b"\r\n")
        return self.reply()

    def ehlo(self, name="client.example"):
        return self.command(f"EHLO {name}")

    def xclient(self, address, name=None, helo=None, login=None):
        """Pretends to be that client; name is its verified reverse name."""
        if ":" in address:
            address = "IPV6:" + address
        words = f"XCLIENT ADDR={address} NAME={name or '[UNAVAILABLE]'}"
        words += f" REVERSE_NAME={name or '[UNAVAILABLE]'}"
        if helo:
            words += f" HELO={helo}"
        if login:
            words += f" LOGIN={login}"
        return self.command(words)

    def mail(self, sender, *parameters):
        return self.command(" ".join([f"MAIL FROM:<{sender}>", *parameters]))

    def rcpt(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, message):
        """DATA and the message; returns the last reply."""
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        self.send(dot_stuff(message))
        return self.reply()

    def message(self, sender, recipients, message, *parameters):
        """One transaction; returns the first refusal or the last reply."""
        reply = self.mail(sender, *parameters)
        if reply.code >= 400:
            return reply
        for recipient in recipients:
            reply = self.rcpt(recipient)
            if reply.code >= 400:
                return reply
        return self.data(message)

    def quit(self):
        try:
            self.command("QUIT")
        except (OSError, Dropped):
            pass
        self.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def send(port, message, sender="someone@example.org",
         recipients=("user@gatepost.example",), client="192.0.2.1",
         name=None, helo="client.example", login=None, parameters=(),
         timeout=120):
    """One message on a connection of its own, from a client of choice."""
    with Client(port, timeout=timeout) as smtp:
        smtp.ehlo("localhost")
        if client:
            smtp.xclient(client, name, login=login)
        smtp.ehlo(helo)
        reply = smtp.message(sender, recipients, message, *parameters)
        smtp.quit()
        return reply
