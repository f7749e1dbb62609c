"""A private folder that services under other users can reach."""

import os
import shutil
import tempfile
from pathlib import Path


class Folder:
    """Below /tmp, since unix socket paths are short; removed at the end."""

    def __init__(self, prefix="gatepost."):
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        os.chmod(self.path, 0o755)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.remove()
