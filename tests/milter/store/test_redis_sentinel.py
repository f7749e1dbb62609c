"""The state in a Redis whose master changes: a master, a replica and three
sentinels, all real."""

import time

import pytest

from support.ports import wait_until
from support.redisserver import RedisSentinels, documented_rights
from support.storeask import StoreAsk

pytestmark = pytest.mark.slow

MOST_MS = 1500  # see test_redis.py
FAST = {"state.retry": "500ms", "state.timeout": "300ms"}


def load_over(ask, misfortune, seconds=6):
    """Load while the master is lost; the figures."""
    ask.send(f"load first 4 {seconds * 200} meanwhile 0 5000")
    time.sleep(0.5)
    misfortune()
    figures = ask.read_numbers()
    assert figures["max_us"] < MOST_MS * 1000, figures
    return figures


@pytest.mark.parametrize("way", ["killed", "frozen"])
def test_a_new_master_is_found(folder, tmp_path, way, measured):
    with RedisSentinels(folder / way) as redis, \
            StoreAsk(redis.url, tmp_path / "log", **FAST) as ask:
        ask.wait_up()
        assert ask.greylist("before@example.net").fields["first"] == 1
        wait_until(lambda: redis.replica.do("DBSIZE") > 0, 5, "replication")
        lost = redis.master.kill if way == "killed" else redis.master.freeze
        figures = load_over(ask, lost)
        start = time.monotonic()
        ask.wait_up(30)
        measured(f"Sentinel, master {way}: {figures['done']} of 4800 calls "
                 f"done over the failover; up {time.monotonic() - start:.1f} "
                 "s after the load")
        assert ask.greylist("before@example.net").fields["first"] == 0
        assert (len(ask.lines("does not work")),
                len(ask.lines("works again"))) == (1, 1)
        # The old one comes back, is made a replica, and is not used.
        if way == "killed":
            redis.master.start()
        else:
            redis.master.go_on()
        wait_until(lambda: redis.master.do("ROLE")[0] == "slave", 30,
                   "the old master to be a replica")
        figures = ask.numbers("load first 4 50 after")
        assert figures["done"] == 200, figures
        assert redis.replica.do("DBSIZE") >= 200
        assert len(ask.lines("does not work")) == 1


def test_a_failover_on_request_is_followed(folder, tmp_path):
    with RedisSentinels(folder / "asked") as redis, \
            StoreAsk(redis.url, tmp_path / "log", **FAST) as ask:
        ask.wait_up()
        ask.greylist("before@example.net")
        redis.sentinels[0].do("SENTINEL", "FAILOVER", redis.name)
        wait_until(lambda: redis.master.do("ROLE")[0] == "slave", 30,
                   "the failover")
        wait_until(lambda: ask.greylist("before@example.net").status
                   == "DONE", 20, "the new master to be used")
        assert ask.greylist("before@example.net").fields["first"] == 0
        assert redis.replica.do("ROLE")[0] == "master"


def test_sentinels_and_servers_may_want_a_password(folder, tmp_path):
    with RedisSentinels(folder / "login", "s3cret", "s3cret") as redis, \
            StoreAsk(redis.url, tmp_path / "log") as ask:
        ask.wait_up()
        assert ask.log.read_text() == ""
    with RedisSentinels(folder / "half", "s3cret") as redis:
        with StoreAsk(redis.url, tmp_path / "log") as ask:
            ask.wait_up()
            assert ask.log.read_text() == ""
        url = redis.url.replace("s3cret", "other")
        with StoreAsk(url, tmp_path / "log") as ask:
            assert ask.do("wait 1000").status == "down"
            ask.wait_line("does not take user and password")


def test_the_documented_user_is_enough(folder, tmp_path):
    with RedisSentinels(folder / "acl") as redis:
        for server in (redis.master, redis.replica):
            server.do("ACL", "SETUSER", "gatepost", "on", ">pw",
                      *documented_rights(), "+role")
        url = redis.url.replace("//", "//gatepost:pw@")
        with StoreAsk(url, tmp_path / "log") as ask:
            ask.wait_up()
            assert ask.greylist("a@example.net").status == "DONE"
            assert ask.log.read_text() == ""


def test_one_sentinel_is_enough_and_a_frozen_one_no_harm(folder, tmp_path):
    with RedisSentinels(folder / "one") as redis:
        redis.sentinels[0].freeze()
        redis.sentinels[1].kill()
        with StoreAsk(redis.url, tmp_path / "log") as ask:
            ask.wait_up()
            assert ask.greylist("a@example.net").status == "DONE"
            assert ask.log.read_text() == ""


def test_what_is_wrong_is_told(folder, tmp_path):
    with RedisSentinels(folder / "wrong") as redis:
        for number, (url, words) in enumerate((
                (redis.url.replace("mymaster", "other"),
                 "watches nothing called \\\"other\\\""),
                ("redis-sentinel://127.0.0.1:1/mymaster",
                 "sentinel 127.0.0.1:1: cannot connect"),
                (f"redis-sentinel://{redis.master.address}/mymaster",
                 "unknown command"))):
            with StoreAsk(url, tmp_path / f"log{number}") as ask:
                assert ask.do("wait 500").status == "down"
                assert words in ask.wait_line("does not work")
        # A sentinel that is behind, or lies, is found out by the role.
        for sentinel in redis.sentinels:
            sentinel.do("SENTINEL", "REMOVE", redis.name)
            sentinel.do("SENTINEL", "MONITOR", redis.name, "127.0.0.1",
                        redis.replica.port, 2)
        with StoreAsk(redis.url, tmp_path / "role") as ask:
            ask.do("wait 300")
            text = ask.log.read_text()
            assert 'its role is' in text or text == "", text
