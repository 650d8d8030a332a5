"""Safety checks of a run: removed mappings, emptied sides, renames, overwritten files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.errors import SideEmptied, TooManyDeletes, TooManyOverwrites
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing.scan.local import LocalScan
from tests.unit.syncing.sides import Sides

MANY = " ".join(f"k{index:02}=1" for index in range(30))


class Untold(Wrapper):
    """A bucket whose listings tell no digests."""

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        for found in self.inner.list_files(prefix, start_after=start_after, end_at=end_at):
            yield found._replace(digests=())


def unchanged(sides: Sides) -> tuple[object, ...]:
    return sides.files(), sides.objects(), sides.baseline()


MAPPED = {"paths": [{"local": "data", "remote": "a"}, {"local": "disk", "remote": "b", "direction": "both"}]}


def two_paths(sides: Sides, **settings: object) -> Sides:
    sides.settings = MAPPED | settings
    data = " ".join(f"data/{n:02}=a{n:02}" for n in range(40))
    disk = " ".join(f"disk/{n:02}=b{n:02}" for n in range(20))
    return sides.in_step(f"{data} {disk}")


@pytest.mark.parametrize("settings", [{}, {"direction": "up", "delete_orphaned": True}], ids=["both", "mirror"])
@pytest.mark.parametrize("happens", ["emptied", "missing"])
def test_one_of_several_paths_that_is_gone_deletes_nothing(sides, settings, happens):
    two_paths(sides, **settings)
    shutil.rmtree(sides.folder / "disk")
    if happens == "emptied":
        (sides.folder / "disk").mkdir()
    before = unchanged(sides)
    for options in ({}, {"dry_run": True}, {"max_delete": "100%"}):
        with pytest.raises(SideEmptied, match=f"{sides.folder}/disk"):
            sides.sync(force=False, **options)
    assert unchanged(sides) == before
    assert sides.sync(force=True).deleted_remote == 20


def test_a_dry_run_names_a_missing_folder_and_what_a_sync_makes_of_it(sides):
    two_paths(sides)
    shutil.rmtree(sides.folder / "disk")
    refused = f"the local folder is missing: {sides.folder / 'disk'}; a sync refuses to run"
    assert refused in sides.sync(dry_run=True, force=True).notices
    new = sides.client(paths=["never/"]).sync(dry_run=True)
    assert f"the local folder is missing: {sides.folder / 'never'}; a sync treats it as empty" in new.notices


def test_one_of_several_prefixes_that_is_emptied_deletes_nothing_here(sides):
    two_paths(sides).delete_there(*(key for key in sides.objects() if key.startswith("b/")))
    before = unchanged(sides)
    with pytest.raises(SideEmptied, match="bucket below 'b/' is empty"):
        sides.sync(force=False)
    assert unchanged(sides) == before


def test_a_path_that_is_gone_does_not_keep_others_from_being_synced(sides):
    two_paths(sides)
    shutil.rmtree(sides.folder / "disk")
    sides.here("data/new=1")
    assert sides.sync(force=False, sync_paths=["data"]).uploaded == 1


def test_a_run_of_some_paths_is_judged_by_all_that_its_mapping_has(sides):
    sides.in_step(f"{MANY} some/a=1 some/b=1 some/c=1").delete_here("some/a", "some/b", "some/c")
    assert sides.sync(force=False, sync_paths=["some/"]).deleted_remote == 3


def test_a_run_of_some_paths_of_an_emptied_root_is_refused(sides):
    sides.in_step(f"{MANY} some/a=1")
    shutil.rmtree(sides.folder)
    sides.folder.mkdir()
    with pytest.raises(SideEmptied):
        sides.sync(force=False, sync_paths=["some/"])
    assert "some/a" in sides.objects()


def test_what_takes_no_part_is_nothing_that_a_root_has(sides):
    sides.settings = {"exclude": ["*.tmp"]}
    sides.in_step(f"{MANY} some/a=1")
    shutil.rmtree(sides.folder)
    sides.here("x.tmp=1 .buckia=1")
    with pytest.raises(SideEmptied):
        sides.sync(force=False, sync_paths=["some/"])
    assert "some/a" in sides.objects()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_an_empty_source_of_a_mirror_is_not_believed_without_a_state(sides, direction):
    sides.settings = {"direction": direction, "delete_orphaned": True}
    target = sides.objects if direction == "up" else sides.files
    if direction == "up":
        sides.there("a=1 b=1")
    else:
        sides.here("a=1 b=1")
    with pytest.raises(SideEmptied, match="empty, though it is mirrored; 2 files would be deleted"):
        sides.sync(force=False)
    assert target().keys() == {"a", "b"}
    assert sides.sync(force=True).deleted == 2


def test_single_files_whose_folder_is_missing_are_not_deleted(sides, tmp_path):
    usb = tmp_path / "usb"
    usb.mkdir()
    (usb / "plan").write_text("1")
    sides.settings = {"files": {str(usb / "plan"): "plan", "other": "other"}}
    sides.in_step("other=1")
    shutil.rmtree(usb)
    with pytest.raises(SideEmptied, match=str(usb)):
        sides.sync(force=False)
    assert sides.objects() == {"plan": "1", "other": "1"}
    usb.mkdir()
    assert sides.sync(force=False).deleted_remote == 1, "the folder is there, so the file was deleted"


def test_a_root_that_is_unmounted_while_it_is_read_deletes_nothing(sides, monkeypatch):
    sides.in_step("a=1 b=1 c=1 d=1")
    entries = LocalScan.entries

    def unmounted(scan: LocalScan) -> Iterator[LocalEntry]:
        for entry in entries(scan):
            yield entry
            if entry.key == "c":
                shutil.move(sides.folder, sides.folder.with_name("unmounted"))
                sides.folder.mkdir()
                return

    monkeypatch.setattr(LocalScan, "entries", unmounted)
    with pytest.raises(SideEmptied, match="became another one while it was read"):
        sides.sync(force=False)
    assert sides.objects().keys() == {"a", "b", "c", "d"}


def test_a_folder_that_was_renamed_on_the_other_machine_is_no_loss(sides, tmp_path):
    """Its objects arrive under other names; what a listing does not tell of them is asked for."""
    bucket = Untold(sides.bucket)
    names = [f"photos/{n:02}" for n in range(20)]
    one, two = (
        Sides(tmp_path / "one", sides.bucket, adapter=bucket),
        Sides(tmp_path / "two", sides.bucket, adapter=bucket),
    )
    one.in_step(" ".join(f"{name}=p{name[-2:]}" for name in names))
    two.sync()
    (one.folder / "photos").rename(one.folder / "pictures")
    one.sync(force=False)
    for dry_run in (True, False):
        assert two.sync(force=False, dry_run=dry_run).deleted_local == 20
    assert two.files() == one.files()
    two.delete_there(*two.objects()).there(" ".join(f"others/{n:02}=q{n:02}" for n in range(20)))
    with pytest.raises(TooManyDeletes, match="20 files"):
        two.sync(force=False)


def test_a_folder_of_empty_files_can_be_renamed(sides):
    sides.in_step(" ".join(f"d/{n}=" for n in range(20)))
    (sides.folder / "d").rename(sides.folder / "e")
    assert sides.sync(force=False).success
    assert sides.objects() == sides.files()


@pytest.mark.parametrize(
    ("settings", "refused"),
    [({"keep_replaced": "never"}, True), ({}, False), ({"keep_replaced": "never", "direction": "up"}, False)],
)
def test_most_files_overwritten_at_once_is_refused_where_nothing_keeps_the_old_ones(sides, settings, refused, caplog):
    """Something encrypts every file of the folder."""
    sides.settings = settings
    sides.in_step(" ".join(f"{n:02}=good" for n in range(12)))
    sides.here(" ".join(f"{n:02}=evil" for n in range(12)))
    before = unchanged(sides)
    if refused:
        with pytest.raises(TooManyOverwrites, match="12 files in the bucket"):
            sides.sync(force=False)
        assert unchanged(sides) == before
        assert sides.sync(force=False, dry_run=True).uploaded == 12, "a dry run can't ask every server"
        assert "a sync refuses this, unless the bucket keeps versions" in caplog.text
        caplog.clear()
        assert sides.sync(force=True, dry_run=True).uploaded == 12
        assert caplog.text == ""
        assert sides.sync(force=True).uploaded == 12
    else:
        assert sides.sync(force=False, dry_run=True).uploaded == 12
        assert caplog.text == ""
        assert sides.sync(force=False).uploaded == 12
