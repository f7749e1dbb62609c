"""The signatures of our own that tests and the quickstart share."""

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
