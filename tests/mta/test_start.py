"""What cannot start says why in one line, and leaves nothing behind."""

import os
import socket
import subprocess

import pytest

from mta_messages import CLEAN, message
from support import ports, process
from support.folder import Folder
from support.gatepost import Gatepost


@pytest.fixture
def gatepost():
    with Folder() as folder:
        one = Gatepost(folder / "gatepost", "127.0.0.1@9")
        yield one
        one.stop()


def refuse(gatepost):
    """Starts it, expects that it ends; returns its one line."""
    done = subprocess.run(gatepost.prepare(),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, check=False)
    assert done.returncode not in (0, -6, -11), done.stderr
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert not ports.is_open(gatepost.port)
    return lines[0]


def test_unknown_setting(gatepost):
    gatepost.config = "authserv_id = a\nauthserv_ip = b\n"
    line = refuse(gatepost)
    assert "gatepost.conf:2" in line
    assert "authserv_ip" in line and "authserv_id" in line


def test_bad_value(gatepost):
    gatepost.config = "limits {\n\tdeadline = soon\n}\n"
    line = refuse(gatepost)
    assert "gatepost.conf:2" in line and "soon" in line


def test_no_such_file(gatepost):
    gatepost.conf.symlink_to("/nowhere/at/all")
    gatepost.config = None
    line = refuse(gatepost)
    assert "gatepost.conf" in line and "No such file" in line


def test_port_in_use(gatepost):
    with socket.socket() as other:
        other.bind(("127.0.0.1", gatepost.port))
        assert f"127.0.0.1:{gatepost.port}" in refuse(gatepost)


def test_socket_path_too_long(gatepost):
    path = str(gatepost.folder / ("x" * 120))
    gatepost.listen = ["unix:" + path]
    line = refuse(gatepost)
    assert "x" * 20 in line and "long" in line


def test_socket_in_a_missing_folder(gatepost):
    gatepost.listen = ["unix:/nowhere/at/all/milter.sock"]
    assert "/nowhere/at/all" in refuse(gatepost)


def test_missing_key_file(gatepost):
    gatepost.settings["verdict_key"] = "/nowhere/verdict.key"
    assert "/nowhere/verdict.key" in refuse(gatepost)


def test_unknown_user(gatepost):
    if os.getuid() != 0:
        pytest.skip("only root changes its user")
    gatepost.settings["user"] = "nobody-of-that-name"
    assert "nobody-of-that-name" in refuse(gatepost)


def test_a_dead_resolver_does_not_keep_it_from_starting(gatepost):
    """DNS comes and goes; mail flows meanwhile."""
    gatepost.start()
    assert len(gatepost.workers()) >= 1
    assert gatepost.stop() == 0


def test_a_stale_unix_socket_is_taken_over(gatepost):
    run = gatepost.folder / "run"
    run.mkdir()
    path = run / "milter.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    gatepost.listen.append(f"unix:{path}")
    gatepost.start()
    assert gatepost.stop() == 0
    assert not path.exists()


def test_workers_are_unprivileged(stack):
    if os.getuid() != 0:
        pytest.skip("only root changes its user")
    for worker in stack.gatepost.workers():
        status = process.status(worker)
        assert set(status["Uid"].split()) != {"0"}
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == 0
        assert status["Seccomp"] == "2"


def test_ipv6_loopback(new_stack):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    stack = new_stack()
    stack.gatepost.stop()
    stack.gatepost.listen = [f"inet6:[::1]:{stack.gatepost.port}"]
    stack.gatepost.start()
    stack.postfix.command("postconf", "-e", "smtpd_milters=inet:[::1]:"
                          f"{stack.gatepost.port}")
    stack.postfix.reload()
    reply, record = stack.judge(message(CLEAN["sender"]), **CLEAN)
    assert (reply.code, record["action"]) == (250, "accept")
