"""Deliveries and moves out of quarantine under valgrind's eye: no error, no
leak, and nothing kept that grows with the messages. Some hundreds by
default; `make plugin-valgrind` is the whole."""

import os
import re

import pytest

from ear import Ear
from mda_messages import CASES, Message
from support import ports, seal
from support.dovecot import Dovecot, transact
from support.folder import Folder

MESSAGES = int(os.environ.get("GATEPOST_PLUGIN_MESSAGES", 200))
# Maildir and valgrind together are slow with large folders.
USERS = max(4, MESSAGES // 200)
# Of one MOVE.
BATCH = max(20, min(100, MESSAGES // 100))

WRAPPER = """\
#!/bin/sh
program=$1
shift
exec valgrind --leak-check=full --show-leak-kinds=definite \\
    --errors-for-leak-kinds=definite --num-callers=30 \\
    --log-file={folder}/valgrind/$program.%p /usr/lib/dovecot/$program "$@"
"""

# GDB=1 keeps Dovecot from unloading plugins before valgrind names them.
CONFIG = """
import_environment = $import_environment GDB=1
log_debug =
service lmtp {{
  executable = {folder}/under-valgrind lmtp
  service_count = 1
}}
service imap {{
  executable = {folder}/under-valgrind imap
  service_count = 1
}}
"""


class Watched(Dovecot):
    """A Dovecot whose lmtp and imap run under valgrind, one process for each
    session."""

    def __init__(self, folder):
        super().__init__(folder, notify=True,
                         config=CONFIG.format(folder=folder))
        wrapper = self.folder / "under-valgrind"
        wrapper.write_text(WRAPPER.format(folder=self.folder))
        wrapper.chmod(0o755)
        (self.folder / "valgrind").mkdir()
        (self.folder / "valgrind").chmod(0o777)

    def reports(self, program):
        return sorted((self.folder / "valgrind").glob(f"{program}.*"),
                      key=lambda path: path.stat().st_mtime)

    def report(self, program, before):
        """What valgrind says of the process that began after those."""
        def ended():
            new = [path for path in self.reports(program)
                   if path not in before
                   and "ERROR SUMMARY" in path.read_text()]
            return new[-1].read_text() if new else None
        return ports.wait_until(ended, 60, f"{program} to end")


def kept(report):
    """Bytes that the process still held at its end; checks the rest."""
    assert re.search(r"ERROR SUMMARY: 0 errors", report), report
    assert re.search(r"definitely lost: 0 bytes", report), report
    return int(re.search(r"in use at exit: ([\d,]+) bytes",
                         report)[1].replace(",", ""))


@pytest.fixture(scope="module")
def watched():
    with Folder() as folder:
        server = Watched(folder / "dovecot")
        server.secret = seal.write_key(server.key)
        with server:
            yield server


def mails(key, count):
    """Most for Quarantine, and every kind that delivery has to judge."""
    others = ["clean", "tag", "virus", "unscanned"]
    for number in range(count):
        mail = Message(size=2000)
        case = "quarantine" if number % 10 else \
            others[number // 10 % len(others)]
        mail.verdict(key, *CASES[case], record=f"record{number:08}")
        if number % 50 == 10:
            mail.verdict(bytes(32), *CASES["clean"])
        yield mail.text if number % 50 != 20 else mail.rest.encode()


def session(watched, count, *recipients):
    """Delivers so many in one session, to each group of recipients in turn:
    the bytes that its process kept."""
    before = watched.reports("lmtp")
    with watched.lmtp() as client:
        client.ehlo()
        for number, mail in enumerate(mails(watched.secret, count)):
            users = recipients[number % len(recipients)]
            for code, text in transact(client, mail, *users):
                assert code == 250, text
    return kept(watched.report("lmtp", before))


def move(watched, ear, user, limit):
    """Moves so many out of quarantine at most: how many it were, and the
    bytes that the process kept."""
    before, moved = watched.reports("imap"), 0
    client = watched.imap(user)
    while moved < limit:
        count = min(int(client.select("Quarantine/Spam")[1][0]), BATCH,
                    limit - moved)
        if count == 0:
            break
        assert client._simple_command("MOVE", f"1:{count}",
                                      "INBOX")[0] == "OK"
        # Sent before the command is answered.
        (heard,) = ear.heard(0.01)
        assert heard[:4] == ("ham", "release", "yes", user)
        assert len(heard[4]) == count
        moved += count
    client.logout()
    return moved, kept(watched.report("imap", before))


def test_nothing_is_kept_of_any_message(watched, measured):
    users = [watched.add_user(f"user{number}", quota_rule="*:storage=9G")
             for number in range(USERS)]
    ear = Ear(watched.folder / "feedback")
    few = session(watched, 60, *((user,) for user in users))
    session(watched, 10, users[:3])
    # One in ten of them is not for quarantine.
    many = session(watched, MESSAGES * 10 // 9,
                   *((user,) for user in users))
    delivered = MESSAGES * 10 // 9 + 60 + 3 * 10
    assert many - few < MESSAGES, "bytes, of deliveries"
    moved, few = move(watched, ear, users[0], 10)
    for user in users:
        count, many = move(watched, ear, user, MESSAGES)
        moved += count
        assert many - few < count, "bytes, of moves"
    ear.close()
    assert moved >= MESSAGES
    assert not re.search("Panic|Fatal|Error", watched.log_text())
    measured(f"under valgrind: {delivered} deliveries, {moved} moves, "
             "nothing lost")
