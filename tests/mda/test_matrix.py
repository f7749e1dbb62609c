"""Filing is the same with and without Dovecot's other plugins, and in each
format of mailboxes."""

import itertools

import pytest

from mda_messages import message
from support.dovecot import FORMATS

COMBINATIONS = [
    pytest.param(dict(form=form, sieve=sieve, quota=quota, notify=notify),
                 id="-".join([form] + [name for name, on in (
                     ("sieve", sieve), ("quota", quota), ("notify", notify))
                     if on]))
    for form, sieve, quota, notify in itertools.product(
        FORMATS, (False, True), (False, True), (False, True))]


@pytest.mark.parametrize("options", COMBINATIONS)
def test_each_verdict_has_its_folder(new_dovecot, options):
    server = new_dovecot(**options)
    usual = server.add_user("usual")
    strict = server.add_user("strict", gatepost_tag="3",
                             gatepost_quarantine="5")
    without = server.add_user("without", gatepost="no")
    if options["sieve"]:
        server.set_sieve(usual, 'require "fileinto";\n'
                         'if header :contains "subject" "list" '
                         '{ fileinto "Lists"; }\n')

    for case in ("clean", "tag", "quarantine", "virus"):
        replies = server.deliver(message(server.secret, case).text,
                                 usual, strict, without)
        assert [code for code, _ in replies] == [250] * 3
    server.deliver(message(server.secret, "tag", subject="list").text, usual)

    lists = {"Lists": 1} if options["sieve"] else {}
    assert server.counts(usual) == {
        "INBOX": 1, "Junk": 1 + (not lists), "Quarantine/Spam": 1,
        "Quarantine/Virus": 1, **lists}
    assert server.counts(strict) == {
        "INBOX": 1, "Quarantine/Spam": 2, "Quarantine/Virus": 1}
    assert server.counts(without) == {"INBOX": 3, "Quarantine/Virus": 1}
    assert "Error" not in server.log_text()
    assert ("saved mail" in server.log_text()) and (
        "save: box=Quarantine/Virus" in server.log_text()) \
        == options["notify"]
