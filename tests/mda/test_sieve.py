"""The plugin and users' Sieve scripts."""

from mda_messages import message

LISTS = 'require "fileinto"; fileinto "Lists";\n'
LOUD = ('require ["vacation", "copy"];\n'
        'vacation :addresses "%s@gatepost.example" "Gone fishing";\n'
        'redirect :copy "%s@elsewhere.example";\n')


def test_fileinto_wins_over_junk_but_not_over_quarantine(dovecot):
    user = dovecot.add_user("sieve-fileinto")
    dovecot.set_sieve(user, LISTS)
    for case in ("clean", "tag", "quarantine", "virus"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    assert dovecot.counts(user) == {
        "Lists": 2, "Quarantine/Spam": 1, "Quarantine/Virus": 1}


def test_keep_means_junk_for_what_is_tagged(dovecot):
    user = dovecot.add_user("sieve-keep")
    dovecot.set_sieve(user, 'keep;\n')
    for case in ("clean", "tag"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    assert dovecot.counts(user) == {"INBOX": 1, "Junk": 1}


def test_a_discard_is_a_discard(dovecot):
    user = dovecot.add_user("sieve-discard")
    dovecot.set_sieve(user, "discard;\n")
    for case in ("clean", "tag", "quarantine"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    assert dovecot.counts(user) == {"Quarantine/Spam": 1}


def test_nobody_hears_of_what_is_quarantined(dovecot, sink):
    user = dovecot.add_user("sieve-loud")
    dovecot.set_sieve(user, LOUD % (user, user))
    before = len(sink.messages)
    for case in ("quarantine", "virus", "unscanned"):
        dovecot.deliver(message(dovecot.secret, case, to=user).text, user)
    assert len(sink.messages) == before
    # The script does speak where it may.
    dovecot.deliver(message(dovecot.secret, "clean", to=user).text, user)
    assert sorted(one.recipients[0] for one in sink.messages[before:]) == [
        b"sender@example.org", user.encode() + b"@elsewhere.example"]
    assert dovecot.counts(user) == {
        "INBOX": 1, "Quarantine/Spam": 1, "Quarantine/Virus": 2}
