"""gatepost lists: the DNS lists in force, and whether each is well."""

import subprocess

import pytest

from support.dnsserver import DnsServer
from support.gatepost import program

OWN = """
rbl { shipped_lists = no }
list "well.example" { answers = {"127.0.0.2 WELL 1.0 a source of spam"} }
list "empty.example" { answers = {"127.0.0.2 EMPTY 1.0 a source of spam"} }
list "world.example" { answers = {"127.0.0.2 WORLD 1.0 a source of spam"} }
list "shut.example" { answers = {"127.0.0.2 SHUT 1.0 a source of spam"} }
list "sold.example" { answers = {"127.0.0.2 SOLD 1.0 a source of spam"} }
list "names.example" {
  query = {helo, from}
  answers = {"127.0.0.2 NAMES 1.0 a \\"spam\\" domain",
             "127.0.0.3 NAMES 1.0 another \\\\ domain"}
}
"""

ZONES = {
    "well.example": "2.0.0.127 A 127.0.0.2\n",
    "empty.example": "",
    "world.example": "* A 127.0.0.2\n",
    "shut.example": "* A 127.255.255.254\n",
    "sold.example": "* A 203.0.113.80\n",
    "names.example": "test A 127.0.0.2\n",
}


def gatepost(*words, stdin=None):
    return subprocess.run([program("gatepost"), *map(str, words)],
                          input=stdin, capture_output=True, text=True,
                          timeout=60)


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "gatepost.conf"
    path.write_text(OWN)
    return path


def test_lists_in_force_and_all(tmp_path):
    empty = tmp_path / "empty.conf"
    empty.write_text("")
    some = gatepost("lists", "-c", empty).stdout
    every = gatepost("lists", "-c", empty, "--all").stdout
    assert 'list "zen.spamhaus.org" {' in some
    assert '"127.0.0.4-7 RBL_SPAMHAUS_XBL 4.0 an exploited host' in some
    assert "bl.spamcop.net" not in some
    assert 'list "bl.spamcop.net" {\n\tenabled = no\n' in every


def test_the_output_is_a_configuration(tmp_path, conf):
    """What is shown, read again without the shipped table, is the same."""
    first = gatepost("lists", "-c", conf).stdout
    copy = tmp_path / "copy.conf"
    copy.write_text("rbl { shipped_lists = no }\n" + first)
    assert gatepost("config", "check", copy).returncode == 0
    assert gatepost("lists", "-c", copy).stdout == first


def test_each_list_is_tested(folder, conf):
    with DnsServer(folder / "dns", ZONES) as server:
        done = gatepost("lists", "--test", "-c", conf, "--set",
                        f"dns.servers={server.address}")
    assert done.returncode == 1
    assert done.stderr == ""
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()] == [
        ["well.example", "well"],
        ["empty.example", "does not list its own test entry"],
        ["world.example", "lists an entry that must never be listed"],
        ["shut.example", "refuses our resolver"],
        ["sold.example", "answers outside 127.0.0.0/8"],
        ["names.example", "well"],
    ]


def test_wrong_usage():
    assert gatepost("lists", "now").returncode == 2
    assert gatepost("lists", "--set").returncode == 2
