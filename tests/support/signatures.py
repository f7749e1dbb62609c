"""The signatures of our own that tests and the quickstart share, and large
sets of them that match nothing."""

import random
import shutil
from pathlib import Path

from support.gatepost import TOP

SIGNATURES = TOP / "contrib/quickstart/clamav"


def copy_signatures(folder):
    """Puts them into that folder, made if need be; returns it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for file in SIGNATURES.iterdir():
        shutil.copy(file, folder)
    return folder


def _lines(end, chance, count):
    """Lines of a database file whose name ends so."""
    if end in (".hdb", ".hsb"):
        digits = 32 if end == ".hdb" else 64
        for number in range(count):
            yield (f"{chance.getrandbits(digits * 4):0{digits}x}:"
                   f"{chance.randrange(1000, 4000000)}:Made.{number}\n")
    else:
        assert end == ".ndb", end
        for number in range(count):
            size = chance.randrange(20, 60)
            yield f"Made.{number}:0:*:{chance.randbytes(size).hex()}\n"


def write_signatures(path, count, seed=1):
    """That many of them, of the kind that the file's name says (.hdb, .hsb,
    .ndb); put in place at once, as freshclam does it."""
    path = Path(path)
    made = path.with_name(path.name + ".new")
    with open(made, "w", encoding="ascii") as file:
        file.writelines(_lines(path.suffix, random.Random(seed), count))
    made.chmod(0o644)
    made.rename(path)
