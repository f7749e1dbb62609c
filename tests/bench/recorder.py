"""What the recorder costs mail, and what it bears.

Three Gateposts take turns: one as it comes, one whose recorder is stopped
(SIGSTOP) while it is measured, so that its socket fills and records are
dropped, and one without history. Their p99 should not differ. CPU is that of
all processes, so the first two show what is spent on the history.

Then the recorder alone (recordload): packed records at a steady rate, as if
from many workers, into a gatepost-recorder that writes them down; then
queries over a million of them (historyload).
"""

import os
import pathlib
import signal
import subprocess

import services


class Gatepost(services.Gatepost):
    def __init__(self, name, where, history="yes", frozen=False):
        self.name = name
        super().__init__(*where, settings=f"""
greylist {{
	mode = off
}}
history {{
	enabled = {history}
}}
""")
        self.frozen = frozen

    def recorder(self):
        """The process id of its recorder."""
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                name, rest = (entry / "stat").read_text().rsplit(")", 1)
            except OSError:
                continue
            if int(rest.split()[1]) == self.pid \
                    and name.endswith("(gatepost-record"):
                return int(entry.name)
        raise services.Failed("gatepost-recorder does not run")

    def start(self):
        super().start()
        if self.frozen:
            os.kill(self.recorder(), signal.SIGSTOP)

    def stop(self):
        if self.frozen and self.process and self.process.poll() is None:
            os.kill(self.recorder(), signal.SIGCONT)
        super().stop()


def chains(folder, dns, args):
    where = (folder, dns, args.build, args.tcp)
    return {name: [Gatepost(name, where, **how)] for name, how in [
        ("no-history", {"history": "no"}),
        ("history", {}),
        ("recorder-stopped", {"frozen": True})]}


class RecorderBench:
    """The tools that measure recorder and history by themselves."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder

    def run(self, tool, *words):
        print(f"\n{tool} {' '.join(map(str, words))}", flush=True)
        subprocess.run([self.args.build / "tests/bench" / tool,
                        *map(str, words)], check=True)

    def measure(self):
        state = self.folder / "recordload"
        state.mkdir()
        # The recorder becomes nobody where it is started by root.
        state.chmod(0o777)
        self.run("recordload", "-r", 5000, "-t", self.args.record_seconds,
                 "-p", self.args.build / "gatepost-recorder", state)
        self.run("historyload", "-d", self.folder, "-n", 1000000)
