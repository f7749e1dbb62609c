"""From Postfix to the administrator's screen: what the daemon records is
what log, explain, stats and status show, while it runs, and to whom."""

import json
import time

from mta_messages import TAGGED, message
from support import ports


def gatepost(stack, *words):
    done = stack.gatepost.run(*words, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def wait_for_records(stack, count):
    """Workers send them at once, the recorder writes them in batches."""
    def are_there():
        done = stack.gatepost.run("log", "--json")
        return len(done.stdout.splitlines()) == count
    ports.wait_until(are_there, 20, f"{count} records in the history")


def test_a_deferred_message_is_told_as_one_story(new_stack):
    stack = new_stack({"greylist.mode": "score", "greylist.delay": "1s"})
    sender = TAGGED["sender"]
    first, deferred = stack.judge(message(sender), **TAGGED)
    assert first.code == 451
    time.sleep(1.5)
    second, passed = stack.judge(message(sender), **TAGGED)
    assert second.code == 250
    wait_for_records(stack, 2)

    # The id that the client was told leads to all of it.
    assert deferred["id"] in first.text
    said = " ".join(gatepost(stack, "explain", deferred["id"]).split())
    assert said.startswith("Accepted, but tagged as ") and ", at try 2," in said
    assert "before, it was deferred once by greylisting" in said
    assert f"(record {passed['id']})" in said
    assert "Newly found: GREYLIST_PASSED" in said
    # So does the queue id of Postfix.
    records = json.loads(gatepost(stack, "explain", "--json",
                                  passed["queue_id"]))
    assert [r["id"] for r in records] == [deferred["id"], passed["id"]]
    assert records[1] == {key: value for key, value in passed.items()
                          if key in records[1]}

    seen = gatepost(stack, "explain", "--recipient", "user@gatepost.example",
                    passed["id"])
    assert "user@gatepost.example" in seen
    assert stack.gatepost.run("explain", "--recipient",
                              "other@gatepost.example",
                              passed["id"]).returncode == 1


def test_what_was_sent_is_counted(new_stack):
    stack = new_stack()
    for _ in range(3):
        stack.judge(message(TAGGED["sender"]), **TAGGED)
    wait_for_records(stack, 3)
    assert len(gatepost(stack, "log", "--action", "tag", "--sender",
                        TAGGED["sender"]).splitlines()) == 3
    totals = json.loads(gatepost(stack, "stats", "--json"))["totals"]
    assert (totals["tagged"], totals["messages"]) == (3, 3)
    status = json.loads(gatepost(stack, "status", "--json"))
    assert status["hour"]["tagged"] == 3
    assert status["daemon"]["messages"]["in"]["tag"] == 3
    roles = {process["role"] for process in status["daemon"]["processes"]}
    assert {"master", "worker", "recorder"} <= roles
    assert all(process["rss_bytes"] > 1_000_000
               for process in status["daemon"]["processes"])
    screen = gatepost(stack, "status")
    assert "Trouble    none since the start" in screen
    assert len(screen.splitlines()) <= 24
    stack.gatepost.stop()
    after = stack.gatepost.run("status")
    assert after.returncode == 1
    assert "does not answer" in " ".join(after.stdout.split())
    assert "3 records" in after.stdout
