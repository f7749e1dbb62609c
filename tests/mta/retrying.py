"""Load as greylisting sees it: new senders all the time, each of which comes
back as it was told until its message is taken."""

import threading
import time

from greylisting import TOLD, doubtful
from support import ports
from support.smtp import Client, Dropped

RCPT = ["user@gatepost.example"]
BATCH = 5       # messages of one session
PAUSE = 0.3     # seconds between two sessions of a thread, since Postfix
                # has to deliver all that is taken


class Letter:
    """One message and its sender, until it is taken."""

    def __init__(self, sender):
        self.sender = sender
        self.content = doubtful(sender)
        self.tries = 0
        self.taken = False
        self.due = 0.0


class Retriers:
    """tries: (when, seconds until the reply, reply), in order of time."""

    def __init__(self, port, threads=6, name="load"):
        self.port = port
        self.name = name
        self.tries = []
        self.failures = []
        self.accepted = []      # queue ids
        self.done = []          # letters that were taken
        self._lock = threading.Lock()
        self._count = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,),
                                          daemon=True)
                         for n in range(threads)]

    def _run(self, number):
        waiting = []
        while waiting or not self._stop.is_set():
            while len(waiting) < BATCH and not self._stop.is_set():
                waiting.append(self._new())
            due = min(letter.due for letter in waiting)
            time.sleep(max(0, due - time.monotonic()))
            try:
                self._session(number, waiting)
            except (OSError, Dropped) as error:
                self.failures.append(error)
                return
            waiting = [one for one in waiting if not one.taken]
            time.sleep(PAUSE)

    def _new(self):
        with self._lock:
            self._count += 1
            return Letter(f"{self.name}.{self._count}@plain.example")

    def _session(self, number, waiting):
        with Client(self.port, timeout=60) as smtp:
            smtp.ehlo("localhost")
            smtp.xclient(f"198.51.{number}.1")
            smtp.ehlo("client.example")
            for letter in waiting:
                if letter.due <= time.monotonic():
                    self._try(smtp, letter)
            smtp.quit()

    def _try(self, smtp, letter):
        start = time.monotonic()
        reply = smtp.message(letter.sender, RCPT, letter.content)
        end = time.monotonic()
        letter.tries += 1
        told = TOLD.fullmatch(reply.text)
        letter.due = end + (int(told[1]) if told else 1)
        with self._lock:
            self.tries.append((start, end - start, reply))
            if reply.code == 250:
                self.accepted.append(reply.queue_id)
                self.done.append(letter)
                letter.taken = True

    def wait_accepted(self, more, timeout=60):
        """Until that many more messages are taken than now."""
        wanted = len(self.accepted) + more
        ports.wait_until(
            lambda: len(self.accepted) >= wanted or self.failures, timeout,
            f"{more} more accepted messages (have {len(self.accepted)}, "
            f"last: {self.tries[-3:]})")
        assert not self.failures, self.failures

    def since(self, when):
        """The replies to what was sent after that moment."""
        return [reply for start, _, reply in self.tries if start >= when]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, timeout=60):
        """Sends nothing new; ends when all that was begun is taken."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)
        assert not any(thread.is_alive() for thread in self._threads), \
            f"not taken within {timeout} s: {self.tries[-3:]}"

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self._stop.set()
        if kind is None:
            self.stop()
