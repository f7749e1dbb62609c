"""Attachment rules where libclamav does not scan: with no antivirus at all,
and beside a clamd. What a rule forbids is stopped as it says."""

import os
import time

import pytest

from mta_messages import CLEAN, SETTINGS, ZONES, message
from support import ports
from support.clamd import EICAR, SIGNATURE, Clamd
from support.folder import Folder
from support.stack import Stack, fields
from test_antivirus import mail, tarred, zipped

RULES = """
attachment "script" {
    action = reject
    keep = yes
}
attachment "disk_image" {
    action = reject
}
attachment "macro_document" {
    action = tag
}
attachment "memo" {
    names = {"*.memo"}
    types = {"text/x-memo"}
    action = quarantine
}
"""


@pytest.fixture(scope="module")
def clamd():
    with Folder() as folder, Clamd(folder) as running:
        yield running


@pytest.fixture(scope="module", params=["off", "clamd"])
def stack(request):
    engine = "off"
    if request.param == "clamd":
        engine = f"clamd:unix:{request.getfixturevalue('clamd').socket}"
    with Folder() as folder, Stack(folder, ZONES, {
            **SETTINGS, "antivirus.engine": engine,
            "attachments.enabled": "yes", "scanner.queue": "2s",
            "scanner.time": "5s"}, config=RULES) as running:
        running.scans = request.param == "clamd"
        yield running


def files_of(stack, record):
    return [path.name.split(".")[1] for path in
            stack.gatepost.folder.glob(f"state/vault/??/{record['id']}.*")]


FORBIDDEN = {
    # As it comes, and as the rules above have it.
    "program": (mail(b"MZ", "tool.exe"), "quarantine", "executable"),
    "in zip": (mail(zipped(("tool.scr", b"MZ")), "a.zip"), "quarantine",
               "executable_in_archive"),
    "in tar.gz": (mail(tarred("b/tool.msi", b"x"), "a.tar.gz"), "quarantine",
                  "executable_in_archive"),
    "zip in zip": (mail(zipped(("b.zip", zipped(("t.exe", b"MZ")))), "a.zip"),
                   "quarantine", "executable_in_archive"),
    "double": (mail(b"x", "invoice.pdf.exe"), "quarantine",
               "double_extension"),
    "mismatch": (mail(b"MZ\x90\0" + bytes(56) + b"\x40\0\0\0" + b"PE\0\0"
                      + bytes(200), "photo.jpg"), "quarantine", "mismatch"),
    "script": (mail(b"x", "run.js", "plain"), "reject", "script"),
    "image": (mail(bytes(4096), "disk.iso"), "reject", "disk_image"),
    "macros": (mail(b"x", "sheet.xlsm"), "tag", "macro_document"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_is_forbidden_is_stopped_as_configured(stack, what):
    content, action, rule = FORBIDDEN[what]
    before = stack.postfix.count_delivered()
    reply, record = stack.judge(content, **CLEAN)
    assert record["action"] == action, record["symbols"]
    assert "ATTACHMENT_" + rule.upper() in {
        symbol["name"] for symbol in record["symbols"]}
    assert (record["class"], record["cause"]) == ("attachment", "attachment")
    assert record["antivirus"]["result"] == ("clean" if stack.scans
                                             else "none")
    if action == "quarantine":
        assert reply.code == 250
        assert files_of(stack, record) == ["held"]
        assert stack.postfix.count_delivered() == before
    elif action == "reject":
        assert (reply.code, reply.enhanced) == (550, "5.7.1")
        assert record["id"] in reply.text
        # Only one of the two rules asks for a copy.
        assert bool(files_of(stack, record)) == (rule == "script")
        assert stack.postfix.count_delivered() == before
    else:
        assert reply.code == 250
        assert fields(stack.mail_of(reply), "X-Spam") == ["Yes"]


def test_a_rule_of_ones_own_needs_all_it_says(stack):
    memo = mail(b"x", "a.memo").replace(b"application/octet-stream",
                                        b"text/x-memo")
    assert stack.judge(memo, **CLEAN)[1]["class"] == "attachment"
    other = mail(b"x", "a.memo")
    reply, record = stack.judge(other, **CLEAN)
    assert (reply.code, record["action"]) == (250, "accept")


def test_harmless_files_pass(stack):
    for content in (mail(b"%PDF-1.4 x", "a.pdf", "pdf"),
                    mail(zipped(("a.txt", b"x"), ("b/c.png", b"y")), "a.zip"),
                    message(CLEAN["sender"])):
        reply, record = stack.judge(content, **CLEAN)
        assert (reply.code, record["action"]) == (250, "accept"), record


def test_viruses_are_found_by_who_scans_for_them(stack):
    reply, record = stack.judge(mail(EICAR, "eicar.txt"), **CLEAN)
    assert reply.code == 250
    if stack.scans:
        assert (record["action"], record["class"]) == ("quarantine", "virus")
        assert record["antivirus"]["name"] == SIGNATURE
    else:
        assert record["action"] == "accept"
    # A virus in a forbidden file: the stricter of the two counts.
    reply, record = stack.judge(mail(EICAR, "eicar.js"), **CLEAN)
    assert reply.code == 550


def test_no_forbidden_file_passes_while_those_who_look_die(stack):
    """What takes messages apart is killed all the time."""
    with stack.gatepost.dying_scanners(0.2):
        answers = [stack.judge(mail(os.urandom(20000), "a.js"), **CLEAN)
                   for _ in range(20)]
    for reply, record in answers:
        assert (reply.code, record["cause"]) in ((550, "attachment"),
                                                 (451, "unscanned")), record
    ports.wait_until(
        lambda: stack.judge(mail(b"x", "a.js"), **CLEAN)[0].code == 550, 30,
        "a scanner to be there again")


@pytest.mark.parametrize("stack", ["clamd"], indirect=True)
def test_while_clamd_is_away_forbidden_files_are_still_stopped(clamd, stack):
    clamd.stop()
    try:
        reply, record = stack.judge(mail(b"x", "a.js"), **CLEAN)
        assert reply.code == 550, record
        reply, record = stack.judge(mail(b"x", "a.txt"), **CLEAN)
        assert (reply.code, record["cause"]) == (451, "unscanned")
    finally:
        clamd.start()
