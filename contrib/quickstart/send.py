#!/usr/bin/python3 -B
"""Sends a file as mail to the Postfix of ./quickstart, as a client of your
choice (XCLIENT)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support import smtp  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True,
                        help="port that ./quickstart said")
    parser.add_argument("--client", default="192.0.2.1",
                        help="address the message seems to come from")
    parser.add_argument("--name", default="",
                        help="verified reverse name of that client")
    parser.add_argument("--helo", default="client.example")
    parser.add_argument("--from", dest="sender", default="",
                        help="envelope sender (default: the null sender)")
    parser.add_argument("--rcpt", default="user@gatepost.example")
    parser.add_argument("file", metavar="FILE",
                        help="the message; - reads standard input")
    options = parser.parse_args()
    message = (sys.stdin.buffer.read() if options.file == "-"
               else Path(options.file).read_bytes())
    try:
        reply = smtp.send(options.port, message, options.sender,
                          [options.rcpt], options.client, options.name,
                          options.helo)
    except (OSError, smtp.Dropped) as error:
        sys.exit(f"send: 127.0.0.1:{options.port}: {error}")
    print(reply.text)
    sys.exit(reply.code >= 400)


if __name__ == "__main__":
    main()
