"""dovecot-lda files as LMTP does."""

from mda_messages import message


def test_dovecot_lda_files_by_the_verdict(dovecot):
    user = dovecot.add_user("lda")
    dovecot.set_sieve(user, 'require "fileinto"; fileinto "Lists";\n')
    for case in ("clean", "tag", "quarantine", "virus"):
        assert dovecot.lda(message(dovecot.secret, case).text, user) == 0
    assert dovecot.counts(user) == {
        "Lists": 2, "Quarantine/Spam": 1, "Quarantine/Virus": 1}


def test_dovecot_lda_says_that_postfix_should_try_again(dovecot):
    user = dovecot.add_user("lda-full", quota2_rule="*:storage=10k")
    mail = message(dovecot.secret, "quarantine", size=50000)
    assert dovecot.lda(mail.text, user) == 75  # EX_TEMPFAIL
    assert dovecot.counts(user) == {}
