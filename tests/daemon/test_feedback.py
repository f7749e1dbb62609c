"""What the mailbox side tells of what users do with their mail."""

import json
import socket
import time


from support import ports
from support.milterclient import Session

USER = "user@ours.example"


def judge(daemon, recipients=(USER,)):
    """A message that is judged; its record."""
    with Session(daemon.listen[0]) as session:
        session.open()
        session.message(b"From: someone@sender.example\n"
                        b"Message-ID: <1@sender.example>\n"
                        b"Subject: x\n\nbody\n",
                        sender="someone@sender.example",
                        recipients=recipients)
    ports.wait_until(daemon.history, 10, "a record")
    return daemon.history()[0]


def tell(daemon, text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.sendto(text.encode(), str(daemon.folder / "run" / "feedback"))


def line(record, said="ham", how="release", user=USER, allow="yes"):
    return f"v=1; said={said}; how={how}; allow={allow}; user={user}; " \
           f"id={record}"


def wait_metric(daemon, name, value):
    ports.wait_until(lambda: daemon.metrics().get(name) == value, 10,
                     f"{name} {value}: {daemon.metrics()}")


def explained(daemon, name):
    done = daemon.run("explain", name)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_kept_with_the_record_and_counted(new_gatepost):
    daemon = new_gatepost({"actions.add_header": "-900",
                           "actions.greylist": "off"})
    record = judge(daemon)["id"]
    tell(daemon, line(record))
    tell(daemon, line(record))
    wait_metric(daemon, 'gatepost_feedback_total{said="ham",how="release"}', 2)
    metrics = daemon.metrics()
    # Saying it twice makes no second error.
    assert metrics["gatepost_false_positives_total"] == 1
    assert metrics["gatepost_false_negatives_total"] == 0
    text = explained(daemon, record)
    assert "What users said" in text
    assert f"{USER} took it out of quarantine: no spam" in text
    said = json.loads(daemon.run("explain", "--json", record).stdout)
    assert [(one["user"], one["said"], one["how"])
            for one in said[0]["opinions"]] == [(USER, "ham", "release")]


def test_a_recipient_sees_what_he_said_himself(new_gatepost):
    daemon = new_gatepost({"actions.greylist": "off",
                           "actions.add_header": "off"})
    other = "other@ours.example"
    record = judge(daemon, (USER, other))
    assert record["action"] == "accept"
    record = record["id"]
    tell(daemon, line(record, "spam", "move", other))
    wait_metric(daemon, 'gatepost_feedback_total{said="spam",how="move"}', 1)
    assert daemon.metrics()["gatepost_false_negatives_total"] == 1
    mine = daemon.run("explain", "--recipient", USER, record).stdout
    assert "What users said" not in mine
    theirs = daemon.run("explain", "--recipient", other, record).stdout
    assert f"{other} moved it to Junk: spam" in theirs


def test_what_nobody_can_use_is_counted(new_gatepost):
    daemon = new_gatepost()
    judge(daemon)
    tell(daemon, "rubbish\0\xff" * 20)
    tell(daemon, line(record="a," * 3000))
    tell(daemon, "")
    tell(daemon, line("nosuchrecord,norsuch"))
    wait_metric(daemon,
                'gatepost_feedback_refused_total{reason="malformed"}', 3)
    wait_metric(daemon,
                'gatepost_feedback_refused_total{reason="unknown"}', 2)
    assert "What users said" not in explained(daemon, "<1@sender.example>")


def test_a_flood_is_dropped_and_mail_and_pages_go_on(new_gatepost):
    daemon = new_gatepost()
    record = judge(daemon)["id"]
    until = time.monotonic() + 3
    sent = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        while time.monotonic() < until:
            try:
                one.sendto(line(record, user=f"u{sent}@x.example").encode(),
                           str(daemon.folder / "run" / "feedback"))
                sent += 1
            except BlockingIOError:
                time.sleep(0.001)
    assert sent > 1000
    began = time.monotonic()
    assert daemon.metrics()[
        'gatepost_feedback_refused_total{reason="dropped"}'] > 0
    assert time.monotonic() - began < 2
    assert judge(daemon)


def test_it_goes_on_over_a_reload_and_can_be_off(new_gatepost):
    daemon = new_gatepost()
    record = judge(daemon)["id"]
    path = daemon.folder / "run" / "feedback"
    assert path.stat().st_mode & 0o777 == 0o666
    daemon.reload()
    daemon.wait_line("ready: generation 2")
    tell(daemon, line(record))
    wait_metric(daemon, 'gatepost_feedback_total{said="ham",how="release"}', 1)
    off = new_gatepost({"feedback.enabled": "no"})
    assert not (off.folder / "run" / "feedback").exists()


def test_without_a_history_nothing_is_known(new_gatepost):
    daemon = new_gatepost({"history.enabled": "no"})
    tell(daemon, line("somerecord"))
    wait_metric(daemon,
                'gatepost_feedback_refused_total{reason="dropped"}', 1)


def allowed(daemon):
    return daemon.run("greylist", "list").stdout


def test_the_sender_of_a_released_message_is_let_through(new_gatepost):
    daemon = new_gatepost({"actions.add_header": "-900",
                           "greylist.mode": "off"})
    other = "other@ours.example"
    record = judge(daemon, (USER, other))["id"]
    tell(daemon, line(record, allow="no"))
    tell(daemon, line(record, how="move", user=other))
    wait_metric(daemon, 'gatepost_feedback_total{said="ham",how="move"}', 1)
    assert "someone@sender.example" not in allowed(daemon)
    # Who is none of its recipients vouches for nobody.
    tell(daemon, line(record, user="third@ours.example"))
    wait_metric(daemon, 'gatepost_feedback_total{said="ham",how="release"}', 2)
    assert "someone@sender.example" not in allowed(daemon)
    tell(daemon, line(record, said="spam", how="move"))
    tell(daemon, line(record))
    wait_metric(daemon, "gatepost_feedback_allowed_total", 1)
    text = allowed(daemon)
    assert "someone@sender.example" in text and USER in text
    assert other not in text


def test_an_alias_vouches_where_it_is_the_only_recipient(new_gatepost):
    daemon = new_gatepost({"greylist.mode": "off"})
    record = judge(daemon, ("info@ours.example",))["id"]
    tell(daemon, line(record))
    wait_metric(daemon, "gatepost_feedback_allowed_total", 1)
    assert "info@ours.example" in allowed(daemon)
