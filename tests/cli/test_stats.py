"""gatepost stats: sums of a day, a week, a month; as text, JSON, picture."""

import json
import os
import re
import time
import xml.etree.ElementTree as tree

import pytest

from support.samples import Samples

NOW = int(time.time())
KINDS = ("accepted", "tagged", "rejected", "deferred", "held")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return Samples(tmp_path_factory.mktemp("stats")).traffic(NOW, 24 * 10)


def sums(samples, *words):
    return json.loads(samples.good("stats", "--json", *words))


def test_sums_agree_with_the_log(samples):
    for since in ("3h", "26h"):
        found = sums(samples, "--since", since)
        records = [json.loads(line) for line in samples.good(
            "log", "--json", "--limit", "all", "--since",
            f"@{found['since']}").splitlines()]
        totals = found["totals"]
        # At the edge, a message may be counted a minute before or after.
        assert abs(totals["messages"] - len(records)) <= 8
        rejected = [r for r in records if r["action"] == "reject"]
        assert abs(totals["rejected"] - len(rejected)) <= 8
        assert sum(totals[kind] for kind in KINDS) == totals["messages"]
        assert totals["received"] + totals["sent"] == totals["messages"]
        assert totals["spam"] == totals["tagged"] + totals["rejected"]
        assert totals["viruses"] == 0
        top = {one["value"]: one["count"] for one in found["symbols"]}
        assert abs(top["HEADER_REPEATED"] - len(rejected)) <= 8


def test_spans(samples):
    day, week, month = (sums(samples, word)["totals"]["messages"]
                        for word in ("--day", "--week", "--month"))
    assert 0 < day < week < month
    assert sums(samples) ["totals"]["messages"] == day
    found = sums(samples, "--since", f"@{NOW - 7200}", "--until",
                 f"@{NOW - 3600}")
    assert 0 < found["totals"]["messages"] < day / 5
    assert found["until"] - found["since"] <= 3660
    assert sums(samples, "--since", "@86400")["totals"]["messages"] == month


def test_text(samples):
    said = samples.good("stats", "--week")
    totals = sums(samples, "--week")["totals"]
    for words, number in (("received", "received"), ("sent", "sent"),
                          ("refused", "rejected"), ("deferred", "deferred"),
                          ("spam", "spam"), ("tagged as spam", "tagged")):
        assert re.search(rf"^  {words} +{totals[number]}\b", said, re.M), words
    assert re.search(r"^  viruses +0\b", said, re.M)
    assert "user0@example.org" in said and "RBL_SPAMHAUS_XBL" in said
    assert max(map(len, said.splitlines())) <= 80


def test_hostile_values_stay_harmless(tmp_path):
    own = Samples(tmp_path).fill("hostile")
    for words in ([], ["--json"]):
        said = own.run("stats", "--since", "2026-01-01", *words)
        assert said.returncode == 0
        assert b"title" in said.stdout
        for hidden in (b"\x1b", b"\x07", b"\r", "\u202e".encode()):
            assert hidden not in said.stdout
    top = sums(own, "--since", "2026-01-01")["senders"]
    assert "bytes" in json.dumps(top)


# ---- the picture ----

SVG = "{http://www.w3.org/2000/svg}"


def drawn(samples, tmp_path, *words):
    path = tmp_path / "plot.svg"
    assert samples.good("stats", *words, "--plot", path) == ""
    return tree.parse(path).getroot()


@pytest.mark.parametrize("word, title, bars", [
    ("--day", "Messages an hour", 24), ("--week", "Messages a day", 7),
    ("--month", "Messages a day", 30)])
def test_plot(samples, tmp_path, word, title, bars):
    root = drawn(samples, tmp_path, word)
    totals = sums(samples, word)["totals"]
    assert root.find(f"{SVG}title").text == title
    groups = root.findall(f"{SVG}g")
    assert len(groups) == bars
    counts = dict.fromkeys(("accepted", "tagged as spam", "deferred",
                            "refused"), 0)
    for group in groups:
        for line in group.find(f"{SVG}title").text.splitlines()[1:]:
            kind, _, number = line.rpartition(" ")
            counts[kind] += int(number)
    assert list(counts.values()) == [totals[kind] for kind in (
        "accepted", "tagged", "deferred", "rejected")]
    texts = [text.text for text in root.findall(f"{SVG}text")]
    assert f"accepted {totals['accepted']}" in texts
    style = root.find(f"{SVG}style").text
    assert "prefers-color-scheme: dark" in style
    # Nothing lies outside of the picture, or upon the axis.
    for bar in root.iter(f"{SVG}rect"):
        y, height = float(bar.get("y", 0)), float(bar.get("height"))
        assert 0 <= y and y + height <= 360
        assert float(bar.get("x", 0)) + float(bar.get("width")) <= 900


def test_plot_to_standard_output(samples):
    tree.fromstring(samples.good("stats", "--plot", "-"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_may_draw_where_only_he_may_write(folder, tmp_path):
    own = Samples(folder).fill("clean")
    for path in folder.glob("history.db*"):
        os.chown(path, 12345, 12345)
    os.chown(folder, 12345, 12345)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    own.good("stats", "--since", "2026-01-01", "--plot",
             private / "plot.svg")
    assert (private / "plot.svg").stat().st_size > 1000


def test_what_cannot_be_written(samples, tmp_path):
    done = samples.run("stats", "--plot", tmp_path / "none" / "x.svg")
    assert done.returncode == 3
    assert b"cannot write" in done.stderr
    done = samples.run("stats", "--plot", "/dev/full")
    assert done.returncode == 3


def test_no_history(tmp_path):
    done = Samples(tmp_path).run("stats")
    assert done.returncode == 1
    assert b"there is no history yet" in done.stderr


@pytest.mark.parametrize("words, says", [
    (["--day", "--week"], "take one of"),
    (["--month", "--since", "2h"], "take one of"),
    (["--since", "x"], "'x' is no time"),
    (["--since", "now", "--until", "2h"], "ends before it begins"),
    (["today"], "one word too many"),
    (["--plot"], "lacks its value"),
])
def test_wrong_usage(samples, words, says):
    done = samples.run("stats", *words)
    assert done.returncode == 2
    assert says in done.stderr.decode()
