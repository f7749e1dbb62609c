"""The demonstration: starts DNS, Postfix and Gatepost in a private folder,
sends the sample messages and shows each verdict. Started by ./quickstart."""

import argparse
import base64
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent),
                str(Path(__file__).parents[2] / "tests")]

import messages  # noqa: E402
import show  # noqa: E402
import zones  # noqa: E402
from support import ports, smtp  # noqa: E402
from support.dnsserver import DnsServer  # noqa: E402
from support.folder import Folder  # noqa: E402
from support.gatepost import Gatepost  # noqa: E402
from support.postfix import Postfix  # noqa: E402
from support.process import Failed  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
AUTHSERV_ID = "mx.gatepost.example"


def make_dkim_key(folder):
    """A fresh RSA key: its PEM text and the record that publishes it."""
    pem = subprocess.run(["openssl", "genrsa", "2048"], check=True,
                         capture_output=True).stdout
    (folder / "dkim.pem").write_bytes(pem)
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem,
        check=True, capture_output=True).stdout
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.shown = set()
        self.key, record = make_dkim_key(folder)
        self.dns = DnsServer(folder / "dns", zones.zones(record))
        self.gatepost = Gatepost(folder / "gatepost", self.dns.address, {
            "authserv_id": AUTHSERV_ID, "dmarc.enforce": "yes"})
        self.postfix = Postfix(folder / "postfix", self.gatepost.milter)

    def start(self):
        self.dns.start()
        self.gatepost.start()
        self.postfix.start()
        show.row("DNS", f"nsd with {len(self.dns.zones)} sample zones on "
                        f"127.0.0.1:{self.dns.port}")
        show.row("Gatepost", f"on 127.0.0.1:{self.gatepost.port}, its "
                             "defaults and dmarc.enforce = yes")
        show.row("Postfix", f"on 127.0.0.1:{self.postfix.port}, smtpd_milters "
                            f"= {self.gatepost.milter}")

    def stop(self):
        for service in (self.postfix, self.gatepost, self.dns):
            try:
                service.stop()
            except (Failed, OSError) as error:
                print(error, file=sys.stderr)

    def record_of(self, reply):
        """The record whose id or queue id the SMTP reply names."""
        def find():
            for record in self.gatepost.records():
                names = {record.get("id"), record.get("queue_id")} - {None, ""}
                if names & set(re.findall(r"[\w.-]*\w", reply.text)):
                    return record
            return None
        return ports.wait_until(find, 10, "the verdict of: " + reply.text)

    def send(self, number, letter):
        before = self.postfix.count_delivered()
        show.title(f"{number}. {letter.title}")
        name = f" ({letter.name})" if letter.name else " (no reverse name)"
        show.row("from", f"{letter.sender}, client {letter.client}{name}")
        reply = smtp.send(self.postfix.port, letter.message, letter.sender,
                          client=letter.client, name=letter.name,
                          helo=letter.helo)
        show.row("SMTP", reply.text)
        record = self.record_of(reply)
        self.shown.add(record["id"])
        show.verdict(record)
        if reply.code == 250 and letter.show:
            self.show_fields(before, letter)
        print()
        return reply

    def show_fields(self, before, letter):
        """The header fields of interest as they were delivered."""
        message = self.postfix.wait_delivered(before + 1)[-1]
        head = message.split(b"\n\n")[0].decode("utf-8", "replace")
        for field in re.split(r"\n(?![ \t])", head):
            if field.startswith(letter.show):
                show.row("header", " ".join(field.split()))

    def follow(self):
        """Shows what Gatepost says about mail of the operator's own."""
        while True:
            for record in self.gatepost.records():
                if record["id"] in self.shown:
                    continue
                self.shown.add(record["id"])
                show.title("Your message, queue id "
                           + (record.get("queue_id") or "none"))
                show.verdict(record)
                print(flush=True)
            self.gatepost.process.check()
            time.sleep(0.3)

    def say_what_next(self):
        here = os.path.relpath(TOP / "contrib/quickstart/send.py")
        print("Now yours. In another terminal, as any user:\n\n"
              f"    {here} --port {self.postfix.port} "
              "--client 203.0.113.7 --from you@example.net FILE\n\n"
              "sends the message in FILE as if that client did, to "
              "user@gatepost.example;\nthe verdict appears here. Any other "
              f"SMTP client will do: port {self.postfix.port}.\n")
        show.row("logs", f"{self.gatepost.log}")
        show.row("", f"{self.postfix.log}")
        show.row("mailbox", f"{self.folder}/postfix/mail/all/new")
        print("\nCtrl-C ends it and removes the folder.\n", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = Folder("gatepost-quickstart.")
    demo = Demo(folder.path)
    try:
        demo.start()
        print()
        for number, letter in enumerate(
                messages.letters(demo.key, AUTHSERV_ID), 1):
            demo.send(number, letter)
        if not options.once:
            demo.say_what_next()
            demo.follow()
    except KeyboardInterrupt:
        print("\nStopping.")
    finally:
        demo.stop()
        folder.remove()


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    main()
