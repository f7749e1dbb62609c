"""A private Postfix: own configuration, queue, data and mailboxes in one
folder, on loopback ports of its own. The system's Postfix, its settings
and its queue are never touched. Needs root, as Postfix does."""

import json
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from support import ports
from support.process import Failed

MAIN = {
    "compatibility_level": "3.6",
    "config_directory": "{folder}/etc",
    "queue_directory": "{folder}/queue",
    "data_directory": "{folder}/data",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "maillog_file": "{folder}/mail.log",
    "maillog_file_prefixes": "{folder}",
    "multi_instance_enable": "no",
    "alias_maps": "",
    "alias_database": "",
    "local_header_rewrite_clients": "",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "all",
    "myhostname": "mx.gatepost.example",
    "mydomain": "gatepost.example",
    "mydestination": "",
    "mynetworks": "127.0.0.2/32",
    "local_recipient_maps": "",
    "virtual_mailbox_domains": "{domains}",
    "virtual_mailbox_maps": "static:all/",
    "virtual_mailbox_base": "{folder}/mail",
    "virtual_mailbox_limit": "0",
    "virtual_uid_maps": "static:{uid}",
    "virtual_gid_maps": "static:{gid}",
    # Nothing ever leaves this host, bounces included.
    "default_transport": "discard:",
    "relay_transport": "discard:",
    "smtpd_recipient_restrictions": "reject_unauth_destination",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    "smtpd_peername_lookup": "yes",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_error_sleep_time": "0",
    "smtpd_soft_error_limit": "1000",
    "smtpd_hard_error_limit": "1000",
    "smtputf8_enable": "yes",
    "strict_smtputf8": "no",
    "message_size_limit": "104857600",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "1s",
    "queue_run_delay": "1s",
    "smtpd_milters": "{milters}",
    "non_smtpd_milters": "",
    "milter_default_action": "tempfail",
    "milter_protocol": "6",
    # What Gatepost reads beside the defaults.
    "milter_connect_timeout": "10s",
    "milter_content_timeout": "120s",
}

MASTER = """\
{port} inet n - n - - smtpd
{plain_port} inet n - n - - smtpd -o smtpd_milters=
{second_port} inet n - n - - smtpd -o smtpd_milters={second_milters}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """port asks the milters; plain_port has none; second_port asks others
    than port, such as the same over another kind of socket."""

    def __init__(self, folder, milters="", domains=("gatepost.example",),
                 settings=None, second_milters=""):
        self.folder = Path(folder)
        self.port = ports.free_port()
        self.plain_port = ports.free_port()
        self.domains = list(domains)
        self.milters = milters
        self.settings = dict(settings or {})
        self.second_port = ports.free_port()
        self.second_milters = second_milters
        self.running = False

    @property
    def etc(self):
        return self.folder / "etc"

    @property
    def log(self):
        return self.folder / "mail.log"

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _write(self):
        nobody = pwd.getpwnam("nobody")
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # Delivery runs as nobody, so the way down must be open.
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        values = {"folder": self.folder, "milters": self.milters,
                  "domains": " ".join(self.domains), "uid": nobody.pw_uid,
                  "gid": nobody.pw_gid}
        lines = [f"{name} = {value.format(**values)}\n"
                 for name, value in MAIN.items() if name not in self.settings]
        lines += [f"{name} = {value}\n"
                  for name, value in self.settings.items()]
        (self.etc / "main.cf").write_text("".join(lines))
        (self.etc / "master.cf").write_text(MASTER.format(
            port=f"127.0.0.1:{self.port}",
            plain_port=f"127.0.0.1:{self.plain_port}",
            second_port=f"127.0.0.1:{self.second_port}",
            second_milters=self.second_milters))

    def command(self, *argv, check=True):
        """Runs one of Postfix's commands on this instance."""
        name, *rest = argv
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        done = subprocess.run([name, "-c", str(self.etc), *rest],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env=environment, check=False)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(argv)}: "
                         + done.stderr.decode(errors="replace").strip()
                         + "\n" + self.log_text()[-2000:])
        return done.stdout

    def start(self):
        if not shutil.which("postfix", path="/usr/sbin"):
            raise Failed("Postfix is not installed")
        if os.getuid() != 0:
            raise Failed("Postfix starts only for root")
        self._write()
        self.command("postfix", "start")
        self.running = True
        ports.wait_open(self.port)
        return self

    def master_pid(self):
        text = (self.folder / "queue/pid/master.pid").read_text()
        return int(text.split()[0])

    def stop(self):
        if not self.running:
            return
        self.running = False
        pid = self.master_pid()
        self.command("postfix", "stop", check=False)
        try:
            ports.wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10,
                             "Postfix to stop")
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)

    def reload(self):
        self.command("postfix", "reload")

    def queue(self):
        """The queue as a list of postqueue's JSON objects."""
        return [json.loads(line)
                for line in self.command("postqueue", "-j").splitlines()]

    def flush(self):
        self.command("postqueue", "-f")

    def wait_delivered(self, count, timeout=20):
        """All messages in the mailbox once there are `count` of them."""
        ports.wait_until(lambda: self.count_delivered() >= count, timeout,
                         f"{count} delivered messages")
        return self.delivered()

    def _maildir(self):
        return self.folder / "mail/all/new"

    def count_delivered(self):
        try:
            return len(os.listdir(self._maildir()))
        except FileNotFoundError:
            return 0

    def delivered(self):
        """Delivered messages, oldest first, as bytes."""
        if not self._maildir().exists():
            return []
        files = sorted(self._maildir().iterdir(),
                       key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in files]

    def forget_delivered(self):
        if self._maildir().exists():
            for path in self._maildir().iterdir():
                path.unlink()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
