"""Two hosts on one Redis: what one has seen, the other knows."""

import threading

import pytest
from greylisting import GreyStack, told
from mta_messages import message
from support.folder import Folder
from support.redisserver import RedisServer

RULE = ('ratelimit "users" { by = user messages = 20 interval = 1h '
        'alert = 3 }\n')


@pytest.fixture(scope="module")
def stack():
    with Folder() as folder, RedisServer(folder / "redis") as redis:
        with GreyStack(folder / "stack", redis.url, hosts=2,
                       config=RULE) as running:
            yield running


def test_a_retry_may_come_to_the_other_host(stack):
    pending = [stack.first(sender=f"u{n}@plain.example", host=host)
               for n, host in enumerate((1, 2))]
    assert told(stack.attempt(sender="u0@plain.example", host=2))
    assert pending[0].again(host=2).code == 250
    assert pending[1].again(host=1).code == 250
    for host in (1, 2):
        assert stack.attempt(sender="u0@plain.example", host=host).code == 250


def test_both_count_what_a_user_sends(stack):
    user = "eve@gatepost.example"
    codes = []

    def run(host):
        for _ in range(15):
            codes.append(stack.attempt(message(user), sender=user, login=user,
                                       host=host).code)
    threads = [threading.Thread(target=run, args=(host,)) for host in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [250] * 20 + [450] * 10
    # One of them says so, once.
    alerts = [line for one in (stack.gatepost, stack.other)
              for line in one.lines()
              if line.get("level") == "warn" and user in line.get("msg", "")]
    assert len(alerts) == 1
