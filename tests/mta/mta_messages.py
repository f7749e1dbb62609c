"""The senders that the DNS of the tests knows, and messages of theirs."""

ZONES = {
    "clean.example": """
@ A 192.0.2.10
@ MX 10 mail
mail A 192.0.2.10
@ TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc TXT "v=DMARC1; p=reject"
""",
    # No DMARC: SPF alone speaks.
    "spf.example": """
@ A 192.0.2.20
@ MX 10 @
@ TXT "v=spf1 ip4:192.0.2.20 -all"
""",
    "strict.example": """
@ A 192.0.2.30
@ MX 10 @
@ TXT "v=spf1 ip4:192.0.2.30 -all"
_dmarc TXT "v=DMARC1; p=reject"
""",
}

SETTINGS = {
    "dmarc.enforce": "yes",
    # One failure lifts a message into the add_header band, not above it.
    "score.SPF_FAIL": "8",
    "actions.quarantine": "off",
    "actions.reject": "30",
}

CLEAN = {"sender": "alice@clean.example", "client": "192.0.2.10",
         "name": "mail.clean.example", "helo": "mail.clean.example"}
TAGGED = {"sender": "bob@spf.example", "client": "198.51.100.1",
          "helo": "client.spf.example"}
REFUSED = {"sender": "eve@strict.example", "client": "198.51.100.2",
           "helo": "client.strict.example"}


def message(sender, *more, body="Hello\n"):
    """A message with all the fields that a decent one has."""
    lines = [f"From: <{sender}>", "To: <user@gatepost.example>",
             "Subject: test", "Date: Sun, 22 Nov 2026 10:00:00 +0000",
             f"Message-ID: <1@{sender.partition('@')[2]}>", *more]
    return ("\n".join(lines) + "\n\n" + body).encode()
