"""Wall clocks that are set while senders wait (libfaketime): none is let in
early, and none is kept out."""

import os
import shlex
import time

import pytest
from greylisting import GreyStack, told
from support.folder import Folder
from support.redisserver import RedisServer

DELAY = 4
SETTINGS = {"greylist.delay": f"{DELAY}s", "worker.processes": "1"}
# Past the delay, past the window, past pass_lifetime; and back.
JUMPS = ["+60", "+2d", "+400d", "-60", "-400d"]


class WallClock:
    """A file that says how far from the truth the wall clock is. Uptime
    stays as it is."""

    def __init__(self, path):
        self.path = path
        self.jump("+0")

    def jump(self, offset):
        new = self.path.with_suffix(".new")
        new.write_text(offset + "\n")
        new.rename(self.path)

    def wrapper(self, *libraries):
        """What starts a program that sees it."""
        names = [*libraries, "faketime/libfaketimeMT.so.1"]
        return ["env", "LD_PRELOAD=" + " ".join(f"/usr/$LIB/{name}"
                                                for name in names),
                f"FAKETIME_TIMESTAMP_FILE={self.path}",
                "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "")
                + ":verify_asan_link_order=0:detect_leaks=0"]


def assert_moved(jump, now):
    moved = now - time.time()
    assert (moved > 50) if jump[0] == "+" else (moved < -50)


@pytest.fixture(scope="module")
def host(store_url):
    """gatepostd sees a wall clock of its own."""
    with Folder() as folder:
        clock = WallClock(folder / "clock")
        stack = GreyStack(folder / "stack", store_url, SETTINGS)
        stack.gatepost.wrapper = clock.wrapper()
        with stack:
            yield stack, clock


def test_the_clock_of_the_host(host):
    stack, clock = host
    waiting = {}
    for number, jump in enumerate(JUMPS):
        clock.jump("+0")
        waiting[jump] = stack.first(sender=f"u{number}@plain.example")
        clock.jump(jump)
        assert told(stack.attempt(**waiting[jump].how)) <= DELAY
    for jump, pending in waiting.items():
        clock.jump(jump)
        reply = pending.again()
        assert reply.code == 250, jump
        assert_moved(jump, stack.record_of(reply)["time"])
        # It stays known when the clock comes back.
        clock.jump("+0")
        assert stack.attempt(**pending.how).code == 250, jump


@pytest.mark.parametrize("jump", ["+60", "+2d", "-400d"])
def test_the_clock_of_redis(redis, jump):
    stack, server, clock = redis
    clock.jump("+0")
    name = jump.replace("+", "plus").replace("-", "minus")
    pending = stack.first(sender=f"{name}@plain.example")
    clock.jump(jump)
    assert_moved(jump, server.do("TIME")[0])
    # What expires early by its clock is a first try again, once.
    again = stack.first(**pending.how)
    if jump != "+2d":
        assert again.due < pending.due + 1
    assert again.again().code == 250


@pytest.fixture(scope="module")
def redis():
    """redis-server sees a wall clock of its own."""
    with Folder() as folder:
        clock = WallClock(folder / "clock")
        server = RedisServer(folder / "redis")
        # jemalloc asks for the time before libfaketime is ready.
        script = folder / "moved-redis-server"
        script.write_text("#!/bin/sh\nexec " + shlex.join(
            [*clock.wrapper("libc_malloc_debug.so.0"), "redis-server"])
            + ' "$@"\n')
        script.chmod(0o755)
        server.program = str(script)
        settings = {**SETTINGS, "greylist.delay": "2s"}
        with server, GreyStack(folder / "stack", server.url,
                               settings) as stack:
            yield stack, server, clock
