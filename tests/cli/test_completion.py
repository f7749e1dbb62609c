"""Completion for bash: every verb, every option that a verb's usage names,
and the values that are known; and `gatepost help`, which it reads."""

import re
import subprocess

import pytest

from support.gatepost import TOP, program

SCRIPT = TOP / "contrib/completion/gatepost.bash"
VERBS = ["check", "config", "explain", "greylist", "lists", "log",
         "quarantine", "scanner", "stats", "status"]


def complete(*words, cwd=None):
    """What is offered for the last of these words."""
    script = f"""
        PATH={program("gatepost").parent}:$PATH
        source {SCRIPT}
        complete -p gatepost >/dev/null || exit 9
        COMP_WORDS=(gatepost "$@")
        COMP_CWORD=$#
        _gatepost
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-euc", script, "bash", *words],
                          capture_output=True, text=True, timeout=60, cwd=cwd)
    assert done.returncode == 0 and done.stderr == "", done
    return [line for line in done.stdout.splitlines() if line]


def usage(verb):
    done = subprocess.run([program("gatepost"), "help", verb],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    return done.stdout.splitlines()[0]


def options(verb):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", usage(verb)))


def test_every_verb():
    assert sorted(complete("")) == sorted([*VERBS, "help", "--help",
                                           "--version"])
    assert complete("gre") == ["greylist"]
    assert complete("sta") == ["stats", "status"]
    assert complete("help", "l") == ["lists", "log"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_its_usage(verb):
    named = options(verb)
    assert "--set" in named
    assert set(complete(verb, "-")) == named | {"--help"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_that_is_taken_is_in_the_usage(verb):
    """The rows in the source against the text of the usage."""
    taken = set()
    for path in (TOP / "milter/cli").glob("*.c"):
        text = path.read_text()
        if f'.name = "{verb}",' in text:
            taken = set(re.findall(r'\{"(--?[a-z-]+)", ARG_', text))
            taken |= {"--" + name for name in
                      re.findall(r'FILTER\("([a-z-]+)"', text)}
    assert taken <= options(verb)
    assert options(verb) <= taken | {"-c", "--set"}


def test_values():
    assert complete("log", "--action", "re") == ["reject"]
    assert complete("log", "--direction", "") == ["in", "out"]
    assert complete("quarantine", "re") == ["release", "reindex"]
    assert complete("quarantine", "list", "--class", "v") == ["virus"]
    assert complete("quarantine", "--state", "") == ["held", "released"]
    assert "today" in complete("log", "--since", "to")
    assert complete("log", "--symbol", "SPF_FA") == ["SPF_FAIL"]
    assert "RBL_SPAMHAUS_XBL" in complete("log", "--symbol", "RBL_SPAMH")
    assert complete("log", "--set", "actions.rej") == ["actions.reject="]
    assert "shadow=" in complete("check", "--set", "")


def test_actions_are_those_that_log_takes(tmp_path):
    for action in complete("log", "--action", ""):
        done = subprocess.run(
            [program("gatepost"), "log", "--set", f"state_dir={tmp_path}",
             "--action", action], capture_output=True, timeout=20)
        assert done.returncode == 1, action     # no history, but no usage


@pytest.mark.parametrize("verb", ["config", "greylist"])
def test_actions_of_a_verb_are_in_its_usage(verb):
    words = complete(verb, "")
    named = set(re.findall(r"[a-z]+", usage(verb)))
    offered = set(words) & named
    wanted = {"config": {"check", "show", "example", "manual"},
              "greylist": {"list", "release", "forget", "allow", "allowed"}}
    assert wanted[verb] <= offered


def test_files(tmp_path):
    (tmp_path / "message.eml").touch()
    (tmp_path / "other.conf").touch()
    assert complete("check", "mess", cwd=tmp_path) == ["message.eml"]
    assert complete("log", "-c", "oth", cwd=tmp_path) == ["other.conf"]
    assert complete("config", "check", "oth", cwd=tmp_path) == ["other.conf"]


def test_odd_words_do_no_harm():
    for words in (["nonsense", "-"], ["log", "--action", "$(id)"],
                  ["log", "`id`"], ["", "", ""], ["log", "--symbol", "'"]):
        complete(*words)


# ---- gatepost help ----

def gatepost(*words, columns=None):
    env = {"COLUMNS": str(columns)} if columns else None
    return subprocess.run([program("gatepost"), *words], capture_output=True,
                          text=True, timeout=20, env=env)


def test_help():
    for verb in VERBS:
        said = gatepost("help", verb)
        assert said.returncode == 0 and said.stderr == ""
        assert said.stdout == gatepost(verb, "--help").stdout
        assert said.stdout.startswith(f"usage: gatepost {verb} ")
    narrow = gatepost("help", "log", columns=60).stdout
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == gatepost("help", "log").stdout.split()
    assert gatepost("help", "exlain").returncode == 2
    assert "did you mean 'explain'" in gatepost("help", "exlain").stderr


def test_the_manual_page_names_every_verb_and_option():
    page = (TOP / "man/gatepost.1").read_text().replace("\\-", "-")
    for verb in VERBS:
        assert f".SS gatepost {verb}" in page
        part = page.split(f".SS gatepost {verb}\n")[1].split("\n.S")[0]
        for option in options(verb) - {"-c", "--set"}:
            assert re.search(rf"{re.escape(option)}\b", part), (verb, option)
    for code in range(4):
        assert f"\n.B {code}\n" in page
