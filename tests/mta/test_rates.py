"""Rate limits through Postfix, with the counts in SQLite and in Redis."""

import re
import time

import pytest
from greylisting import GreyStack
from mta_messages import message
from support.folder import Folder

INTERVAL = 2
RULES = f"""
ratelimit "users" {{
	by = user
	messages = 3
	interval = {INTERVAL}s
	alert = 2
	except = {{"newsletter@gatepost.example"}}
}}
ratelimit "many at once" {{
	by = user
	recipients = 10
	interval = 1h
}}
"""
TOLD = re.compile(r"450 4\.7\.1 .*: at most (\d+) within \S+, try again in "
                  r"(\d+) seconds \(([\w.-]+)\)")


@pytest.fixture(scope="module")
def stack(store_url):
    with Folder() as folder:
        with GreyStack(folder, store_url, config=RULES) as running:
            yield running


def send_as(stack, user, **how):
    return stack.attempt(message(user), sender=user, login=user, **how)


def told(reply, limit):
    """The seconds that the refusal asks for."""
    match = TOLD.fullmatch(reply.text)
    assert match and int(match[1]) == limit, reply
    return int(match[2])


def alerts(stack, user):
    return [line["msg"] for line in stack.gatepost.lines()
            if line.get("level") == "warn" and user in line.get("msg", "")]


def test_a_user_is_stopped_at_the_limit_and_let_on_later(stack):
    user = "eve@gatepost.example"
    before = stack.postfix.count_delivered()
    for _ in range(3):
        assert send_as(stack, user).code == 250
    reply = send_as(stack, user)
    seconds = told(reply, 3)
    assert 1 <= seconds <= 2 * INTERVAL
    record = stack.record_of(reply)
    assert record["action"] == "ratelimit"
    assert record["id"] in reply.text
    (found,) = [one for one in record["symbols"]
                if one["name"] == "RATELIMITED"]
    assert "users" in found["detail"] and user in found["detail"]
    # Another user is not affected; the same one in capitals is.
    assert send_as(stack, "bob@gatepost.example").code == 250
    told(send_as(stack, user.upper()), 3)
    told(send_as(stack, user), 3)
    # After the second refusal, and once.
    (alert,) = alerts(stack, user)
    assert "users" in alert
    time.sleep(seconds)
    assert send_as(stack, user).code == 250
    mails = stack.postfix.wait_delivered(before + 5)
    assert len(mails) == before + 5


def test_exceptions_and_other_clients_are_not_counted(stack):
    for _ in range(5):
        assert send_as(stack, "newsletter@gatepost.example").code == 250
        assert stack.attempt(message("m@plain.example"),
                             sender="m@plain.example").code == 250


def test_recipients_are_counted(stack):
    user = "many@gatepost.example"
    rcpts = [f"u{n}@gatepost.example" for n in range(12)]
    assert send_as(stack, user, recipients=rcpts[:9]).code == 250
    told(send_as(stack, user, recipients=rcpts[:2]), 10)
    # What was refused has used up nothing.
    assert send_as(stack, user, recipients=rcpts[:1]).code == 250
    reply = send_as(stack, user, recipients=rcpts)
    assert (reply.code, reply.enhanced) == (550, "5.7.1")
    assert stack.record_of(reply)["action"] == "ratelimit"


def test_the_interval_slides(stack):
    """The last interval counts by the share of it that is left, as if it had
    been used evenly: never twice the limit within any interval."""
    user = "slide@gatepost.example"
    taken = []
    end = time.monotonic() + 2.5 * INTERVAL
    while time.monotonic() < end:
        if send_as(stack, user).code == 250:
            taken.append(time.monotonic())
        time.sleep(0.05)
    assert len(taken) >= 5
    for at in taken:
        within = [t for t in taken if at <= t < at + INTERVAL - 0.2]
        assert len(within) <= 5, taken
