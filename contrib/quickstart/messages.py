"""The messages of the demonstration: who sends what, and what to watch."""

import io
import zipfile
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import dkim


@dataclass
class Letter:
    title: str
    client: str
    name: str           # verified reverse name of the client, or ""
    helo: str
    sender: str
    message: bytes
    expected: str       # the action
    deferred: str = ""  # how its retry comes about; empty: there is none
    note: str = ""      # what to make of it
    show: tuple = ()    # header fields to show as they were delivered


def text(*fields, body="Hello,\n\nthis is a sample message.\n", date=True):
    lines = list(fields)
    if date:
        lines += ["Date: " + formatdate(localtime=False),
                  "Message-ID: " + make_msgid(domain="client.example")]
    return ("\n".join(lines) + "\n\n" + body).replace("\n", "\r\n").encode()


# The test "virus" that all scanners know; in two pieces, so that none takes
# this file for it.
EICAR = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-"
         rb"ANTIVIRUS-TEST-FILE!$H+H*")


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def with_file(sender, subject, name, data):
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "user@gatepost.example"
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain="client.example")
    message.set_content("Hello,\n\nsee the file.\n")
    message.add_attachment(data, "application", "octet-stream",
                           filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


def signed(message, key):
    return dkim.sign(message, b"demo", b"example.org", key,
                     include_headers=[b"from", b"to", b"subject", b"date",
                                      b"message-id"]) + message


def letters(key, authserv_id):
    yield Letter(
        "A clean message: SPF, DKIM and DMARC agree",
        "192.0.2.10", "mail.example.org", "mail.example.org",
        "alice@example.org",
        signed(text("From: Alice <alice@example.org>",
                    "To: user@gatepost.example", "Subject: Minutes"), key),
        "accept")
    yield Letter(
        "A forged sender: the bank's domain says p=reject",
        "198.51.100.66", "", "mail.bank.example",
        "service@bank.example",
        text("From: Your Bank <service@bank.example>",
             "To: user@gatepost.example", "Subject: Confirm your account"),
        "reject", note=
        "dmarc.enforce = yes acts on the bank's wish; by default it only "
        "adds points.")
    yield Letter(
        "A client that a block list knows",
        "203.0.113.7", "dialup.example.net", "dialup.example.net",
        "bob@example.net",
        text("From: Bob <bob@example.net>",
             "To: user@gatepost.example", "Subject: Offer"),
        "accept", note=
        "One listing alone is not enough; 6 points would mark it.")
    yield Letter(
        "A careless stranger: deferred once, accepted when it comes back",
        "198.51.100.20", "", "orders.example.com",
        "orders@example.com",
        text("From: Orders <orders@example.com>",
             "To: user@gatepost.example", "Subject: Your order", date=False),
        "accept", deferred="as any mail server would; most programs that "
        "send spam never come back",
        note="From 4 points on a stranger is asked to come back; whoever "
        "did is not asked again for 36 days. The wait is 300 s by default.")
    yield Letter(
        "Likely spam, not certainly: delivered with a mark",
        "203.0.113.8", "", "shop.example",
        "news@shop.example",
        text("From: Shop <news@shop.example>",
             "To: user@gatepost.example", "Subject: News"),
        "tag", deferred="sent again like the one before",
        show=("X-Spam",))
    yield Letter(
        "Certain spam: filed where it can be taken out again",
        "203.0.113.8", "", "example.net",
        "win@example.net",
        text("Subject: Prize", "To: user@gatepost.example",
             'From: "service@bank.example" <win@example.net>', date=False),
        "tag", deferred="sent again", note=
        "Marked like the one before, but from 10 points on the mailbox side "
        "files it apart; at 15 it would have been refused.")
    yield Letter(
        "A sender who brings an Authentication-Results field of our name",
        "198.51.100.77", "", "client.example",
        "eve@example.net",
        text(f"Authentication-Results: {authserv_id};",
             "\tdkim=pass header.d=example.net; spf=pass",
             "Authentication-Results: mx.elsewhere.example; spf=pass",
             "From: Eve <eve@example.net>",
             "To: user@gatepost.example", "Subject: Trust me"),
        "accept", note=
        "The field of our name that came with it was removed; the other "
        "server's stays.", show=("Authentication-Results",))
    yield Letter(
        "A virus, zipped: accepted, but held in the vault",
        "192.0.2.10", "mail.example.org", "mail.example.org",
        "alice@example.org",
        signed(with_file("Alice <alice@example.org>", "Invoice",
                         "invoice.zip", zipped("invoice.com", EICAR)), key),
        "quarantine", note=
        "It is in no mailbox. The signatures are two of our own, for tests; "
        "on a host, freshclam brings ClamAV's.")
    yield Letter(
        "A program that a colleague sends: held by an attachment rule",
        "192.0.2.10", "mail.example.org", "mail.example.org",
        "alice@example.org",
        signed(with_file("Alice <alice@example.org>", "The tool you wanted",
                         "tool.bat", b"@echo off\r\necho hello\r\n"), key),
        "quarantine", note=
        "The rules are a table in the configuration: attachment "
        "\"executable\" and others.")
