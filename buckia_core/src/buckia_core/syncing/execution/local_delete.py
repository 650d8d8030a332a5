"""Delete one local file: it goes to the trash, if it is still the one in the plan."""

from __future__ import annotations

from buckia_core.planning.manifest import is_same_version
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Operation
from buckia_core.syncing.disk.database import remove_database
from buckia_core.syncing.disk.file_locator import FileLocation, FileLocator
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.transfer.errors import StateChanged


def delete_local(operation: Operation, mapping: PathMapping, locator: FileLocator, trash: Trash) -> list[str]:
    """Delete the file of an operation, and its empty parent directories; a file that is gone is no error.

    Returns:
        The directory that changed, if any.

    Raises:
        StateChanged: The file is not as planned. It is where it was, or in the trash if a new file took its name.
        Transient: It is a database that another program has open.
        OSError: It can't be moved.
    """
    assert operation.local is not None
    location = locator.locate(operation.key, mapping)
    now = location.stat_entry(operation.key, mapping.id) if location is not None else None
    if location is None or now is None:
        return []
    if not is_same_version(now, operation.local):
        raise StateChanged
    if operation.local.snapshot:
        _delete_database(operation, location, trash)
    else:
        _delete_file(operation, location, trash)
    locator.prune_parents(operation.key, mapping)
    return [(location.link or location).directory.path]


def _delete_file(operation: Operation, location: FileLocation, trash: Trash) -> None:
    assert operation.local is not None
    # For a followed link, the content is added to the trash, and only the link is deleted.
    kept = trash.add(location, operation.key, operation.explanation, keep_source=location.link is not None)
    if location.link is not None:
        location.link.directory.unlink(location.link.name)
    elif not trash.is_unchanged(kept, operation.local):
        # The file was edited after the check. If a new file exists, the edited one stays in the trash.
        trash.undo_add(kept, location)
        raise StateChanged


def _delete_database(operation: Operation, location: FileLocation, trash: Trash) -> None:
    assert operation.local is not None

    def preserve(file: FileLocation) -> None:
        trash.add(file, operation.key, operation.explanation, keep_source=True, original=location)

    if not remove_database(location, operation.local, preserve):
        raise StateChanged
    if location.link is not None:
        location.link.directory.unlink(location.link.name)
