"""gatepost quarantine release --allow-sender: who was greylisted before
passes after, on either store, with the daemon running."""

import json

import pytest

from greylisting import GreyStack, doubtful, told
from support.folder import Folder
from test_antivirus import mail

ALICE, POOL = "alice@plain.example", "alice@pool.example"
USER, OTHER = "user@gatepost.example", "other@gatepost.example"


@pytest.fixture(scope="module")
def stack(store_url):
    with Folder() as folder, GreyStack(folder, store_url, {
            # No retry passes by itself while these tests run.
            "greylist.delay": "1h", "greylist.window": "2h",
            "attachments.enabled": "yes"}) as running:
        running.gatepost.settings["release.smtp"] = (
            f"inet:127.0.0.1:{running.postfix.plain_port}")
        yield running


def hold(stack, sender, client, rcpts=(USER,)):
    """A message that an attachment rule puts into the vault; its record."""
    reply, record = stack.judge(mail(b"MZ no program", "tool.exe"),
                                sender=sender, client=client,
                                recipients=rcpts)
    assert reply.code == 250, reply
    assert record["vault"] == "held"
    return record["id"]


def release(stack, *words):
    return stack.gatepost.run("quarantine", "release", *words)


def greylist(stack, *words):
    done = stack.gatepost.run("greylist", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def try_it(stack, sender, client, rcpt=USER):
    """What a doubtful message gets: "passes", or "waits"."""
    reply = stack.attempt(doubtful(sender), sender=sender, client=client,
                          recipients=(rcpt,))
    if reply.code == 250:
        return "passes"
    assert told(reply) > 3000
    return "waits"


def test_a_sender_that_was_greylisted_passes_after_the_release(stack):
    near, far = "198.51.100.1", "203.0.113.99"
    assert try_it(stack, ALICE, near) == "waits"
    one = hold(stack, ALICE, near)
    assert try_it(stack, ALICE, near) == "waits"
    done = release(stack, one, "--allow-sender")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"{one} was released to {USER}.\n"
        f"  What {ALICE} sends from 198.51.100.0/24 to {USER} passes "
        "greylisting now, for 36 days after each use; to undo it: "
        f"gatepost greylist forget {ALICE}\n")
    assert try_it(stack, ALICE, near) == "passes"
    # Nobody else does, nor to anybody else.
    assert try_it(stack, ALICE, far) == "waits"
    assert try_it(stack, "bob@plain.example", near) == "waits"
    assert try_it(stack, ALICE, near, OTHER) == "waits"


def test_it_is_seen_and_forgotten_as_all_entries_are(stack):
    sender, client = "carol@plain.example", "198.51.100.2"
    one = hold(stack, sender, client, (USER, OTHER))
    assert release(stack, one, "--allow-sender").returncode == 0
    entries = json.loads(greylist(stack, "--json", "list", sender))
    assert {entry["recipient"] for entry in entries} == {USER, OTHER}
    assert {entry["state"] for entry in entries} == {"passed"}
    assert {entry["record"] for entry in entries} == {one}
    assert all(36 * 86400 - 60 < entry["left_s"] <= 36 * 86400
               for entry in entries)
    assert greylist(stack, "forget", sender) == "2 entries forgotten.\n"
    assert try_it(stack, sender, client) == "waits"


def test_a_proven_sender_passes_from_its_other_hosts(stack):
    one = hold(stack, POOL, "192.0.2.50")
    done = release(stack, one, "--allow-sender")
    assert "192.0.2.0/24 and proven hosts of pool.example" in done.stdout
    assert try_it(stack, POOL, "203.0.113.7") == "passes"
    # Not from a host that only says so.
    assert try_it(stack, POOL, "198.51.100.3") == "waits"


def test_with_to_only_that_recipient_counts(stack):
    sender, client = "dave@plain.example", "198.51.100.4"
    one = hold(stack, sender, client)
    assert release(stack, one, "--allow-sender", "--to",
                   OTHER).returncode == 0
    assert try_it(stack, sender, client) == "waits"
    assert try_it(stack, sender, client, OTHER) == "passes"


def test_without_the_option_nobody_passes(stack):
    sender, client = "erin@plain.example", "198.51.100.5"
    assert release(stack, hold(stack, sender, client)).returncode == 0
    assert try_it(stack, sender, client) == "waits"


def test_a_bounce_has_no_sender_to_let_through(stack):
    before = greylist(stack, "--json", "list")
    done = release(stack, hold(stack, "", "198.51.100.6"), "--allow-sender")
    assert done.returncode == 0, done.stderr
    assert "no effect: its sender is empty" in done.stdout
    assert len(json.loads(greylist(stack, "--json", "list"))) \
        == len(json.loads(before))
