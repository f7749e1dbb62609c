"""A recorder that answers /status as it is told, on a unix socket."""

import socket
import threading

STATUS = {
    "version": "0.1", "generation": 3, "started": 1795552200.0,
    "uptime_s": 265105.5,
    "processes": [
        {"role": "master", "pid": 811, "slot": 0, "rss_bytes": 9123456},
        {"role": "worker", "pid": 812, "slot": 1, "rss_bytes": 48123456},
        {"role": "worker", "pid": 813, "slot": 2, "rss_bytes": 47123456},
        {"role": "recorder", "pid": 814, "slot": 3, "rss_bytes": 82123456}],
    "sessions": {"now": 17, "total": 48211, "refused": 0}, "waiting": 2,
    "messages": {
        "in": {"accept": 30000, "tag": 1200, "reject": 9000, "tempfail": 3,
               "greylist": 2100, "ratelimit": 0},
        "out": {"accept": 5100, "tag": 0, "reject": 0, "tempfail": 0,
                "greylist": 0, "ratelimit": 4},
        "aborted": 12, "unanswered": 0},
    "bytes": {"in": 912345678, "out": 81234567},
    "checks": [
        {"name": "spf", "count": 42303, "mean_ms": 31.25, "at_most_ms": 5000},
        {"name": "rbl", "count": 42303, "mean_ms": 118.75, "at_most_ms": 5000},
        {"name": "idle", "count": 0, "mean_ms": None, "at_most_ms": None}],
    "lists": [
        {"name": "zen.spamhaus.org", "asked": 42000, "listed": 8800,
         "errors": 0, "suspended": 0, "mean_ms": 21.5, "at_most_ms": 1000},
        {"name": "dbl.spamhaus.org", "asked": 900, "listed": 2,
         "errors": 900, "suspended": 1, "mean_ms": 18.0, "at_most_ms": 100}],
    "greylist": {"deferred": 2100, "passed": 1500, "returned": 1480,
                 "never_returned": 560},
    "dns": {"asked": 611000, "cached": 402000, "coalesced": 811,
            "failed": 431, "refused": 0, "in_flight": 11},
    "store": {"asked": 50123, "late": 1, "failed": 0, "skipped": 0,
              "downs": 0, "down_now": 0},
    "records": {"sent": 47407, "dropped": 0, "stored": 47405, "lost": 0,
                "queued": 2, "history_up": True},
    "vault": {"messages": 43, "bytes": 2812345, "released": 6,
              "oldest_held_s": 270000, "free_bytes": 41812345678,
              "held": {"virus": 25, "spam": 0, "dmarc": 0, "attachment": 12,
                       "unscanned": 0}},
    "starts": {"worker": 2, "recorder": 1},
    "crashes": {"worker": 0, "recorder": 0},
}


class FakeRecorder:
    """Gives each client the same bytes; None: takes them, says nothing."""

    def __init__(self, path, reply):
        self.reply = reply
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.held = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.requests.append(client.recv(4096))
            if self.reply is None:
                self.held.append(client)
                continue
            try:
                client.sendall(self.reply)
            except OSError:
                pass    # it had enough
            client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for client in self.held:
            client.close()


def http(body, status="200 OK"):
    head = (f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body
