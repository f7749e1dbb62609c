"""The resolver against real servers: nsd with zones of every kind, servers
that are silent, dead or late, a signed zone, and a clock that is moved.

The resolver is driven through dns_ask, a program of the build folder."""

import os
import subprocess
import time
from collections import namedtuple

import pytest

from support import ports
from support.dnsserver import DnsServer, SilentDns
from support.gatepost import program

LONG = "v" * 250
ZONES = {
    "example.org": f"""\
a A 192.0.2.1
a AAAA 2001:db8::1
many A 192.0.2.1
many A 192.0.2.2
@ MX 10 Mail
null MX 0 .
txt TXT "v=spf1 " "-all"
two TXT "one"
two TXT "other"
bytes TXT "\\000\\255\\"\\\\"
empty TXT ""
huge TXT {" ".join(['"' + LONG + '"'] * 230)}
zero 0 A 192.0.2.9
to-a CNAME a
to-to-a CNAME to-a
to-other CNAME x.test.
to-nowhere CNAME nowhere
to-elsewhere CNAME a.unserved.example.
loop CNAME pool
pool CNAME loop
below.above A 192.0.2.1
*.wild A 192.0.2.3
host PTR Mail.Example.ORG.
trick PTR trusted\\.example.evil.example.
a\\032b A 192.0.2.7
_dmarc TXT "v=DMARC1"
""" + "\n".join(f"chain{i} CNAME chain{i + 1}" for i in range(8))
    + "\nchain8 A 192.0.2.8",
    "test": "x A 192.0.2.5\n",
    "home.arpa": "x A 192.0.2.5\n",
    "onion": "x A 192.0.2.5\n",
    "invalid": "x A 192.0.2.5\n",
    "10.in-addr.arpa": "1.0.0 PTR ten.example.org.\n",
    "1.0.168.192.in-addr.arpa": "@ PTR private.example.org.\n",
    "127.in-addr.arpa": "2.0.0 PTR loop.example.org.\n",
    "d.f.ip6.arpa": "1 PTR unique.example.org.\n",
}

Answer = namedtuple("Answer", "status ttl secure data")


def text(string):
    return string.encode().hex()


class Asker:
    """A resolver of its own process."""

    def __init__(self, *options, **environment):
        self.process = subprocess.Popen(
            [program("tests/milter/net/dns_ask"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment})

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line.rstrip("\n")

    def ask(self, kind, name, wait_ms=20000):
        status, ttl, secure, *data = self.do(
            f"ask {kind} {name} {wait_ms}").split(" ")
        return Answer(status, int(ttl), secure == "secure", data)

    def numbers(self, command):
        return {name: int(value) for name, value in
                (word.split("=") for word in self.do(command).split())}

    def end(self):
        """Its end must be clean (sanitizers speak then) and quick."""
        start = time.monotonic()
        _, errors = self.process.communicate(timeout=30)
        assert (self.process.returncode, errors) == (0, "")
        return time.monotonic() - start

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        if failed[0]:
            self.process.kill()
            self.process.communicate()
        else:
            self.end()


@pytest.fixture(scope="module")
def server(folder):
    with DnsServer(folder / "dns", ZONES) as running:
        yield running


@pytest.fixture(scope="module")
def asker(server):
    with Asker("-s", server.address) as running:
        yield running


@pytest.mark.parametrize("kind, name, status, data", [
    ("A", "a.example.org", "FOUND", ["c0000201"]),
    ("A", "A.EXAMPLE.ORG", "FOUND", ["c0000201"]),
    ("AAAA", "a.example.org", "FOUND", ["20010db8" + "00" * 11 + "01"]),
    ("MX", "example.org", "FOUND", ["10:" + text("mail.example.org")]),
    ("MX", "null.example.org", "FOUND", ["0:"]),
    ("TXT", "txt.example.org", "FOUND", [text("v=spf1 -all")]),
    ("TXT", "bytes.example.org", "FOUND", ["00ff225c"]),
    ("TXT", "empty.example.org", "FOUND", [""]),
    ("TXT", "_dmarc.example.org", "FOUND", [text("v=DMARC1")]),
    ("TXT", "huge.example.org", "FOUND", [text(LONG * 230)]),
    ("PTR", "host.example.org", "FOUND", [text("mail.example.org")]),
    ("PTR", "trick.example.org", "FOUND",
     [text("trusted\\046example.evil.example")]),
    ("A", "any.wild.example.org", "FOUND", ["c0000203"]),
    ("A", "to-a.example.org", "FOUND", ["c0000201"]),
    ("A", "to-to-a.example.org", "FOUND", ["c0000201"]),
    ("A", "chain0.example.org", "FOUND", ["c0000208"]),
    ("A", "to-other.example.org", "FOUND", ["c0000205"]),
    ("TXT", "to-a.example.org", "NODATA", []),
    ("A", "to-nowhere.example.org", "NXDOMAIN", []),
    ("MX", "a.example.org", "NODATA", []),
    ("A", "above.example.org", "NODATA", []),
    ("A", "nowhere.example.org", "NXDOMAIN", []),
    ("A", "a.b.c.nowhere.example.org", "NXDOMAIN", []),
    # Zones that the library would answer itself.
    ("A", "x.test", "FOUND", ["c0000205"]),
    ("A", "y.test", "NXDOMAIN", []),
    ("A", "x.home.arpa", "FOUND", ["c0000205"]),
    ("A", "x.onion", "FOUND", ["c0000205"]),
    ("A", "x.invalid", "FOUND", ["c0000205"]),
    ("PTR", "1.0.0.10.in-addr.arpa", "FOUND", [text("ten.example.org")]),
    ("PTR", "1.0.168.192.in-addr.arpa", "FOUND",
     [text("private.example.org")]),
    ("PTR", "2.0.0.127.in-addr.arpa", "FOUND", [text("loop.example.org")]),
    ("PTR", "1.d.f.ip6.arpa", "FOUND", [text("unique.example.org")]),
    ("A", "localhost", "FOUND", ["7f000001"]),
])
def test_answers(asker, kind, name, status, data):
    answer = asker.ask(kind, name)
    assert (answer.status, answer.data) == (status, data)
    assert not answer.secure


def test_several_records(asker):
    assert set(asker.ask("A", "many.example.org").data) == {
        "c0000201", "c0000202"}
    assert set(asker.ask("TXT", "two.example.org").data) == {
        text("one"), text("other")}


def test_ttl_is_what_the_zone_says(asker):
    assert asker.ask("A", "a.example.org").ttl == 300
    assert asker.ask("A", "zero.example.org").ttl == 0
    # Of the SOA record: absence has a lifetime too.
    assert asker.ask("A", "ttl.example.org").ttl == 60


@pytest.mark.parametrize("name", [
    "loop.example.org", "to-elsewhere.example.org", "unserved.example"])
def test_what_cannot_be_answered_fails_for_now(asker, name):
    answer = asker.ask("A", name)
    assert answer.status == "TEMPFAIL"
    assert answer.data


def test_built_in_zones_can_be_kept(server):
    with Asker("-s", server.address, "-z", "onion", "-z",
               "10.in-addr.arpa.", "-z", "wild.example.org") as asker:
        assert asker.ask("A", "x.onion").status == "NXDOMAIN"
        assert asker.ask("A", "x.test").status == "FOUND"
        assert asker.ask("PTR", "1.0.0.10.in-addr.arpa"
                         ).status == "NXDOMAIN"
        assert asker.ask("A", "any.wild.example.org").status == "NXDOMAIN"


def test_two_thousand_questions_at_once(server):
    with Asker("-s", server.address) as asker:
        command = "many 2000 A wild.example.org 20000"
        assert asker.numbers(command)["FOUND"] == 2000
        assert asker.numbers(command)["FOUND"] == 2000
        assert asker.numbers("stats")["cached"] >= 2000


def test_silence_ends_at_the_deadline_of_the_asker():
    with SilentDns() as silent, Asker("-s", silent.address) as asker:
        start = time.monotonic()
        assert asker.ask("A", "a.example.org", 500).status == "TEMPFAIL"
        assert 0.49 < time.monotonic() - start < 3
        times = asker.numbers("many 500 A silent.example 700")
        assert times["TEMPFAIL"] == 500
        assert times["ms"] < 3000
        asker.do("drop 500 A dropped.example")
        # Nobody waits for what is still out.
        assert asker.end() < 3


def test_another_server_takes_over(server):
    dead = f"127.0.0.1@{ports.free_port()}"
    with SilentDns() as silent, \
            Asker("-s", dead, "-s", silent.address, "-s", server.address
                  ) as asker:
        for number in range(10):
            assert asker.ask("A", f"n{number}.wild.example.org"
                             ).status == "FOUND"


def test_a_server_that_comes_late_is_used(folder):
    port = ports.free_port()
    with Asker("-s", f"127.0.0.1@{port}") as asker:
        for number in range(30):
            assert asker.ask("A", f"a{number}.example.org", 200
                             ).status == "TEMPFAIL"
        with DnsServer(folder / "late", ZONES, port=port):
            start = time.monotonic()
            ports.wait_until(
                lambda: asker.ask("A", "b.wild.example.org", 1000
                                  ).status == "FOUND",
                30, "the resolver to see the server")
            assert time.monotonic() - start < 15


@pytest.mark.slow
def test_a_server_that_was_silent_is_used_again_soon(folder):
    silent = SilentDns()
    with Asker("-s", silent.address) as asker:
        end = time.monotonic() + 30
        number = 0
        while time.monotonic() < end:
            asker.do(f"drop 20 A s{number}.example.org")
            time.sleep(0.2)
            number += 1
        silent.stop()
        with DnsServer(folder / "spoken", ZONES, port=silent.port):
            start = time.monotonic()
            ports.wait_until(
                lambda: asker.do(f"ask A r{time.monotonic_ns()}.wild."
                                 "example.org 1000").startswith("FOUND"),
                60, "the resolver to try the server again")
            assert time.monotonic() - start < 20


def test_without_servers_it_starts_with_validation():
    with Asker() as asker:
        assert asker.ask("A", "localhost").data == ["7f000001"]
        assert asker.ask("A", "x.test").status == "NXDOMAIN"


def test_start_and_end_are_quick(server):
    times = []
    for _ in range(5):
        start = time.monotonic()
        with Asker("-s", server.address) as asker:
            asker.ask("A", "a.example.org")
        times.append(time.monotonic() - start)
    # A sanitizer takes most of it.
    assert sorted(times)[2] < 0.5


@pytest.fixture(scope="module")
def signed(folder):
    """A signed zone, one whose record was changed after signing, and the
    file that holds the keys of both."""
    zones, anchors = {}, ""
    work = folder / "keys"
    work.mkdir()
    for name in ("signed.example", "forged.example"):
        (work / name).write_text(
            f"$ORIGIN {name}.\n$TTL 300\n"
            "@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n"
            "ns A 127.0.0.1\na A 192.0.2.1\n")
        key = subprocess.run(
            ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", name], cwd=work,
            check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(
            ["ldns-signzone", "-n", "-i", "20200101000000", "-e",
             "20400101000000", name, key], cwd=work, check=True)
        zones[name] = (work / f"{name}.signed").read_text()
        anchors += (work / f"{key}.ds").read_text()
    zones["forged.example"] = zones["forged.example"].replace(
        "192.0.2.1", "192.0.2.66")
    zones["plain.example"] = "a A 192.0.2.1\n"
    (work / "anchors").write_text(anchors)
    with DnsServer(folder / "signed", zones) as running:
        yield running.address, str(work / "anchors")


def test_validation(signed):
    address, anchors = signed
    with Asker("-s", address, "-d", "on", "-t", anchors) as asker:
        assert asker.ask("A", "a.signed.example") == (
            "FOUND", 300, True, ["c0000201"])
        assert asker.ask("A", "b.signed.example")[::2] == ("NXDOMAIN", True)
        assert asker.ask("MX", "a.signed.example")[::2] == ("NODATA", True)
        assert asker.ask("A", "a.plain.example")[::2] == ("FOUND", False)
        forged = asker.ask("A", "a.forged.example")
        assert forged.status == "TEMPFAIL"
        assert " ".join(forged.data) == "DNSSEC validation failed"


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_no_validation_behind_servers(signed, mode):
    address, anchors = signed
    with Asker("-s", address, "-d", mode, "-t", anchors) as asker:
        for name in ("a.signed.example", "a.forged.example"):
            answer = asker.ask("A", name)
            assert (answer.status, answer.secure) == ("FOUND", False)


def moved(clock):
    """The environment of a program that sees another time."""
    return {"LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
            "FAKETIME": clock,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
            + ":verify_asan_link_order=0"}


def test_signatures_expire_by_the_wall_clock(signed):
    address, anchors = signed
    with Asker("-s", address, "-d", "on", "-t", anchors,
               **moved("@2041-01-01 00:00:00")) as asker:
        assert asker.ask("A", "a.signed.example").status == "TEMPFAIL"
        assert asker.ask("A", "a.plain.example").status == "FOUND"


@pytest.mark.parametrize("name, clock, unmoved_monotonic", [
    (name, clock, unmoved)
    for name in ("common/base/test_wake", "milter/net/test_lookups")
    for clock in ("+30d", "-3000d", "@2020-01-01 00:00:00")
    for unmoved in "01"] + [("milter/net/test_dns", "+30d", "0")])
def test_waiting_under_a_moved_clock(name, clock, unmoved_monotonic):
    subprocess.run(
        [program("tests/" + name)], check=True, timeout=60,
        capture_output=True, env={
            **os.environ, **moved(clock),
            "FAKETIME_DONT_FAKE_MONOTONIC": unmoved_monotonic})
