"""Messages of every shape go through with not a byte changed but for the
header fields that Gatepost adds."""

import re
import time

import pytest
from mta_messages import CLEAN, message
from support import ports
from support.smtp import Client, send
from support.stack import fields, split

# What Postfix adds on delivery, different with each message.
TRACE = ["return-path", "x-original-to", "delivered-to"]
OURS = ("authentication-results", "x-spam", "x-spam-score", "x-spam-status",
        "x-gatepost-verdict")


def as_sent(mail):
    """The message without what Postfix and Gatepost put on top of it."""
    found, body = split(mail)
    received = [name for name, _ in found].index("received")
    top, rest = found[:received], found[received + 1:]
    # Only fields of ours stand above the Received field, the rest directly
    # below it.
    assert {name for name, _ in top} <= {*TRACE, *OURS}
    while rest and rest[0][0] in OURS:
        del rest[0]
    return [raw for _, raw in rest], body


def both_ways(stack, content, **how):
    """The message as delivered with the milter and without it."""
    with_us = send(stack.postfix.port, content, **how)
    without = send(stack.postfix.plain_port, content, **how)
    assert (with_us.code, without.code) == (250, 250), with_us.text
    return (stack.mail_of(with_us, 60), stack.mail_of(without, 60),
            stack.record_of(with_us))


def assert_unchanged(stack, content, **how):
    with_us, without, record = both_ways(stack, content, **{**CLEAN, **how})
    assert fields(with_us, "Authentication-Results")
    assert not fields(without, "X-Gatepost-Verdict")
    assert as_sent(with_us) == as_sent(without)
    return record


def test_eight_bit(stack):
    record = assert_unchanged(
        stack, message(CLEAN["sender"], "Content-Type: text/plain")
        + bytes(range(128, 256)) + b"\n", parameters=["BODY=8BITMIME"])
    assert record["auth"]["spf"]["result"] == "pass"


def test_smtputf8(stack):
    sender = "müller@clean.example"
    content = (f"From: Müller <{sender}>\nTo: <üser@gatepost.example>\n"
               "Subject: größer\nX-Ünlike: ja\n\nGrüße\n").encode()
    record = assert_unchanged(stack, content, sender=sender,
                              recipients=["üser@gatepost.example"],
                              parameters=["SMTPUTF8", "BODY=8BITMIME"])
    assert record["sender"] == sender
    assert record["recipients"] == ["üser@gatepost.example"]
    assert record["auth"]["spf"]["result"] == "pass"


def test_bytes_that_are_no_characters(stack):
    content = (b"From: a@clean.example\nSubject: \xff\xfe\x01\nX-Odd: \x80\n"
               b"\n\xc3\x28 \xa0\xa1 \x00 \x7f\x1b[2J\n")
    assert_unchanged(stack, content)


def test_30_megabytes(stack):
    line = b"0123456789abcdef" * 4 + b"\n"
    body = line * (30 * 1024 * 1024 // len(line))
    record = assert_unchanged(stack, message(CLEAN["sender"]) + body,
                              timeout=300)
    assert record["size"] > 30_000_000


def test_a_header_field_of_100_kilobytes(stack):
    long = "X-Long: " + "\n ".join(["y" * 900] * 110)
    assert len(long) > 99_000
    assert_unchanged(stack, message(CLEAN["sender"], long))


def test_2000_header_lines(stack):
    many = [f"X-Many-{n % 7}: value {n}" for n in range(2000)]
    assert_unchanged(stack, message(CLEAN["sender"], *many))


def test_no_header_at_all(stack):
    assert_unchanged(stack, b"\nbody only\n")


def test_no_body_at_all(stack):
    assert_unchanged(stack, b"From: a@clean.example\nSubject: empty\n\n")


def test_spacing_after_the_colon_stays(stack):
    assert_unchanged(stack, message(
        CLEAN["sender"], "X-None:value", "X-Two:  value", "X-Tab:\tvalue",
        "X-End: value \t", "X-Fold:\n\tvalue\n  more", "X-Empty:"))


@pytest.mark.tsan
def test_every_file_of_the_mime_suites_goes_through(stack, suites):
    """One session each way; then what was delivered is compared."""
    contents = {str(path.relative_to(suites)): path.read_bytes()
                for folder in ("mime", "dkim", "dkim-rfc")
                for path in sorted((suites / folder).rglob("*"))
                if path.is_file()}
    assert len(contents) >= 60
    sent = {port: {name: one_of(stack, port, content)
                   for name, content in contents.items()}
            for port in (stack.postfix.port, stack.postfix.plain_port)}
    mails = {queue_id(mail): mail for mail in wait_for(stack, sent)}
    changed = []
    for name in contents:
        pair = [mails[sent[port][name]] for port in sent]
        assert fields(pair[0], "Authentication-Results"), name
        if as_sent(pair[0]) != as_sent(pair[1]):
            changed.append(name)
    assert not changed


def one_of(stack, port, content):
    with Client(port, timeout=60) as smtp:
        smtp.ehlo("localhost")
        smtp.xclient(CLEAN["client"])
        smtp.ehlo("client.example")
        reply = smtp.message(CLEAN["sender"], ["user@gatepost.example"],
                             content)
        smtp.quit()
    assert reply.code == 250, reply.text
    return reply.queue_id


def queue_id(mail):
    match = re.search(rb"\(Postfix\) with \S+ id (\w+)", mail)
    return match[1].decode()


def wait_for(stack, sent):
    wanted = {one for ids in sent.values() for one in ids.values()}

    def arrived():
        mails = stack.postfix.delivered()
        return mails if wanted <= {queue_id(mail) for mail in mails} else None
    return ports.wait_until(arrived, 60, "all of the suite to be delivered",
                            pause=0.5)


def median_time(port):
    """Seconds of one transaction, of twenty in one session."""
    times = []
    with Client(port) as smtp:
        smtp.ehlo("localhost")
        smtp.xclient(CLEAN["client"], CLEAN["name"])
        smtp.ehlo(CLEAN["helo"])
        for _ in range(21):
            start = time.monotonic()
            assert smtp.message(CLEAN["sender"], ["user@gatepost.example"],
                                message(CLEAN["sender"])).code == 250
            times.append(time.monotonic() - start)
    return sorted(times)[len(times) // 2]


def test_tcp_is_as_quick_as_a_unix_socket(new_stack):
    """Nagle's algorithm and delayed acknowledgements would cost 40 ms."""
    stack = new_stack(unix=True)
    over_unix = median_time(stack.postfix.port)
    over_tcp = median_time(stack.postfix.second_port)
    assert over_tcp < over_unix + 0.020
