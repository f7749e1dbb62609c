"""historyload: each thing that it asks for must be there to be found."""

import subprocess

from support.gatepost import program


def load(folder, *options):
    done = subprocess.run(
        [program("tests/bench/historyload"), "-d", folder,
         *map(str, options)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def rows(report):
    """What was asked for -> rows that were found."""
    table = report.split("newest 100 of")[1].split("\n\n")[0].splitlines()[1:]
    return {line[:34].strip(): int(line[34:].split()[0]) for line in table}


def test_all_is_found_and_the_file_removed(tmp_path):
    report = load(tmp_path, "-n", 3000, "-b", 500)
    assert report.startswith("records 3000 in batches of 500, ")
    found = rows(report)
    for single in ("id", "queue id", "message-id", "story"):
        assert found[single] == 1, single
    for many in ("(none)", "action reject", "symbol, many", "direction out"):
        assert found[many] == 100, many
    assert found["sender, none"] == 0
    assert found["in + user, none in common"] == 0
    assert not list(tmp_path.iterdir())


def test_pruning_keeps_as_many_as_it_is_told(tmp_path):
    load(tmp_path, "-n", 3000, "-b", 500, "-k", 1000, "-l")
    report = load(tmp_path, "-n", 1000, "-u")
    assert rows(report)["(none)"] == 100
    assert (tmp_path / "history.db").exists()
