"""One message for several recipients: each has a place of its own."""

from mda_messages import message


def test_three_recipients_with_different_wishes(dovecot):
    users = [dovecot.add_user("three-usual"),
             dovecot.add_user("three-off", gatepost="no"),
             dovecot.add_user("three-high", gatepost_quarantine="20")]
    mail = message(dovecot.secret, "quarantine")
    replies = dovecot.deliver(mail.text, *users)
    assert [code for code, _ in replies] == [250] * 3
    assert [dovecot.counts(user) for user in users] == [
        {"Quarantine/Spam": 1}, {"INBOX": 1}, {"Junk": 1}]


def test_one_who_is_over_quota_is_told_alone(dovecot):
    full = dovecot.add_user("quota-full", quota_rule="*:storage=10k")
    roomy = dovecot.add_user("quota-roomy")
    mail = message(dovecot.secret, "clean", size=50000)
    replies = dovecot.deliver(mail.text, full, roomy)
    assert [code for code, _ in replies] == [552, 250]
    assert dovecot.counts(full) == {}
    assert dovecot.counts(roomy) == {"INBOX": 1}


def test_a_full_mailbox_does_not_keep_spam_out_of_quarantine(dovecot):
    full = dovecot.add_user("quota-spam", quota_rule="*:storage=10k")
    mail = message(dovecot.secret, "quarantine", size=50000)
    assert dovecot.deliver(mail.text, full)[0] == 250
    assert dovecot.counts(full) == {"Quarantine/Spam": 1}


def test_a_full_quarantine_defers_for_its_owner_alone(dovecot):
    full = dovecot.add_user("quarantine-full", quota2_rule="*:storage=10k")
    roomy = dovecot.add_user("quarantine-roomy")
    mail = message(dovecot.secret, "quarantine", size=50000)
    replies = dovecot.deliver(mail.text, full, roomy)
    assert [code for code, _ in replies] == [451, 250]
    assert dovecot.counts(full) == {}
    assert dovecot.counts(roomy) == {"Quarantine/Spam": 1}
