"""The store breaks while mail comes in: no message waits longer for it than
state.timeout, none is lost, none is deferred for ever, and the log says so
once, not with every message."""

import re
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import pytest
from greylisting import GreyStack
from retrying import Retriers
from support import ports
from support.folder import Folder
from support.redisserver import (RedisCluster, RedisSentinels, RedisServer,
                                 SlowProxy)


TIMEOUT_MS = 100
# What a busy machine may add to a wait of that long.
NOISE_MS = 900

SETTINGS = {"greylist.delay": "1s", "state.retry": "500ms",
            "worker.processes": "2"}


# How Redis breaks. Each is a context: broken within, well again after it.

@contextmanager
def killed(redis):
    """It comes back empty."""
    redis.process.child.kill()
    redis.process.child.wait()
    try:
        yield
    finally:
        redis.start()


@contextmanager
def frozen(redis):
    redis.process.kill(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.process.kill(signal.SIGCONT)


@contextmanager
def read_only(redis):
    redis.do("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        redis.do("REPLICAOF", "NO", "ONE")


@contextmanager
def out_of_memory(redis):
    redis.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.do("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        redis.do("CONFIG", "SET", "maxmemory", "0")


FAULTS = {one.__name__: one for one in
          (killed, frozen, read_only, out_of_memory)}


@contextmanager
def slow(proxy):
    proxy.delay = 0.3
    try:
        yield
    finally:
        proxy.delay = 0


# How SQLite breaks.

@contextmanager
def disk_full(folder):
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        with pytest.raises(OSError):
            while file.write(bytes(4096)):
                pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(folder):
    """Another process holds the lock, as a backup gone wrong may."""
    other = sqlite3.connect(folder / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


class Watch:
    """One stack from now on: earlier lines and counts are left out."""

    def __init__(self, stack):
        self.stack = stack
        self._lines = len(stack.gatepost.lines())
        self._counters = stack.gatepost.counters()

    def lines(self, part=""):
        return [line for line in self.stack.gatepost.lines()[self._lines:]
                if part in line.get("msg", "")]

    def downs(self):
        return len(self.lines("; mail is let through"))

    def ups(self):
        return len(self.lines("works again"))

    def counted(self, name):
        return (self.stack.gatepost.counters()[name]
                - self._counters.get(name, 0))

    def waits(self):
        """Milliseconds that each message waited for the store, sorted."""
        return sorted(sum(check["ms"] for check in line["checks"]
                          if check["name"] in ("greylist", "ratelimit"))
                      for line in self.lines() if "symbols" in line)


def run_through(watch, fault, hold=2):
    """Load before, within and after the fault. Returns it and the moments:
    known to be broken, about to be mended, known to be well."""
    with Retriers(watch.stack.postfix.port) as load:
        load.wait_accepted(15)
        with fault:
            ports.wait_until(watch.downs, 20, "the log to say so")
            broken = time.monotonic()
            load.wait_accepted(40)
            time.sleep(max(0, broken + hold - time.monotonic()))
            mended = time.monotonic()
        ports.wait_until(lambda: watch.ups() == watch.downs(), 30,
                         "all workers to say that it works again")
        well = time.monotonic()
        load.wait_accepted(30)
    return load, (broken, mended, well)


def assert_nothing_lost(stack, load, others=0):
    """Each message that was taken is delivered once, and so are the others
    that the test has sent."""
    assert not load.failures
    mails = stack.postfix.wait_delivered(len(load.accepted) + others, 60)
    ids = [re.search(rb"\(Postfix\) with \S+ id (\w+)", mail)[1].decode()
           for mail in mails]
    assert len(ids) == len(set(ids)) == len(load.accepted) + others
    assert set(load.accepted) <= set(ids)
    assert stack.postfix.queue() == []
    stack.postfix.forget_delivered()


def assert_survived(watch, load, times):
    broken, mended, well = times
    replies = [reply.text for _, _, reply in load.tries]
    # Taken or greylisted; never refused for want of a store.
    assert all(text.startswith("250") or "Greylisted" in text
               for text in replies), replies
    # While it is broken nobody is deferred.
    within = [reply.code for start, seconds, reply in load.tries
              if start > broken + 1 and start + seconds < mended]
    assert within and set(within) == {250}
    # Afterwards greylisting is done again.
    assert any(reply.code == 451 for reply in load.since(well))
    assert max(letter.tries for letter in load.done) <= 4
    assert_nothing_lost(watch.stack, load)
    waits = watch.waits()
    assert waits[-1] < TIMEOUT_MS + NOISE_MS, waits[-10:]
    # The breaker opens: few wait at all.
    assert waits[len(waits) * 8 // 10] < TIMEOUT_MS, waits
    # Once for each of the workers, not for each message.
    assert watch.downs() == watch.ups()
    assert watch.downs() <= 2 * 2 < len(within)
    assert watch.counted("store_downs") == watch.downs()
    assert watch.counted("store_skipped") > 0


@pytest.fixture(scope="module")
def with_redis():
    with Folder() as folder, RedisServer(folder / "redis") as redis:
        with GreyStack(folder / "stack", redis.url, SETTINGS) as stack:
            yield stack, redis


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.tsan] * (name == "killed"))
    for name in FAULTS])
def test_redis(with_redis, name):
    stack, redis = with_redis
    watch = Watch(stack)
    assert_survived(watch, *run_through(watch, FAULTS[name](redis)))


def test_slow_redis():
    with Folder() as folder, RedisServer(folder / "redis") as redis:
        with SlowProxy(redis.port) as proxy:
            url = redis.url.replace(str(redis.port), str(proxy.port))
            with GreyStack(folder / "stack", url, SETTINGS) as stack:
                watch = Watch(stack)
                assert_survived(watch, *run_through(watch, slow(proxy)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [RedisSentinels, RedisCluster])
def test_another_redis_takes_over(kind):
    """A master dies; when a replica has its place, all goes on as before."""
    how = {"replicas": 1} if kind is RedisCluster else {}
    with Folder() as folder, kind(folder / "redis", **how) as redis:
        first = redis.nodes[0] if kind is RedisCluster else redis.master
        with GreyStack(folder / "stack", redis.url, SETTINGS) as stack:
            watch = Watch(stack)
            pending = [stack.first(sender=f"u{n}@plain.example")
                       for n in range(20)]
            with Retriers(stack.postfix.port) as load:
                load.wait_accepted(15)
                first.kill()
                killed_at = time.monotonic()
                load.wait_accepted(40)
                # Every new sender is deferred again.
                ports.wait_until(
                    lambda: {reply.code for reply in
                             load.since(time.monotonic() - 2)} == {250, 451}
                    and watch.ups() == watch.downs()
                    and time.monotonic() > killed_at + 4, 60,
                    "greylisting to go on")
            # The replica knows who waited.
            assert [one.again().code for one in pending] == [250] * 20
            waits = watch.waits()
            assert waits[-1] < TIMEOUT_MS + NOISE_MS, waits[-10:]
            assert_nothing_lost(stack, load, 20)


@pytest.mark.slow
def test_a_redis_that_works_but_too_slowly_is_told():
    """Each call would be in time, but not all that a message needs."""
    with Folder() as folder, RedisServer(folder / "redis") as redis:
        with SlowProxy(redis.port) as proxy:
            url = redis.url.replace(str(redis.port), str(proxy.port))
            with GreyStack(folder / "stack", url,
                           {**SETTINGS, "state.timeout": "1s",
                            "worker.processes": "1"}) as stack:
                watch = Watch(stack)
                with Retriers(stack.postfix.port) as load:
                    load.wait_accepted(10)
                    proxy.delay = 0.35
                    ports.wait_until(lambda: watch.lines("is too slow"), 40,
                                     "the log to say so")
                    proxy.delay = 0
                assert watch.waits()[-1] < 1000 + NOISE_MS
                assert len(watch.lines("is too slow")) == 1
                assert watch.downs() == 0
                assert_nothing_lost(stack, load)


@pytest.fixture(scope="module")
def with_small_disk():
    """SQLite's file on a file system of its own, of 4 MB."""
    with Folder() as folder:
        small = folder / "small"
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o",
                               "size=4m,mode=1777", "none", small],
                              capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("no file system can be mounted here")
        try:
            with GreyStack(folder / "stack", f"sqlite:{small}/store.db",
                           SETTINGS) as stack:
                yield stack, small
        finally:
            subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("fault", [
    disk_full, pytest.param(locked, marks=pytest.mark.tsan)])
def test_sqlite(with_small_disk, fault):
    stack, folder = with_small_disk
    watch = Watch(stack)
    assert_survived(watch, *run_through(watch, fault(folder)))
