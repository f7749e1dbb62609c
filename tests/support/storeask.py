"""A store of its own process, driven through the program store_ask."""

import os
import subprocess
from collections import namedtuple

from support import ports
from support.gatepost import program

DELAY, WINDOW, LIFETIME = 300_000, 86_400_000, 36 * 86_400_000

Answer = namedtuple("Answer", "status ms fields words")
Entry = namedtuple("Entry", "key sender rcpt origin id state age idle wait "
                            "left tries")


class StoreAsk:
    """with StoreAsk(URL, **{"state.timeout": "200ms"}) as ask: ..."""

    def __init__(self, url, log, environment=None, **settings):
        words = [program("tests/milter/store/store_ask")]
        for key, value in settings.items():
            words += ["-s", f"{key}={value}"]
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [*words, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True,
                env={**os.environ, **(environment or {})})

    def send(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def line(self):
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        return line.rstrip("\n")

    def do(self, command):
        """STATUS ms=N NAME=NUMBER... WORDS... as an Answer."""
        self.send(command)
        status, *rest = self.line().split(" ")
        fields, words = {}, []
        for word in rest:
            name, _, value = word.partition("=")
            if value.lstrip("-").isdigit():
                fields[name] = int(value)
            else:
                words.append(word)
        return Answer(status, fields.pop("ms", 0), fields, words)

    def numbers(self, command):
        """A line of NAME=NUMBER as a dict."""
        self.send(command)
        return self.read_numbers()

    def read_numbers(self):
        return {name: int(value) for name, value in
                (word.split("=") for word in self.line().split())}

    def wait_up(self, seconds=10):
        assert self.do(f"wait {int(seconds * 1000)}").status == "up", \
            self.log.read_text()

    def greylist(self, sender, rcpts="r@example.org", origins="192.0.2.0/24",
                 delay=DELAY, window=WINDOW, lifetime=LIFETIME):
        return self.do(f"greylist {sender} {rcpts} {origins} {delay} "
                       f"{window} {lifetime}")

    def entries(self, which="all", limit=1000, match=""):
        return [Entry(*word.split("|"))
                for word in self.do(f"list {which} {limit} {match}").words]

    def lines(self, text):
        """Lines of the log that contain the text."""
        return [line for line in self.log.read_text().splitlines()
                if text in line]

    def wait_line(self, text):
        """The first such line, which may be on its way."""
        return ports.wait_until(lambda: self.lines(text), 5,
                                f"the log to say {text}")[0]

    def end(self):
        """Its end must be clean: sanitizers speak then."""
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.log.read_text()[-3000:]
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        if failed[0]:
            self.process.kill()
            self.process.communicate()
        else:
            self.end()
