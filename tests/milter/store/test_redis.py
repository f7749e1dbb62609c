"""The state in Redis when Redis misbehaves: real servers that are killed,
frozen, made read-only, filled up, emptied, slowed down and locked."""

import contextlib
import threading
import time

import pytest

from support.ports import wait_until
from support.redisserver import RedisServer, SlowProxy, documented_rights
from support.storeask import StoreAsk

# Machines that run tests are busy, so what is asserted is that no call
# waits for anything much longer than its deadline.
MOST_MS = 1000
FAST = {"state.retry": "200ms", "state.timeout": "200ms"}
RIGHTS = documented_rights()


@pytest.fixture
def server(folder):
    with RedisServer(folder / f"{time.monotonic_ns():x}") as running:
        yield running


@pytest.fixture
def ask(server):
    """A store on the server, which works."""
    with StoreAsk(server.url, server.folder / "ask.log", **FAST) as running:
        running.wait_up()
        yield running


def turns(ask):
    """How often the log says that the store went down, and came up."""
    return (len(ask.lines("does not work")), len(ask.lines("works again")))


def load_meanwhile(ask, misfortune, remedy, pause=1.0):
    """Load by 8 threads while something happens; the figures."""
    ask.send("load first 8 400 x 0 2000")
    time.sleep(0.3)
    misfortune()
    time.sleep(pause)
    remedy()
    figures = ask.read_numbers()
    assert figures["max_us"] < MOST_MS * 1000, figures
    assert sum(figures[name] for name in
               ("done", "late", "down", "failed")) == 3200
    return figures


@pytest.mark.tsan
def test_a_server_that_is_killed_costs_nothing_and_comes_back(server, ask):
    figures = load_meanwhile(ask, server.kill, server.start)
    assert figures["done"] > 0 and figures["down"] > 0, figures
    ask.wait_up()
    assert turns(ask) == (1, 1)
    # It kept nothing on disk: what waited is a first try again.
    answer = ask.greylist("s0.0@x.example", "recipient@x.example")
    assert (answer.status, answer.fields["first"]) == ("DONE", 1)


def test_a_server_that_was_emptied_begins_again(server, ask):
    assert ask.greylist("a@example.net").fields["first"] == 1
    assert ask.greylist("a@example.net").fields["first"] == 0
    server.do("FLUSHALL")
    assert ask.greylist("a@example.net").fields["first"] == 1
    assert turns(ask) == (0, 0)


@pytest.mark.tsan
def test_a_frozen_server_is_given_up_after_one_deadline(server, ask):
    figures = load_meanwhile(ask, server.freeze, server.go_on)
    assert figures["done"] > 0 and figures["down"] > 0, figures
    # Only what was under way when it froze has waited.
    assert figures["late"] + figures["failed"] < 100, figures
    ask.wait_up()
    assert turns(ask) == (1, 1)
    assert "no answer in time" in ask.wait_line("does not work")


def test_a_short_freeze_is_only_late(server, ask):
    """What was sent is done all the same, and counts."""
    server.freeze()
    ask.send("greylist late@example.net r@example.org n 300000 86400000 9")
    time.sleep(0.05)
    server.go_on()
    assert ask.line().startswith("DONE")


def test_a_replica_is_no_store(server, ask):
    figures = load_meanwhile(
        ask, lambda: server.do("REPLICAOF", "127.0.0.1", "1"),
        lambda: server.do("REPLICAOF", "NO", "ONE"))
    assert figures["done"] > 0 and figures["down"] > 0, figures
    ask.wait_up()
    assert turns(ask) == (1, 1)
    assert "read-only replica" in ask.wait_line("does not work")


def test_a_server_without_memory_is_no_store(server, ask):
    figures = load_meanwhile(
        ask, lambda: server.do("CONFIG", "SET", "maxmemory", "1"),
        lambda: server.do("CONFIG", "SET", "maxmemory", "0"))
    assert figures["done"] > 0 and figures["down"] > 0, figures
    ask.wait_up()
    assert turns(ask) == (1, 1)
    assert "memory is full" in ask.wait_line("does not work")


def test_a_server_that_cannot_save_is_no_store(server, ask):
    """Redis refuses writes after a snapshot has failed."""
    (server.folder / "dump.rdb").mkdir()
    server.do("CONFIG", "SET", "save", "3600 1")
    server.do("SET", "gatepost:x", "1")
    with contextlib.suppress(Exception):
        server.do("BGSAVE")
    wait_until(lambda: server.do("INFO", "persistence")
               ["rdb_last_bgsave_status"] == "err", 10, "BGSAVE to fail")
    assert ask.greylist("a@example.net").status == "FAILED"
    assert ask.greylist("a@example.net").status == "DOWN"
    assert "cannot save" in ask.wait_line("does not work")
    server.do("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    ask.wait_up()
    assert turns(ask) == (1, 1)


@pytest.mark.tsan
def test_scripts_that_were_flushed_are_loaded_again(server, ask):
    for _ in range(3):
        server.do("SCRIPT", "FLUSH")
        figures = ask.numbers("load first 4 50 flushed")
        assert figures["done"] == 200, figures
        assert ask.do("rate u m:9:1:60000 take").status == "DONE"
    assert turns(ask) == (0, 0)


def test_a_connection_that_was_closed_while_idle_costs_no_call(server, ask):
    for _ in range(5):
        server.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert ask.greylist("idle@example.net").status == "DONE"
    assert turns(ask) == (0, 0)


def test_a_restart_between_two_calls_costs_none(server, ask):
    server.kill()
    server.start()
    assert ask.greylist("again@example.net").status == "DONE"
    assert turns(ask) == (0, 0)


def test_a_slow_server_is_used_until_it_is_too_slow(server):
    log = server.folder / "slow.log"
    with SlowProxy(server.port) as proxy, \
            StoreAsk(f"redis://127.0.0.1:{proxy.port}", log,
                     **{"state.retry": "200ms",
                        "state.timeout": "500ms"}) as ask:
        proxy.delay = 0.05
        ask.wait_up()
        figures = ask.numbers("load first 8 10 slow")
        assert figures["done"] == 80, figures
        # The next batch waits for the one before it, and no longer.
        assert figures["p50_us"] >= 100000
        proxy.delay = 0.5
        figures = ask.numbers("load first 8 10 slower")
        assert figures["done"] == 0, figures
        assert figures["max_us"] < MOST_MS * 1500, figures
        time.sleep(1)
        assert ask.greylist("a@example.net").status == "DOWN"
        proxy.delay = 0
        ask.wait_up()
        assert turns(ask) == (1, 1)


def test_a_server_that_speaks_another_protocol_is_told(folder):
    import socket
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.sendall(b"220 mail.example.org ESMTP\r\n")

    threading.Thread(target=answer, daemon=True).start()
    port = listener.getsockname()[1]
    with StoreAsk(f"redis://127.0.0.1:{port}", folder / "smtp.log") as ask:
        assert ask.do("wait 500").status == "down"
        ask.wait_line("not the protocol of Redis")
    listener.close()


# ---- who may ----

def status_with(url, server, name, **settings):
    """What a first try comes to, and the log."""
    log = server.folder / f"{name}.log"
    with StoreAsk(url, log, **settings) as ask:
        ask.do("wait 1000")
        return ask.greylist("who@example.net").status, log.read_text()


def test_a_password_is_needed_and_told_apart(folder):
    with RedisServer(folder / "password", password="s3cret") as server:
        status, log = status_with(server.url, server, "right")
        assert (status, log) == ("DONE", "")
        status, log = status_with(
            f"redis://:wr0ng@{server.address}", server, "wrong")
        assert status == "DOWN"
        assert "does not take user and password" in log
        assert "wr0ng" not in log
        status, log = status_with(
            f"redis://{server.address}", server, "none")
        assert status == "DOWN"
        assert "wants a password" in log


@pytest.fixture
def user(server):
    """The URL for a user with the rights of docs/redis.md."""
    server.do("ACL", "SETUSER", "gatepost", "on", ">pass word",
              *RIGHTS)
    return f"redis://gatepost:pass%20word@{server.address}/1"


def do_everything(ask):
    """Every operation once; the statuses."""
    ask.do("note example.net good 100000")
    ask.do("note example.com bad 100000")
    answers = [
        ask.greylist("a@example.net"), ask.do("trust example.net"),
        ask.do("rate u m:9:1:60000 take"), ask.do("allow example.net"),
        ask.do("allowed a,example.net"), ask.do("names"),
        ask.do("list all 10"), ask.do("release a@example.net 100000"),
        ask.do("forget a@example.net"), ask.do("forget example.net")]
    return ([answer.status for answer in answers],
            " ".join(" ".join(answer.words) for answer in answers))


def test_the_documented_user_can_do_everything(server, user):
    with StoreAsk(user, server.folder / "acl.log") as ask:
        ask.wait_up()
        assert do_everything(ask)[0] == ["DONE"] * 10
        assert ask.do("trust example.net").fields["good"] == 1
        assert ask.lines("store") == []
    status, log = status_with(user, server, "prefix",
                              **{"state.prefix": "other"})
    assert status == "DOWN"
    assert "lacks a right" in log


@pytest.mark.slow
@pytest.mark.parametrize("right", [word for word in RIGHTS
                                   if word[0] == "+"])
def test_without_one_of_its_rights_it_is_told(server, user, right):
    server.do("ACL", "SETUSER", "gatepost", "-" + right[1:])
    with StoreAsk(user, server.folder / "less.log") as ask:
        ask.do("wait 500")
        statuses, words = do_everything(ask)
        assert set(statuses) != {"DONE"}
        if "lacks a right" not in words:
            ask.wait_line("lacks a right")
        # Once, unless only the administrator's commands are affected.
        assert turns(ask)[0] == 1 or statuses[:3] == ["DONE"] * 3


def test_prefixes_and_databases_share_nothing(server):
    logs = server.folder
    with StoreAsk(server.url, logs / "a", **{"state.prefix": "one*"}) as one, \
            StoreAsk(server.url, logs / "b",
                     **{"state.prefix": "one"}) as two, \
            StoreAsk(f"redis+unix:{server.socket}?db=5", logs / "c",
                     **{"state.prefix": "one"}) as three:
        for ask in (one, two, three):
            ask.wait_up()
            assert ask.greylist("a@example.net").fields["first"] == 1
            assert len(ask.entries()) == 1
        assert two.do("forget a@example.net").fields["n"] == 1
        assert (len(one.entries()), len(three.entries())) == (1, 1)
    keys = server.do("KEYS", "*") + RedisServer.do(server, "KEYS", "one:*")
    assert all(key.startswith(("one:", "one*:")) for key in keys)


def test_several_hosts_that_are_no_cluster_are_refused(server, folder):
    with RedisServer(folder / "other") as other:
        status, log = status_with(
            f"redis://{server.address},{other.address}", server, "two")
    assert status == "DOWN"
    assert "no node of a Cluster" in log


def test_a_host_name_is_looked_up(server):
    status, log = status_with(f"redis://localhost:{server.port}", server,
                              "name")
    assert (status, log) == ("DONE", "")
    status, log = status_with("redis://nothing.invalid", server, "no-name")
    assert status == "DOWN"
    assert "nothing.invalid: " in log


# ---- many at once ----

@pytest.mark.tsan
def test_a_thousand_first_tries_of_two_processes_are_recorded_once(server):
    patient = {"state.timeout": "5s"}
    with StoreAsk(server.url, server.folder / "a", **patient) as one, \
            StoreAsk(server.url, server.folder / "b", **patient) as two:
        one.wait_up()
        two.wait_up()
        for ask in (one, two):
            ask.send("load same 10 1000 both")
        figures = [ask.read_numbers() for ask in (one, two)]
        assert [f["done"] for f in figures] == [10000, 10000]
        assert figures[0]["first"] + figures[1]["first"] == 1000, figures
        found = one.entries(limit=2000)
        assert len(found) == 1000
        assert {entry.tries for entry in found} == {"20"}


def test_a_limit_is_exact_over_two_processes(server):
    patient = {"state.timeout": "5s"}
    with StoreAsk(server.url, server.folder / "a", **patient) as one, \
            StoreAsk(server.url, server.folder / "b", **patient) as two:
        one.wait_up()
        two.wait_up()
        for ask in (one, two):
            ask.send("load rate 8 100 someone 777")
        figures = [ask.read_numbers() for ask in (one, two)]
        assert [f["done"] for f in figures] == [800, 800]
        assert figures[0]["over"] + figures[1]["over"] == 1600 - 777, figures


@pytest.mark.tsan
def test_a_list_is_the_oldest_and_says_that_it_is_cut(server, ask):
    ask.numbers("load first 8 500 many")
    ask.do("clock 1 1000")
    ask.greylist("young@example.net")
    everything = ask.entries(limit=10000)
    assert len(everything) == 4001
    assert everything[-1].sender == "young@example.net"
    ages = [int(entry.age) for entry in everything]
    assert ages == sorted(ages, reverse=True)
    answer = ask.do("list all 50")
    assert (answer.fields["n"], answer.fields["cut"]) == (50, 1)
    assert [word.split("|")[0] for word in answer.words] == \
        [entry.key for entry in everything[:50]]
    assert ask.do("release @example.net 100000").fields["n"] == 1
    assert ask.do("forget @many.example").fields["n"] == 4000
    assert len(ask.entries()) == 1
