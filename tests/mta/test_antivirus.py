"""Viruses through a real Postfix, the real scanner and the vault."""

import base64
import concurrent.futures
import gzip
import io
import json
import os
import re
import tarfile
import zipfile
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from mta_messages import CLEAN, SETTINGS, ZONES
from support import ports
from support.clamd import EICAR
from support.folder import Folder
from support.gatepost import TOP
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


# ---- what is hidden ----

def rfc822(data):
    inner = MIMEMultipart()
    inner["Subject"] = "inner"
    part = MIMEApplication(data)
    part.add_header("Content-Disposition", "attachment", filename="x.bin")
    inner.attach(part)
    whole = MIMEMultipart()
    whole["From"] = CLEAN["sender"]
    whole.attach(MIMEMessage(inner))
    return whole.as_bytes().replace(b"\n", b"\r\n")


def tarred(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def raw_part(body, *fields):
    """A part written by hand, with whatever fields."""
    return ("From: " + CLEAN["sender"] + "\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            + "".join(field + "\r\n" for field in fields) + "\r\n"
            ).encode() + body + b"\r\n--b--\r\n"


CODED = base64.b64encode(EICAR)
HIDDEN = {
    "zipped": mail(zipped(("a.com", EICAR)), "a.zip"),
    "zip in zip": mail(zipped(("b.zip", zipped(("a.com", EICAR)))), "a.zip"),
    "tar.gz": mail(tarred("a.com", EICAR), "a.tar.gz"),
    "message/rfc822": rfc822(EICAR),
    "wrong type": raw_part(CODED, "Content-Type: image/jpeg",
                           "Content-Transfer-Encoding: base64"),
    "junk in base64": raw_part(b"!".join(
        CODED[at:at + 5] for at in range(0, len(CODED), 5)),
        "Content-Transfer-Encoding: base64"),
    "two encodings": raw_part(CODED, "Content-Transfer-Encoding: 7bit",
                              "Content-Transfer-Encoding: base64"),
    "no encoding named": raw_part(CODED, "Content-Type: text/plain"),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_what_is_hidden_is_held(scanning, how):
    reply, record = scanning.judge(HIDDEN[how], **CLEAN)
    assert reply.code == 250
    assert record["action"] == "quarantine"
    assert "EICAR" in record["antivirus"]["name"]


def test_fifty_clean_messages_pass(scanning):
    for number in range(50):
        data = gzip.compress(f"number {number} ".encode() * 200 * number)
        kinds = (mail(data, f"{number}.gz"),
                 mail(zipped((f"{number}.txt", data)), f"{number}.zip"),
                 mail(b"%PDF-1.4 " + data, f"{number}.pdf", "pdf"))
        reply, record = scanning.judge(kinds[number % 3], **CLEAN)
        assert reply.code == 250
        assert record["action"] == "accept", record["symbols"]
        assert record["antivirus"]["result"] == "clean"


# ---- what an operator asks for ----

def test_a_rejected_virus_leaves_a_copy_if_told(new_stack, signatures):
    stack = new_stack({"antivirus.engine": "libclamav",
                       "antivirus.database": str(signatures),
                       "antivirus.action": "reject", "antivirus.keep": "yes"})
    reply, record = stack.judge(mail(EICAR, "eicar.com"), **CLEAN)
    assert reply.code == 550
    assert "EICAR" in reply.text and record["id"] in reply.text
    assert record["vault"] == "copy"
    listed = stack.gatepost.run("quarantine", "list").stdout
    assert record["id"] in listed and "copy" in listed


def test_an_attachment_rule_holds_and_release_delivers(scanning):
    scanning.gatepost.settings["release.smtp"] = (
        f"inet:127.0.0.1:{scanning.postfix.plain_port}")
    message = mail(b"MZ no program", "tool.exe")
    reply, record = scanning.judge(message, **CLEAN)
    assert reply.code == 250
    assert (record["action"], record["class"]) == ("quarantine", "attachment")
    assert "tool.exe" in record["class_reason"]
    before = scanning.postfix.count_delivered()
    done = scanning.gatepost.run("quarantine", "release", record["id"])
    assert done.returncode == 0, done.stdout + done.stderr
    delivered = scanning.postfix.wait_delivered(before + 1)[-1]
    # Postfix puts its own fields on top, and LF into the mailbox.
    assert delivered.replace(b"\r\n", b"\n").endswith(
        message.replace(b"\r\n", b"\n"))


def test_the_scanner_tells_of_itself(scanning):
    scanning.judge(mail(EICAR, "eicar.com"), **CLEAN)
    done = scanning.gatepost.run("scanner", "status")
    assert done.returncode == 0, done.stderr
    said = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert said["Scanner"] == "scans"
    assert said["Engine"].startswith("libclamav, ClamAV ")
    assert said["Signatures"].startswith("3, ")
    assert re.fullmatch(r"\d+\.\d ms for a scanner in the mean, none over "
                        r"\d+ ms", said["Waits"])
    status = json.loads(
        scanning.gatepost.run("scanner", "status", "--json").stdout)
    assert status["state"] == "serving"
    assert status["signatures"] == 3
    assert status["infected"] > 0
    # The supervisor, a generation, and at least one child.
    assert status["processes"] >= 3
    assert status["scanners"] == status["processes"] - 2
    assert status["engine"] in said["Engine"]
    assert status["memory_bytes"] > 1 << 20


def test_scanners_that_die_pass_no_mail_unscanned(scanning):
    """Children are killed while mail comes in on several connections."""
    answers = []

    def send(number):
        for one in range(15):
            virus = (number + one) % 3 == 0
            reply, record = scanning.judge(
                mail(EICAR if virus else os.urandom(50000), f"{one}"),
                **CLEAN)
            answers.append((virus, reply.code, record))

    with scanning.gatepost.dying_scanners(0.3), \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    assert len(answers) == 60
    for virus, code, record in answers:
        if code == 451:
            assert record["cause"] == "unscanned"
        else:
            assert code == 250
            assert record["antivirus"]["result"] == (
                "infected" if virus else "clean")
            assert record["action"] == ("quarantine" if virus else "accept")
    assert any(code == 250 for _, code, _ in answers)
    # They come back, the later the more of them have died.
    ports.wait_until(
        lambda: scanning.judge(mail(b"x", "x"), **CLEAN)[0].code == 250, 30,
        "a scanner to be there again")


# ---- what breaks ----

def test_without_signatures_all_mail_waits(new_stack, folder):
    empty = folder / "none"
    stack = new_stack({"antivirus.engine": "libclamav",
                       "antivirus.database": str(empty),
                       "scanner.watch": "200ms"})
    reply, record = stack.judge(mail(b"x", "a.txt"), **CLEAN)
    assert reply.code == 451
    assert record["cause"] == "unscanned"
    stack.gatepost.wait_line("NO VIRUS SCANNING")
    # They come, and mail goes on without a restart.
    copy_signatures(empty)
    stack.gatepost.wait_line("scanning with ClamAV", 20)
    assert stack.judge(mail(b"x", "a.txt"), **CLEAN)[0].code == 250


def test_a_vault_without_room_defers_what_it_should_hold(new_stack,
                                                         signatures):
    stack = new_stack({"antivirus.engine": "libclamav",
                       "antivirus.database": str(signatures),
                       "vault.min_free": "16000g"})
    reply, record = stack.judge(mail(EICAR, "eicar.com"), **CLEAN)
    assert reply.code == 451
    assert record["cause"] == "vault"
    assert record["vault"] is None
    stack.gatepost.wait_line("vault.min_free")
    assert stack.judge(mail(b"x", "a.txt"), **CLEAN)[0].code == 250


def test_where_no_memory_can_be_had_mail_waits(signatures):
    with Folder() as folder:
        stack = Stack(folder, ZONES, {
            **SETTINGS, "antivirus.engine": "libclamav",
            "antivirus.database": str(signatures)})
        stack.gatepost.wrapper = [
            "/usr/bin/python3", TOP / "tests/support/without_memfd.py"]
        with stack:
            reply, record = stack.judge(mail(b"x", "a.txt"), **CLEAN)
            assert reply.code == 451
            assert record["cause"] == "unscanned"
            assert stack.postfix.delivered() == []
