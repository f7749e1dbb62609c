"""What most tests of the daemon start."""

import re

import pytest

from support.dnsserver import DnsServer
from support.gatepost import Gatepost
from support.stack import ROOT


@pytest.fixture(scope="module")
def dns(folder):
    with DnsServer(folder / "dns", {"example": "x A 192.0.2.1",
                                    ".": ROOT}) as server:
        yield server


@pytest.fixture
def new_gatepost(folder, dns, request):
    """Makes daemons with settings of their own; stops them at the end."""
    name = re.sub(r"\W+", "-", request.node.name)
    started = []

    def make(settings=None, **how):
        daemon = Gatepost(folder / f"{name}{len(started)}", dns.address,
                          settings, **how)
        started.append(daemon)
        return daemon.start()

    yield make
    for daemon in started:
        daemon.stop()
