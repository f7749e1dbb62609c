"""DNS lists in the daemon: dead ones are suspended, and come back."""

import pytest

from support import ports
from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.milterclient import Session

LISTS = """
rbl { shipped_lists = no }
list "world.example" { answers = {"127.0.0.2 WORLD 4.0 a source of spam"} }
list "well.example" { answers = {"127.0.0.2 WELL 3.0 a source of spam"} }
"""
WELL = "2.0.0.127 A 127.0.0.2\n7.100.51.198 A 127.0.0.2\n"
MAIL = (b"From: a@sender.example\nTo: b@ours.example\nSubject: x\n"
        b"Date: Sun, 22 Nov 2026 08:00:00 +0000\nMessage-ID: <1@x>\n\nhi\n")


@pytest.fixture
def gatepost(folder):
    zones = {"world.example": "* A 127.0.0.2\n", "well.example": WELL}
    with DnsServer(folder / "dns", zones) as dns:
        with Gatepost(folder / "gatepost", dns.address,
                      config=LISTS) as running:
            yield running


def judge(gatepost, queue_id):
    with Session(gatepost.listen[0]) as session:
        session.open(ip="198.51.100.7", helo="mx.sender.example")
        session.message(MAIL, queue_id=queue_id)
    record = gatepost.record(queue_id)
    return {symbol["name"] for symbol in record["symbols"]}


def test_a_list_that_lists_the_world_is_suspended(gatepost):
    gatepost.wait_line("DNS list world.example is suspended: it lists an "
                       "entry that must never be listed")
    found = judge(gatepost, "4LISTS1")
    assert "WELL" in found
    assert "WORLD" not in found
    assert "well.example is suspended" not in gatepost.log.read_text()
    ports.wait_until(lambda: gatepost.counters()["list_suspended"] == 1, 10,
                     "the suspended list to be counted")
    counted = gatepost.counters()
    assert counted["list_questions"] == counted["list_listed"] == 1
    assert counted["list_errors"] == 0


def test_a_worker_that_ends_suspends_nothing(gatepost):
    ports.wait_until(lambda: gatepost.counters()["list_suspended"] == 1, 10,
                     "the suspended list to be counted")
    with Session(gatepost.listen[0]) as session:
        session.open(ip="198.51.100.7", helo="mx.sender.example")
        # The old worker lingers with this session open.
        gatepost.conf.write_text("rbl { shipped_lists = no }\n")
        gatepost.reload()
        gatepost.wait_line("ready: generation 2")
        ports.wait_until(lambda: gatepost.counters()["list_suspended"] == 0,
                         10, "no suspended list to be left")
        session.quit()
