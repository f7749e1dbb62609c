"""The demonstration: starts DNS, Postfix, Dovecot and Gatepost in a private
folder, sends the sample messages, shows each verdict and in which folder the
message is. Started by ./quickstart."""

import argparse
import base64
import os
import re
import shlex
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
from support import dovecot, ports  # noqa: E402
from support.folder import Folder  # noqa: E402
from support.gatepost import program  # noqa: E402
from support.mailhost import MailHost  # noqa: E402
from support.process import Failed  # noqa: E402
from support.signatures import copy_signatures  # noqa: E402
from support.stack import Stack, split  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
AUTHSERV_ID = "mx.gatepost.example"
# By default 300 s, which nobody would wait here.
GREYLIST_DELAY = "3s"
USER = "user"
SPAM = "Quarantine/Spam"
PLACE_COLOURS = {"INBOX": "green", "Junk": "yellow", SPAM: "red",
                 "the vault; in no mailbox": "red"}


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
        self.surprises = []
        self.told = None        # the record to be explained at the end
        self.http = ports.free_port()
        self.key, record = make_dkim_key(folder)
        self.lacking = dovecot.lacking()    # why there is no Dovecot
        self.landed = []        # (number and title, place) of each message
        self.spam = None        # the record of what is in Quarantine/Spam
        self.stack = self.new_stack(zones.zones(record), {
            "authserv_id": AUTHSERV_ID, "dmarc.enforce": "yes",
            "greylist.mode": "score", "greylist.delay": GREYLIST_DELAY,
            "http.listen": f"inet:127.0.0.1:{self.http}",
            "antivirus.engine": "libclamav",
            "antivirus.database": str(copy_signatures(folder / "clamav")),
            "attachments.enabled": "yes"})
        self.held = []          # ids of the messages in the vault
        self.stack.gatepost.settings["release.smtp"] = (
            f"inet:127.0.0.1:{self.stack.postfix.plain_port}")

    def new_stack(self, sample_zones, settings):
        if self.lacking:
            return Stack(self.folder, sample_zones, settings)
        # Without Sieve and quotas: what is filed is filed by the plugin.
        return MailHost(self.folder, sample_zones, settings, sieve=False,
                        quota=False)

    def start(self):
        if not self.lacking:
            self.stack.dovecot.add_user(USER)
        self.stack.start()
        dns, gatepost, postfix = (self.stack.dns, self.stack.gatepost,
                                  self.stack.postfix)
        show.row("DNS", f"127.0.0.1:{dns.port}  nsd with {len(dns.zones)} "
                        "sample zones")
        show.row("Gatepost", f"127.0.0.1:{gatepost.port}  its defaults, but "
                             "dmarc.enforce = yes and greylist.delay = "
                             f"{GREYLIST_DELAY}")
        show.row("Postfix", f"127.0.0.1:{postfix.port}  smtpd_milters = "
                            f"{gatepost.milter}")
        if self.lacking:
            show.row("Dovecot", f"none: {self.lacking}. Postfix delivers by "
                                "itself, and no message is filed.", "yellow")
        else:
            show.row("Dovecot", f"127.0.0.1:{self.stack.dovecot.imap_port}  "
                                "IMAP, with Gatepost's plugin; Postfix "
                                "delivers to it by LMTP")

    def stop(self):
        self.stack.stop()

    def send(self, number, letter):
        show.title(f"{number}. {letter.title}")
        name = letter.name or "no reverse name"
        show.row("from", f"{letter.sender}, client {letter.client} ({name})")
        reply, record = self.judge(number, letter,
                                   "greylist" if letter.deferred else
                                   letter.expected)
        if letter.deferred:
            self.wait(reply, record, letter)
            reply, record = self.judge(number, letter, letter.expected)
            self.told = record["id"]
        show.verdict(record)
        self.show_place(f"{number}. {letter.title}", reply, record, letter)
        if letter.note:
            show.row("note", letter.note)
        print(flush=True)

    def judge(self, number, letter, expected):
        reply, record = self.stack.judge(
            letter.message, sender=letter.sender, client=letter.client,
            name=letter.name, helo=letter.helo)
        show.row("SMTP", reply.text)
        self.shown.add(record["id"])
        if record["action"] != expected:
            self.surprises.append(f"message {number}: {expected} was "
                                  f"expected, not {record['action']}")
        return reply, record

    def wait(self, reply, record, letter):
        """Shows that it was deferred, and waits as long as it was told."""
        show.action(record)
        told = re.search(r"in (\d+) seconds", reply.text)
        seconds = int(told[1]) if told else 0
        show.row("retry", f"{seconds} s later, {letter.deferred}")
        sys.stdout.flush()
        time.sleep(seconds)

    def show_place(self, title, reply, record, letter):
        """Where the message is now, and the header fields of interest."""
        place, mail = "refused: the sender has it", None
        if record["vault"] == "held":
            self.held.append(record["id"])
            place = "the vault; in no mailbox"
        elif reply.code == 250 and self.lacking:
            place, mail = "delivered", self.stack.mail_of(reply)
        elif reply.code == 250:
            place, mail = self.stack.landed(USER, reply.queue_id)
        if place == SPAM:
            self.spam = self.told = record["id"]
        if mail and letter.show:
            self.show_fields(mail, letter)
        show.row("mailbox", place, PLACE_COLOURS.get(place))
        self.landed.append((title, place))

    def show_fields(self, mail, letter):
        """The header fields of interest as they were delivered."""
        found, _ = split(mail.replace(b"\r\n", b"\n"))
        for _, raw in found:
            field = raw.decode("utf-8", "replace")
            if field.startswith(letter.show):
                show.row("header", " ".join(field.split()))

    def command(self, *words):
        """A command line of ours that a person may type."""
        return shlex.join(map(str, (
            os.path.relpath(program("gatepost")), words[0], "-c",
            self.stack.gatepost.conf, "--set",
            f"state_dir={self.stack.gatepost.settings['state_dir']}",
            *words[1:])))

    def show_places(self):
        """A line for each message, once more."""
        if self.lacking:
            return
        show.title("Where each message is")
        print()
        for title, place in self.landed:
            show.entry(place, title.partition(":")[0],
                       PLACE_COLOURS.get(place))
        print(flush=True)

    def release_by_imap(self):
        """Moves what is in quarantine to INBOX, as its user would."""
        if not self.spam:
            return
        show.title("A user takes a message out of quarantine: any mail "
                   "program will do")
        print()
        client = self.stack.dovecot.imap(USER)
        client.select(SPAM)
        status, text = client._simple_command("MOVE", "1", "INBOX")
        client.logout()
        if status != "OK":
            raise Failed(f"IMAP MOVE: {text}")
        show.row("IMAP", f"SELECT {SPAM}")
        show.row("", "MOVE 1 INBOX")
        ports.wait_until(lambda: self.stack.opinions(self.spam), 10,
                         "Gatepost to hear of it")
        show.row("Gatepost", "has heard of it: see \"What users said\" below. "
                             "This sender's mail to this user is not deferred "
                             "any more")
        print(flush=True)

    def explain(self):
        """Tells the story of a message that was deferred or released."""
        said = []

        def recorded():
            done = self.stack.gatepost.run("explain", self.told)
            said[:] = [done.stdout + done.stderr]
            return done if done.returncode == 0 else None
        show.title("Why? gatepost explain tells, of every message that was "
                   "kept")
        print("\n   $ gatepost explain " + self.told + "\n")
        try:
            text = ports.wait_until(recorded, 10, "its record")
        except TimeoutError:
            raise Failed("gatepost explain: " + said[0]) from None
        for line in text.stdout.splitlines():
            print(("   " + line).rstrip())
        print(flush=True)

    def show_run(self, *words):
        """Runs a command of ours and shows it with what it says."""
        print("\n   $ gatepost " + " ".join(words) + "\n")
        sets = [word for name, value in self.stack.gatepost.settings.items()
                for word in ("--set", f"{name}={value}")]
        verb, *rest = words
        code, said = show.on_a_terminal(
            [program("gatepost"), verb, "-c", self.stack.gatepost.conf,
             *sets, *rest], show.width() - 3)
        if code != 0:
            raise Failed("gatepost " + " ".join(words) + ": " + said)
        for line in said.splitlines():
            print(("   " + line).rstrip())
        sys.stdout.flush()

    def delivered(self):
        """How many messages are in the mailbox."""
        if self.lacking:
            return self.stack.postfix.count_delivered()
        return sum(self.stack.dovecot.counts(USER).values())

    def show_vault(self):
        """What is held, and one of it released into delivery."""
        show.title("The vault: what was held, and how it is let go")
        self.show_run("quarantine", "list")
        before = self.delivered()
        self.show_run("quarantine", "release", self.held[-1])
        ports.wait_until(lambda: self.delivered() > before, 20, "delivery")
        show.row("mailbox", "it has been delivered, byte for byte")
        print(flush=True)

    def show_metrics(self):
        show.row("metrics", f"http://127.0.0.1:{self.http}/metrics  for "
                            "Prometheus")
        show.row("health", f"http://127.0.0.1:{self.http}/healthz")

    def show_own_place(self, record):
        if self.lacking or record["action"] not in ("accept", "tag"):
            return
        try:
            place, _ = self.stack.landed(USER, record["queue_id"], 5)
        except TimeoutError:
            place = f"in no folder of {USER}, the only user here"
        show.row("mailbox", place, PLACE_COLOURS.get(place))

    def follow(self):
        """Shows what Gatepost says about mail of the operator's own."""
        while True:
            for record in self.stack.gatepost.records():
                if record["id"] in self.shown:
                    continue
                self.shown.add(record["id"])
                show.title(f"Your message from {record['sender'] or '<>'}")
                show.row("queue id", record["queue_id"] or "none")
                show.verdict(record)
                self.show_own_place(record)
                print(flush=True)
            self.stack.gatepost.process.check()
            time.sleep(0.3)

    def say_what_next(self):
        port = self.stack.postfix.port
        send = os.path.relpath(TOP / "contrib/quickstart/send.py")
        show.title("Now mail of your own")
        print(f"""
   From another terminal, in this folder:

      {send} --port {port} --client 203.0.113.7 \\
          --from bob@example.net FILE

   sends the message in FILE as if it came from that client, to
   user@gatepost.example; its verdict appears here. Any other SMTP client
   will do: 127.0.0.1, port {port}. If the answer is "Greylisted", send it
   again as you are told.
""")
        show.row("logs", f"{self.stack.gatepost.log}")
        show.row("", f"{self.stack.postfix.log}")
        if self.lacking:
            show.row("mailbox", f"{self.folder}/postfix/mail/all/new")
        else:
            show.row("mailbox", f"IMAP at 127.0.0.1, port "
                                f"{self.stack.dovecot.imap_port}, without "
                                f"TLS; user {USER}, password "
                                f"{dovecot.PASSWORD}")
        show.row("explain", self.command("explain", "ID"))
        print("\nCtrl-C ends it and removes " + f"{self.folder}.\n",
              flush=True)


def run(demo, once):
    demo.start()
    print(flush=True)
    for number, letter in enumerate(messages.letters(demo.key, AUTHSERV_ID),
                                    1):
        demo.send(number, letter)
    for surprise in demo.surprises:
        print("quickstart: " + surprise, file=sys.stderr)
    demo.show_places()
    demo.show_vault()
    demo.release_by_imap()
    demo.explain()
    demo.show_metrics()
    print(flush=True)
    if not once:
        demo.say_what_next()
        demo.follow()
    return 1 if demo.surprises else 0


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    code = 1
    with Folder("gatepost-quickstart.") as folder:
        demo = Demo(folder)
        try:
            code = run(demo, options.once)
        except KeyboardInterrupt:
            print("\nStopping.")
            code = 130 if options.once else 0
        except (Failed, TimeoutError, OSError) as error:
            print(f"quickstart: {error}", file=sys.stderr)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            demo.stop()
    sys.exit(code)


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    main()
