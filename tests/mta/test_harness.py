"""The private Postfix and DNS server that all tests here rest on."""

import dns.resolver
import pytest

from support.dnsserver import DnsServer, SilentDns
from support.postfix import Postfix
from support.process import Failed
from support.smtp import Client, send

MESSAGE = b"From: a@example.org\r\nSubject: x\r\n\r\n.dot\r\nend\r\n"


@pytest.fixture(scope="module")
def postfix(folder):
    with Postfix(folder / "mta") as running:
        yield running


def test_postfix_delivers_what_was_sent(postfix):
    postfix.forget_delivered()
    assert send(postfix.port, MESSAGE).code == 250
    (message,) = postfix.wait_delivered(1)
    assert message.endswith(MESSAGE.replace(b"\r\n", b"\n"))
    assert b"client.example (unknown [192.0.2.1])" in message


def test_postfix_relays_nothing(postfix):
    assert send(postfix.port, MESSAGE, recipients=["a@elsewhere.example"]
                ).code == 554


def test_xclient_gives_a_verified_name(postfix):
    with Client(postfix.port) as smtp:
        smtp.ehlo("localhost")
        assert smtp.xclient("2001:db8::1", "mail.example.org").code == 220
        smtp.ehlo("mail.example.org")
        smtp.message("", ["user@gatepost.example"], MESSAGE)
    assert "client=mail.example.org[2001:db8::1]" in postfix.log_text()


def test_dns_server_serves_long_texts(folder):
    long = "k" * 200
    zones = {"example.org": f'a TXT ("{long}" "{long}")\n@ A 192.0.2.1'}
    with DnsServer(folder / "dns", zones) as server:
        answers = resolver(server.port).resolve("a.example.org", "TXT")
        assert b"".join(answers[0].strings).decode() == long * 2
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver(server.port).resolve("b.example.org", "A")


def test_a_broken_zone_is_an_error(folder):
    with pytest.raises(Failed):
        DnsServer(folder / "broken", {"example.org": "a B c"}).start()


def test_silent_dns_is_silent():
    with SilentDns() as server:
        with pytest.raises(dns.resolver.LifetimeTimeout):
            resolver(server.port).resolve("example.org", "A", lifetime=0.5)
        assert server.asked >= 1


def resolver(port):
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers = ["127.0.0.1"]
    asking.port = port
    return asking
