"""Fixtures of all Python tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.folder import Folder  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "slow: takes long; left out by ./check --quick")
    config.addinivalue_line(
        "markers", "tsan: run again with a build under ThreadSanitizer")


@pytest.fixture
def measured(request):
    """measured(TEXT): a figure that ./check prints, pass or fail."""
    # As a property, it comes with the report out of a parallel process.
    return lambda text: request.node.user_properties.append(
        ("measured", text))


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("") + \
            terminalreporter.getreports("passed") + \
            terminalreporter.getreports("failed"):
        if report.when == "call":
            for name, text in report.user_properties:
                if name == "measured":
                    terminalreporter.write_line("measured: " + text)


@pytest.fixture(scope="session")
def suites():
    """The folder of cases that others wrote, or a skip."""
    folder = Path(os.environ.get("GATEPOST_SUITES",
                                 Path(__file__).parents[2] / "shared/suites"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: the suites of others are absent")
    return folder


@pytest.fixture(scope="module")
def folder():
    """A private folder of the module's tests, removed at the end."""
    with Folder() as path:
        yield path
