"""The text of /metrics, as those who read it see it: promtool's lint, and
the strict parser of OpenMetrics. The program metrics_ask prints a made-up
mapping ("sample"), or one with all names of the default configuration."""

import json
import re
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

from support.gatepost import program


def ask(form, names):
    words = [program("tests/milter/daemon/metrics_ask"), form]
    if names == "real":
        words.append("real")
    done = subprocess.run(words, capture_output=True, check=True, timeout=20)
    return done.stdout.decode()


def samples(families):
    # Pids and the time of the start are those of each run.
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples
            if sample.name not in ("gatepost_start_time_seconds",
                                   "gatepost_resident_memory_bytes")}


@pytest.mark.parametrize("names", ["sample", "real"])
def test_promtool_has_nothing_to_say(names):
    promtool = shutil.which("promtool")
    assert promtool, "install the package prometheus"
    done = subprocess.run([promtool, "check", "metrics"],
                          input=ask("text", names), text=True,
                          capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("names", ["sample", "real"])
def test_the_strict_parser_takes_all(names):
    families = list(openmetrics.text_string_to_metric_families(
        ask("open", names)))
    assert len(families) > 40
    for family in families:
        assert family.name.startswith("gatepost_")
        assert family.documentation.endswith(".")
        assert family.samples, family.name
        assert family.type in ("counter", "gauge", "histogram", "info")
        if re.search("_(seconds|bytes)$", family.name):
            assert family.unit == family.name.rpartition("_")[2]


@pytest.mark.parametrize("names", ["sample", "real"])
def test_both_formats_have_the_same_samples(names):
    assert samples(openmetrics.text_string_to_metric_families(
        ask("open", names))) == samples(text.text_string_to_metric_families(
            ask("text", names)))


def test_all_that_may_be_counted_is_there_from_the_start():
    found = samples(text.text_string_to_metric_families(ask("text", "real")))
    zeros = {key: value for key, value in found.items()
             if key[0] not in ("gatepost_processes", "gatepost_build_info")}
    assert set(zeros.values()) == {0}

    def values(name, label):
        return {dict(labels)[label] for sample, labels in found
                if sample == name}
    assert {"SPF_FAIL", "GREYLISTED", "RBL_SPAMHAUS_SBL", "other"} <= values(
        "gatepost_symbol_hits_total", "symbol")
    assert {"zen.spamhaus.org", "other"} <= values(
        "gatepost_list_questions_total", "list")
    assert {"spf", "dkim", "dmarc", "rbl", "other"} <= values(
        "gatepost_check_seconds_count", "check")
    assert values("gatepost_messages_total", "direction") == {"in", "out"}
    assert values("gatepost_stage_seconds_count", "stage") == {
        "connect", "helo", "envelope", "headers", "body", "judge", "commit"}


def test_odd_names_come_back_as_they_are_shown():
    found = samples(openmetrics.text_string_to_metric_families(
        ask("open", "sample")))
    assert found["gatepost_symbol_hits_total",
                 (("symbol", 'odd"\\\\x0a\\xff'),)] == 2


@pytest.mark.parametrize("names", ["sample", "real"])
def test_status_is_json(names):
    status = json.loads(ask("status", names))
    assert {"version", "generation", "started", "uptime_s", "processes",
            "sessions", "waiting", "messages", "bytes", "checks", "lists",
            "greylist", "dns", "store", "records", "scanner", "starts",
            "crashes", "vault"} == set(status)
    if names == "real":
        master, = status["processes"]
        assert master["role"] == "master" and master["rss_bytes"] > 100000
        assert {"mean_ms": None, "at_most_ms": None} == {
            key: status["lists"][0][key] for key in ("mean_ms", "at_most_ms")}
