"""The state in a Redis Cluster: real nodes whose slots move while they are
in use, and that are killed, frozen, replaced and brought back."""

import time

import pytest

from support.ports import wait_until
from support.redisserver import RedisCluster, documented_rights
from support.storeask import StoreAsk

pytestmark = pytest.mark.slow

MOST_MS = 1500  # see test_redis.py
FAST = {"state.retry": "200ms", "state.timeout": "300ms"}


@pytest.fixture(scope="module")
def cluster(folder):
    with RedisCluster(folder / "three") as running:
        yield running


@pytest.fixture
def ask(cluster, tmp_path):
    with StoreAsk(cluster.url, tmp_path / "ask.log",
                  **{"state.timeout": "3s"}) as running:
        running.wait_up()
        yield running
        assert running.lines("store") == []


def count(node, section, name):
    """How often, by INFO; 0 if it is not there."""
    value = node.do("INFO", section).get(name, "count=0")
    if isinstance(value, dict):
        return value["calls"]
    return int(value.partition("=")[2])


def slot_of(cluster, ask, sender):
    """The slot of that sender's entries; makes one."""
    ask.greylist(sender, "slot@example.org")
    key = next(e.key for e in ask.entries(match="slot@example.org")
               if e.sender == sender)
    for node in cluster.nodes:
        for name in node.do("KEYS", f"gatepost:g:*:{key}"):
            return node.do("CLUSTER", "KEYSLOT", name)
    raise AssertionError("no such key")


def test_all_that_a_store_does_it_does_in_a_cluster(cluster, ask):
    figures = ask.numbers("load first 8 100 spread")
    assert (figures["done"], figures["first"]) == (800, 800)
    assert all(node.do("DBSIZE") > 100 for node in cluster.nodes)
    found = ask.entries(match="@spread.example")
    assert len(found) == 800
    assert len(ask.do("list all 100").words) == 100
    # One message, several keys, one slot.
    many = ",".join(f"r{i}@example.org" for i in range(20))
    answer = ask.greylist("all@example.net", many, "a,b,c,d")
    assert answer.status == "DONE"
    ask.do("clock 1 300000")
    assert ask.greylist("all@example.net", many, "d").fields["pass"] == 1
    assert ask.do("release @spread.example 100000").fields["n"] == 800
    assert len(ask.entries("passed", match="@spread.example")) == 800
    assert ask.do("forget @spread.example").fields["n"] == 800
    for number in range(20):
        ask.do(f"note d{number}.example good 100000")
        assert ask.do(f"trust d{number}.example").fields["good"] == 1
        assert ask.do(f"rate u{number} m:5:1:60000,r:9:2:60000 take") \
            .fields["over"] == 0
    ask.do("allow example.net")
    assert ask.do("allowed example.com,example.net").fields["index"] == 1
    assert ask.do("names").words == ["example.net"]
    assert ask.do("forget example.net").fields["n"] == 1


def test_a_slot_may_move_while_it_is_in_use(cluster, ask):
    slot = slot_of(cluster, ask, "mover@example.net")
    source = cluster.owner(slot)
    target = next(n for n in cluster.nodes if n is not source)
    assert ask.greylist("mover@example.net", "old@example.org").status \
        == "DONE"
    asked = count(target, "commandstats", "cmdstat_asking")
    cluster.begin_move(slot, target)
    # A key that is there still is the source's; a new one the target's.
    assert ask.greylist("mover@example.net",
                        "old@example.org").fields["first"] == 0
    assert ask.greylist("mover@example.net",
                        "new@example.org").fields["first"] == 1
    assert count(target, "commandstats", "cmdstat_asking") > asked
    # Of one and the other, the call waits a little, in vain here.
    again = count(source, "errorstats", "errorstat_TRYAGAIN")
    answer = ask.greylist("mover@example.net",
                          "old@example.org,new@example.org")
    assert answer.status == "FAILED" and answer.ms < MOST_MS
    assert count(source, "errorstats", "errorstat_TRYAGAIN") > again + 2
    # The target has no scripts of ours unless they were loaded there.
    target.do("SCRIPT", "FLUSH")
    moved = count(source, "errorstats", "errorstat_MOVED")
    cluster.move_keys(slot, source, target)
    assert ask.greylist("mover@example.net",
                        "old@example.org").fields["first"] == 0
    cluster.end_move(slot, target)
    answer = ask.greylist("mover@example.net",
                          "old@example.org,new@example.org")
    assert (answer.status, answer.fields["first"]) == ("DONE", 0)
    now = count(source, "errorstats", "errorstat_MOVED")
    assert now > moved
    # From then on it is asked where it is.
    time.sleep(0.3)
    for _ in range(5):
        ask.greylist("mover@example.net", "old@example.org")
    assert count(source, "errorstats", "errorstat_MOVED") == now


def test_slots_may_move_under_load(cluster, ask):
    ask.send("load same 8 2000 moving 0 200")
    target, moved = cluster.nodes[0], 0
    for slot in range(16383, 0, -7):
        source = cluster.owner(slot)
        if source is target:
            continue
        cluster.begin_move(slot, target)
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, target)
        moved += 1
        if moved >= 300:
            break
    figures = ask.read_numbers()
    assert figures["done"] == 16000, figures
    assert figures["first"] == 2000, figures
    assert len(ask.entries(limit=5000, match="@moving.example")) == 2000


def test_one_host_that_is_alive_is_enough_to_begin_with(cluster, tmp_path):
    url = f"redis://127.0.0.1:1,{cluster.nodes[2].address},127.0.0.1:2"
    with StoreAsk(url, tmp_path / "log") as ask:
        ask.wait_up()
        assert ask.numbers("load first 4 50 seeds")["done"] == 200


def test_the_documented_user_may_use_a_cluster(cluster, tmp_path):
    for node in cluster.nodes:
        node.do("ACL", "SETUSER", "gatepost", "on", ">pw",
                *documented_rights(), "+cluster|slots", "+asking")
    url = cluster.url.replace("//", "//gatepost:pw@")
    with StoreAsk(url, tmp_path / "log", **{"state.timeout": "3s"}) as ask:
        ask.wait_up()
        assert ask.numbers("load first 8 50 rights")["done"] == 400
        slot = slot_of(cluster, ask, "rights@example.net")
        source = cluster.owner(slot)
        target = next(n for n in cluster.nodes if n is not source)
        cluster.begin_move(slot, target)
        assert ask.greylist("rights@example.net",
                            "new@example.org").status == "DONE"
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, target)
        assert ask.do("forget @rights.example").fields["n"] == 400
        assert ask.log.read_text() == ""
    for node in cluster.nodes:
        node.do("ACL", "SETUSER", "gatepost", "-cluster")
    with StoreAsk(url, tmp_path / "less") as ask:
        ask.do("wait 300")
        assert "+cluster|slots" in ask.wait_line("does not work")


# ---- nodes that fail ----

def load(ask, count, name):
    figures = ask.numbers(f"load first 8 {count} {name} 0 1000")
    assert figures["max_us"] < MOST_MS * 1000, figures
    return figures


def until_all_done(ask, seconds):
    """Waits until calls of all slots are done again; seconds it took."""
    start = time.monotonic()
    number = 0
    while True:
        number += 1
        figures = load(ask, 20, f"again{number}")
        if figures["done"] == 160:
            return time.monotonic() - start
        assert time.monotonic() - start < seconds, figures
        time.sleep(0.1)


def test_a_node_that_dies_only_fails_its_own_calls(folder, tmp_path):
    with RedisCluster(folder / "partial",
                      config="cluster-require-full-coverage no\n") as cluster, \
            StoreAsk(cluster.url, tmp_path / "log", **FAST) as ask:
        ask.wait_up()
        cluster.nodes[1].kill()
        figures = load(ask, 100, "first")
        # A third of the slots; a call or two may notice the loss.
        assert 350 < figures["done"] < 700, figures
        assert figures["failed"] + figures["late"] < 80, figures
        time.sleep(1.5)
        figures = load(ask, 100, "second")
        assert 350 < figures["done"] < 700, figures
        assert figures["failed"] + figures["late"] < 80, figures
        assert len(ask.lines("does not work")) == 1
        assert f"node {cluster.nodes[1].address} does not work" in \
            ask.lines("does not work")[0]
        answer = ask.do("list all 10")
        assert answer.status == "FAILED"
        assert cluster.nodes[1].address in " ".join(answer.words)
        cluster.nodes[1].start()
        until_all_done(ask, 10)
        assert len(ask.lines("works again")) == 1
        # Frozen, it costs those that are under way one deadline.
        cluster.nodes[0].freeze()
        figures = load(ask, 100, "frozen")
        assert figures["done"] > 350 and figures["down"] > 100, figures
        cluster.nodes[0].go_on()
        until_all_done(ask, 10)
        assert len(ask.lines("works again")) == 2


def test_a_cluster_that_wants_all_nodes_is_down_without_one(folder, tmp_path):
    with RedisCluster(folder / "full") as cluster, \
            StoreAsk(cluster.url, tmp_path / "log", **FAST) as ask:
        ask.wait_up()
        cluster.nodes[2].kill()
        wait_until(lambda: not cluster.thinks_well(cluster.nodes[0]), 15,
                   "the Cluster to notice")
        load(ask, 20, "down")
        figures = load(ask, 50, "down2")
        assert figures["done"] == 0, figures
        assert "Cluster is down" in ask.log.read_text()
        cluster.nodes[2].start()
        ask.wait_up(20)
        until_all_done(ask, 10)
        assert len(ask.lines("store")) <= 4, ask.log.read_text()


def test_a_replica_takes_the_place_of_a_master(folder, tmp_path, measured):
    with RedisCluster(folder / "six", replicas=1) as cluster, \
            StoreAsk(cluster.url, tmp_path / "log", **FAST) as ask:
        ask.wait_up()
        until_all_done(ask, 10)
        time.sleep(0.5)
        ask.send("load first 4 4000 meanwhile 0 1000")
        time.sleep(0.5)
        cluster.nodes[0].kill()
        figures = ask.read_numbers()
        assert figures["max_us"] < MOST_MS * 1000, figures
        assert figures["done"] > 4000, figures
        took = until_all_done(ask, 20)
        measured(f"Cluster failover: {figures['done']} of 16000 calls done "
                 f"over it; all slots again {took:.1f} s after the load")
        # Nothing that was confirmed is lost, but for what the master had
        # not handed on in its last moment.
        assert len(ask.entries(match="@again1.example")) > 0
        # The old master comes back as a replica, and nobody minds.
        cluster.nodes[0].start()
        time.sleep(2)
        until_all_done(ask, 10)
