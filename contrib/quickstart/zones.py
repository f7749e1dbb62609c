"""The DNS that the demonstration sees. Names and addresses are those set
aside for examples (RFC 2606, RFC 5737), so none of them is anybody's."""

# What the sample DNS server knows of the senders.
SENDERS = {
    # A company that does everything right.
    "example.org": """
        @ A 192.0.2.10
        @ MX 10 mail
        mail A 192.0.2.10
        @ TXT "v=spf1 ip4:192.0.2.10 -all"
        _dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.org"
        demo._domainkey TXT {dkim_key}
        """,
    # A bank whose name others like to use.
    "bank.example": """
        @ A 192.0.2.20
        @ MX 10 mail
        mail A 192.0.2.20
        @ TXT "v=spf1 ip4:192.0.2.20 -all"
        _dmarc TXT "v=DMARC1; p=reject"
        """,
    # A shop that wants forged mail to be marked, not refused.
    "shop.example": """
        @ A 192.0.2.30
        @ MX 10 mail
        mail A 192.0.2.30
        @ TXT "v=spf1 ip4:192.0.2.30 -all"
        _dmarc TXT "v=DMARC1; p=quarantine"
        """,
    # A small company whose mail program forgets what it should write.
    "example.com": """
        @ A 198.51.100.20
        @ MX 10 orders
        orders A 198.51.100.20
        """,
    # The domain of a host that a block list knows.
    "example.net": """
        @ A 203.0.113.7
        @ MX 10 @
        dialup A 203.0.113.7
        @ TXT "v=spf1 ip4:203.0.113.7 -all"
        """,
}


def reverse(address):
    return ".".join(reversed(address.split(".")))


def quoted(text):
    """A TXT value in strings of at most 250 bytes."""
    parts = [text[i:i + 250] for i in range(0, len(text), 250)]
    return "( " + " ".join(f'"{part}"' for part in parts) + " )"


def unindent(text):
    return "\n".join(line.strip() for line in text.splitlines())


# The DNS lists that Gatepost asks by default, each with the entry by which
# it is tested at start. Two hosts are listed here, and nobody else.
LISTS = {
    "zen.spamhaus.org": [reverse("127.0.0.2") + " A 127.0.0.2",
                         reverse("203.0.113.7") + " A 127.0.0.4",
                         reverse("203.0.113.8") + " A 127.0.0.4"],
    "rep.mailspike.net": [reverse("127.0.0.2") + " A 127.0.0.10"],
    "list.dnswl.org": [reverse("127.0.0.2") + " A 127.0.5.0"],
    "dwl.dnswl.org": [],
    "dbl.spamhaus.org": ["dbltest.com A 127.0.1.2"],
    "multi.surbl.org": ["surbl-org-permanent-test-point.com A 127.0.0.126"],
    "multi.uribl.com": ["test.uribl.com A 127.0.0.14"],
}


def zones(dkim_key):
    """All zones of the sample server."""
    found = {origin: unindent(text).format(dkim_key=quoted(dkim_key))
             for origin, text in SENDERS.items()}
    found.update((name, "\n".join(entries))
                 for name, entries in LISTS.items())
    # Whatever else is asked for does not exist.
    found["."] = "test.invalid. A 127.0.0.1"
    return found
