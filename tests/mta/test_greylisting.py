"""Greylisting through Postfix, with the state in SQLite and in Redis."""

import json
import os
import signal
import threading
import time

import pytest
from greylisting import DELAY, GreyStack, doubtful, told
from mta_messages import message
from support import ports
from support.folder import Folder
from support.milterclient import Session
from support.stack import fields

USER = ["user@gatepost.example"]


@pytest.fixture(scope="module")
def grey(store_url):
    with Folder() as folder, GreyStack(folder, store_url) as running:
        yield running


@pytest.fixture
def stack(grey):
    """With the settings that most tests want."""
    grey.use()
    return grey


def check_of(record, name="greylist"):
    return next(one for one in record["checks"] if one["name"] == name)


# What a sender sees

def test_a_first_try_is_deferred(stack):
    before = stack.postfix.count_delivered()
    reply = stack.attempt(sender="first@plain.example")
    assert 1 <= told(reply) <= DELAY
    record = stack.record_of(reply)
    assert record["id"] in reply.text
    assert (record["action"], record["would"]) == ("greylist", "greylist")
    assert record["reply"] == reply.text
    assert record["thresholds"]["greylist"] <= record["score"] < 15
    assert check_of(record)["reason"]
    assert stack.postfix.queue() == []
    assert stack.postfix.count_delivered() == before


def test_an_early_retry_is_deferred_and_a_later_one_delivered(stack):
    pending = stack.first(sender="early@plain.example")
    time.sleep(1)
    seconds = told(stack.attempt(**pending.how))
    # It does not begin anew.
    assert time.monotonic() + seconds < pending.due + 1
    reply = pending.again()
    assert reply.code == 250
    assert stack.record_of(reply)["action"] == "accept"
    assert fields(stack.mail_of(reply), "Authentication-Results")
    # From now on it is known.
    assert stack.attempt(message("early@plain.example"),
                         sender="early@plain.example").code == 250
    assert stack.attempt(**pending.how).code == 250


def test_a_message_without_doubts_is_not_deferred(stack):
    reply, record = stack.judge(message("clean@plain.example"),
                                sender="clean@plain.example",
                                client="198.51.100.1")
    assert (reply.code, record["action"]) == (250, "accept")


# Which retries are retries: what changes between the tries, and the answer.

RETRIES = {
    "the same": ({}, {}, 250),
    "a neighbour": ({}, {"client": "198.51.100.254"}, 250),
    "another network": ({}, {"client": "198.51.101.1"}, 451),
    "an IPv6 neighbour": ({"client": "2001:db8:1:1::1"},
                          {"client": "2001:db8:1:1:ffff::2"}, 250),
    "another IPv6 network": ({"client": "2001:db8:1:1::1"},
                             {"client": "2001:db8:1:2::1"}, 451),
    "another sender": ({}, {"sender": "other@plain.example"}, 451),
    "another domain": ({}, {"sender": "u3@elsewhere.example"}, 451),
    "another recipient": ({}, {"recipients": ["b@gatepost.example"]}, 451),
    "several recipients": (
        {"recipients": [f"u{n}@gatepost.example" for n in range(5)]}, {}, 250),
    "fewer recipients": (
        {"recipients": [f"u{n}@gatepost.example" for n in range(5)]},
        {"recipients": ["u3@gatepost.example"]}, 250),
    "one more recipient": (
        {"recipients": [f"u{n}@gatepost.example" for n in range(2)]},
        {"recipients": [f"u{n}@gatepost.example" for n in range(3)]}, 451),
    "another case": ({"sender": "U9@Plain.Example"},
                     {"sender": "u9@plain.example"}, 250),
    "another text": ({}, {"content": doubtful("", "X-Other: yes")}, 250),
    "VERP": ({"sender": "list-bounces+user=gatepost.example@plain.example"},
             {"sender": "list-bounces+user=gatepost.example@plain.example"},
             250),
    "VERP with another number": (
        {"sender": "bounce-1234567-89@plain.example"},
        {"sender": "bounce-1234999-91@plain.example"}, 250),
    "SRS": ({"sender": "SRS0=AbCd=XY=away.example=bob@plain.example"},
            {"sender": "SRS0=EfGh=XZ=away.example=bob@plain.example"}, 250),
    "SRS of another sender": (
        {"sender": "SRS0=AbCd=XY=away.example=bob@plain.example"},
        {"sender": "SRS0=AbCd=XY=away.example=eve@plain.example"}, 451),
    "no sender": ({"sender": ""}, {}, 250),
    "SPF passes from another network": (
        {"sender": "a@pool.example", "client": "192.0.2.7"},
        {"client": "203.0.113.9"}, 250),
    "SPF fails from another network": (
        {"sender": "b@pool.example", "client": "192.0.2.7"},
        {"client": "198.51.102.9"}, 451),
    "a signature from another network": (
        {"sender": "a@signed.example", "signed": True},
        {"client": "198.51.103.9"}, 250),
    "without the signature": (
        {"sender": "b@signed.example", "signed": True},
        {"client": "198.51.103.9", "signed": False}, 451),
}


@pytest.fixture(scope="module")
def tries(grey):
    """All first tries at once, so that their delays pass together."""
    grey.use()
    return {name: grey.first(**{"sender": f"u{number}@plain.example", **how})
            for number, (name, (how, _, _)) in enumerate(RETRIES.items())}


@pytest.mark.parametrize("name", RETRIES)
def test_a_retry(stack, tries, name):
    _, changed, code = RETRIES[name]
    reply = tries[name].again(**changed)
    if code == 451:
        assert told(reply) >= DELAY - 1
        assert stack.record_of(reply)["action"] == "greylist"
    else:
        assert reply.code == 250, reply


# Who is not deferred

def test_authenticated_users_are_not(stack):
    assert stack.attempt(sender="u@gatepost.example", login="u").code == 250


# All at once; the reason that is given tells which it was.
EXEMPT = {
    "greylist.mode": "always",
    "trusted_networks": "198.51.104.0/24",
    "greylist.exempt_senders": "Exempt@plain.example",
    "greylist.exempt_recipients": "postmaster@",
    "greylist.exempt_clients": "198.51.106.0/28",
    "greylist.exempt_symbols": "RBL_DNSWL_LOW",
}
EXEMPTED = {
    "trusted_networks": {"client": "198.51.104.1"},
    "exempt_senders": {"sender": "exempt@plain.example"},
    "exempt_recipients": {"recipients": [*USER, "postmaster@gatepost.example"]},
    "exempt_clients": {"client": "198.51.106.5"},
    "RBL_DNSWL_LOW": {"client": "198.51.105.1"},
    "providers": {"client": "192.0.2.99", "name": "mx7.out.provider.example"},
}


@pytest.fixture
def exempting(grey):
    providers = grey.folder / "providers"
    providers.write_text("# Retries from many hosts\n"
                         "out.provider.example\n203.0.113.0/24\n")
    grey.use({**EXEMPT, "greylist.providers": str(providers)})
    return grey


@pytest.mark.parametrize("name", EXEMPTED)
def test_exempt(exempting, name):
    reply = exempting.attempt(**{"sender": "stranger@plain.example",
                                 **EXEMPTED[name]})
    assert reply.code == 250, reply
    record = exempting.record_of(reply)
    assert record["action"] == "accept"
    assert name in check_of(record)["reason"]


def test_who_is_on_no_list_is_not_exempt(exempting):
    for name, how in {"exempt@elsewhere.example": {},
                      "postmaster@plain.example": {},
                      "a@plain.example": {"client": "198.51.106.77"},
                      "b@plain.example": {"client": "203.0.114.1"}}.items():
        exempting.first(sender=name, **how)


def test_always_defers_messages_without_doubts(exempting):
    how = {"content": message("always@plain.example"),
           "sender": "always@plain.example"}
    pending = exempting.first(**how)
    assert exempting.attempt(sender="u@gatepost.example",
                             login="u").code == 250
    assert pending.again().code == 250


PROVEN = {"client": "192.0.2.60", "name": "proven.example",
          "helo": "proven.example"}


def test_a_proven_sender_is_not(grey):
    grey.use({"greylist.trust_after": "2"})
    how = {**PROVEN, "sender": "a@proven.example"}
    pending = grey.first(**how)
    for _ in range(2):
        reply = grey.attempt(message("a@proven.example"), **how)
        assert reply.code == 250
    time.sleep(0.5)     # noted, but not waited for
    # Another address of the domain, another recipient.
    reply = grey.attempt(**{**how, "sender": "b@proven.example",
                            "recipients": ["c@gatepost.example"]})
    assert reply.code == 250
    # Its name alone is no proof.
    grey.first(sender="c@proven.example", client="198.51.100.1")
    assert pending.again().code == 250


# What is over

def test_tries_and_passes_are_forgotten_in_time(grey):
    grey.use({"greylist.delay": "1s", "greylist.window": "2s",
              "greylist.pass_lifetime": "3s"})
    passing = grey.first(sender="lifetime@plain.example")
    late = grey.first(sender="window@plain.example")
    assert passing.again().code == 250
    time.sleep(1.5)
    assert grey.attempt(**passing.how).code == 250
    # After the window a retry is a first try.
    late = grey.first(**late.how)
    assert late.again().code == 250
    # Each use has renewed what had passed.
    time.sleep(0.7)
    assert grey.attempt(**passing.how).code == 250
    time.sleep(3.3)
    grey.first(**passing.how)


# How it is switched

def test_off_defers_and_writes_nothing(grey):
    how = {"sender": "off@plain.example"}
    grey.use({"greylist.mode": "off"})
    assert grey.attempt(**how).code == 250
    grey.use({"greylist.delay": "1s"})
    time.sleep(1)
    grey.first(**how)


def test_learn_records_and_never_defers(grey):
    how = {"sender": "learn@plain.example"}
    grey.use({"greylist.mode": "learn"})
    reply = grey.attempt(**how)
    assert reply.code == 250
    record = grey.record_of(reply)
    assert record["action"] == "accept"
    assert check_of(record)["reason"]
    time.sleep(DELAY)
    grey.use()
    assert grey.attempt(**how).code == 250


def test_shadow_mode_delivers_and_says_what_would_be(grey):
    grey.use({"shadow": "yes"})
    reply = grey.attempt(sender="shadow@plain.example")
    assert reply.code == 250
    record = grey.record_of(reply)
    assert (record["action"], record["would"]) == ("accept", "greylist")
    assert grey.mail_of(reply)


# What is kept, and who shares it

def test_the_state_outlasts_reload_restart_and_kills(stack):
    hows = [{"sender": f"{word}@plain.example"}
            for word in ("reloaded", "restarted", "killed", "waiting")]
    pending = [stack.first(**how) for how in hows]
    stack.gatepost.reload()
    ports.wait_until(lambda: stack.record_of(stack.attempt(
        message("x@plain.example"), sender="x@plain.example"))
        ["generation"] == 2, 20, "the reload")
    assert pending[0].again().code == 250
    stack.gatepost.stop()
    stack.gatepost.start()
    assert pending[1].again().code == 250
    for worker in stack.gatepost.workers():
        os.kill(worker, signal.SIGKILL)
    stack.gatepost.wait_line("was ended by signal 9")
    assert pending[2].again().code == 250
    # The master too, as when the host loses power.
    workers = stack.gatepost.workers()
    stack.gatepost.process.stop(signal.SIGKILL)
    stack.gatepost.process = None
    ports.wait_until(lambda: not any(os.path.exists(f"/proc/{worker}")
                                     for worker in workers), 20,
                     "the workers to end after their master")
    stack.gatepost.start()
    assert pending[3].again().code == 250
    # What had passed is still known.
    assert stack.attempt(**hows[0]).code == 250


def entries(stack, *words):
    """What the command lists."""
    done = stack.gatepost.run("greylist", "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.tsan
def test_a_thousand_first_tries_at_once_are_recorded_once_each(grey):
    grey.use({"greylist.delay": "60s", "state.timeout": "5s"})
    senders = [f"crowd{n:03}@crowd.example" for n in range(1000)]
    answers = []

    def run(number):
        with Session(grey.gatepost.milter) as session:
            session.open(ip="198.51.100.1")
            for sender in senders[number::40]:
                answers.append(session.message(doubtful(sender),
                                               sender=sender))
            session.quit()
    threads = [threading.Thread(target=run, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1000
    assert all(answer.reply.startswith("451 4.7.1 Greylisted")
               for answer in answers)
    found = [entry for entry in entries(grey, "--waiting")
             if entry["sender"].endswith("@crowd.example")]
    assert sorted(entry["sender"] for entry in found) == senders
    assert {entry["tries"] for entry in found} == {1}


# What the administrator does

def test_commands_take_effect_at_once(stack):
    run = stack.gatepost.run
    sender = "released@plain.example"
    how = {"sender": sender}
    stack.first(**how)
    (entry,) = [one for one in entries(stack, "--waiting")
                if one["sender"] == sender]
    assert entry["recipient"] == USER[0]
    assert run("greylist", "release", entry["key"]).returncode == 0
    assert stack.attempt(**how).code == 250
    assert run("greylist", "forget", sender).returncode == 0
    stack.first(**how)
    assert run("greylist", "release", sender).returncode == 0
    assert stack.attempt(**how).code == 250
    stack.first(sender="allowed@plain.example")
    assert run("greylist", "allow", "allowed@plain.example").returncode == 0
    for client in ("198.51.100.1", "203.0.113.1"):
        assert stack.attempt(sender="allowed@plain.example",
                             client=client).code == 250
    assert run("greylist", "forget", "allowed@plain.example").returncode == 0
    stack.first(sender="allowed@plain.example", client="203.0.113.1")
