"""What users can have otherwise, from their userdb fields."""

import pytest

from mda_messages import Message, message


@pytest.mark.parametrize("score, folder", [
    (2.9, "INBOX"), (3, "Junk"), (7.9, "Junk"), (8, "Quarantine/Spam")])
def test_thresholds(dovecot, score, folder):
    user = dovecot.add_user(f"wish-{score}", gatepost_tag="3",
                            gatepost_quarantine="8")
    for action, kind in (("accept", "clean"), ("quarantine", "spam")):
        mail = Message().verdict(dovecot.secret, action, kind, score)
        dovecot.deliver(mail.text, user)
    assert dovecot.counts(user) == {folder: 2}


def test_who_opts_out_gets_spam_but_no_viruses(dovecot):
    user = dovecot.add_user("wish-off", gatepost="no")
    for case in ("clean", "tag", "quarantine", "virus", "unscanned"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    assert dovecot.counts(user) == {"INBOX": 3, "Quarantine/Virus": 2}


def test_pop3_users_find_spam_in_inbox_with_a_keyword(dovecot):
    user = dovecot.add_user("wish-pop3", gatepost_pop3="yes")
    dovecot.set_sieve(user, 'require "fileinto"; fileinto "Lists";\n')
    for case in ("tag", "quarantine", "virus"):
        dovecot.deliver(message(dovecot.secret, case).text, user)
    pop3 = dovecot.pop3(user)
    assert pop3.stat()[0] == 2
    pop3.quit()
    assert dovecot.counts(user) == {"INBOX": 2, "Quarantine/Virus": 1}
    client = dovecot.imap(user)
    client.select("INBOX", readonly=True)
    for keyword, numbers in (("$Junk", b"1"), ("Quarantine", b"2")):
        assert client.search(None, "KEYWORD", keyword)[1] == [numbers]
    client.logout()


def test_a_pop3_user_over_quota_is_over_quota(dovecot):
    user = dovecot.add_user("wish-pop3-full", gatepost_pop3="yes",
                            quota_rule="*:storage=10k")
    mail = message(dovecot.secret, "tag", size=50000)
    assert dovecot.deliver(mail.text, user)[0] == 552
    assert dovecot.counts(user) == {}


def test_a_value_that_cannot_be_read_is_left_out(dovecot):
    user = dovecot.add_user("wish-wrong", gatepost_tag="many",
                            gatepost="perhaps", gatepost_quarantine="1e999",
                            gatepost_max_age="soon")
    for case in ("clean", "tag", "quarantine"):
        assert dovecot.deliver(message(dovecot.secret, case).text,
                               user)[0] == 250
    assert dovecot.counts(user) == {"INBOX": 1, "Junk": 1,
                                    "Quarantine/Spam": 1}
    for text in ("gatepost_tag: cannot read its value; allowed: a score",
                 "gatepost: cannot read its value; allowed: yes, no",
                 "gatepost_quarantine: cannot", "gatepost_max_age: cannot"):
        assert text in dovecot.log_text()


def test_without_a_junk_folder_spam_goes_to_inbox(new_dovecot):
    server = new_dovecot(config="namespace inbox {\n  mailbox Junk {\n"
                                "    special_use = \\Flagged\n  }\n}\n")
    user = server.add_user("anna")
    server.deliver(message(server.secret, "tag").text, user)
    assert server.counts(user) == {"INBOX": 1}
    assert "no folder has special_use = \\Junk" in server.log_text()


def test_users_without_the_plugin_are_left_alone(dovecot):
    user = dovecot.add_user("wish-without", mail_plugins="acl,quota")
    dovecot.deliver(message(dovecot.secret, "quarantine").text, user)
    assert dovecot.counts(user) == {"INBOX": 1}
