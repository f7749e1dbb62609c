"""An SMTP server that keeps exactly the bytes it is sent, ends a line at
CR LF only, and answers, hangs or closes as it is told."""

import socket
import threading
import time


class Message:
    def __init__(self, sender, recipients, data, commands):
        self.sender = sender
        self.recipients = recipients
        self.data = data
        self.commands = commands


class SmtpSink:
    """`answers` maps a verb ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA",
    "." for the message, "QUIT") to what is done in place of its answer: a
    text to send, "hang", or "close". lenient: a bare LF ends a line too."""

    def __init__(self, answers=None, port=0, utf8=True, lenient=False,
                 host="127.0.0.1"):
        self.answers = answers or {}
        self.utf8 = utf8
        self.lenient = lenient
        self.messages = []
        self.commands = []
        self.half = []
        self.lock = threading.Lock()
        self.socket = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"inet:127.0.0.1:{self.port}"

    def _accept(self):
        while not self.ending.is_set():
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,),
                             daemon=True).start()

    def _serve(self, peer):
        try:
            with peer:
                _Session(self, peer).run()
        except (OSError, EOFError):
            pass

    def stop(self):
        self.ending.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class _Session:
    def __init__(self, sink, peer):
        self.sink = sink
        self.peer = peer
        self.buffer = b""
        self.commands = []

    def fill(self):
        data = self.peer.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def line(self):
        end = b"\n" if self.sink.lenient else b"\r\n"
        while end not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(end)
        return line.rstrip(b"\r") if self.sink.lenient else line

    def answer(self, verb, text):
        special = self.sink.answers.get(verb)
        if callable(special):
            special = special(self.commands[-1])
        if special == "hang":
            while not self.sink.ending.is_set():
                time.sleep(0.05)
            raise EOFError
        if special == "close":
            raise EOFError
        text = special or text
        self.peer.sendall(text.encode() + b"\r\n")
        return text[0] in "23"

    def body(self):
        """The bytes up to the line that is a dot, dots taken away."""
        lines = []
        while True:
            line = self.line()
            if line == b".":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(line + b"\r\n" for line in lines)

    def run(self):
        sender, recipients = None, []
        self.answer("CONNECT", "220 sink ESMTP")
        while True:
            line = self.line()
            self.commands.append(line)
            self.sink.commands.append(line)
            verb = line.split(b" ")[0].upper().decode("ascii", "replace")
            if verb == "EHLO":
                extra = "250-SMTPUTF8\r\n" if self.sink.utf8 else ""
                self.answer(verb, f"250-sink\r\n{extra}250-8BITMIME\r\n"
                                  "250 SIZE 100000000")
            elif verb == "MAIL":
                sender = line[line.index(b"<") + 1:line.rindex(b">")]
                self.answer(verb, "250 2.1.0 Ok")
            elif verb == "RCPT":
                rcpt = line[line.index(b"<") + 1:line.rindex(b">")]
                if self.answer(verb, "250 2.1.5 Ok"):
                    recipients.append(rcpt)
            elif verb == "DATA":
                if self.answer(verb, "354 go on"):
                    self.sink.half.append(sender)
                    data = self.body()
                    if self.answer(".", "250 2.0.0 taken"):
                        with self.sink.lock:
                            self.sink.messages.append(Message(
                                sender, recipients, data,
                                list(self.commands)))
            elif verb == "QUIT":
                self.answer(verb, "221 bye")
                return
            else:
                self.answer(verb, "502 5.5.2 no such command")
