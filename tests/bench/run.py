#!/usr/bin/python3
"""Runs the benchmark and prints a table (docs/performance.md tells more).

usage: run.py [--peers] [--tcp] [--only NAME,…] [--seconds S] [--rounds N]
              [--connections N,…] [--build DIR] [--set DIR] [--json FILE]

Three parts, each of which --only can name, besides single filters:
"filters", "greylist", "stores".

Makes the message set where it is missing, starts a DNS server that knows
it and each filter, and plays the set to each: once from a cold start, then
for some seconds from 1, 8 and 64 connections. The filters take turns, for
several rounds, so that a machine whose speed drifts drifts for all; of each
filter's rounds the one with the median CPU time is shown, and of times and
rates the median over them.

Then the same for what greylisting adds to Gatepost, and the stores of its
state by themselves (greylist.py).

With --peers Debian's rspamd, opendkim and opendmarc are run over the same
messages and DNS, in a network namespace of our own (which needs root),
since opendmarc can only be told a name server by /etc/resolv.conf. With
--tcp all filters listen on TCP and not on unix sockets.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import greylist
import messages
import recorder
import services

HERE = pathlib.Path(__file__).resolve().parent
IN_NAMESPACE = "GATEPOST_BENCH_NAMESPACE"


def parse_report(text):
    """The "name value" lines of milterload."""
    report = {"action": {}, "auth": {}, "process": []}
    for line in text.splitlines():
        name, *rest = line.split()
        if name in ("action", "auth"):
            report[name][rest[0]] = {
                word: int(count) for word, count in
                (pair.rsplit(":", 1) for pair in rest[1:])}
        elif name == "process":
            pairs = dict(pair.split(":", 1) for pair in rest[1:])
            report[name].append({"pid": int(rest[0]), "name": pairs["name"],
                                 **{key: int(pairs[key]) for key in
                                    ("rss_kb", "pss_kb", "threads")}})
        else:
            report[name] = float(rest[0])
    return report


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.dns = ("127.0.0.1", 53 if args.peers else 20153)
        self.rows = []

    def load(self, name, chain, connections, options=("-w", 0.5)):
        command = [self.args.build / "tests/bench/milterload",
                   "-m", self.args.set, "-c", connections,
                   "-t", self.args.seconds, *options]
        for service in chain:
            command += ["-s", service.endpoint, "-p", service.pid]
        done = subprocess.run([str(word) for word in command], check=True,
                              stdout=subprocess.PIPE, text=True)
        row = parse_report(done.stdout)
        row.update(filter=name, state="cold" if "-1" in options else "warm")
        return row

    def rounds(self, chains, connections, options=("-w", 0.5)):
        """The rows of each filter; they take turns."""
        rounds = {name: [] for name in chains}
        for _ in range(self.args.rounds):
            for name, chain in chains.items():
                rounds[name].append(
                    self.load(name, chain, connections, options))
        for rows in rounds.values():
            self.rows.append(median_row(rows))
            print_row(self.rows[-1])
        return rounds

    def measure_filters(self, chains):
        print_head()
        for name, chain in chains.items():
            self.rows.append(self.load(name, chain, 8, ["-1"]))
            print_row(self.rows[-1])
        for connections in self.args.connections:
            self.rounds(chains, connections)
        print_actions(self.rows)
        print_ratios(self.rows)

    def measure_greylist(self, chains):
        print(f"\nGatepost, {greylist.FRESH} % of the senders new:")
        print_head()
        for connections in self.args.connections:
            greylist.print_added(self.rounds(
                chains, connections, ["-w", 0.5, "-f", greylist.FRESH]))

    def measure_recorder(self, chains):
        print("\nGatepost, with its recorder at work, stopped, and without "
              "history:")
        print_head()
        for connections in self.args.connections:
            greylist.print_added(self.rounds(chains, connections))

    def wants(self, name, part):
        only = self.args.only
        return not only or name in only or part in only

    def filters(self):
        where, tcp = (self.folder, self.dns), self.args.tcp
        chains = {
            "empty": [services.Empty(*where, self.args.build, tcp)],
            "gatepost": [services.Gatepost(*where, self.args.build, tcp)],
            "gatepost+virus": [services.ScanningGatepost(
                *where, self.args.build, tcp)],
            "gatepost-scan-only": [services.OnlyScanningGatepost(
                *where, self.args.build, tcp)],
        }
        if self.args.peers:
            chains["clamav-milter"] = [services.ClamavMilter(*where, tcp)]
            chains["rspamd"] = [services.Rspamd(*where, tcp)]
            dkim = services.Opendkim(*where, tcp)
            chains["opendkim"] = [dkim]
            chains["opendkim+opendmarc"] = [
                dkim, services.Opendmarc(*where, tcp)]
        return {name: chain for name, chain in chains.items()
                if self.wants(name, "filters")}

    def with_services(self, started, measure):
        try:
            for service in started:
                service.start()
            measure()
            for service in started:
                for line in service.complaints():
                    print(f"{service.name}: {line}")
        finally:
            for service in reversed(started):
                service.stop()

    def run(self):
        nsd = services.Nsd(self.folder, self.dns, self.args.set / "zone")
        redis = services.Redis(self.folder)
        filters = self.filters()
        if filters:
            # One may stand in two chains.
            each = {id(one): one for chain in filters.values()
                    for one in chain}
            self.with_services([nsd, *each.values()],
                               lambda: self.measure_filters(filters))
        if self.wants("greylist", "greylist"):
            chains = greylist.chains(self.folder, self.dns, self.args, redis)
            each = [one for chain in chains.values() for one in chain]
            self.with_services([nsd, redis, *each],
                               lambda: self.measure_greylist(chains))
        if self.wants("stores", "stores"):
            bench = greylist.StoreBench(self.args, self.folder, redis)
            self.with_services([redis], bench.measure)
            self.rows += bench.rows
        if self.wants("recorder", "recorder"):
            chains = recorder.chains(self.folder, self.dns, self.args)
            each = [one for chain in chains.values() for one in chain]
            self.with_services([nsd, *each],
                               lambda: self.measure_recorder(chains))
            recorder.RecorderBench(self.args, self.folder).measure()


TIMES = ("messages_per_second", "whole_ms_p50", "whole_ms_p99", "eom_ms_p99")


def median_row(rows):
    """The round of median CPU time, with the median of each time."""
    middle = len(rows) // 2
    row = sorted(rows, key=lambda row: row["cpu_ms_per_message"])[middle]
    return {**row, **{name: sorted(row[name] for row in rows)[middle]
                      for name in TIMES}}


def workers(row):
    """The processes that did the work: largest first."""
    return sorted(row["process"], key=lambda p: -p["rss_kb"])


def print_head():
    print(f"{'filter':20} {'state':5} {'conn':>4} {'msg/s':>8} "
          f"{'CPU ms':>8} {'p50 ms':>8} {'p99 ms':>8} {'eom p99':>8} "
          f"{'RSS MB':>7} {'PSS MB':>7} {'threads':>7}")


def print_row(row):
    largest = workers(row)[0]
    print(f"{row['filter']:20} {row['state']:5} {row['connections']:4.0f} "
          f"{row['messages_per_second']:8.0f} "
          f"{row['cpu_ms_per_message']:8.3f} {row['whole_ms_p50']:8.2f} "
          f"{row['whole_ms_p99']:8.2f} {row['eom_ms_p99']:8.2f} "
          f"{largest['rss_kb'] / 1024:7.1f} "
          f"{sum(p['pss_kb'] for p in row['process']) / 1024:7.1f} "
          f"{sum(p['threads'] for p in row['process']):7}", flush=True)


def print_actions(rows):
    """From the cold pass, which plays every message exactly once."""
    for row in rows:
        if row.get("state") != "cold":
            continue
        print(f"\n{row['filter']}:")
        for label, counts in row["action"].items():
            words = {**counts, **row["auth"][label]}
            print(f"    {label:14} " + "  ".join(
                f"{word} {count}" for word, count in words.items()))


def print_ratios(rows):
    table = {(row["filter"], row["state"], row["connections"]): row
             for row in rows}
    for (name, state, connections), ours in table.items():
        for peer in ("rspamd", "opendkim+opendmarc"):
            theirs = table.get((peer, state, connections))
            if name != "gatepost" or not theirs:
                continue
            cpu, p99 = (ours[key] / theirs[key] for key in
                        ("cpu_ms_per_message", "whole_ms_p99"))
            print(f"gatepost / {peer} ({state}, {connections:.0f}): "
                  f"CPU per message {cpu:.3f}, p99 {p99:.3f}")


def enter_namespace():
    """Runs us again where 127.0.0.1:53 is ours and nothing else is near."""
    if os.getuid() != 0:
        sys.exit("run.py: --peers needs root, for a network namespace")
    with tempfile.NamedTemporaryFile("w", prefix="gatepost-bench-resolv-",
                                     delete=False) as file:
        file.write("nameserver 127.0.0.1\n")
    os.chmod(file.name, 0o644)
    script = 'ip link set lo up && mount --bind "$0" /etc/resolv.conf && ' \
             'exec "$@"'
    try:
        return subprocess.run(
            ["unshare", "--net", "--mount", "sh", "-c", script, file.name,
             sys.executable, *sys.argv],
            env={**os.environ, IN_NAMESPACE: "1"}, check=False).returncode
    finally:
        os.unlink(file.name)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    build = pathlib.Path.cwd()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record-seconds", type=float, default=60)
    parser.add_argument("--connections", default=[1, 8, 64], type=lambda
                        text: [int(word) for word in text.split(",")])
    parser.add_argument("--build", type=pathlib.Path, default=build)
    parser.add_argument("--set", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    args.build = args.build.resolve()
    args.set = (args.set or args.build / "bench-set").resolve()
    return args


def main():
    args = parse_arguments()
    if not (args.set / "index").exists():
        print(f"making the message set in {args.set} (about a minute)",
              flush=True)
        messages.make(args.set, 2000, 250, 1)
    if args.peers and IN_NAMESPACE not in os.environ:
        return enter_namespace()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-bench-"))
    folder.chmod(0o755)
    bench = Bench(args, folder)
    try:
        bench.run()
    except services.Failed as failure:
        print(f"run.py: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder)
        if args.json:
            args.json.write_text(json.dumps(bench.rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
