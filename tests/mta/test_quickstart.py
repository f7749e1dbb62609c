"""The demonstration of ./quickstart, on what is built already."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from support import ports
from support.gatepost import PROGRAMS, TOP, build_folder
from support.process import Process

DEMO = [sys.executable, "-B", str(TOP / "contrib/quickstart/demo.py")]
ENVIRONMENT = {**os.environ, "GATEPOST_BUILD": str(build_folder()),
               "PYTHONUNBUFFERED": "1"}


REFUSED = "refused: the sender has it"
HELD = "the vault; in no mailbox"


def left_over(name):
    """Processes whose command line names that folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if name.encode() in words:
            found.append(words)
    return found


def test_once_judges_all_messages_as_expected():
    done = subprocess.run([*DEMO, "--once"], capture_output=True, text=True,
                          env=ENVIRONMENT, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert len(re.findall(r"^\d\. ", done.stdout, re.M)) == 9
    assert len(re.findall(r"^   SMTP     451 4\.7\.1 Greylisted, please try "
                          r"again in \d seconds", done.stdout, re.M)) == 3
    for words in ("SMTP     250", "SMTP     550", "header   X-Spam: Yes",
                  "RBL_SPAMHAUS_XBL", "mx.elsewhere.example",
                  "VIRUS_FOUND", "Gatepost.Test.EICAR",
                  "ATTACHMENT_", "it has been delivered"):
        assert words in done.stdout
    # It ends with the story of the message that was deferred.
    story = done.stdout.partition("$ gatepost explain ")[2]
    assert "451 4.7.1" in story and "RBL_SPAMHAUS_XBL" in story
    assert re.search(r"^   metrics  http://127\.0\.0\.1:\d+/metrics", story,
                     re.M)
    assert max(map(len, done.stdout.splitlines())) <= 81
    # Beside each message, and in a list, where it is.
    places = re.findall(r"^   mailbox  (.*)", done.stdout, re.M)[:9]
    assert places == ["INBOX", REFUSED, "INBOX", "INBOX", "Junk",
                      "Quarantine/Spam", "INBOX", HELD, HELD]
    assert re.findall(r"^   (\S.*?) +\d\. ", done.stdout, re.M) == places
    # One was taken out of quarantine, which is in its story.
    assert "What users said" in story and "took it out of quarantine" in story


def test_without_dovecot_it_says_so_and_goes_on(folder):
    build = folder / "build"
    build.mkdir()
    for name in PROGRAMS:
        (build / name).symlink_to(build_folder() / name)
    done = subprocess.run(
        [*DEMO, "--once"], capture_output=True, text=True, timeout=120,
        env={**ENVIRONMENT, "GATEPOST_BUILD": str(build)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^   Dovecot  none: the plugin was not built", done.stdout,
                     re.M)
    assert re.findall(r"^   mailbox  (.*)", done.stdout, re.M)[:2] == [
        "delivered", REFUSED]
    assert "it has been delivered" in done.stdout
    assert "451 4.7.1" in done.stdout.partition("$ gatepost explain ")[2]


def test_it_shows_mail_of_ones_own_until_interrupted(folder):
    demo = Process("demo", DEMO, folder / "demo.log", env=ENVIRONMENT)
    log = folder / "demo.log"
    try:
        ports.wait_until(lambda: demo.check()
                         and "Ctrl-C" in log.read_text(), 60, "the end")
        port = re.search(r"--port (\d+)", log.read_text())[1]
        mine = folder / "mine.eml"
        mine.write_text("From: <bob@example.net>\nSubject: mine\n\nHello\n")
        send = [str(TOP / "contrib/quickstart/send.py"), "--port", port,
                "--client", "203.0.113.7", "--from", "bob@example.net",
                str(mine)]
        first = subprocess.run(send, capture_output=True, text=True,
                               check=False)
        assert first.stdout.startswith("451"), first.stdout + first.stderr
        time.sleep(int(re.search(r"in (\d+) seconds", first.stdout)[1]))
        again = subprocess.run(send, capture_output=True, text=True,
                               check=False)
        assert again.stdout.startswith("250"), again.stdout + again.stderr
        ports.wait_until(lambda: "Your message" in log.read_text(), 10,
                         "its verdict")
    finally:
        assert demo.stop(signal.SIGINT, 60) == 0
    home = re.search(r"/tmp/gatepost-quickstart\.\w+", log.read_text())[0]
    ports.wait_until(lambda: not left_over(home), 10, "all to end")
    assert not Path(home).exists()
