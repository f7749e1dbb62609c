#!/usr/bin/python3
"""Makes the benchmark's labelled message set and the DNS zone to it.

usage: messages.py FOLDER [--count N] [--domains N] [--seed N]

FOLDER gets `index` (see mailset.h), one file per message, and `zone`, a
root zone for an authoritative server. The seed fixes everything but the
keys and the dates. About half the messages carry DKIM signatures.
"""

import argparse
import email.utils
import pathlib
import random
import time

import dkimsign
import mailtext
import senders

RECIPIENTS = [f"user{i}@bench.example" for i in range(40)]
SIGNED_FIELDS = ["from", "to", "subject", "date", "message-id",
                 "mime-version", "content-type"]

# class, share in per cent, how it is made
CLASSES = [
    ("ham-signed", 38, "signed"),       # own signature, aligned
    ("ham-plain", 27, "plain"),         # SPF only
    ("ham-list", 5, "list"),            # list's envelope and signature
    ("ham-forwarded", 4, "forwarded"),  # SPF fails, the signature holds
    ("ham-broken", 2, "broken"),        # body changed under the signature
    ("spam-listed", 12, "listed"),      # bot on a listed address
    ("spam-signed", 6, "spam_signed"),  # signed by a listed domain
    ("spam-forged", 6, "forged"),       # a brand's name, p=reject
]


class Maker:
    def __init__(self, rng, world, now):
        self.rng, self.world, self.now = rng, world, now
        weights = [1 / (i + 3) for i in range(len(world.domains))]
        self.weights = weights

    def pick_domain(self):
        return self.rng.choices(self.world.domains, self.weights)[0]

    def client_of(self, sender):
        return self.rng.choice((sender.provider or sender).clients)

    def size(self):
        return min(40000, max(1000, int(self.rng.lognormvariate(7.85, 0.85))))

    def compose(self, author, spam, extra=()):
        """A message of ours as bytes, unsigned, with CRLF line ends."""
        rng = self.rng
        date = email.utils.formatdate(self.now - rng.randrange(3600))
        who = rng.choice(mailtext.WORDS)
        name = f"{who} {rng.choice(mailtext.WORDS)}".title()
        fields = [
            ("Received", f"from [10.0.{rng.randrange(256)}."
             f"{rng.randrange(1, 255)}] (unknown)\r\n\tby mail.{author} "
             f"(Postfix) with ESMTPSA id {rng.getrandbits(40):010X};\r\n"
             f"\t{date}"),
            ("Date", date),
            ("From", f'"{name}" <{who}@{author}>'),
            ("To", rng.choice(RECIPIENTS)),
            ("Subject", mailtext.subject(rng, spam)),
            ("Message-ID", f"<{rng.getrandbits(64):016x}@{author}>"),
            ("MIME-Version", "1.0"),
            *extra,
        ]
        more, body = mailtext.body(rng, max(300, self.size() - 900), author,
                                   spam)
        fields += more
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{head}\r\n{body}".encode()

    def sign(self, message, sender):
        canon = self.rng.choices(
            [("relaxed", "relaxed"), ("relaxed", "simple"),
             ("simple", "simple")], [85, 12, 3])[0]
        return dkimsign.sign(message, sender.name, sender.selector,
                             sender.key, SIGNED_FIELDS, canon)

    # One method per kind: (client, helo, [(envelope sender, message)]).

    def signed(self, count):
        domain = self.pick_domain()
        client = self.client_of(domain)

        def one():
            message = self.sign(self.compose(domain.name, False), domain)
            if domain.provider and self.rng.random() < 0.2:
                message = self.sign(message, domain.provider)
            return f"bounce@{domain.name}", message
        return client, client[1], [one() for _ in range(count)]

    def plain(self, count):
        domain = self.pick_domain()
        client = self.client_of(domain)
        return client, client[1], [
            (f"post@{domain.name}", self.compose(domain.name, False))
            for _ in range(count)]

    def list(self, count):
        author, host = self.pick_domain(), self.pick_domain()
        client = self.client_of(host)
        extra = [("List-Id", f"<talk.{host.name}>"),
                 ("List-Unsubscribe", f"<mailto:talk-leave@{host.name}>"),
                 ("Precedence", "list")]
        return client, client[1], [
            (f"talk-bounces@{host.name}",
             self.sign(self.compose(author.name, False, extra), host))
            for _ in range(count)]

    def forwarded(self, count):
        client, helo, mails = self.signed(count)
        forwarder = self.rng.choice(self.world.providers)
        client = self.rng.choice(forwarder.clients)
        return client, client[1], mails

    def broken(self, count):
        client, helo, mails = self.signed(count)
        return client, helo, [(sender, message + b"-- \r\nfooter\r\n")
                              for sender, message in mails]

    def listed(self, count):
        client = self.rng.choice(self.world.bots)
        sender = self.rng.choice(self.world.spammers)
        helo = self.rng.choice(["localhost", f"[{client[0]}]", "user-pc",
                                f"mail.{sender.name}"])
        return client, helo, [
            (f"win@{sender.name}", self.compose(sender.name, True))
            for _ in range(count)]

    def spam_signed(self, count):
        sender = self.rng.choice([s for s in self.world.spammers if s.key])
        client = self.client_of(sender)
        return client, client[1], [
            (f"news@{sender.name}",
             self.sign(self.compose(sender.name, True), sender))
            for _ in range(count)]

    def forged(self, count):
        brand = self.rng.choice(self.world.brands)
        client = self.rng.choice(self.world.bots)
        return client, f"mail.{brand.name}", [
            (f"service@{brand.name}", self.compose(brand.name, True))
            for _ in range(count)]


def visit_length(rng):
    """Most clients send one message per session, some send several."""
    return rng.choices([1, 2, 3, 5], [70, 18, 8, 4])[0]


def make(folder, count, domains, seed):
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    world = senders.World(rng, domains)
    maker = Maker(rng, world, int(time.time()))
    shares = [share for _, share, _ in CLASSES]
    lines, visit = [], 0
    while len(lines) < count:
        label, _, kind = rng.choices(CLASSES, shares)[0]
        (address, host), helo, mails = getattr(maker, kind)(visit_length(rng))
        for sender, message in mails:
            name = f"{len(lines):05d}.eml"
            (folder / name).write_bytes(message)
            rcpts = ",".join(rng.sample(RECIPIENTS,
                                        rng.choices([1, 2, 4],
                                                    [85, 10, 5])[0]))
            lines.append("\t".join([str(visit), label, address, host, helo,
                                    sender, rcpts, name]))
        visit += 1
    world.zone.write(folder / "zone")
    (folder / "index").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--domains", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make(args.folder, args.count, args.domains, args.seed)


if __name__ == "__main__":
    main()
