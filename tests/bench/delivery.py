#!/usr/bin/python3 -B
"""What the plugin costs: CPU time of one lmtp process for deliveries to a
user with the plugin and to one without it, in turn. A control pair, two
users without it, shows the noise.

    GATEPOST_BUILD=FOLDER tests/bench/delivery.py [--sieve] [--pairs N]
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]),
                str(Path(__file__).parents[1] / "mda")]

from mda_messages import message  # noqa: E402
from support import ports, process, seal  # noqa: E402
from support.dovecot import Dovecot, transact  # noqa: E402
from support.folder import Folder  # noqa: E402

# Deliveries of one kind before the turn of the next.
ROUND = 15
# As on a host: nothing is logged for debugging.
CONFIG = """
log_debug =
service lmtp {
  process_limit = 1
}
"""


def cpu(pid):
    """Nanoseconds that the process has run."""
    text = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii")
    return int(text.split()[0])


def lmtp_process(dovecot):
    def find():
        found = [pid for pid in process.children(dovecot.process.pid)
                 if process.status(pid)["Name"] == "lmtp"]
        return found[0] if len(found) == 1 else None
    return ports.wait_until(find, 10, "the lmtp process")


def measure(dovecot, pairs):
    """Means of each round, in µs a delivery: {kind: [...]}."""
    plugins = "acl,quota,notify,mail_log" + ",sieve" * dovecot.sieve
    found = {"with": [], "without": [], "control": []}
    with dovecot.lmtp() as client:
        client.ehlo()
        pid = lmtp_process(dovecot)
        for number in range(-2, pairs):
            order = list(found)
            shift = number % len(order)
            for kind in order[shift:] + order[:shift]:
                # New mailboxes each time, so that none is larger.
                user = dovecot.add_user(
                    f"{kind}{number}", mail_plugins=plugins
                    + ",gatepost" * (kind == "with"))
                mails = [message(dovecot.secret, "clean", size=4000).text
                         for _ in range(ROUND + 1)]
                transact(client, mails[0], user)
                before = cpu(pid)
                for mail in mails[1:]:
                    ((code, text),) = transact(client, mail, user)
                    assert code == 250, text
                if number >= 0:
                    found[kind].append((cpu(pid) - before) / ROUND / 1000)
    return found


def show(found, kind, against):
    ratios = sorted(100 * (one / other - 1) for one, other
                    in zip(found[kind], found[against]))
    low, middle, high = statistics.quantiles(ratios, n=4)
    middle_of = statistics.median(found[kind])
    # The median's own uncertainty, about (quartiles / sqrt n).
    error = 0.93 * (high - low) / len(ratios) ** 0.5
    print(f"{kind} / {against}: {middle:+.1f} % +-{error:.1f} (quartiles "
          f"{low:+.1f}, {high:+.1f}; {middle_of:.0f} µs a delivery)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sieve", action="store_true")
    parser.add_argument("--pairs", type=int, default=160)
    options = parser.parse_args()
    with Folder() as folder:
        dovecot = Dovecot(folder / "dovecot", sieve=options.sieve,
                          notify=True, config=CONFIG)
        dovecot.secret = seal.write_key(dovecot.key)
        with dovecot:
            found = measure(dovecot, options.pairs)
    show(found, "with", "without")
    show(found, "control", "without")


if __name__ == "__main__":
    main()
