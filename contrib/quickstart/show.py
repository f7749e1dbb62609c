"""A verdict as an operator reads it in a terminal."""

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
import textwrap

COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32",
           "yellow": "33"}
ACTION_COLOURS = {"accept": "green", "tag": "yellow", "reject": "red",
                  "tempfail": "red", "greylist": "yellow",
                  "ratelimit": "yellow", "quarantine": "red"}


def width():
    return max(60, min(100, shutil.get_terminal_size((80, 24)).columns))


def on_a_terminal(command, columns):
    """Runs a command as on a terminal of that width: its exit code, and
    what it says."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave,
                          stderr=slave) as child:
        os.close(slave)
        said = b""
        try:
            while part := os.read(master, 65536):
                said += part
        except OSError:     # the end, as a terminal tells it
            pass
        os.close(master)
    return child.returncode, said.decode().replace("\r\n", "\n")


def paint(text, colour):
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def printable(text):
    """No control character reaches the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def row(label, text, colour=None):
    lines = textwrap.wrap(printable(text), width() - 12,
                          break_long_words=False) or [""]
    for number, line in enumerate(lines):
        head = label if number == 0 else ""
        print(f"   {head:<8} {paint(line, colour) if colour else line}")


def entry(word, text, colour=None):
    """A line of a list: the word in a column of its own."""
    padded = f"{word:<27}"
    print(f"   {paint(padded, colour) if colour else padded}"
          + textwrap.shorten(text, width() - 30, placeholder=" …"))


def title(text):
    print(paint(textwrap.fill(text, width()), "bold"))


def symbols(record):
    """One row a symbol: points, name, the fact behind it."""
    found = sorted(record["symbols"], key=lambda one: -abs(one["score"]))
    longest = max([len(one["name"]) for one in found] + [6])
    indent = " " * (4 + 7 + 1 + longest + 2)
    for one in found:
        reason = one["detail"] or one["meaning"]
        points = f"{one['score']:+.1f}" if one["score"] else "0.0"
        head = f"{points:>7} {one['name']:<{longest}}  "
        print(textwrap.fill(
            printable(reason), width(), initial_indent="    " + head,
            subsequent_indent=indent, break_long_words=False)
            if reason else "    " + head.rstrip())
    if not found:
        print("            nothing was found against or for it")


def action(record):
    word = record["action"]
    names = ("add_header", "reject")
    if word == "greylist":
        names = ("greylist", *names)
    limits = ", ".join(
        f"{name} {limit:g}" if isinstance(limit, float) else f"{name} off"
        for name, limit in record["thresholds"].items() if name in names)
    row("action", f"{word}, score {record['score']:.1f} ({limits})",
        ACTION_COLOURS.get(word))


def verdict(record):
    action(record)
    symbols(record)
