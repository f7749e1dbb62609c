"""Mail and calls that go out, byte by byte: against a sink that is as
strict as RFC 5321, one that is as lenient as many are, and a real Postfix;
and against servers that refuse, hang and close at each step."""

import hashlib
import http.server
import random
import re
import socket
import subprocess
import threading
import time
from collections import namedtuple

import pytest

from support import ports
from support.certificates import Authority
from support.folder import Folder
from support.gatepost import program
from support.postfix import Postfix
from support.smtpsink import SmtpSink

Result = namedtuple("Result", "word ms why")


def run(*words, stdin="", timeout=120, env=None):
    done = subprocess.run(
        [program("tests/milter/net/deliver_ask"), *words], input=stdin.encode(),
        capture_output=True, timeout=timeout, check=False, env=env)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    results = []
    for line in done.stdout.decode().splitlines():
        word, ms, why = line.split(" ", 2)
        results.append(Result(word, int(ms), why))
    return results


def mail(server, path, rcpts=("user@gatepost.example",),
         sender="from@sender.example", pieces=None, ms=10000, helo="-",
         **options):
    if pieces is None:
        return run("text", server, str(ms), helo, sender, path, *rcpts,
                   **options)[0]
    return run("mail", server, str(ms), helo, sender, path, *rcpts,
               stdin="".join(f"{at} {n}\n" for at, n in pieces), **options)


@pytest.fixture
def folder():
    with Folder() as path:
        yield path


@pytest.fixture
def sink():
    with SmtpSink() as one:
        yield one


@pytest.fixture
def letter(folder):
    path = folder / "letter"
    path.write_bytes(b"Subject: x\r\n\r\nhello\r\n")
    return path


MESSAGES = {
    "dot first": b".\r\n..\r\n.a\r\nb\r\n",
    "smuggling": b"a\r\n.\r\nMAIL FROM:<x@y>\r\n",
    "bare CR": b"a\rb\r.\rc\r\r\nd\r\n",
    "bare LF": b"a\nb\n\nc\r\n",
    "8-bit": bytes(range(1, 9)) + bytes(range(14, 256)) + b"\r\n",
    "NUL": b"a\0b\r\n",
    "long line": b"x" * 100000 + b"\r\n" + b"." * 5000 + b"\r\n",
    "empty": b"",
    "only a line end": b"\r\n",
    "only a dot": b".\r\n",
    "ends in CR LF CR LF": b"a\r\n\r\n\r\n",
    "ends in CR LF dot CR LF": b"a\r\n.\r\n",
    "CR CR LF dot": b"a\r\r\n.\r\n",
    "big": b"0123456789abcde\r\n.\r\n" * 200000,
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("by_file", [False, True])
def test_bytes_arrive_as_they_are(sink, folder, name, by_file):
    data = MESSAGES[name]
    path = folder / "m"
    path.write_bytes(b"before" + data + b"after" if by_file else data)
    result = mail(sink.address, path,
                  pieces=[(6, len(data))] if by_file else None)
    assert (result[0] if by_file else result).word == "DONE", result
    assert hashlib.sha256(sink.messages[0].data).hexdigest() == \
        hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data, arrives", [
    (b"a", b"a\r\n"), (b"a\r", b"a\r\r\n"), (b"a\n", b"a\n\r\n"),
    (b"a\r\n.", b"a\r\n.\r\n"), (b".", b".\r\n"), (b"\r", b"\r\r\n")])
def test_a_message_without_line_end_gets_one(sink, folder, data, arrives):
    path = folder / "m"
    path.write_bytes(data)
    assert mail(sink.address, path).word == "DONE"
    assert sink.messages[0].data == arrives


def random_message(chance):
    """Full of what is a border: of lines, of dots, and of buffers."""
    pieces = [b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"x",
              b"\n.", b"\r.", b"text", bytes([chance.randrange(256)])]
    data = b"".join(chance.choice(pieces)
                    for _ in range(chance.randrange(200)))
    if chance.random() < 0.5:  # so that a border of a buffer falls there
        around = chance.choice([16384, 32768, 65536, 131072])
        data = b"y" * max(0, around - chance.randrange(300)) + data
    return data


def bare_dots_doubled(data):
    """What a strict server reads of it."""
    data = re.sub(rb"(?<!\r)\n\.", b"\n..", data)
    return data


def test_random_bytes_arrive_as_they_are(sink, folder):
    chance = random.Random(20230)
    messages = [random_message(chance) + b"\r\n" for _ in range(1500)]
    path = folder / "m"
    path.write_bytes(b"".join(messages))
    pieces, at = [], 0
    for data in messages:
        pieces.append((at, len(data)))
        at += len(data)
    results = mail(sink.address, path, pieces=pieces, timeout=600)
    assert {result.word for result in results} == {"DONE"}
    assert len(sink.messages) == len(messages)
    for sent, came in zip(messages, sink.messages):
        assert came.data == bare_dots_doubled(sent)


def test_nothing_is_smuggled_to_a_lenient_server(folder):
    """A bare LF ends a line there, so LF.LF must not end the message."""
    evil = (b"Subject: x\r\n\r\nhi\n.\nMAIL FROM:<evil@x.example>\r\n"
            b"\n.\r\nRCPT TO:<victim@x.example>\r\nDATA\r\n\n.x\r\n")
    path = folder / "m"
    path.write_bytes(evil)
    with SmtpSink(lenient=True) as sink:
        assert mail(sink.address, path).word == "DONE"
        assert len(sink.messages) == 1
        assert sink.messages[0].data == re.sub(rb"\r?\n", b"\r\n", evil)
        assert not [line for line in sink.commands if b"evil" in line]


def test_the_envelope_arrives(sink, letter):
    rcpts = ["one@gatepost.example", "\"two >\"@gatepost.example",
             "jörg@gatepost.example"]
    assert mail(sink.address, letter, rcpts=rcpts, sender="",
                helo="mx.gatepost.example").word == "DONE"
    message = sink.messages[0]
    assert message.sender == b""
    assert [one.decode() for one in message.recipients] == rcpts
    assert message.commands[0] == b"EHLO mx.gatepost.example"
    assert b"SMTPUTF8" in message.commands[1]
    assert b"SIZE=21" in message.commands[1]


def test_utf8_is_refused_where_it_is_not_taken(letter):
    with SmtpSink(utf8=False) as sink:
        result = mail(sink.address, letter, rcpts=["jörg@gatepost.example"])
        assert result.word == "REFUSED" and "SMTPUTF8" in result.why
        assert not sink.messages and not sink.half


@pytest.mark.parametrize("evil", [
    "a@b>\r\nDATA", "a@b\r\nRCPT TO:<c@d", "a@b> SIZE=1", "a b@c", "<a@b",
    "a@b\n", "\"a@b", ""])
def test_addresses_cannot_become_commands(sink, letter, evil):
    assert mail(sink.address, letter, rcpts=[evil]).word == "REFUSED"
    if evil:
        assert mail(sink.address, letter, sender=evil).word == "REFUSED"
    assert mail(sink.address, letter,
                rcpts=["good@x.example", evil]).word == "REFUSED"
    assert not sink.commands


def test_no_recipient_is_refused(sink, letter):
    assert mail(sink.address, letter, rcpts=[]).word == "REFUSED"
    assert not sink.commands


STEPS = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("code, word", [(451, "LATER"), (550, "REFUSED")])
def test_refusals_are_told_apart(letter, step, code, word):
    answers = {step: f"{code}-4.7.1 not this\r\n{code} 4.7.1 one \x1b[2J"}
    if step == "EHLO":
        answers["HELO"] = answers["EHLO"]
    with SmtpSink(answers) as sink:
        result = mail(sink.address, letter)
        assert result.word == word, result
        assert f"{code}-4.7.1 not this 4.7.1 one" in result.why
        assert "\x1b" not in result.why
        assert not sink.messages


def test_one_refused_recipient_refuses_all(letter):
    def answer(line):
        return "550 5.1.1 nobody" if b"two" in line else None
    with SmtpSink({"RCPT": answer}) as sink:
        result = mail(sink.address, letter,
                      rcpts=["one@x.example", "two@x.example",
                             "three@x.example"])
        assert result.word == "REFUSED"
        assert "RCPT TO:<two@x.example>" in result.why
        assert not sink.half and not sink.messages


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_closes_is_tried_later(letter, step):
    answers = {step: "close"}
    if step == "EHLO":
        answers["HELO"] = "close"
    with SmtpSink(answers) as sink:
        result = mail(sink.address, letter)
        assert result.word == "LATER", result
        assert result.ms < 3000


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_hangs_is_left_in_time(letter, step):
    with SmtpSink({step: "hang"}) as sink:
        result = mail(sink.address, letter, ms=700)
        assert result.word == "LATER" and "no answer" in result.why
        assert 600 <= result.ms < 2500


def test_a_hanging_quit_is_not_waited_for(letter):
    with SmtpSink({"QUIT": "hang"}) as sink:
        result = mail(sink.address, letter, ms=60000)
        assert result.word == "DONE" and result.ms < 3500
        assert len(sink.messages) == 1


def test_a_server_that_drips_is_left_in_time(letter):
    """Each byte in time, the whole not."""
    listener = socket.create_server(("127.0.0.1", 0))

    def drip():
        peer, _ = listener.accept()
        try:
            while True:
                peer.sendall(b"2")
                time.sleep(0.1)
        except OSError:
            pass
    threading.Thread(target=drip, daemon=True).start()
    port = listener.getsockname()[1]
    result = mail(f"inet:127.0.0.1:{port}", letter, ms=1000)
    listener.close()
    assert result.word == "LATER" and result.ms < 3000


def test_nobody_there_is_later(letter):
    result = mail(f"inet:127.0.0.1:{ports.free_port()}", letter)
    assert result.word == "LATER" and result.ms < 2000
    assert mail("inet:name.invalid:25", letter, ms=5000).word == "LATER"
    assert mail("/etc/passwd", letter).word == "REFUSED"


def test_ipv6_is_spoken(letter):
    with SmtpSink(host="::1") as sink:
        for name in (f"inet6:::1:{sink.port}", f"inet6:[::1]:{sink.port}"):
            assert mail(name, letter).word == "DONE"
        assert len(sink.messages) == 2


def test_the_environments_proxy_is_not_used(sink, letter):
    env = {"all_proxy": "http://127.0.0.1:9", "http_proxy": "127.0.0.1:9",
           "ALL_PROXY": "socks5://127.0.0.1:9"}
    assert mail(sink.address, letter, env=env).word == "DONE"


def test_postfix_gets_the_bytes(folder):
    chance = random.Random(7)
    bodies = [b"hi\n.\nMAIL FROM:<evil@x.example>\n.\r\nRCPT TO:<v@x>\r\n.\r\n",
              b"".join(chance.choice([b"a", b".", b"\r\n", b"\r\n.", b"\xff"])
                       for _ in range(200000)),
              b".\r\n" * 50000, b"x" * 1900 + b"\r\n"]
    with Postfix(folder / "postfix", settings={"mynetworks": "127.0.0.0/8"}) \
            as postfix:
        for i, body in enumerate(bodies):
            data = b"Subject: %d\r\n\r\n" % i + body + b"\r\n"
            path = folder / "m"
            path.write_bytes(data)
            result = mail(f"inet:127.0.0.1:{postfix.plain_port}", path,
                          rcpts=["user@gatepost.example"], ms=60000)
            assert result.word == "DONE", result
            came = postfix.wait_delivered(1)
            assert len(came) == 1
            came = came[0].replace(b"\r\n", b"\n")
            sent = data.replace(b"\r\n", b"\n")
            _, mark, rest = came.partition(b"Subject: ")
            assert hashlib.sha256(mark + rest).digest() == \
                hashlib.sha256(sent).digest()
            postfix.forget_delivered()
        assert "evil" not in postfix.log_text()
        result = mail(f"inet:127.0.0.1:{postfix.plain_port}", path,
                      rcpts=["jörg@gatepost.example"], sender="")
        assert result.word == "DONE", result
        came = postfix.wait_delivered(1)[0]
        assert b"jo\xcc" in came or "jörg@".encode() in came


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, dict(self.headers), body))
        if self.server.hang:
            time.sleep(3)
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\x1b")

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.calls, server.status, server.hang = [], 200, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def post(url, path, *headers, ms=5000, env=None):
    return run("post", url, str(ms), "application/json", path, *headers,
               env=env)[0]


def test_a_post_arrives(hook, folder):
    path = folder / "body"
    path.write_bytes(b'{"a":1}' * 100000)
    url = f"http://127.0.0.1:{hook.server_port}/hook?x=1"
    assert post(url, path, "X-A: b", "X-C: d").word == "DONE"
    where, headers, body = hook.calls[0]
    assert where == "/hook?x=1" and body == path.read_bytes()
    assert headers["Content-Type"] == "application/json"
    assert headers["X-A"] == "b" and headers["X-C"] == "d"
    assert "Expect" not in headers


@pytest.mark.parametrize("status, word", [
    (204, "DONE"), (301, "LATER"), (307, "LATER"), (400, "REFUSED"),
    (404, "REFUSED"), (408, "LATER"), (429, "LATER"), (500, "LATER"),
    (503, "LATER")])
def test_answers_to_a_post_are_told_apart(hook, letter, status, word):
    hook.status = status
    result = post(f"http://127.0.0.1:{hook.server_port}/", letter)
    assert result.word == word
    assert len(hook.calls) == 1  # nobody followed the Location
    assert "\x1b" not in result.why
    if word != "DONE":
        assert str(status) in result.why


def test_a_post_ends_in_time_and_only_by_http(hook, letter):
    hook.hang = True
    result = post(f"http://127.0.0.1:{hook.server_port}/", letter, ms=500)
    assert result.word == "LATER" and result.ms < 2000
    for url in ("file:///etc/passwd", "smtp://127.0.0.1:25/",
                "gopher://127.0.0.1/", "nonsense://x"):
        assert post(url, letter).word == "REFUSED", url
    assert post(f"http://127.0.0.1:{hook.server_port}/", letter,
                "X: a\r\nY: b").word == "REFUSED"
    assert post(f"http://127.0.0.1:{ports.free_port()}/",
                letter).word == "LATER"


def test_https_is_verified(folder, letter):
    import ssl
    good = Authority(folder / "ca").sign("localhost",
                                           "DNS:localhost")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.calls, server.status, server.hang = [], 200, False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(good.cert, good.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = post(f"https://localhost:{server.server_port}/", letter)
        assert result.word == "LATER" and not server.calls
        assert "certificate" in result.why.lower()
    finally:
        server.shutdown()
        server.server_close()
