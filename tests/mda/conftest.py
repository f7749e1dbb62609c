"""The Dovecot that most tests here use; each test has users of its own."""

import pytest

from support import seal
from support.dovecot import Dovecot
from support.folder import Folder
from support.smtpsink import SmtpSink


@pytest.fixture(scope="session")
def sink():
    """Where Sieve sends what it has to say."""
    with SmtpSink() as running:
        yield running


@pytest.fixture(scope="session")
def dovecot(sink):
    with Folder() as folder:
        server = Dovecot(folder / "dovecot", submission_port=sink.port)
        server.secret = seal.write_key(server.key)
        with server:
            yield server


@pytest.fixture
def new_dovecot():
    """Makes servers with settings of their own; stops them at the end."""
    started = []

    def make(**how):
        folder = Folder()
        server = Dovecot(folder.path / "dovecot", **how)
        started.append((server, folder))
        server.secret = seal.write_key(server.key)
        return server.start()

    yield make
    for server, folder in started:
        server.stop()
        folder.remove()


@pytest.fixture
def metrics(dovecot):
    """metrics(NAME): how much a counter grew during the test."""
    before = dovecot.metrics()

    def grown(name):
        return dovecot.metrics().get(name, 0) - before.get(name, 0)
    return grown
