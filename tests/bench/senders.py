"""The made-up senders of the benchmark and the DNS zone that knows them.

Some hundred domains with SPF, DKIM and DMARC records, a few mail providers
that many of them include, spammers on listed addresses, and the DNS lists.
All names are below .example; the zone is written as the root, so one server
answers every question, with NXDOMAIN for what is not here.
"""

import base64
import concurrent.futures
import ipaddress

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

SYLLABLES = "ar bel cor dan el fin gor hal is jun kel lor mar nor ol per " \
            "quin ros sol tan ul ver wes yor zan".split()
TRADES = "bank books cafe cloud craft data dental farm fleet foods garage " \
         "hotel labs law mail media motors music news pharma post press " \
         "school shop sport tools travel works".split()

# Address lists and the answer for a listed client; domain lists likewise,
# with the name that each keeps listed as a test.
ADDRESS_LISTS = {
    "zen.spamhaus.org": "127.0.0.4",
    "bl.spameatingmonkey.net": "127.0.0.2",
    "bl.blocklist.de": "127.0.0.9",
    "rep.mailspike.net": "127.0.0.11",
    "bip.virusfree.cz": "127.0.0.2",
}
QUIET_ADDRESS_LISTS = ["ix.dnsbl.manitu.net", "bl.score.senderscore.com",
                       "bl.ipv6.spameatingmonkey.net", "b.barracudacentral.org",
                       "bl.spamcop.net", "psbl.surriel.com"]
WELCOME_LIST = "list.dnswl.org"
DOMAIN_LISTS = {
    "dbl.spamhaus.org": ("127.0.1.2", "dbltest.com"),
    "multi.surbl.org": ("127.0.0.64", "surbl-org-permanent-test-point.com"),
    "multi.uribl.com": ("127.0.0.2", "test.uribl.com"),
}
QUIET_DOMAIN_LISTS = ["uribl.spameatingmonkey.net", "dwl.dnswl.org",
                      "fresh15.spameatingmonkey.net"]


class Sender:
    """A domain: where its mail comes from and how it signs."""

    def __init__(self, name):
        self.name = name
        self.selector = "s1"
        self.key = None         # of the cryptography library
        self.provider = None    # mail goes out through this Sender
        self.clients = []       # (address, host name or "unknown")
        self.policy = None      # DMARC p=


class Zone:
    def __init__(self):
        self.lines = []

    def add(self, name, kind, data, ttl=3600):
        self.lines.append(f"{name}. {ttl} IN {kind} {data}")

    def text(self, name, text):
        pieces = [text[i:i + 250] for i in range(0, len(text), 250)]
        self.add(name, "TXT", " ".join(f'"{piece}"' for piece in pieces))

    def write(self, path):
        head = [". 3600 IN SOA ns.bench.example. root.bench.example. "
                "1 3600 600 86400 300",
                ". 3600 IN NS ns.bench.example.",
                "ns.bench.example. 3600 IN A 127.0.0.1"]
        path.write_text("\n".join(head + self.lines) + "\n")


def rsa_keys(count):
    """Keys are what making a set takes its time for: two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from pool.map(
            lambda _: rsa.generate_private_key(65537, 2048), range(count))


def reverse(address):
    """The reversed labels that a list or reverse zone is asked for."""
    pointer = ipaddress.ip_address(address).reverse_pointer
    return pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


class World:
    def __init__(self, rng, domains, providers=16, spammers=40):
        self.rng = rng
        self.zone = Zone()
        self.names = set()
        self.addresses = iter(self._addresses())
        self.rsa_keys = rsa_keys(domains + providers + spammers)
        self.providers = [self._provider() for _ in range(providers)]
        self.domains = [self._domain(i) for i in range(domains)]
        self.spammers = [self._spammer(i) for i in range(spammers)]
        self.brands = [d for d in self.domains if d.policy == "reject"]
        self.bots = [self._client("unknown") for _ in range(300)]
        for address, _ in self.bots:
            self._list(address, 0.8)
        self._test_points()

    def _addresses(self):
        """Addresses that no filter takes for private; spread over nets."""
        nets = list(range(20, 220))
        self.rng.shuffle(nets)
        for host in range(1, 255):
            for net in nets:
                yield f"185.{net}.{(net * 7 + host) % 256}.{host}"

    def _name(self, suffix):
        while True:
            name = "".join(self.rng.choice(SYLLABLES)
                           for _ in range(self.rng.randint(2, 3)))
            name = f"{name}-{self.rng.choice(TRADES)}.{suffix}"
            if name not in self.names:
                self.names.add(name)
                return name

    def _client(self, host):
        address = next(self.addresses)
        if host != "unknown":
            self.zone.add(f"{reverse(address)}.in-addr.arpa", "PTR",
                          f"{host}.")
            self.zone.add(host, "A", address)
        return address, host

    def _key(self, sender, ed25519_share):
        if self.rng.random() < ed25519_share:
            sender.key = ed25519.Ed25519PrivateKey.generate()
            public = sender.key.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            kind = "ed25519"
        else:
            sender.key = next(self.rsa_keys)
            public = sender.key.public_key().public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo)
            kind = "rsa"
        self.zone.text(f"{sender.selector}._domainkey.{sender.name}",
                       f"v=DKIM1; k={kind}; "
                       f"p={base64.b64encode(public).decode()}")

    def _mail_hosts(self, sender, count):
        for i in range(count):
            sender.clients.append(self._client(f"out{i + 1}.{sender.name}"))
        self.zone.add(sender.name, "MX", f"10 mx1.{sender.name}.")
        self.zone.add(f"mx1.{sender.name}", "A", next(self.addresses))
        self.zone.add(sender.name, "A", next(self.addresses))
        self.zone.add(f"www.{sender.name}", "A", next(self.addresses))

    def _provider(self):
        sender = Sender(self._name("net.example"))
        self._mail_hosts(sender, 12)
        self._key(sender, 0)
        half = len(sender.clients) // 2
        for i, part in enumerate((sender.clients[:half],
                                  sender.clients[half:])):
            networks = " ".join(f"ip4:{address}" for address, _ in part)
            self.zone.text(f"_spf{i}.{sender.name}", f"v=spf1 {networks} ~all")
        self.zone.text(sender.name, f"v=spf1 include:_spf0.{sender.name} "
                                    f"include:_spf1.{sender.name} -all")
        self.zone.text(f"_dmarc.{sender.name}", "v=DMARC1; p=none")
        for address, _ in sender.clients:
            self.zone.add(f"{reverse(address)}.{WELCOME_LIST}", "A",
                          "127.0.3.2")
        return sender

    def _domain(self, index):
        sender = Sender(self._name(("example", "co.example")[index % 4 == 3]))
        sender.policy = (None, "none", "none", "quarantine",
                         "reject")[index % 5]
        if self.rng.random() < 0.6:
            sender.provider = self.rng.choice(self.providers)
            spf = f"v=spf1 include:{sender.provider.name} " \
                  f"ip4:{next(self.addresses)} -all"
            self._mail_hosts(sender, 0)
        else:
            self._mail_hosts(sender, self.rng.randint(1, 3))
            networks = " ".join(f"ip4:{address}"
                                for address, _ in sender.clients)
            spf = self.rng.choice(("v=spf1 mx a:out1.{0} a:out2.{0} {1} -all",
                                   "v=spf1 mx {1} ~all",
                                   "v=spf1 a mx {1} -all")).format(
                sender.name, networks)
        self.zone.text(sender.name, spf)
        if sender.policy:
            self.zone.text(f"_dmarc.{sender.name}",
                           f"v=DMARC1; p={sender.policy}; "
                           f"rua=mailto:dmarc@{sender.name}")
        self._key(sender, 0.08)
        return sender

    def _spammer(self, index):
        sender = Sender(self._name("example"))
        self._mail_hosts(sender, 4)
        self.zone.text(sender.name, "v=spf1 " + " ".join(
            f"ip4:{address}" for address, _ in sender.clients) + " ~all")
        if index % 2 == 0:
            self._key(sender, 0)
        for address, _ in sender.clients:
            self._list(address, 0.5)
        for zone, (answer, _) in DOMAIN_LISTS.items():
            if self.rng.random() < 0.5:
                self.zone.add(f"{sender.name}.{zone}", "A", answer, 300)
        return sender

    def _list(self, address, share):
        for zone, answer in ADDRESS_LISTS.items():
            if self.rng.random() < share:
                self.zone.add(f"{reverse(address)}.{zone}", "A", answer, 300)

    def _test_points(self):
        """RFC 5782: what must be listed, so that no filter drops a list."""
        for zone in [*ADDRESS_LISTS, *QUIET_ADDRESS_LISTS, WELCOME_LIST]:
            self.zone.add(f"2.0.0.127.{zone}", "A", "127.0.0.2", 300)
            self.zone.add(f"{reverse('::ffff:7f00:2')}.{zone}", "A",
                          "127.0.0.2", 300)
        for zone, (answer, name) in DOMAIN_LISTS.items():
            self.zone.add(f"{name}.{zone}", "A", answer, 300)
        for zone in [*DOMAIN_LISTS, *QUIET_DOMAIN_LISTS]:
            self.zone.add(f"test.{zone}", "A", "127.0.0.2", 300)
            self.zone.add(f"2.0.0.127.{zone}", "A", "127.0.0.2", 300)
