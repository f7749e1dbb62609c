"""gatepost config: what an administrator sees of a file, right or wrong."""

import re
import subprocess

import pytest

from support.gatepost import TOP, program


def config(*words, stdin=None):
    return subprocess.run([program("gatepost"), "config", *map(str, words)],
                          input=stdin, capture_output=True, text=True,
                          timeout=20)


@pytest.fixture
def conf(tmp_path):
    def write(text):
        path = tmp_path / "gatepost.conf"
        path.write_text(text)
        return path
    return write


def test_an_empty_file_is_right(conf):
    done = config("check", conf(""))
    assert done.returncode == 0
    assert done.stdout.endswith("no errors\n")


@pytest.mark.parametrize("text, line, words", [
    ("shadow = maybe\n", 1, ["shadow", "'maybe'", "yes or no"]),
    ("\n\nshadwo = yes\n", 3, ["'shadwo'", "did you mean 'shadow'"]),
    ("# a\n# b\nspf {\n # c\n timeout = 3x\n}\n", 5,
     ["spf.timeout", "'3x'", "30s"]),
    ("actions {\n reject = high\n}\n", 2, ["actions.reject", "'high'", "off"]),
    ("spf {\n evaluator = best\n}\n", 2, ["own, libspf2"]),
    ("score {\n SPF_FIAL = 3\n}\n", 2, ["'SPF_FIAL'", "'SPF_FAIL'"]),
    ("cap {\n nothing = 3\n}\n", 2, ["'nothing'", "rbl_domain"]),
    ("log {\n level = info\n", 1, ["never closed"]),
    ("authserv_id = \"mx\n", 1, ["never closed"]),
])
def test_an_error_names_file_line_value_and_what_is_allowed(
        conf, text, line, words):
    path = conf(text)
    done = config("check", path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{path}:{line}: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("text, words", [
    ("trusted_networks = {10.0.0.0/99}\n", ["trusted_networks",
                                            "10.0.0.0/99"]),
    ("dns { servers = {nonsense} }\n", ["dns.servers", "nonsense"]),
    ("verdict_key = /nonexistent/key\n", ["/nonexistent/key"]),
])
def test_values_that_only_the_daemon_can_judge_are_tried(conf, text, words):
    done = config("check", conf(text))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    done = config("check", tmp_path / "none.conf")
    assert done.returncode == 1
    assert "cannot be read: No such file" in done.stderr


def test_show_reads_back_as_the_same_configuration(conf, tmp_path):
    shown = config("show", conf(
        'shadow = yes\nlisten = {"inet:127.0.0.1:1", "unix:/x y"}\n'
        'actions { reject = off }\nscore { SPF_FAIL = 2.5 }\n'
        'list "zen.spamhaus.org" { enabled = no }\n'))
    assert shown.returncode == 0
    again = tmp_path / "again.conf"
    again.write_text(shown.stdout)
    second = config("show", again)
    assert second.returncode == 0, second.stderr
    assert second.stdout == shown.stdout
    assert "reject = off    # default: 15" in shown.stdout


def test_the_example_holds_nothing_but_defaults(tmp_path):
    """Every commented setting, with its '#' taken away, is the default."""
    lines = config("example").stdout.splitlines()
    bare = [line.replace("#", "", 1) for line in lines
            if not line.strip().startswith("# ")]
    text = "\n".join(bare)
    # A block named NAME shows what can be set, but does nothing by itself.
    text = re.sub(r'(?ms)^\w+ "NAME" \{.*?^\}$', "", text)
    path = tmp_path / "example.conf"
    path.write_text(text)
    shown = config("show", path)
    assert shown.returncode == 0, shown.stderr
    assert "# default" not in shown.stdout
    # Blocks that are worked out are right as they stand.
    assert 'ratelimit "users" {\n\tby = user\n' in shown.stdout
    assert config("check", path).returncode == 0


@pytest.mark.parametrize("verb, committed", [
    ("manual", "man/gatepost.conf.5"),
    ("example", "contrib/gatepost.conf.example"),
])
def test_what_is_committed_is_what_the_rows_say(verb, committed):
    made = config(verb)
    assert made.returncode == 0, made.stderr
    assert made.stdout == (TOP / committed).read_text(), "run: make docs"


@pytest.mark.parametrize("words", [
    [], ["chek"], ["check", "a", "b"], ["check", "--set"],
])
def test_wrong_usage(words):
    done = config(*words)
    assert done.returncode == 2
    assert "usage: gatepost config" in done.stderr


@pytest.mark.parametrize("settings, words", [
    (["store=mysql://u:pw@h"], "store: must begin with"),
    (["store=redis://h", "state.prefix={x}"], "state.prefix: "),
    (["store=rediss://h", "state.tls_ca=/nowhere"],
     "state.tls_ca: cannot read certificates from /nowhere"),
])
def test_a_store_that_cannot_be_made_is_told(settings, words):
    sets = [word for setting in settings for word in ("--set", setting)]
    done = config("check", *sets)
    assert done.returncode != 0
    assert words in done.stderr
    assert "pw" not in done.stderr
