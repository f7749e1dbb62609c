"""A private Dovecot with the plugin: configuration, state and mailboxes in
one folder, loopback ports of its own, and an ordinary account throughout.
It reads the files of contrib/dovecot as an administrator would."""

import imaplib
import os
import poplib
import pwd
import shutil
import smtplib
import subprocess
import urllib.request
from pathlib import Path

from support import ports
from support.gatepost import TOP, build_folder
from support.process import Failed, Process

CONTRIB = TOP / "contrib/dovecot/2.3"
PROGRAMS = Path("/usr/lib/dovecot")
MODULES = PROGRAMS / "modules"
PLUGIN = "lib91_gatepost_plugin.so"
DOVEADM_PLUGIN = "lib10_doveadm_gatepost_plugin.so"
PASSWORD = "secret"
DOMAIN = "gatepost.example"

# How each format names the place of mail.
FORMATS = ("maildir", "sdbox", "mdbox")

BASE = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
log_debug = category=gatepost
default_internal_user = {account}
default_internal_group = {group}
default_login_user = {account}
first_valid_uid = 1
first_valid_gid = 1
protocols = imap lmtp{pop3}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_username_format = %n
shutdown_clients = yes
mail_plugin_dir = {folder}/modules
mail_location = {format}:~/mail
mail_fsync = never
hostname = mx.gatepost.example
postmaster_address = postmaster@gatepost.example
submission_host = 127.0.0.1:{submission_port}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  user = {account}
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
passdb {{
  driver = passwd-file
  args = {folder}/users/{users}
}}
userdb {{
  driver = passwd-file
  args = {folder}/users/{users}
}}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
  mailbox Lists {{
    auto = create
  }}
}}
"""

POP3 = """\
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""

AFTER = """\
namespace quarantine {{
  location = {format}:~/quarantine
}}
plugin {{
  acl = vfile:{folder}/gatepost.acl
  gatepost_key = {folder}/verdict.key
  gatepost_feedback_socket = {folder}/feedback
}}
protocol lmtp {{
  mail_access_groups =
}}
protocol lda {{
  mail_access_groups =
}}
service stats {{
  inet_listener http {{
    port = {metrics_port}
  }}
}}
"""

# Where 13-gatepost-quota.conf says something else.
QUOTA = """\
service gatepost-quota-warning {{
  executable = script {folder}/gatepost-quota-warning -c {folder}/dovecot.conf
  user = {account}
  unix_listener gatepost-quota-warning {{
    user = {account}
  }}
}}
service quota-status {{
  unix_listener /var/spool/postfix/private/gatepost-quota {{
    mode = 0
  }}
  inet_listener {{
    port = {quota_port}
  }}
}}
"""

SIEVE = """\
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
protocol lda {{
  mail_plugins = $mail_plugins sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/active.sieve
}}
"""

NOTIFY = """\
mail_plugins = $mail_plugins notify mail_log
"""


def lacking():
    """Why no Dovecot can be started here, in words; None: it can."""
    if not all((PROGRAMS / name).exists() for name in ("imap", "lmtp")):
        return "Dovecot's packages (core, imapd, lmtpd) are not installed"
    if not (build_folder() / PLUGIN).exists():
        return "the plugin was not built, for want of dovecot-dev"
    return None


def transact(client, message, *users):
    """One transaction of an LMTP session: the (code, text) for each user."""
    client.mail("sender@example.org")
    for user in users:
        code, text = client.rcpt(f"{user}@{DOMAIN}")
        assert code == 250, text
    # data() reads but one reply; the others follow it.
    return [client.data(message), *(client.getreply() for _ in users[1:])]


class Dovecot:
    """config: lines that come last. The folder is there from the start, for
    what must be in it before Dovecot runs; so is each user's home.
    one_list: Dovecot can tell all its users, but sees a new one late; add
    them before the start."""

    def __init__(self, folder, *, form="maildir", sieve=True, quota=True,
                 notify=False, config="", submission_port=1, one_list=False):
        self.folder = Path(folder)
        self.users = "all" if one_list else "%n"
        for name in ("", "home", "modules", "doveadm", "run", "state",
                     "users"):
            (self.folder / name).mkdir(parents=True)
        self.form = form
        self.sieve, self.quota, self.notify = sieve, quota, notify
        self.has_pop3 = (PROGRAMS / "pop3").exists()
        self.config = config
        self.account = pwd.getpwnam("nobody")
        if os.getuid() != 0:
            self.account = pwd.getpwuid(os.getuid())
        self.lmtp_port = ports.free_port()
        self.imap_port = ports.free_port()
        self.pop3_port = ports.free_port()
        self.metrics_port = ports.free_port()
        self.quota_port = ports.free_port()
        self.submission_port = submission_port
        self.process = None

    @property
    def log(self):
        return self.folder / "dovecot.log"

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def key(self):
        return self.folder / "verdict.key"

    def home(self, user):
        return self.folder / "home" / user

    def _text(self):
        names = ["11-gatepost.conf", "12-gatepost-quarantine.conf",
                 "14-gatepost-metrics.conf"]
        if self.quota:
            names.insert(2, "13-gatepost-quota.conf")
        text = BASE + "".join(f"!include {self.folder}/{name}\n"
                              for name in names)
        text += AFTER + (NOTIFY if self.notify else "")
        text += POP3 if self.has_pop3 else ""
        text += QUOTA if self.quota else ""
        text += SIEVE if self.sieve else ""
        group = subprocess.run(
            ["getent", "group", str(self.account.pw_gid)], check=True,
            capture_output=True, text=True).stdout.split(":")[0]
        return text.format(
            folder=self.folder, users=self.users,
            account=self.account.pw_name, group=group,
            format=self.form, lmtp_port=self.lmtp_port,
            imap_port=self.imap_port, pop3=" pop3" * self.has_pop3,
            pop3_port=self.pop3_port,
            metrics_port=self.metrics_port, quota_port=self.quota_port,
            submission_port=self.submission_port) + self.config

    def _own(self, path):
        os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _write(self):
        for name in ("", "run", "state"):
            self._own(self.folder / name)
        for module in MODULES.iterdir():
            (self.folder / "modules" / module.name).symlink_to(module)
        # Copies, since _inside() lays our folder over where they are.
        for module in (MODULES / "doveadm").glob("*.so"):
            shutil.copy(module, self.folder / "doveadm")
        for plugin, folder in ((PLUGIN, "modules"),
                               (DOVEADM_PLUGIN, "doveadm")):
            built = build_folder() / plugin
            if not built.exists():
                raise Failed(f"{built} is not there: configure did not find "
                             "Dovecot's headers, or it was not built")
            # A copy: the account may not reach that, nor the sources.
            shutil.copy(built, self.folder / folder)
        for file in (*CONTRIB.iterdir(),
                     CONTRIB.parent / "gatepost-quota-warning"):
            shutil.copy(file, self.folder)
        (self.folder / "dovecot.conf").write_text(self._text())

    def add_user(self, user, **fields):
        """An account of its own for one test, with these userdb fields
        besides, such as gatepost_tag="4"."""
        self.home(user).mkdir()
        self._own(self.home(user))
        extra = " ".join(f"userdb_{name}={value}"
                         for name, value in fields.items())
        # A file each: Dovecot looks at one for news but once a second.
        name = user if self.users == "%n" else self.users
        with (self.folder / "users" / name).open("a") as file:
            file.write(
                f"{user}:{{PLAIN}}{PASSWORD}:{self.account.pw_uid}:"
                f"{self.account.pw_gid}::{self.home(user)}::{extra}\n")
        return user

    def set_sieve(self, user, script):
        (self.home(user) / "active.sieve").write_text(script)

    def _as_account(self):
        if os.getuid() != 0:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid,
                "extra_groups": []}

    def _inside(self, *words):
        """The words of a command, run as the account where doveadm's folder
        of modules, whose name is compiled into it, is ours; only root can do
        that, and without it there is no doveadm gatepost."""
        if os.getuid() != 0:
            return words
        return ["unshare", "--mount", "sh", "-c",
                f'mount --bind "$0" {MODULES}/doveadm && exec "$@"',
                self.folder / "doveadm", "setpriv",
                f"--reuid={self.account.pw_uid}",
                f"--regid={self.account.pw_gid}", "--clear-groups", *words]

    def start(self):
        self._write()
        self.process = Process(
            "dovecot", self._inside("/usr/sbin/dovecot", "-F", "-c",
                                    self.folder / "dovecot.conf"),
            self.folder / "output", cwd=self.folder)
        try:
            for port in (self.lmtp_port, self.imap_port):
                ports.wait_until(
                    lambda port=port: self.process.check()
                    and ports.is_open(port), 10, "Dovecot to listen")
        except Failed as error:
            raise Failed(f"{error}\n{self.log_text()}") from None
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def try_doveadm(self, *words):
        """The (exit status, output, errors) of a command."""
        done = subprocess.run(
            self._inside("/usr/bin/doveadm", "-c",
                         self.folder / "dovecot.conf", *words),
            capture_output=True, text=True, check=False, cwd=self.folder,
            stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def doveadm(self, *words):
        status, output, errors = self.try_doveadm(*words)
        if status != 0:
            raise Failed(f"doveadm {' '.join(words)}: {errors}")
        return output

    def lmtp(self):
        return smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=20)

    def deliver(self, message, *users):
        """The (code, text) for each recipient: one alone, or a list."""
        with self.lmtp() as client:
            client.ehlo()
            replies = transact(client, message, *users)
        return replies[0] if len(users) == 1 else replies

    def lda(self, message, user):
        """The exit status of dovecot-lda, as Postfix's pipe would run it."""
        return subprocess.run(
            ["/usr/lib/dovecot/dovecot-lda", "-c",
             self.folder / "dovecot.conf", "-d", user], input=message,
            capture_output=True, check=False, cwd=self.folder,
            **self._as_account()).returncode

    def imap(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=20)
        client.login(user, PASSWORD)
        return client

    def pop3(self, user):
        client = poplib.POP3("127.0.0.1", self.pop3_port, timeout=20)
        client.user(user)
        client.pass_(PASSWORD)
        return client

    def counts(self, user):
        """How many messages each folder that has any holds."""
        client = self.imap(user)
        found = {}
        try:
            for line in client.list()[1]:
                flags, _, name = line.decode().partition(") ")
                name = name.split(" ", 1)[1].strip('"')
                if "\\Noselect" in flags or "\\NonExistent" in flags:
                    continue
                status, text = client.status(f'"{name}"', "(MESSAGES)")
                if status != "OK":
                    continue
                count = int(text[0].rsplit(b" ", 1)[1].rstrip(b")"))
                if count:
                    found[name] = count
        finally:
            client.logout()
        return found

    def find(self, user, queue_id):
        """(folder, message) of the message with Postfix's queue id, or
        None."""
        client = self.imap(user)
        try:
            for folder in self.counts(user):
                client.select(f'"{folder}"', readonly=True)
                _, (found,) = client.search(None, "HEADER", "Received",
                                            f'"id {queue_id}"')
                if found:
                    _, parts = client.fetch(found.split()[0].decode(),
                                            "(BODY.PEEK[])")
                    return folder, parts[0][1]
        finally:
            client.logout()
        return None

    def metrics(self):
        """Dovecot's OpenMetrics text as {series: value}."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {series: float(value)
                for series, _, value in (line.rpartition(" ")
                                         for line in lines
                                         if not line.startswith("#"))}
