"""An app with a live SQLite database, on two devices, and the machine of an admin.

Run it with the Python in which Buckia is installed: `python examples/app_data/app.py`. It works in a temporary
directory, with a folder as the bucket, and checks each step. The tests run it with other providers, too.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from buckia import BucketConfig, BuckiaClient

USER = "4f1d0c6e9a5b4e43a1a2f7d8c0b95e11"
DEMO = "0c3b7a52e1d94f7fa6d25b90f4c8e613"


class Device:
    """The app on one device: its documents, and its database, which it keeps open."""

    def __init__(self, root: Path, bucket: dict) -> None:
        self.documents = root / "Documents"
        self.documents.mkdir(parents=True)
        profile = {"documents": "Documents/", "user": USER, "demo": DEMO, "database": "App.sqlite"}
        self.client = BuckiaClient(BucketConfig(name="app", base_dir=root, app=profile, **bucket))
        self.data = self.client.app

    def start(self) -> sqlite3.Connection:
        """Open the database. A new app begins with a copy of the demo's."""
        self.data.update_demo().raise_for_failures()
        if not (self.documents / "App.sqlite").exists():
            self.data.reset()
        database = sqlite3.connect(self.documents / "App.sqlite", isolation_level=None)
        database.execute("pragma journal_mode = wal")
        return database

    def write(self, name: str, text: str) -> None:
        path = self.documents / USER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.documents / USER / name).read_text()


class Admin:
    """The machine of an admin: the demo goes up from `assets/demo`, backups of users come to `assets/backup`."""

    def __init__(self, root: Path, bucket: dict) -> None:
        self.demo, self.backups = root / "assets" / "demo" / DEMO, root / "assets" / "backup" / USER
        paths = [
            {"local": self.demo, "remote": f"{DEMO}/", "direction": "up"},
            {"local": self.backups, "remote": f"{USER}/", "direction": "down"},
        ]
        for path in (self.demo, self.backups):
            path.mkdir(parents=True)
        self.client = BuckiaClient(BucketConfig(name="admin", base_dir=root, paths=paths, **bucket))

    def publish(self, *titles: str) -> None:
        """Publish a demo with these notes."""
        with closing(sqlite3.connect(self.demo / "App.sqlite")) as database, database:
            database.execute("create table if not exists note (id integer primary key, title text, done integer)")
            database.executemany("insert or replace into note (id, title) values (?, ?)", enumerate(titles, 1))
        (self.demo / "welcome.txt").write_text(f"{len(titles)} notes")
        self.client.sync().raise_for_failures()


def titles(database: sqlite3.Connection) -> list[str]:
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    return [title for (title,) in database.execute("select title from note order by id")]


def titles_of(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return titles(database)


def play(root: Path, bucket: dict) -> None:
    """Play all steps with a bucket, whose settings are given."""
    admin, phone, tablet = (
        Admin(root / "admin", bucket),
        Device(root / "phone", bucket),
        Device(root / "tablet", bucket),
    )

    # 1. The admin publishes a demo, and a new app begins with its database.
    admin.publish("buy milk", "call Ann")
    with closing(phone.start()) as database:
        assert titles(database) == ["buy milk", "call Ann"]

        # 2. The user works, and the app backs up, with the database open.
        database.execute("insert into note values (100, 'my own', 0)")
        phone.write("photo.txt", "a photo")
        phone.data.backup().raise_for_failures()
        assert phone.data.backup().uploaded == 0

        # 3. Another device of the user gets it all.
        with closing(tablet.start()) as other:
            tablet.data.restore().raise_for_failures()
            assert titles(other) == ["buy milk", "call Ann", "my own"]
            assert tablet.read("photo.txt") == "a photo"

            # 4. The demo changes; the tablet applies it to the database of the user.
            admin.publish("buy bread", "call Ann", "feed the cat")
            tablet.data.update_demo().raise_for_failures()
            (change,) = tablet.data.apply_demo()
            assert (change.added, change.replaced, change.unchanged) == (1, 1, 1)
            assert titles(other) == ["buy bread", "call Ann", "feed the cat", "my own"]

        # 5. The phone is reset to the demo, and then takes back what was backed up.
        phone.data.update_demo().raise_for_failures()
        assert phone.data.reset().files == (f"{USER}/photo.txt",)
        assert titles(database) == ["buy bread", "call Ann", "feed the cat"]
        phone.data.restore().raise_for_failures()
        assert titles(database) == ["buy milk", "call Ann", "my own"]
        assert phone.read("photo.txt") == "a photo"

        # 6. A reset in the bucket, too, is taken back on the machine that made it.
        phone.data.reset(everywhere=True)
        admin.client.sync(force=True).raise_for_failures()
        assert titles_of(admin.backups / "App.sqlite") == ["buy bread", "call Ann", "feed the cat"]
        phone.data.undo_reset().raise_for_failures()
        assert titles(database) == ["buy milk", "call Ann", "my own"]
        assert phone.read("photo.txt") == "a photo"
        phone.data.backup().raise_for_failures()

    # 7. The admin looks at the user's backup.
    admin.client.sync().raise_for_failures()
    assert titles_of(admin.backups / "App.sqlite") == ["buy milk", "call Ann", "my own"]
    assert (admin.backups / "photo.txt").read_text() == "a photo"
    for each in (admin, phone, tablet):
        each.client.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "bucket").mkdir()
        play(Path(directory), {"provider": "file", "root": str(Path(directory) / "bucket")})
    print("All steps did what they say.")
