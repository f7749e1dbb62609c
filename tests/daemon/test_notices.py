"""Notices: a real recorder tells of what came into the vault, by SMTP to a
sink and to Postfix, and by HTTP to a hook that is away at times."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support import ports
from support.gatepost import Gatepost, program
from support.postfix import Postfix
from support.smtpsink import SmtpSink

TEMPLATES = Path(__file__).resolve().parents[2] / "contrib/notices"
MESSAGE = b"""\
From: =?utf-8?Q?Evil=0D=0ABcc:_x@y?= <a@example.org>
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_http://evil.example/?=
Message-ID: <1@example.org>

body
"""


@pytest.fixture
def new_gatepost(new_gatepost):
    """The same, once they tell."""
    def make(settings=None):
        daemon = new_gatepost({
            "notices.templates": str(TEMPLATES),
            "notices.postmaster": "postmaster@gatepost.example",
            **(settings or {})})
        book = daemon.folder / "state/notices/book"
        if (settings or {}).get("notices.enabled") != "no":
            ports.wait_until(book.exists, 15, "the book of notices")
        return daemon
    return make


@pytest.fixture
def sink():
    with SmtpSink() as one:
        yield one


def store(daemon, count=1, kind="virus", way="held", message=MESSAGE,
          sender="a@example.org", rcpts="b@gatepost.example"):
    """Stores messages as a worker would: under its user."""
    path = daemon.folder / "message"
    path.write_bytes(message)
    path.chmod(0o644)
    ids = []
    while len(ids) < count:
        done = subprocess.run(
            [program("tests/milter/store/vault_fill"),
             daemon.folder / "state", kind, way, sender, rcpts,
             *[path] * min(500, count - len(ids))],
            capture_output=True, text=True, check=True, timeout=300,
            user="nobody")
        ids += done.stdout.split()
    return ids


def wait_messages(sink, count, timeout=15):
    ports.wait_until(lambda: len(sink.messages) >= count, timeout,
                     f"{count} notices")
    return [email.message_from_bytes(one.data, policy=email.policy.default)
            for one in sink.messages]


def queue(daemon):
    return sorted((daemon.folder / "state/notices/queue").iterdir())


def health(daemon):
    text = daemon.http("/healthz")[1]
    return next(line for line in text.splitlines()
                if line.startswith("notices")).split()


def test_the_postmaster_is_told_of_a_virus(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address})
    ids = store(daemon)
    mail = wait_messages(sink, 1)[0]
    envelope = sink.messages[0]
    assert envelope.sender == b""
    assert envelope.recipients == [b"postmaster@gatepost.example"]
    assert mail["To"] == "postmaster@gatepost.example"
    assert mail["From"] == "postmaster@mx.gatepost.example"
    assert mail["Subject"] == \
        "[mx.gatepost.example] Virus held: Eicar-Test-Signature"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Precedence"] == "bulk"
    assert mail["Date"] and mail["Message-ID"]
    body = mail.get_content()
    assert ids[0] in body and "b@gatepost.example" in body
    assert "Grüße http[:]//evil.example/" in body
    assert mail["Bcc"] is None and "Evil\\x0d\\x0aBcc: x@y" in body
    ports.wait_until(lambda: not queue(daemon), 5, "an empty queue")
    assert daemon.metrics()["gatepost_notices_sent_total"] == 1
    assert health(daemon)[1:] == ["well", "0", "wait", "to", "be", "sent"]


def test_other_classes_are_told_as_set(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.to_postmaster": "dmarc",
                           "notices.to_recipient": "spam, dmarc",
                           "notices.rate": "3600"})
    store(daemon)
    store(daemon, kind="spam", rcpts="b@gatepost.example,c@gatepost.example")
    mails = wait_messages(sink, 2)
    time.sleep(2)
    assert len(sink.messages) == 2
    assert sorted(one.recipients[0] for one in sink.messages) == \
        [b"b@gatepost.example", b"c@gatepost.example"]
    # Nobody learns who else was to get it.
    texts = [one.data for one in sink.messages]
    assert not any(b"b@gatepost.example" in text and
                   b"c@gatepost.example" in text for text in texts)
    assert "not delivered" in mails[0]["Subject"]
    store(daemon, kind="dmarc", way="copy")
    mails = wait_messages(sink, 4)[2:]
    bodies = {one["To"]: one.get_content() for one in mails}
    assert "rejected, a copy was kept" in \
        bodies["postmaster@gatepost.example"]
    assert "b@gatepost.example" in bodies


def test_switched_off_tells_nothing_and_nothing_old_later(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.enabled": "no"})
    store(daemon, 3)
    time.sleep(2)
    assert health(daemon)[1:3] == ["well", "switched"]
    assert not sink.messages and not sink.commands


def test_a_restart_neither_loses_nor_tells_twice(new_gatepost):
    port = ports.free_port()
    daemon = new_gatepost({"notices.smtp": f"inet:localhost:{port}",
                           "notices.rate": "3600"})
    first = store(daemon)
    ports.wait_until(lambda: queue(daemon), 10, "a notice in the queue")
    daemon.wait_line("will be tried again")
    assert daemon.metrics()["gatepost_notices_queued"] == 1
    daemon.stop()
    second = store(daemon)   # while nobody looks
    with SmtpSink(port=port) as sink:
        daemon.start()
        wait_messages(sink, 2)
        daemon.stop()
        daemon.start()
        time.sleep(3)
        assert len(sink.messages) == 2
        texts = b"".join(one.data for one in sink.messages)
        for one in first + second:
            assert one.encode() in texts


def test_a_killed_recorder_goes_on_where_it_was(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.rate": "3600"})
    ids = []
    for _ in range(6):
        ids += store(daemon)
        time.sleep(0.7)
        subprocess.run(["kill", "-KILL", str(daemon.recorder())], check=True)
        time.sleep(0.3)
    ports.wait_until(
        lambda: all(any(one.encode() in mail.data for mail in sink.messages)
                    for one in ids), 30, "all ids to be told")
    # Only one whose sending was cut off may come twice.
    told = b"".join(one.data for one in sink.messages)
    assert all(told.count(b"Id:         " + one.encode()) <= 2
               for one in ids)


def test_a_reload_tells_once(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.rate": "3600"})
    ids = []
    for _ in range(5):
        ids += store(daemon)
        daemon.reload()
        time.sleep(1.3)
    told = lambda: b"".join(one.data for one in sink.messages)
    ports.wait_until(lambda: all(one.encode() in told() for one in ids), 20,
                     "all ids to be told")
    time.sleep(2)
    for one in ids:
        assert sum(one.encode() in mail.data for mail in sink.messages) == 1


def test_a_flood_makes_one_mail_and_one_sum(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.rate": "60"})
    store(daemon)
    wait_messages(sink, 1)
    began = time.monotonic()
    store(daemon, 3000)
    took = time.monotonic() - began
    assert took < 50, "the flood must fit into one pause of a minute"
    mails = wait_messages(sink, 2, timeout=120)
    assert mails[1]["Subject"] == \
        "[mx.gatepost.example] 3000 messages held (3000 virus)"
    assert "... and 2950 more" in mails[1].get_content()
    time.sleep(2)
    assert len(sink.messages) == 2
    metrics = daemon.metrics()
    assert metrics["gatepost_notices_summed_total"] == 3000
    assert metrics["gatepost_notices_dropped_total"] == 0


def test_refusals_are_given_up_with_an_alarm(new_gatepost):
    with SmtpSink({"RCPT": "550 5.1.1 no such user"}) as sink:
        daemon = new_gatepost({"notices.smtp": sink.address})
        store(daemon)
        daemon.wait_line("is given up")
        ports.wait_until(lambda: not queue(daemon), 5, "an empty queue")
        assert daemon.metrics()["gatepost_notices_dropped_total"] == 1
        assert not sink.messages


def test_a_notice_about_a_notice_is_not_made(new_gatepost, sink):
    daemon = new_gatepost({"notices.smtp": sink.address,
                           "notices.rate": "3600"})
    store(daemon)
    wait_messages(sink, 1)
    notice = sink.messages[0].data.replace(b"\r\n", b"\n")
    store(daemon, message=notice, sender="")
    # One that only pretends is told of.
    forged = re.sub(rb"(Message-ID: <gatepost-notice\.\w+\.\w+\.\d+\.)\w",
                    rb"\1x", notice)
    ids = store(daemon, message=forged, sender="")
    wait_messages(sink, 2)
    time.sleep(2)
    assert len(sink.messages) == 2
    assert ids[0].encode() in sink.messages[1].data


def test_a_hanging_server_does_not_hold_up_the_end(new_gatepost):
    with SmtpSink({"DATA": "hang"}) as sink:
        daemon = new_gatepost({"notices.smtp": sink.address})
        store(daemon)
        ports.wait_until(lambda: b"DATA" in sink.commands, 15, "DATA")
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < 8
        assert len(queue(daemon)) == 1


@pytest.mark.parametrize("settings, part", [
    ({"notices.to_postmaster": "virus, nonsense"}, "nonsense"),
    ({"notices.postmaster": "a b@c"}, "notices.postmaster"),
    ({"notices.smtp": "unix:/x"}, "notices.smtp"),
    ({"notices.webhook": "file:///etc/passwd"}, "notices.webhook")])
def test_wrong_settings_are_refused_at_start(folder, dns, settings, part):
    daemon = Gatepost(folder / "wrong", dns.address, settings)
    done = subprocess.run(daemon.prepare(), capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 78 and part in done.stderr


def test_a_wrong_template_is_refused_with_its_line(folder, dns):
    texts = folder / "texts"
    texts.mkdir(exist_ok=True)
    (texts / "virus.postmaster").write_text("Subject: x\n\n\n{{nope}}\n")
    daemon = Gatepost(folder / "wrong", dns.address,
                      {"notices.templates": str(texts)})
    done = subprocess.run(daemon.prepare(), capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 78
    assert "virus.postmaster:4: there is no field {{nope}}" in done.stderr


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


def start_hook(port=0, status=200):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook)
    server.calls, server.status = [], status
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def stop_hook(server):
    server.shutdown()
    server.server_close()


def test_the_webhook_is_told_signed_and_again(new_gatepost, folder):
    key = folder / "hook.key"
    key.write_text("  0123456789abcdef0123456789abcdef\n")
    key.chmod(0o644)
    port = ports.free_port()
    daemon = new_gatepost({
        "notices.postmaster": "", "notices.webhook_key": str(key),
        "notices.webhook": f"http://localhost:{port}/hook"})
    first = store(daemon, 2, kind="spam")
    daemon.wait_line("will be tried again")
    daemon.stop()
    server = start_hook(port)
    try:
        daemon.start()
        ports.wait_until(lambda: server.calls, 15, "a call")
        second = store(daemon, kind="virus")
        ports.wait_until(lambda: len(server.calls) >= 2, 15, "two calls")
        messages = []
        for headers, body in server.calls:
            time_, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})",
                                      headers["X-Gatepost-Signature"]).groups()
            assert abs(int(time_) - time.time()) < 60
            assert hmac.new(b"0123456789abcdef0123456789abcdef",
                            time_.encode() + b"." + body,
                            hashlib.sha256).hexdigest() == mac
            assert headers["Content-Type"] == "application/json"
            messages += json.loads(body)["messages"]
        assert sorted(one["id"] for one in messages) == sorted(first + second)
        assert messages[0]["class"] == "spam"
        assert messages[0]["recipients"] == ["b@gatepost.example"]
        # A 5xx is tried again, a 4xx is given up.
        server.status = 404
        store(daemon)
        daemon.wait_line("is given up")
    finally:
        stop_hook(server)


def test_postfix_takes_notices(new_gatepost, folder):
    with Postfix(folder / "postfix",
                 settings={"mynetworks": "127.0.0.0/8"}) as postfix:
        daemon = new_gatepost(
            {"notices.smtp": f"inet:127.0.0.1:{postfix.plain_port}",
             "notices.to_recipient": "virus"})
        ids = store(daemon, rcpts="jörg@gatepost.example")
        mails = [email.message_from_bytes(one, policy=email.policy.default)
                 for one in postfix.wait_delivered(2)]
        assert all(one["Return-Path"] == "<>" for one in mails)
        assert all(ids[0] in one.get_content() for one in mails)
        assert not daemon.process.kill(signal.SIGUSR1)


def test_one_that_waits_too_long_is_a_matter_of_health(new_gatepost):
    daemon = new_gatepost({
        "notices.smtp": f"inet:127.0.0.1:{ports.free_port()}"})
    assert daemon.http("/healthz")[0] == 200
    store(daemon)
    ports.wait_until(lambda: queue(daemon), 10, "a notice in the queue")
    daemon.wait_line("will be tried again")
    assert daemon.http("/healthz")[0] == 200
    daemon.stop()
    # As it would be called, had it been made two hours ago.
    one, = (daemon.folder / "state/notices/queue").iterdir()
    step, number, made = one.stem.split("-")
    early = int(made, 16) - 2 * 3600 * 1000
    one.rename(one.with_name(f"{step}-{number}-{early:016x}.mail"))
    daemon.start()
    ports.wait_until(lambda: daemon.http("/healthz")[0] == 503, 15,
                     "an alarm")
    assert re.search(r"notices +ill +1 wait to be sent, the oldest for 12\d "
                     "minutes", daemon.http("/healthz")[1])
