"""The signed verdict header, sealed as common/verdict/seal.c does it."""

import hashlib
import hmac
import re
import secrets
import time


def write_key(path):
    """A new key in the file `path`, as the milter makes it."""
    key = secrets.token_bytes(32)
    path.write_text(key.hex() + "\n")
    path.chmod(0o644)
    return key


def _without_blanks(text):
    return re.sub(rb"[ \t\r\n]", b"", text)


def verdict(key, message_id, sender, *, action="accept", kind="clean",
            score=0.0, age=0, record="01testrecord"):
    """The header field for a message with that Message-ID and From."""
    text = (f"v=1; id={record}; class={kind}; action={action}; "
            f"score={score:.2f}; t={int(time.time() - age)};")
    sealed = b"".join(_without_blanks(part.encode()) + b"\n"
                      for part in (text, message_id, sender))
    mac = hmac.new(key, sealed, hashlib.sha256).hexdigest()
    return f"X-Gatepost-Verdict: {text}\n\ts={mac}\n"
