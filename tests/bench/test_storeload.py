"""storeload against the real stores: what it counts must add up, and every
answer be the one that its try calls for."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.gatepost import program

sys.path.insert(0, str(Path(__file__).parent))

import services  # noqa: E402
from greylist import parse_report  # noqa: E402


@pytest.fixture(name="redis", scope="module")
def fixture_redis(folder):
    redis = services.Redis(folder)
    redis.start()
    yield redis
    redis.stop()


def load(store, *options):
    done = subprocess.run(
        [program("tests/bench/storeload"), "--set", f"store={store}",
         "--set", "state.timeout=10s", "-w", "0.2", "-s", "0.5",
         *map(str, options)], check=True, stdout=subprocess.PIPE, text=True)
    return parse_report(done.stdout)


def check(report):
    assert report["decisions"] > 100
    assert report["status"] == {"0": report["decisions"], "1": 0, "2": 0,
                                "3": 0}
    assert report["wrong"] == 0
    # What is under way when the time comes shifts the shares a little.
    shares = {kind: count / report["decisions"]
              for kind, count in report["kind"].items()}
    assert shares == pytest.approx(
        {"first": 0.4, "early": 0.1, "retry": 0.1, "known": 0.4}, abs=0.05)
    assert 0 < report["ms_p50"] <= report["ms_p99"] <= report["ms_max"]
    assert report["cpu_us_per_decision"] > \
        report["store_thread_us_per_decision"] > 0


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("origins", [1, 2])
def test_every_answer_is_right_on_sqlite(tmp_path, processes, origins):
    check(load("sqlite:load.db", "-d", tmp_path, "-t", 4, "-n", processes,
               "-o", origins))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("origins", [1, 2])
def test_every_answer_is_right_on_redis(redis, processes, origins):
    check(load(redis.url, "-t", 4, "-n", processes, "-o", origins,
               "-p", redis.pid))


def test_store_that_is_not_there_is_counted_as_down(tmp_path):
    report = load(f"redis+unix:{tmp_path}/none")
    assert report["status"]["0"] == 0
    assert report["status"]["2"] == report["decisions"] > 0


def test_bad_url_is_an_error():
    done = subprocess.run(
        [program("tests/bench/storeload"), "--set", "store=nonsense"],
        check=False, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "store" in done.stderr
