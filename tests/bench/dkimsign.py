"""DKIM signing (RFC 6376, RFC 8463) for messages that we made ourselves:
CRLF line ends, no odd headers. On the OpenSSL-backed library, since a pure
Python signer would take minutes for the set.
"""

import base64
import hashlib
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def _relaxed_field(name, value):
    value = re.sub(rb"[ \t\r\n]+", b" ", value).strip()
    return name.lower().strip() + b":" + value


def _field(canon, name, value):
    if canon == "relaxed":
        return _relaxed_field(name, value)
    return name + b":" + value


def _body(canon, body):
    if canon == "relaxed":
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb" \r\n", b"\r\n", body)
    body = re.sub(rb"(\r\n)+$", b"", body)
    return body + b"\r\n" if body or canon == "simple" else b""


def _fields(head):
    """(name, value) of each field, value with the space after the colon."""
    unfolded = re.split(rb"\r\n(?![ \t])", head)
    return [tuple(field.split(b":", 1)) for field in unfolded]


def sign(message, domain, selector, key, names, canon=("relaxed", "relaxed")):
    """The message with a DKIM-Signature field on top of it."""
    head, body = message.split(b"\r\n\r\n", 1)
    is_rsa = hasattr(key, "key_size")
    present = {name.lower(): (name, value) for name, value in _fields(head)}
    signed = [name for name in names if name.encode() in present]
    digest = hashlib.sha256(_body(canon[1], body)).digest()
    value = (f" v=1; a={'rsa' if is_rsa else 'ed25519'}-sha256; "
             f"c={canon[0]}/{canon[1]};\r\n"
             f"\td={domain}; s={selector};\r\n"
             f"\th={':'.join(signed)};\r\n"
             f"\tbh={base64.b64encode(digest).decode()};\r\n\tb=").encode()
    data = b"".join(_field(canon[0], *present[name.encode()]) + b"\r\n"
                    for name in signed)
    data += _field(canon[0], b"DKIM-Signature", value)
    if is_rsa:
        raw = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    else:
        raw = key.sign(hashlib.sha256(data).digest())
    text = base64.b64encode(raw).decode()
    lines = [text[i:i + 70] for i in range(0, len(text), 70)]
    return b"DKIM-Signature:" + value + "\r\n\t ".join(lines).encode() + \
        b"\r\n" + message
