"""Free ports on loopback, and waiting until something listens on one."""

import random
import socket
import time


# Below those that the kernel gives to clients: between the choice and the
# server's bind() no connection of another test can take the port.
FIRST, LAST = 10000, 32000


def free_port(host="127.0.0.1"):
    """A port that nothing listens on, TCP and UDP alike.

    Drawn at random, so that tests side by side do not meet.
    """
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as one:
                    one.bind((host, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no free port on " + host)


def is_open(port, host="127.0.0.1"):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def wait_until(condition, timeout=10.0, what="the condition", pause=0.02):
    """Waits until condition() is true and returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(pause)


def wait_open(port, host="127.0.0.1", timeout=10.0):
    wait_until(lambda: is_open(port, host), timeout, f"{host}:{port} to listen")
