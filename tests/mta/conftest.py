"""The stack that most tests here use."""

import pytest

from mta_messages import SETTINGS, ZONES
from support.folder import Folder
from support.redisserver import RedisServer
from support.stack import Stack


@pytest.fixture(scope="session")
def stack():
    """Shared by all modules: tests leave it as they found it."""
    with Folder() as folder, Stack(folder, ZONES, SETTINGS) as running:
        yield running


@pytest.fixture
def new_stack():
    """Makes stacks with settings of their own; stops them at the end."""
    started = []

    def make(settings=None, **how):
        folder = Folder()
        one = Stack(folder.path, how.pop("zones", ZONES),
                    {**SETTINGS, **(settings or {})}, **how)
        started.append((one, folder))
        return one.start()

    yield make
    errors = []
    for one, folder in started:
        try:
            one.stop()
        except Exception as error:  # shown once all are stopped
            errors.append(error)
        folder.remove()
    if errors:
        raise errors[0]


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def store_url(request):
    """The setting `store`: each kind that a host may have."""
    if request.param == "sqlite":
        yield "sqlite:state.db"
    else:
        with Folder() as folder, RedisServer(folder) as server:
            yield server.url
