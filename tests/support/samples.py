"""A history with the sample records of samples.c, and gatepost over it."""

import os
import subprocess

from support.gatepost import program


class Samples:
    def __init__(self, folder):
        self.folder = folder
        self.conf = folder / "gatepost.conf"
        self.conf.write_text(f'state_dir = "{folder}"\nrun_dir = "{folder}"\n')

    def tool(self, *words):
        done = subprocess.run([program("tests/milter/cli/samples"), *map(str, words)],
                              capture_output=True, text=True, check=True,
                              timeout=120)
        return done.stdout

    def fill(self, *names):
        self.tool("fill", self.folder, *names)
        return self

    def traffic(self, end, hours):
        self.tool("traffic", self.folder, end, hours)
        return self

    def ids(self, name):
        """The record ids of a sample's tries, in order."""
        return [line.split()[1] for line in self.tool("list").splitlines()
                if line.split()[0] == name]

    def run(self, verb, *words, columns=None, user=None):
        env = {**os.environ, "TZ": "UTC"}
        env.pop("COLUMNS", None)
        if columns:
            env["COLUMNS"] = str(columns)
        return subprocess.run(
            [program("gatepost"), verb, "-c", self.conf, *map(str, words)],
            capture_output=True, env=env, timeout=60, check=False, user=user)

    def good(self, verb, *words, **options):
        done = self.run(verb, *words, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()
