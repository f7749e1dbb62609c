"""The state in a Redis that is reached by TLS, and one that must not be."""

import time

import pytest

from support import ports
from support.certificates import Authority
from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.redisserver import RedisServer, Sentinel
from support.storeask import StoreAsk


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder / "ca")


@pytest.fixture(scope="module")
def server(folder, authority):
    certificate = authority.sign("server", "IP:127.0.0.1,DNS:localhost")
    with RedisServer(folder / "tls", tls=certificate) as running:
        yield running


def refusal(url, tmp_path, **settings):
    """Why a store at that URL does not work."""
    with StoreAsk(url, tmp_path / f"log{time.monotonic_ns()}",
                  **{key.replace("_", ".", 1): value
                     for key, value in settings.items()}) as ask:
        assert ask.do("wait 300").status == "down"
        return ask.wait_line("does not work")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_store_works_over_tls(server, authority, tmp_path, host):
    with StoreAsk(f"rediss://{host}:{server.tls_port}", tmp_path / "log",
                  **{"state.tls_ca": authority.cert,
                     "state.timeout": "1s"}) as ask:
        ask.wait_up()
        connections = server.do("INFO", "stats")[
            "total_connections_received"]
        figures = ask.numbers("load first 16 500 tls")
        assert figures["done"] == 8000, figures
        # All over the one connection.
        assert server.do("INFO", "stats")["total_connections_received"] \
            <= connections + 1
        assert len(ask.entries(limit=9000, match="@tls.example")) == 8000
        # A message whose answer, and question, take many TLS records.
        many = ",".join(f"{i}-{'x' * 200}@example.org" for i in range(200))
        assert ask.greylist("a@example.net", many, "a,b,c,d").status == "DONE"
        server.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert ask.greylist("b@example.net").status == "DONE"
        assert ask.do("forget @tls.example").fields["n"] == 8000
        assert ask.log.read_text() == ""


def test_a_certificate_of_a_stranger_is_refused(server, folder, tmp_path):
    stranger = Authority(folder / "stranger")
    url = f"rediss://127.0.0.1:{server.tls_port}"
    line = refusal(url, tmp_path, state_tls_ca=stranger.cert)
    assert "certificate is not good: " in line and "state.tls_ca" in line
    # The system's authorities did not sign it either.
    assert "certificate is not good: " in refusal(url, tmp_path)


def test_a_certificate_for_another_name_is_refused(folder, authority,
                                                   tmp_path):
    certificate = authority.sign("other", "DNS:other.example,IP:192.0.2.1")
    with RedisServer(folder / "other", tls=certificate) as server:
        for host, words in (("127.0.0.1", "IP address mismatch"),
                            ("localhost", "hostname mismatch")):
            assert words in refusal(f"rediss://{host}:{server.tls_port}",
                                    tmp_path, state_tls_ca=authority.cert)


def test_a_certificate_that_is_over_is_refused(folder, authority, tmp_path):
    certificate = authority.sign("over", "IP:127.0.0.1", days=-1)
    with RedisServer(folder / "over", tls=certificate) as server:
        assert "expired" in refusal(f"rediss://{server.address}"
                                    .replace(str(server.port),
                                             str(server.tls_port)),
                                    tmp_path, state_tls_ca=authority.cert)


def test_tls_and_none_do_not_meet(server, authority, tmp_path):
    line = refusal(f"rediss://{server.address}", tmp_path,
                   state_tls_ca=authority.cert)
    assert "does the server speak TLS at that port?" in line
    line = refusal(f"redis://127.0.0.1:{server.tls_port}", tmp_path)
    assert "connection" in line


def test_a_server_may_want_our_certificate(folder, authority, tmp_path):
    certificate = authority.sign("server2", "IP:127.0.0.1")
    own = authority.sign("gatepost", "DNS:mail.example")
    with RedisServer(folder / "both", tls=certificate) as server:
        server.do("CONFIG", "SET", "tls-auth-clients", "yes")
        url = f"rediss://127.0.0.1:{server.tls_port}"
        ca = {"state.tls_ca": authority.cert}
        assert "certificate required" in refusal(
            url, tmp_path, state_tls_ca=authority.cert)
        with StoreAsk(url, tmp_path / "own", **ca,
                      **{"state.tls_cert": own.cert,
                         "state.tls_key": own.key}) as ask:
            ask.wait_up()
            assert ask.greylist("a@example.net").status == "DONE"


@pytest.mark.parametrize("settings, words", [
    ({"tls_ca": "/nowhere"}, "state.tls_ca: cannot read certificates from "
                             "/nowhere: No such file"),
    ({"tls_cert": "/nowhere"}, "set both or neither"),
    ({"tls_cert": "/nowhere", "tls_key": "/nowhere"},
     "state.tls_cert: cannot read a certificate from /nowhere"),
])
def test_files_that_cannot_be_read_are_named(tmp_path, settings, words):
    ask = StoreAsk("rediss://127.0.0.1:1", tmp_path / "log",
                   **{f"state.{key}": value
                      for key, value in settings.items()})
    assert ask.process.wait(10) == 1
    assert words in ask.log.read_text()
    ask.process.communicate()


def test_sentinels_are_asked_by_tls_too(folder, authority, tmp_path):
    certificate = authority.sign("all", "IP:127.0.0.1")
    # Sentinel tells one port: with tls-replication, that of TLS.
    with RedisServer(folder / "master", tls=certificate,
                     config="tls-replication yes\n") as master:
        sentinel = Sentinel(folder / "sentinel", master)
        sentinel.tls, sentinel.tls_port = certificate, ports.free_port()
        sentinel.watched_port = master.tls_port
        with sentinel:
            url = f"rediss-sentinel://127.0.0.1:{sentinel.tls_port}/mymaster"
            with StoreAsk(url, tmp_path / "log",
                          **{"state.tls_ca": authority.cert}) as ask:
                ask.wait_up()
                assert ask.greylist("a@example.net").status == "DONE"
                assert ask.log.read_text() == ""


def test_workers_reach_it_from_their_jail(folder, authority, server):
    """By name and with TLS, as another user and with few system calls."""
    def connections():
        return server.do("INFO", "stats")["total_connections_received"]

    for path in authority.folder.iterdir():
        path.chmod(0o644)
    before = connections()
    with DnsServer(folder / "dns", {"example.org": "a A 192.0.2.1\n"}) as dns, \
            Gatepost(folder / "gatepost", dns.address, {
                "store": f"rediss://localhost:{server.tls_port}",
                "state.tls_ca": str(authority.cert)}) as gatepost:
        ports.wait_until(lambda: connections() > before, 10,
                         "a worker to connect")
        time.sleep(0.5)
        assert "does not work" not in gatepost.process.log.read_text()
