"""DNS, Gatepost and Postfix together, as a host would run them."""

import re
from pathlib import Path

from support import ports
from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.postfix import Postfix
from support.smtp import send

# Nothing else exists: the root of all names is served too.
ROOT = "test.invalid. A 127.0.0.1"


class Stack:
    """zones: as DnsServer takes them; dns: another server's address; unix:
    Postfix's port talks to a unix socket, second_port over TCP."""

    def __init__(self, folder, zones=None, settings=None, config="",
                 postfix=None, dns=None, unix=False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.dns = None
        if dns is None:
            self.dns = DnsServer(self.folder / "dns",
                                 {**(zones or {}), ".": ROOT})
            dns = self.dns.address
        self.gatepost = Gatepost(self.folder / "gatepost", dns, settings,
                                 config=config)
        over_tcp = milter = self.gatepost.milter
        if unix:
            milter = f"unix:{self.folder}/gatepost/run/milter.sock"
            self.gatepost.listen.append(milter)
        self.postfix = Postfix(self.folder / "postfix", milter,
                               settings=postfix, second_milters=over_tcp)

    def start(self):
        try:
            if self.dns:
                self.dns.start()
            self.gatepost.start()
            self.postfix.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        self.postfix.stop()
        try:
            self.gatepost.stop()
        finally:
            if self.dns:
                self.dns.stop()

    def send(self, message, **how):
        return send(self.postfix.port, message, **how)

    def judge(self, message, **how):
        """Sends a message; returns the SMTP reply and the record."""
        reply = self.send(message, **how)
        return reply, self.record_of(reply)

    def record_of(self, reply):
        """The record whose queue id or id the SMTP reply names."""
        words = set(re.findall(r"[\w.-]*\w", reply.text))

        def find():
            for record in self.gatepost.records():
                if {record.get("id"), record.get("queue_id")} & words:
                    return record
            return None
        return ports.wait_until(find, 20, "the record of: " + reply.text)

    def mail_of(self, reply, timeout=20):
        """The delivered message whose queue id the SMTP reply names."""
        mark = re.compile(rb"\(Postfix\) with \S+ id "
                          + reply.queue_id.encode() + rb"\b")

        def find():
            return next((mail for mail in self.postfix.delivered()
                         if mark.search(mail)), None)
        return ports.wait_until(find, timeout, "delivery of " + reply.text)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def split(mail):
    """Header fields as (name, raw bytes) pairs, and the body."""
    head, separator, body = mail.partition(b"\n\n")
    fields = []
    for line in head.split(b"\n"):
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1] += b"\n" + line
        else:
            fields.append(line)
    return ([(field.partition(b":")[0].decode("latin-1").lower(), field)
             for field in fields], separator + body)


def fields(mail, name):
    """The unfolded values of all fields of that name."""
    found = []
    for known, raw in split(mail)[0]:
        if known == name.lower():
            value = raw.partition(b":")[2].decode("utf-8", "replace")
            found.append(re.sub(r"\s+", " ", value).strip())
    return found
