"""recordload plays workers to a real gatepost-recorder, and counts right."""

import re
import sqlite3
import subprocess

from support.folder import Folder
from support.gatepost import build_folder, program


def test_every_record_is_accounted_for(measured):
    with Folder() as folder:
        folder.chmod(0o777)
        done = subprocess.run(
            [build_folder() / "tests/bench/recordload", "-r", "500", "-t", "2",
             "-p", program("gatepost-recorder"), folder],
            capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        counts = re.search(r"^sent (\d+) in [\d.]+ s, dropped (\d+), lost "
                           r"(\d+), written (\d+) after", done.stdout, re.M)
        sent, dropped, lost, written = map(int, counts.groups())
        assert sent + dropped == 1000
        assert written + lost == sent
        assert written > 0
        with sqlite3.connect(folder / "history.db") as db:
            kept, = db.execute("SELECT count(*) FROM record").fetchone()
        assert kept == written
        measured(f"recorder at 500 records/s: {dropped} dropped, {lost} lost")
