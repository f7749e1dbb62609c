"""gatepost greylist while the daemon runs on the same SQLite file."""

import json
import os
import subprocess

from mta_messages import TAGGED, message
from support.gatepost import program


def greylist(stack, *words):
    done = subprocess.run(
        [program("gatepost"), "greylist", "-c", stack.gatepost.conf,
         "--set", f"state_dir={stack.gatepost.settings['state_dir']}",
         *words], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_a_deferred_message_is_found_released_and_accepted(new_stack):
    stack = new_stack({"greylist.mode": "score"})
    reply, record = stack.judge(message(TAGGED["sender"]), **TAGGED)
    assert (reply.code, reply.enhanced) == (451, "4.7.1")
    entry, = json.loads(greylist(stack, "list", "--json", "--waiting"))
    assert entry["record"] == record["id"]
    assert entry["sender"] == TAGGED["sender"]
    assert entry["recipient"] == "user@gatepost.example"
    assert entry["origin"] == "198.51.100.0/24"
    assert 0 < entry["wait_s"] <= 300
    again = stack.send(message(TAGGED["sender"]), **TAGGED)
    assert again.code == 451
    greylist(stack, "release", entry["key"])
    reply, record = stack.judge(message(TAGGED["sender"]), **TAGGED)
    assert reply.code == 250
    assert record["action"] == "tag"


def test_what_is_allowed_is_not_deferred(new_stack):
    stack = new_stack({"greylist.mode": "score"})
    greylist(stack, "allow", "198.51.100.77/24")
    assert stack.send(message(TAGGED["sender"]), **TAGGED).code == 250
    greylist(stack, "forget", "198.51.100.0/24")
    assert stack.send(message(TAGGED["sender"]), **TAGGED).code == 451
    greylist(stack, "allow", TAGGED["sender"])
    assert stack.send(message(TAGGED["sender"]), **TAGGED).code == 250


def test_the_workers_keep_writing_after_root_has_looked(new_stack):
    stack = new_stack({"greylist.mode": "score"})
    greylist(stack, "list")
    assert stack.send(message(TAGGED["sender"]), **TAGGED).code == 451
    greylist(stack, "release", TAGGED["sender"])
    assert stack.send(message(TAGGED["sender"]), **TAGGED).code == 250
    state = stack.gatepost.folder / "state"
    owners = {os.stat(path).st_uid for path in state.glob("*.db*")}
    assert len(owners) == 1, list(state.iterdir())
    assert "does not work" not in stack.gatepost.log.read_text()
