"""The worker as an MTA sees it: the milter protocol, step by step."""

import socket
import struct

import pytest

from support import milterclient
from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.milterclient import Closed, Session

MESSAGE = (b"Received: from here\n\tby there; Sun, 22 Nov 2026 08:00:00 +0000\n"
           b"From: Some One <someone@sender.example>\n"
           b"To: user@ours.example\n"
           b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
           b"Message-ID: <1@sender.example>\n"
           b"Subject: hello\n\nline one\nline two\n")


@pytest.fixture(scope="module")
def dns(folder):
    with DnsServer(folder / "dns", {"example": "x A 192.0.2.1"}) as server:
        yield server


def running(folder, dns, name, settings=None, **options):
    return Gatepost(folder / name, dns.address, settings, **options)


@pytest.fixture(scope="module")
def gatepost(folder, dns):
    with running(folder, dns, "plain",
                 {"actions.reject": "1000"}) as daemon:
        yield daemon


@pytest.fixture
def session(gatepost):
    with Session(gatepost.milter) as one:
        yield one


def test_negotiation_asks_for_few_replies_and_raw_values(session):
    assert session.version == 6
    assert session.actions == (milterclient.ADD_HEADERS
                               | milterclient.CHANGE_HEADERS)
    for step in (milterclient.HEADER_LEADING_SPACE, milterclient.NR_HEADER,
                 milterclient.NR_BODY, milterclient.NR_EOH,
                 milterclient.NR_RCPT, milterclient.NO_UNKNOWN):
        assert session.steps & step
    # Postfix keeps what needs no reply to itself; DNS is to be asked early.
    assert not session.steps & milterclient.NR_CONNECT
    assert not session.steps & milterclient.NR_MAIL
    assert session.macro_lists[5] == "i"
    # A stage without macros would keep those of the message before.
    assert "{mail_addr}" in session.macro_lists[2]


def test_data_is_answered_over_tcp_only(folder, dns):
    path = folder / "data.sock"
    with running(folder, dns, "data") as daemon:
        with Session(daemon.milter) as over_tcp:
            assert not over_tcp.steps & milterclient.NO_DATA
            assert not over_tcp.steps & milterclient.NR_DATA
    with running(folder, dns, "data-unix", listen=[f"unix:{path}"]):
        with Session(f"unix:{path}") as over_unix:
            assert over_unix.steps & milterclient.NO_DATA


def test_message_gets_our_fields_with_their_own_space(session):
    session.open()
    answer = session.message(MESSAGE)
    assert answer.verdict == milterclient.CONTINUE
    (results,) = answer.inserted("Authentication-Results")
    assert results.startswith(" mx.gatepost.example;")
    assert all(index == 0 for _, index, _, _ in answer.edits)


def test_message_to_an_mta_that_adds_the_space_itself(gatepost):
    steps = milterclient.ALL_STEPS & ~milterclient.HEADER_LEADING_SPACE
    with Session(gatepost.milter, steps=steps) as session:
        session.open()
        answer = session.message(MESSAGE)
    (results,) = answer.inserted("Authentication-Results")
    assert results.startswith("mx.gatepost.example;")


def test_message_to_an_mta_without_version_6(gatepost):
    steps = milterclient.NO_UNKNOWN | milterclient.NO_DATA | 0x7f
    with Session(gatepost.milter, steps=steps) as session:
        assert session.open() == ("c", b"")
        assert session.message(MESSAGE).verdict == milterclient.CONTINUE


def test_forged_fields_go_from_the_highest_index_down(session):
    session.open()
    forged = b"".join(b"Authentication-Results: mx.gatepost.example; spf=pass"
                      b" smtp.mailfrom=x%d\n" % n for n in range(3))
    answer = session.message(forged + MESSAGE)
    assert [edit[:3] for edit in answer.edits if edit[0] == "delete"] == [
        ("delete", n, "Authentication-Results") for n in (3, 2, 1)]


def test_many_messages_in_one_session(gatepost, session):
    session.open()
    for n in range(20):
        answer = session.message(MESSAGE, queue_id=f"MANY{n}")
        assert answer.verdict == milterclient.CONTINUE
    assert gatepost.record("MANY19")["helo"] == "client.example"


def test_second_helo_replaces_the_first(gatepost, session):
    session.open(helo="first.example")
    session.command("H", b"second.example\0")
    session.message(MESSAGE, queue_id="HELO2")
    assert gatepost.record("HELO2")["helo"] == "second.example"


def test_login_counts_for_its_message(gatepost, session):
    session.open()
    session.envelope(macros={"{auth_authen}": "alice"})
    session.content(MESSAGE)
    session.end("LOGIN1")
    session.message(MESSAGE, queue_id="LOGIN2",
                    macros={"{mail_addr}": "someone@sender.example"})
    assert gatepost.record("LOGIN1")["user"] == "alice"
    assert gatepost.record("LOGIN2")["user"] is None


@pytest.mark.parametrize("name,macros,kept", [
    ("mail.sender.example", None, "mail.sender.example"),
    ("unknown", None, ""),
    ("[192.0.2.1]", None, ""),
    ("mail.sender.example", {"{client_resolve}": "OK"},
     "mail.sender.example"),
    ("mail.sender.example", {"{client_resolve}": "FORGED"}, ""),
])
def test_only_verified_host_names_are_kept(gatepost, session, name, macros,
                                           kept):
    queue_id = f"NAME{abs(hash((name, str(macros)))) % 100000}"
    session.open(name=name, macros=macros)
    session.message(MESSAGE, queue_id=queue_id)
    assert gatepost.record(queue_id)["client_name"] == kept


def test_mail_without_address_is_trusted(gatepost, session):
    session.open(ip=None, name="localhost")
    answer = session.message(MESSAGE, queue_id="LOCAL")
    assert answer.verdict == milterclient.CONTINUE
    assert gatepost.record("LOCAL")["client"] in ("", None)


def test_ipv6_client(gatepost, session):
    session.open(ip="2001:db8::1")
    session.message(MESSAGE, queue_id="V6")
    assert gatepost.record("V6")["client"] == "2001:db8::1"


def test_empty_message(session):
    session.open()
    session.envelope(sender="")
    session.end_of_header()
    assert session.end().verdict == milterclient.CONTINUE


def test_header_field_of_100_kilobytes(gatepost, session):
    session.open()
    long = b"X-Long: " + b"\n\t".join(b"x" * 990 for _ in range(103)) + b"\n"
    answer = session.message(long + MESSAGE, queue_id="LONGFIELD")
    assert answer.verdict == milterclient.CONTINUE
    assert gatepost.record("LONGFIELD")["size"] > 102000


def test_2000_header_fields(gatepost, session):
    session.open()
    many = b"".join(b"X-Field-%d: %d\n" % (n, n) for n in range(2000))
    answer = session.message(many + MESSAGE)
    assert answer.verdict == milterclient.CONTINUE


def test_30_megabytes_of_body(gatepost, session):
    session.open()
    body = (b"A" * 76 + b"\n") * (30 * 1024 * 1024 // 77)
    answer = session.message(MESSAGE + body, queue_id="BIG")
    assert answer.verdict == milterclient.CONTINUE
    assert gatepost.record("BIG")["size"] > 30 * 1024 * 1024


def test_past_a_limit_is_deferred_with_the_reason(folder, dns):
    with running(folder, dns, "limits", {"limits.header": "64k",
                                         "limits.recipients": "3"}) as daemon:
        with Session(daemon.milter) as session:
            session.open()
            many = b"".join(b"X-Field-%d: %s\n" % (n, b"y" * 900)
                            for n in range(100))
            answer = session.message(many + MESSAGE)
            assert answer.verdict == milterclient.TEMPFAIL
            assert answer.reply.startswith("451 4.")
            assert "header" in answer.reply
            recipients = [f"user{n}@ours.example" for n in range(4)]
            answer = session.message(MESSAGE, recipients=recipients)
            assert answer.verdict == milterclient.TEMPFAIL
            assert "recipients" in answer.reply
            # The session is still good for others.
            answer = session.message(MESSAGE)
            assert answer.verdict == milterclient.CONTINUE


def test_reject_names_record_and_doubles_percent(folder, dns):
    with running(folder, dns, "reject", {"actions.reject": "-100"}) as daemon:
        with Session(daemon.milter) as session:
            session.open()
            answer = session.message(MESSAGE, queue_id="REJECTED")
        assert answer.verdict == milterclient.REJECT
        assert answer.reply.startswith("550 5.7.1 ")
        assert answer.edits == []
        record = daemon.record("REJECTED")
        assert record["id"] in answer.reply
        assert record["action"] == "reject"


def test_abort_forgets_the_message(gatepost, session):
    session.open()
    session.envelope(sender="first@sender.example")
    session.content(MESSAGE)
    session.abort()
    session.message(MESSAGE, queue_id="AFTERABORT",
                    sender="second@sender.example",
                    recipients=["a@ours.example"])
    record = gatepost.record("AFTERABORT")
    assert record["sender"] == "second@sender.example"
    assert record["recipients"] == ["a@ours.example"]


def test_client_drops_within_the_body(gatepost):
    for _ in range(20):
        session = Session(gatepost.milter)
        session.open()
        session.envelope()
        session.command("L", b"Subject\0 x\0")
        session.end_of_header()
        session.send("B", b"half a body")
        session.flush()
        session.sock.sendall(struct.pack(">I", 5000) + b"B half a chunk")
        session.close()
    with Session(gatepost.milter) as session:
        session.open()
        assert session.message(MESSAGE).verdict == milterclient.CONTINUE


def test_client_drops_before_the_answer(gatepost):
    for n in range(20):
        session = Session(gatepost.milter)
        session.open()
        session.envelope()
        session.content(MESSAGE)
        session.send("E")
        session.flush()
        session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
        session.close()
    with Session(gatepost.milter) as session:
        session.open()
        assert session.message(MESSAGE).verdict == milterclient.CONTINUE


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.0\r\n\r\n",
    b"\0\0\0\0",
    b"\xff\xff\xff\xffO",
    b"\0\0\0\x01E" * 50,
    b"\0\0\0\x01Q",
    b"\0\0\0\x05Labc\0" + b"\0\0\0\x01N" + b"\0\0\0\x01E",
    b"\0\0\0\x03Ma\0" + b"\0\0\0\x03Ra\0" + b"\0\0\0\x01E",
    b"\0\0\0\x02C\0" + b"\0\0\0\x02H\0",
])
def test_garbage_harms_nobody(gatepost, garbage):
    workers = gatepost.workers()
    with milterclient.connect(gatepost.milter) as sock:
        sock.sendall(garbage)
        sock.settimeout(10)
        try:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except OSError:
            # Closed in our face.
            pass
    assert gatepost.workers() == workers


def test_steps_out_of_order_harm_nobody(gatepost):
    workers = gatepost.workers()
    orders = ["NE", "E", "LE", "BE", "RE", "MNE", "HHHE", "MMMRE", "AAMAE",
              "MRLNBBLNE", "CCMRNE", "MRNEE"]
    data = {"C": b"x\0U", "H": b"h\0", "M": b"<a@b.example>\0",
            "R": b"<c@d.example>\0", "L": b"Name\0value\0", "B": b"body"}
    for order in orders:
        session = Session(gatepost.milter, timeout=5)
        try:
            session.open()
            for code in order:
                session.send(code, data.get(code, b""))
            session.send("Q")
            session.flush()
            while session.sock.recv(65536):
                pass
        except (Closed, ConnectionResetError):
            pass
        finally:
            session.close()
    assert gatepost.workers() == workers


def test_too_many_sessions_are_told_to_come_back(folder, dns):
    with running(folder, dns, "admission",
                 {"worker.max_sessions": "3"}) as daemon:
        held = [Session(daemon.milter) for _ in range(3)]
        assert [one.open()[0] for one in held] == ["c"] * 3
        with Session(daemon.milter) as refused:
            code, reply = refused.open(helo=None)
            assert code == "y" and reply.startswith(b"451 4.3.2 ")
        held.pop().quit()
        with Session(daemon.milter) as late:
            # The place is free once the worker has seen the end.
            for _ in range(50):
                code, _ = late.open(helo=None)
                if code == "c":
                    break
                late.close()
                late = Session(daemon.milter)
            assert code == "c"
        for one in held:
            assert one.message(MESSAGE).verdict == milterclient.CONTINUE
            one.quit()
