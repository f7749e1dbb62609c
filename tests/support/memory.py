"""Memory of a process and all that it has started, what they share counted
once."""

from pathlib import Path

from support import process


def pss_kb(pid):
    """0: it has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith("Pss:"))


def tree(pid):
    found = [pid]
    for one in found:
        found += process.children(one)
    return found


def tree_pss_mb(pid):
    return sum(pss_kb(one) for one in tree(pid)) / 1024
