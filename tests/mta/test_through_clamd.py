"""A real clamd behind the same interface, over both kinds of socket."""

import os
import signal

import pytest

from mta_messages import CLEAN, SETTINGS, ZONES
from support.clamd import EICAR, SIGNATURE, Clamd
from support.folder import Folder
from support.stack import Stack
from test_antivirus import mail

LARGE = 3 << 20


@pytest.fixture(scope="module")
def clamd():
    # Limits small enough to be passed by a test.
    with Folder() as folder, Clamd(folder, StreamMaxLength="1M",
                                   MaxFileSize="2M", MaxScanSize="2M",
                                   AlertExceedsMax="yes") as running:
        yield running


@pytest.fixture(scope="module", params=["unix", "tcp"])
def scanning(request, clamd):
    where = (f"clamd:unix:{clamd.socket}" if request.param == "unix"
             else f"clamd:tcp:localhost:{clamd.port}")
    with Folder() as folder, Stack(folder, ZONES, {
            **SETTINGS, "antivirus.engine": where, "scanner.queue": "1s",
            "scanner.time": "2s"}) as running:
        yield running


def judge(scanning, message):
    reply, record = scanning.judge(message, **CLEAN)
    return reply.code, record["action"], record["antivirus"]


def test_clean_passes_and_names_the_engine(scanning):
    code, action, antivirus = judge(scanning, mail(b"x" * 200000, "a.txt"))
    assert (code, action) == (250, "accept")
    assert antivirus["result"] == "clean"
    assert antivirus["engine"].startswith("ClamAV 1.")


def test_a_virus_is_held(scanning):
    code, action, antivirus = judge(scanning, mail(EICAR, "eicar.com"))
    assert (code, action) == (250, "quarantine")
    assert antivirus["name"] == SIGNATURE


def test_what_passes_a_limit_is_unscanned(scanning):
    # Over TCP clamd closes in the middle; its answer is still read.
    code, action, antivirus = judge(scanning, mail(os.urandom(LARGE), "big"))
    assert (code, action) == (451, "tempfail")
    assert antivirus["result"] == "unscanned"
    assert "exceeded" in antivirus["reason"].lower()


def test_a_frozen_clamd_defers_mail(scanning, clamd):
    clamd.process.kill(signal.SIGSTOP)
    try:
        code, _, antivirus = judge(scanning, mail(b"x", "a.txt"))
    finally:
        clamd.process.kill(signal.SIGCONT)
    assert code == 451
    assert antivirus["result"] == "unscanned"
    assert judge(scanning, mail(b"x", "a.txt"))[0] == 250


def test_without_clamd_mail_waits_and_comes_when_it_is_back(scanning, clamd):
    clamd.stop()
    try:
        code, _, antivirus = judge(scanning, mail(b"x", "a.txt"))
        assert code == 451
        assert "Connection refused" in antivirus["reason"]
    finally:
        clamd.start()
    assert judge(scanning, mail(b"x", "a.txt"))[0] == 250
