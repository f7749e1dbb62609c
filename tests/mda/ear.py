"""Listens where the engine would."""

import os
import socket


class Ear:
    """A datagram socket at that path, until close()."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.path = path

    def heard(self, wait=0.3):
        """What came since the last time: (said, how, allow, user, ids)."""
        found = []
        self.socket.settimeout(wait)
        while True:
            try:
                text = self.socket.recv(8192).decode()
            except TimeoutError:
                return found
            tags = dict(part.split("=", 1) for part in text.split("; "))
            assert tags["v"] == "1"
            found.append((tags["said"], tags["how"], tags["allow"],
                          tags["user"], tags["id"].split(",")))

    def close(self):
        self.socket.close()
        self.path.unlink()
