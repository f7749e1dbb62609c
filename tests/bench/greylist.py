"""What greylisting costs: in Gatepost, beside the same without it, and the
stores of its state by themselves.

In Gatepost: one that "learns" takes every message for doubtful, asks for its
exemptions, writes its try, and answers as if there were no greylisting: what
it costs more is the decision and nothing else. One that "always" greylists
defers what is not exempt (domains come to be trusted soon), so it answers
more shortly and edits less. Half of the messages come from a sender never
seen before: first tries. The others are those of the set, over and over: the
first pass makes first tries of them too, then they come back (too early, as
the delay is 5 minutes).

The stores: storeload asks them from several threads, and from two processes
as two workers would. They take turns, for several rounds; of each store's
rounds the one with the median CPU time is shown.
"""

import statistics
import subprocess

import services

FRESH = 50          # per cent of senders


class Gatepost(services.Gatepost):
    """With greylisting as told, its state in a folder of its own."""

    def __init__(self, name, where, store, mode):
        self.name = name
        super().__init__(*where, settings=f"""
store = "{store}"
state {{
	prefix = "{name}"
}}
actions {{
	greylist = {-100 if mode == "learn" else 4}
}}
greylist {{
	mode = {mode}
}}
""")


def chains(folder, dns, args, redis):
    where = (folder, dns, args.build, args.tcp)
    return {name: [Gatepost(name, where, store, mode)]
            for name, store, mode in [
                ("no-greylist", "sqlite:store.db", "off"),
                ("sqlite-learn", "sqlite:store.db", "learn"),
                ("redis-learn", redis.url, "learn"),
                ("sqlite-always", "sqlite:store.db", "always"),
                ("redis-always", redis.url, "always")]}


ADDED = [("CPU ms", "cpu_ms_per_message"), ("p50 ms", "whole_ms_p50"),
         ("p99 ms", "whole_ms_p99")]


def print_added(rounds):
    """The median of the differences within each round."""
    (_, base), *others = rounds.items()
    for name, rows in others:
        added = [(word, statistics.median(
            row[key] - plain[key] for row, plain in zip(rows, base)))
            for word, key in ADDED]
        print(f"  {name} adds " + ", ".join(
            f"{word} {value:+.3f}" for word, value in added)
            + f" ({outcomes(rows)})", flush=True)


def outcomes(rows):
    """Shares of all its messages, so that one shows that decides nothing."""
    sums = {}
    for row in rows:
        for counts in row["action"].values():
            for word, count in counts.items():
                sums[word] = sums.get(word, 0) + count
    total = sum(sums.values()) or 1
    return ", ".join(f"{word} {100 * count / total:.0f} %"
                     for word, count in sums.items())


def parse_report(text):
    """The "name value" lines of storeload."""
    report = {"status": {}, "kind": {}}
    for line in text.splitlines():
        name, *rest = line.split()
        if name in report:
            report[name][rest[0]] = int(rest[1])
        else:
            report[name] = float(rest[0])
    return report


class StoreBench:
    def __init__(self, args, folder, redis):
        self.args, self.folder, self.redis = args, folder, redis
        self.rows = []

    def urls(self):
        return {"sqlite": f"sqlite:{self.folder}/storeload.db",
                "redis": self.redis.url,
                "redis+unix": self.redis.unix_url}

    def load(self, name, url, threads, processes):
        command = [self.args.build / "tests/bench/storeload",
                   "--set", f"store={url}", "-d", self.folder,
                   # A full machine is measured, not its deadlines.
                   "--set", "state.timeout=2s",
                   "-t", threads, "-n", processes, "-s", self.args.seconds]
        if url.startswith("redis"):
            command += ["-p", self.redis.pid]
        done = subprocess.run([str(word) for word in command], check=True,
                              stdout=subprocess.PIPE, text=True)
        return {**parse_report(done.stdout), "store": name}

    def measure(self):
        print_head()
        for threads, processes in [(1, 1), (8, 1), (64, 1), (8, 2), (64, 2)]:
            rounds = {name: [] for name in self.urls()}
            for _ in range(self.args.rounds):
                for name, url in self.urls().items():
                    rounds[name].append(
                        self.load(name, url, threads, processes))
            for rows in rounds.values():
                rows.sort(key=lambda row: row["cpu_us_per_decision"])
                self.rows.append(rows[len(rows) // 2])
                print_row(self.rows[-1])


def print_head():
    print(f"\n{'store':12} {'procs':>5} {'threads':>7} {'decisions/s':>11} "
          f"{'CPU us':>7} {'store us':>8} {'server us':>9} "
          f"{'p50 ms':>7} {'p99 ms':>7}")


def print_row(row):
    """CPU us: of a process, for one decision; store us: its store's thread's
    part of that; server us: what Redis used."""
    done = row["status"]["0"]
    bad = f"  {row['decisions'] - done:.0f} not done, " \
          f"{row['wrong']:.0f} wrong" \
        if row["decisions"] != done or row["wrong"] else ""
    print(f"{row['store']:12} {row['processes']:5.0f} {row['threads']:7.0f} "
          f"{row['decisions_per_second']:11.0f} "
          f"{row['cpu_us_per_decision']:7.1f} "
          f"{row['store_thread_us_per_decision']:8.1f} "
          f"{row['server_us_per_decision']:9.1f} "
          f"{row['ms_p50']:7.3f} {row['ms_p99']:7.3f}{bad}", flush=True)
