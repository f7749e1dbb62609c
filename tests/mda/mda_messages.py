"""Messages with verdicts for the tests of the plugin."""

import itertools

from support import seal
from support.dovecot import DOMAIN

NUMBERS = itertools.count(1)
SENDER = "Sender <sender@example.org>"


class Message:
    """A message with a Message-ID of its own; `verdict` and `forged` add
    header fields on top, and `text` is what is sent."""

    def __init__(self, subject="Hello", size=0, to="anna"):
        self.message_id = f"<{next(NUMBERS)}@example.org>"
        self.top = ""
        self.rest = (f"Message-ID: {self.message_id}\nFrom: {SENDER}\n"
                     f"To: {to}@{DOMAIN}\nSubject: {subject}\n\nText.\n"
                     + ("x" * 70 + "\n") * (size // 71))

    def verdict(self, key, action="accept", kind="clean", score=0.0, **how):
        self.top = seal.verdict(key, self.message_id, SENDER, action=action,
                                kind=kind, score=score, **how) + self.top
        return self

    def header(self, text):
        self.top = text + self.top
        return self

    @property
    def text(self):
        return (self.top + self.rest).encode()


CASES = {
    "clean": ("accept", "clean", 0.5),
    "tag": ("tag", "spam", 7.0),
    "quarantine": ("quarantine", "spam", 12.0),
    "virus": ("quarantine", "virus", 0.0),
    "unscanned": ("tag", "unscanned", 0.0),
}


def message(key, case, **how):
    return Message(**how).verdict(key, *CASES[case])
