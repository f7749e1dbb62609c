"""A stack that greylists, on either store. Its gatepostd can be given other
settings while Postfix, DNS and the store go on."""

import base64
import re
import subprocess
import time

import dkim
from mta_messages import message
from support.gatepost import Gatepost
from support.smtp import send
from support.stack import Stack

DELAY = 2
MODES = {"greylist.mode": "score", "greylist.delay": f"{DELAY}s"}

# A missing Subject makes a message doubtful, wherever it comes from.
SETTINGS = {
    **MODES,
    "score.HEADER_NO_SUBJECT": "5",
    "score.SPF_FAIL": "1",
    "actions.add_header": "off",
    "actions.quarantine": "off",
    "actions.reject": "30",
    "worker.processes": "2",
}

ZONES = {
    # No SPF, no DMARC: known by its networks alone.
    "plain.example": """
@ A 192.0.2.40
@ MX 10 @
""",
    # Sends from two networks, and says so.
    "pool.example": """
@ A 192.0.2.50
@ MX 10 @
@ TXT "v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.0/24 -all"
""",
    "proven.example": """
@ A 192.0.2.60
@ MX 10 @
@ TXT "v=spf1 ip4:192.0.2.60 -all"
_dmarc TXT "v=DMARC1; p=reject"
""",
    "list.dnswl.org": """
2.0.0.127 A 127.0.5.0
1.105.51.198 A 127.0.5.1
""",
}

TOLD = re.compile(r"451 4\.7\.1 Greylisted, please try again in (\d+) "
                  r"seconds \(([\w.-]+)\)")


def doubtful(sender="", *more):
    """A message that is greylisted unless its sender is exempt."""
    return message(sender or "nobody@plain.example", *more).replace(
        b"Subject: test\n", b"")


def told(reply):
    """The seconds that a greylisting reply asks for; any other fails."""
    match = TOLD.fullmatch(reply.text)
    assert match, reply
    return int(match[1])


class SigningKey:
    """Signs for signed.example."""

    def __init__(self):
        self.pem = openssl("genrsa", "2048")
        public = openssl("rsa", "-pubout", "-outform", "DER", text=self.pem)
        text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
        parts = [text[at:at + 250] for at in range(0, len(text), 250)]
        self.zone = ("@ A 192.0.2.70\n@ MX 10 @\nk._domainkey TXT ( "
                     + " ".join(f'"{part}"' for part in parts) + " )\n")

    def sign(self, content):
        content = content.replace(b"\n", b"\r\n")
        return dkim.sign(content, b"k", b"signed.example", self.pem,
                         include_headers=[b"from", b"to", b"date"]) + content


def openssl(*words, text=b""):
    return subprocess.run(["openssl", *words], input=text, check=True,
                          capture_output=True).stdout


class Pending:
    """A message that was deferred, and when its retry is due."""

    def __init__(self, stack, reply, how):
        self.stack = stack
        self.how = how
        self.due = time.monotonic() + told(reply)

    def wait(self):
        time.sleep(max(0, self.due - time.monotonic()))

    def again(self, **changed):
        """The same message once more, when it is due."""
        self.wait()
        return self.stack.attempt(**{**self.how, **changed})


class GreyStack(Stack):
    """With `hosts` = 2 a second gatepostd with a state_dir of its own serves
    Postfix's second port, as on another host."""

    def __init__(self, folder, store, settings=None, hosts=1, **how):
        base = {**SETTINGS, "store": store, **(settings or {})}
        self.key = SigningKey()
        super().__init__(folder, {**ZONES, "signed.example": self.key.zone},
                         base, **how)
        self._base = dict(self.gatepost.settings), self.gatepost.config
        self.other = None
        if hosts == 2:
            self.other = Gatepost(self.folder / "other", self.dns.address,
                                  base, config=self.gatepost.config)
            self.postfix.second_milters = self.other.milter

    def start(self):
        if self.other:
            self.other.start()
        return super().start()

    def stop(self):
        try:
            super().stop()
        finally:
            if self.other:
                self.other.stop()

    def use(self, settings=None, config=""):
        """Restarts gatepostd with these besides its own, if need be."""
        base, own = self._base
        wanted = {**base, **(settings or {})}
        if (wanted, own + config) != (self.gatepost.settings,
                                      self.gatepost.config):
            self.gatepost.stop()
            self.gatepost.settings = wanted
            self.gatepost.config = own + config
            self.gatepost.start()

    def attempt(self, content=None, sender="", client="198.51.100.1",
                signed=False, host=1, **how):
        """Sends a doubtful message, or the content given."""
        content = content or doubtful(sender)
        port = self.postfix.port if host == 1 else self.postfix.second_port
        return send(port, self.key.sign(content) if signed else content,
                    sender=sender, client=client, **how)

    def first(self, **how):
        """A first try, which must be deferred."""
        return Pending(self, self.attempt(**how), how)
