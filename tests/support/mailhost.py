"""A stack whose mail goes to Dovecot with the plugin, by LMTP."""

import json
import secrets
import shutil
from pathlib import Path

from support import ports
from support.dovecot import Dovecot
from support.stack import Stack


class MailHost(Stack):
    """All users are the Dovecot's, which is in the same folder."""

    def __init__(self, folder, zones=None, settings=None, **how):
        folder = Path(folder)
        self.key = folder / "verdict.key"
        self.dovecot = Dovecot(folder / "dovecot", config=f"""
plugin {{
  gatepost_key = {self.key}
  gatepost_feedback_socket = {folder}/gatepost/run/feedback
}}
""", **how)
        super().__init__(folder, zones, {
            "verdict_key": str(self.key), **(settings or {})}, postfix={
                "virtual_transport":
                    f"lmtp:inet:127.0.0.1:{self.dovecot.lmtp_port}",
                "lmtp_destination_recipient_limit": "1"})
        self.gatepost.settings["release.smtp"] = \
            f"inet:127.0.0.1:{self.postfix.plain_port}"

    def start(self):
        # As an administrator makes it: one key for both sides.
        self.key.write_text(secrets.token_hex(32) + "\n")
        shutil.chown(self.key, self.dovecot.account.pw_uid)
        self.key.chmod(0o400)
        self.dovecot.start()
        return super().start()

    def stop(self):
        self.dovecot.stop()
        super().stop()

    def landed(self, user, queue_id, timeout=20):
        """The folder of the user's that holds the message with Postfix's
        queue id, and the message."""
        return ports.wait_until(lambda: self.dovecot.find(user, queue_id),
                                timeout, "delivery of " + queue_id)

    def opinions(self, record_id):
        """(user, said, how) of each that the engine has of a record."""
        done = self.gatepost.run("explain", "--json", record_id)
        return [(one["user"], one["said"], one["how"])
                for record in json.loads(done.stdout)   # one for each try
                for one in record.get("opinions", [])]
