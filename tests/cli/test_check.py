"""gatepost check: the engine offline, against a real DNS server."""

import json
import os
import subprocess
import time

import pytest

from support.dnsserver import DnsServer, SilentDns
from support.gatepost import program

ZONES = {
    "example.org": """
@ TXT "v=spf1 ip4:192.0.2.0/24 -all"
@ MX 10 mx
mx A 192.0.2.1
_dmarc TXT "v=DMARC1; p=reject"
""",
    "2.0.192.in-addr.arpa": "1 PTR mx.example.org.\n",
    "zen.spamhaus.org": "66.100.51.198 A 127.0.0.2\n",
}

MESSAGE = (b"From: A <a@example.org>\r\nTo: b@example.net\r\n"
           b"Subject: hello\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
           b"Message-ID: <m@example.org>\r\nMIME-Version: 1.0\r\n\r\nHello\r\n")


@pytest.fixture(scope="module")
def dns(folder):
    with DnsServer(folder / "dns", ZONES) as server:
        yield f"127.0.0.1:{server.port}"


def check(dns, *words, ip="192.0.2.1", helo="mx.example.org",
          sender="a@example.org", message=MESSAGE, env=None):
    argv = [program("gatepost"), "check", "--dns", dns, "--ip", ip, "--helo",
            helo, "--from", sender, "--rcpt", "b@example.net", *words, "-"]
    return subprocess.run(argv, input=message, capture_output=True,
                          timeout=60, env=env)


def judged(dns, *words, **options):
    done = check(dns, "--json", *words, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def names(record):
    return {symbol["name"] for symbol in record["symbols"]}


def test_a_clean_message(dns):
    record = judged(dns)
    assert record["action"] == "accept"
    assert record["auth"]["spf"] == {
        "result": "pass", "domain": "example.org", "scope": "mfrom",
        "explanation": record["auth"]["spf"]["explanation"],
        "helo": record["auth"]["spf"]["helo"]}
    assert record["auth"]["dmarc"]["result"] == "pass"
    assert record["auth"]["dmarc"]["policy"] == "reject"
    assert record["auth"]["dmarc"]["disposition"] == "none"
    assert record["auth"]["arc"]["result"] == "none"
    assert record["antivirus"]["result"] == "none"
    assert record["class"] is record["vault"] is None
    assert {"SPF_PASS", "DMARC_PASS"} <= names(record)
    assert len(record["id"]) == 16
    added = [h for h in record["headers"] if h["op"] == "insert"]
    assert [h["name"] for h in added] == ["Authentication-Results"]
    assert "spf=pass" in added[0]["value"]


def test_a_forged_sender_against_p_reject(dns):
    record = judged(dns, ip="203.0.113.9", helo="evil.example")
    assert record["auth"]["spf"]["result"] == "fail"
    assert record["auth"]["dmarc"]["result"] == "fail"
    assert record["auth"]["dmarc"]["disposition"] == "reject"
    assert record["action"] != "reject"
    record = judged(dns, "--set", "dmarc.enforce=yes", ip="203.0.113.9",
                    helo="evil.example")
    assert record["action"] == "reject"
    assert record["id"] in record["reply"]


def test_a_listed_client(dns):
    record = judged(dns, ip="198.51.100.66")
    listed = [s for s in record["symbols"]
              if "198.51.100.66" in s["detail"] and s["score"] > 3]
    assert listed


def test_trusted_and_authenticated_mail_is_not_judged_as_a_stranger(dns):
    for words in (["--auth", "user"],
                  ["--set", "trusted_networks=203.0.113.0/24"]):
        record = judged(dns, *words, ip="203.0.113.9", helo="x")
        assert record["score"] == 0
        assert record["auth"]["spf"]["result"] == "none"
        assert all(c["outcome"] == "not run" and c["reason"]
                   for c in record["checks"])


def test_the_human_output_says_why(dns):
    done = check(dns, ip="203.0.113.9", helo="evil.example")
    text = done.stdout.decode()
    assert done.returncode == 0
    for word in ("Action", "Score", "SPF_FAIL", "DMARC", "example.org",
                 "203.0.113.9"):
        assert word in text
    assert all(len(line) <= 80 for line in text.splitlines()
               if " " in line.strip())


def test_hostile_bytes_stay_harmless(dns):
    message = MESSAGE.replace(b"hello", b"\x1b[31m\xff\xfe \"quoted\" \x07")
    record = judged(dns, message=message, sender="\x1b[2J@\x01.example")
    assert "\x1b" in record["subject"]
    done = check(dns, message=message, sender="\x1b[2J@\x01.example")
    assert b"\x1b" not in done.stdout and b"\x07" not in done.stdout


@pytest.mark.parametrize("message", [
    b"", b"\n", b"\r\n\r\n", b"no header at all\n", b"From: a@b\n",
    b"From a@b Sun Nov 22\nFrom: a@example.org\n\nmbox\n",
    b"X: " + b"y" * 200_000 + b"\n\nbody\n",
    b"X: y\n" * 3000 + b"\nbody\n", b"\x00\x01\x02" * 1000,
    b"From: a@example.org\n\n" + b"z" * 3_000_000,
], ids=["nothing", "LF", "CRLF", "no header", "no body", "mbox", "200 KB field",
        "3,000 fields", "NULs", "3 MB line"])
def test_odd_messages_are_judged(dns, message):
    assert judged(dns, message=message)["action"] in ("accept", "tag",
                                                      "reject")


@pytest.mark.parametrize("words, code", [
    (["check"], 2),
    (["check", "--ip", "192.0.2.1", "--helo", "x", "--from", "a@b", "-"], 2),
    (["check", "--ip", "nonsense", "--helo", "x", "--from", "a@b",
      "--rcpt", "c@d", "-"], 2),
    (["check", "--bogus", "--ip", "192.0.2.1", "--helo", "x", "--from", "a@b",
      "--rcpt", "c@d", "-"], 2),
    (["check", "--set", "nonsense=1", "--ip", "192.0.2.1", "--helo", "x",
      "--from", "a@b", "--rcpt", "c@d", "-"], 2),
    (["check", "-c", "/nonexistent.conf", "--ip", "192.0.2.1", "--helo", "x",
      "--from", "a@b", "--rcpt", "c@d", "-"], 3),
    (["check", "--ip", "192.0.2.1", "--helo", "x", "--from", "a@b",
      "--rcpt", "c@d", "/nonexistent.eml"], 3),
    (["nonsense"], 2), ([], 2), (["--help"], 0), (["--version"], 0),
])
def test_exit_codes(words, code):
    done = subprocess.run([program("gatepost"), *words], input=b"",
                          capture_output=True, timeout=20)
    assert done.returncode == code
    assert (done.stderr == b"") == (code == 0)


def test_a_silent_server_gives_temperror_in_time():
    silent = SilentDns()
    began = time.monotonic()
    record = judged(f"127.0.0.1:{silent.port}", "--set", "limits.deadline=2s")
    silent.stop()
    assert time.monotonic() - began < 5
    assert record["auth"]["spf"]["result"] == "temperror"
    assert record["auth"]["dmarc"]["result"] == "temperror"
    assert record["action"] == "accept"


def test_faketime_moves_the_clock_and_nothing_hangs(dns):
    env = dict(os.environ, FAKETIME="@2030-01-01 00:00:00",
               LD_PRELOAD="/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
               ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    record = judged(dns, env=env)
    assert 1893456000 - 86400 < record["time"] < 1893456000 + 86400
    assert record["auth"]["spf"]["result"] == "pass"


def test_the_record_says_what_was_not_run_and_how_long_it_took(dns):
    record = judged(dns)
    assert set(record["ms"]) == {"connect", "helo", "envelope", "headers",
                                 "body", "judge", "commit"}
    assert record["thresholds"] == {"greylist": 4, "add_header": 6,
                                    "quarantine": 10, "reject": 15}
    assert {c["name"] for c in record["checks"]} >= {"spf", "dkim", "dmarc",
                                                     "rbl", "host", "headers"}
