"""Rate limits through a real Postfix, counted by two workers together."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from mta_messages import CLEAN, REFUSED, message

RULES = """
ratelimit "users" { messages = 4 recipients = 12 interval = 1h alert = 3 }
ratelimit "hosts" { by = client messages = 2 interval = 1h }
"""


@pytest.fixture
def limited(new_stack):
    return new_stack({"worker.processes": "2"}, config=RULES)


def submit(stack, login, recipients=1):
    sender = f"{login}@clean.example"
    return stack.send(
        message(sender), sender=sender, login=login, client="198.51.100.7",
        recipients=[f"r{i}@gatepost.example" for i in range(recipients)])


def test_a_user_over_the_limit_is_told_to_come_again(limited):
    replies = [submit(limited, "alice") for _ in range(8)]
    assert [reply.code for reply in replies] == [250] * 4 + [450] * 4
    reply = replies[4]
    assert reply.enhanced == "4.7.1"
    found = re.search(r"at most 4 within 1h, try again in (\d+) seconds",
                      reply.text)
    assert found and 0 < int(found[1]) <= 7200, reply.text
    record = limited.record_of(reply)
    assert record["action"] == "ratelimit"
    assert record["id"] in reply.text
    symbol, = [one for one in record["symbols"]
               if one["name"] == "RATELIMITED"]
    assert symbol["detail"] == ('rule "users": alice sent 4 messages within '
                                "1h, limit 4")
    assert symbol["score"] == 0
    # The user, not the host from which he came.
    assert submit(limited, "bob").code == 250
    # Told once, though both workers refused.
    limited.gatepost.wait_line("alice was refused 3 times")
    assert limited.gatepost.log.read_text().count("was refused") == 1


def test_the_limit_is_exact_however_many_ask_at_once(limited):
    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(lambda _: submit(limited, "erin").code,
                              range(36)))
    assert sorted(codes) == [250] * 4 + [450] * 32
    pids = {line["pid"] for line in limited.gatepost.records()}
    assert len(pids) == 2, "one worker did all"


def test_recipients_are_limited_and_one_message_may_never_fit(limited):
    assert submit(limited, "carol", 8).code == 250
    reply = submit(limited, "carol", 8)
    assert (reply.code, reply.enhanced) == (450, "4.7.1")
    assert "at most 12" in reply.text
    assert submit(limited, "carol", 4).code == 250
    reply = submit(limited, "dave", 13)
    assert (reply.code, reply.enhanced) == (550, "5.7.1")
    assert "13 in one message" in reply.text
    assert limited.record_of(reply)["action"] == "ratelimit"


def test_clients_are_limited_and_refused_messages_do_not_count(limited):
    def stranger(how):
        return limited.send(message(how["sender"]), **how).code

    refused = {**REFUSED, "client": CLEAN["client"]}
    assert [stranger(refused) for _ in range(3)] == [550] * 3
    assert [stranger(CLEAN) for _ in range(3)] == [250, 250, 450]
    other = {**CLEAN, "client": "192.0.2.11"}
    assert stranger(other) != 450
