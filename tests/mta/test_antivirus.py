"""Viruses through a real Postfix, the real scanner and the vault."""

import base64
import gzip
import io
import shutil
import tarfile
import zipfile
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from mta_messages import CLEAN, SETTINGS, ZONES
from support.clamd import EICAR
from support.folder import Folder
from support.signatures import copy_signatures
from support.stack import Stack

TESTFILES = Path("/usr/share/clamav-testfiles")


@pytest.fixture(scope="module")
def signatures():
    with Folder() as folder:
        yield copy_signatures(folder)


@pytest.fixture(scope="module")
def scanning(signatures):
    with Folder() as folder, Stack(folder, ZONES, {
            **SETTINGS, "antivirus.engine": "libclamav",
            "attachments.enabled": "yes",
            "antivirus.database": str(signatures),
            "scanner.watch": "200ms"}) as running:
        yield running


def mail(data=b"", name="file.bin", subtype="octet-stream"):
    """A message with that attachment, as bytes with CRLF."""
    whole = MIMEMultipart()
    whole["From"] = CLEAN["sender"]
    whole["Message-ID"] = f"<{name}@spf.example>"
    whole["Subject"] = name
    whole.attach(MIMEText("Hello\n"))
    part = MIMEApplication(data, subtype)
    part.add_header("Content-Disposition", "attachment", filename=name)
    whole.attach(part)
    return whole.as_bytes().replace(b"\n", b"\r\n")


def zipped(*files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def test_eicar_is_held_and_not_delivered(scanning):
    before = scanning.postfix.count_delivered()
    message = mail(EICAR, "eicar.com")
    reply, record = scanning.judge(message, **CLEAN)
    assert reply.code == 250
    assert record["action"] == "quarantine"
    assert record["cause"] == record["class"] == "virus"
    assert record["antivirus"]["result"] == "infected"
    assert "EICAR" in record["antivirus"]["name"]
    assert record["vault"] == "held"
    (file,) = scanning.gatepost.folder.glob(f"state/vault/??/{record['id']}.*")
    assert file.read_bytes().endswith(message)
    assert scanning.postfix.count_delivered() == before


def test_a_clean_message_passes(scanning):
    reply, record = scanning.judge(mail(b"nothing bad", "a.txt"), **CLEAN)
    assert reply.code == 250
    assert record["action"] == "accept"
    assert record["antivirus"]["result"] == "clean"
    assert [part["name"] for part in record["parts"]] == [None, "a.txt"]


@pytest.mark.parametrize("name", sorted(
    file.name for file in TESTFILES.iterdir()))
def test_clamav_testfiles_are_held(scanning, name):
    message = mail((TESTFILES / name).read_bytes(), name)
    reply, record = scanning.judge(message, **CLEAN)
    # It has more archives in each other than scanner.recursion lets be.
    if name == "clam_cache_emax.tgz":
        assert reply.code == 451
        assert record["antivirus"]["result"] == "unscanned"
        reply, record = scanning.judge(message, **CLEAN)
        assert record["class"] == "unscanned"
    assert reply.code == 250, reply
    assert record["action"] == "quarantine", record["antivirus"]
    assert record["vault"] == "held"
