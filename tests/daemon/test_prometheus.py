"""Debian's Prometheus reads /metrics."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from support import ports
from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.milterclient import Session
from support.process import Process

MESSAGE = (b"From: someone@sender.example\nTo: user@ours.example\n"
           b"Date: Sun, 22 Nov 2026 08:00:00 +0000\n"
           b"Message-ID: <1@sender.example>\nSubject: x\n\nbody\n")


@pytest.fixture(scope="module")
def gatepost(folder):
    port = ports.free_port()
    with DnsServer(folder / "dns", {"example": "x A 192.0.2.1"}) as dns:
        daemon = Gatepost(folder / "gatepost", dns.address,
                          {"http.listen": f"inet:127.0.0.1:{port}"})
        daemon.http_port = port
        with daemon:
            with Session(daemon.listen[0]) as session:
                session.open()
                for _ in range(7):
                    session.message(MESSAGE)
            yield daemon


@pytest.fixture(scope="module")
def prometheus(folder, gatepost):
    port = ports.free_port()
    config = folder / "prometheus.yml"
    config.write_text(f"""
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: gatepost
    static_configs:
      - targets: ["127.0.0.1:{gatepost.http_port}"]
""")
    server = Process("prometheus", [
        "/usr/bin/prometheus", f"--config.file={config}",
        f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn",
        f"--web.listen-address=127.0.0.1:{port}"], folder / "prometheus.log")
    try:
        ports.wait_open(port, timeout=30)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(timeout=30)


def ask(prometheus, query):
    """The samples that a query finds: their labels and values."""
    url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode(
        {"query": query})
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            answer = json.load(reply)
    except urllib.error.HTTPError as error:
        assert error.code == 503, error     # it is starting
        return []
    assert answer["status"] == "success"
    return [(one["metric"], float(one["value"][1]))
            for one in answer["data"]["result"]]


def wait_for(prometheus, query):
    return ports.wait_until(lambda: ask(prometheus, query), 30,
                            f"Prometheus to have {query}", pause=0.2)


def test_it_is_scraped(prometheus):
    ports.wait_until(lambda: ask(prometheus, 'up{job="gatepost"} == 1'), 30,
                     "Prometheus to scrape Gatepost", pause=0.2)
    found = wait_for(prometheus, 'gatepost_messages_total'
                                 '{direction="in",action="accept"} > 0')
    assert [value for _, value in found] == [7]
    found = wait_for(prometheus,
                     'gatepost_processes{role="worker"}')
    assert [value for _, value in found] == [1]


def test_histograms_work(prometheus):
    found = wait_for(prometheus, "histogram_quantile(0.99, "
                     "gatepost_stage_seconds_bucket) >= 0")
    assert "judge" in {labels["stage"] for labels, _ in found}


def test_it_asks_for_openmetrics_and_gets_it(gatepost, prometheus):
    """Prometheus prefers it; a target that failed to parse would be down."""
    url = f"{prometheus}/api/v1/targets"
    with urllib.request.urlopen(url, timeout=10) as reply:
        target, = json.load(reply)["data"]["activeTargets"]
    assert target["health"] == "up", target["lastError"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{gatepost.http_port}/metrics", headers={
            "Accept": "application/openmetrics-text;version=1.0.0,"
                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith(
            "application/openmetrics-text")
        assert reply.read().endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["text/plain", None])
def test_promtool_finds_nothing(gatepost, accept):
    _, text = gatepost.http("/metrics", accept=accept)
    done = subprocess.run(["/usr/bin/promtool", "check", "metrics"],
                          input=text, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr == ""
