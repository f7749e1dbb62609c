#!/usr/bin/python3
"""What large signatures cost the scanner, and what libclamav's cache of clean
files saves (docs/performance.md).

usage: GATEPOST_BUILD=DIR scanner.py [--hashes N] [--patterns N] [--processes N]

No real database is needed: half of the hashes are of MD5, half of SHA-256,
and the patterns are bytes that match nothing.
"""

import argparse
import base64
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import memory, ports, process  # noqa: E402
from support.folder import Folder  # noqa: E402
from support.scannerask import Scanner  # noqa: E402
from support.signatures import write_signatures  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return sum(int(word) for word in words.split()[11:13]) / TICKS


def rss_mb(pid):
    return int(process.status(pid)["VmRSS"].split()[0]) / 1024


def message(data):
    return (b"From: a@sender.example\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(data))


class Watch:
    """The most memory that the scanner has while something is done."""

    def __init__(self, scanner):
        self.scanner, self.most, self.ended = scanner, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.wait(0.1):
            self.most = max(self.most, memory.tree_pss_mb(
                self.scanner.child.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def scan_on_all(scanner, count):
    replies = [scanner.ask(message(os.urandom(100000)))
               for _ in range(count)]
    for reply in replies:
        assert scanner.answer(reply)["result"] == "clean"


def print_memory(what, scanner):
    top = scanner.child.pid
    (generation,) = scanner.generations()
    print(f"{what}: PSS of all {memory.tree_pss_mb(top):.0f} MB; "
          f"supervisor {memory.pss_kb(top) / 1024:.1f} MB; generation RSS "
          f"{rss_mb(generation):.0f} MB, PSS "
          f"{memory.pss_kb(generation) / 1024:.0f} MB; children, RSS and "
          "PSS, MB: " + ", ".join(
              f"{rss_mb(pid):.0f} {memory.pss_kb(pid) / 1024:.0f}"
              for pid in scanner.processes()))


def reload_once(scanner, how, write):
    """New signatures while a message is asked for every 50 ms."""
    loads, waits, done = scanner.loads(), [], threading.Event()

    def ask():
        while not done.wait(0.05):
            began = time.monotonic()
            assert scanner.scan(message(b"x"))["result"] == "clean"
            waits.append(time.monotonic() - began)

    write()
    asking = threading.Thread(target=ask)
    with Watch(scanner) as watch:
        began = time.monotonic()
        asking.start()
        ports.wait_until(lambda: scanner.loads() > loads, 300, "the reload")
        ports.wait_until(lambda: len(scanner.generations()) == 1, 60,
                         "the old to end")
        took = time.monotonic() - began
        done.set()
        asking.join()
    print(f"reload {how}: {took:.1f} s, at most {watch.most:.0f} MB, "
          f"{len(waits)} messages meanwhile, the longest {max(waits):.2f} s")


def large(folder, args, how):
    """Load, memory, and a reload."""
    def write(seed=1):
        """All files at once, or each of them would be loaded by itself."""
        counts = {".hdb": args.hashes // 2,
                  ".hsb": args.hashes - args.hashes // 2,
                  ".ndb": args.patterns}
        for end, count in counts.items():
            write_signatures(scanner.folder / ("made" + end), count, seed)
        for end in counts:
            (scanner.folder / ("made" + end)).rename(
                scanner.database / ("made" + end))

    scanner = Scanner(folder / how, {
        "scanner.processes": args.processes, "scanner.reload": how},
        signatures=False)
    scanner.add_signatures()
    ports.wait_until(lambda: scanner.loads() == 1, 20, "a first load")
    reload_once(scanner, f"{how}, from 2 signatures", write)
    print_memory("  idle", scanner)
    scan_on_all(scanner, 20 * args.processes)
    print_memory("  after messages", scanner)
    reload_once(scanner, how, lambda: write(2))
    scan_on_all(scanner, 20 * args.processes)
    print_memory("  after messages", scanner)
    assert scanner.stop() == 0


def cache(folder):
    """CPU of 100 messages with 1 MB, all alike and all different."""
    scanner = Scanner(folder / "cache", {"scanner.processes": 1})
    (pid,) = ports.wait_until(scanner.processes, 10, "one that scans")
    same = os.urandom(1 << 20)
    for what, data in (("all alike", lambda: same),
                       ("all different", lambda: os.urandom(1 << 20)),
                       ("all alike", lambda: same)):
        scanner.scan(message(data()))
        before = cpu_s(pid)
        for number in range(100):
            whole = b"Subject: %d\r\n" % number + message(data())
            assert scanner.scan(whole)["result"] == "clean"
        print(f"100 messages of 1 MB, {what}: "
              f"{(cpu_s(pid) - before) * 10:.2f} ms of CPU each")
    assert scanner.stop() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hashes", type=int, default=2000000)
    parser.add_argument("--patterns", type=int, default=100000)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with Folder() as folder:
        cache(folder)
        print(f"{args.hashes} hashes, {args.patterns} patterns, "
              f"{args.processes} that scan")
        for how in ("beside", "free_first"):
            large(folder, args, how)


if __name__ == "__main__":
    main()
