"""Leaves side files of SQLite databases out of a plan: a database is synced as a whole, without them."""

from __future__ import annotations

from collections.abc import Mapping as Mapping_
from collections.abc import Sequence

from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.errors import BuckiaError
from buckia_core.localfs.sqlite_files import HEADER_SIZE, SIDE_SUFFIXES, base_name, is_database
from buckia_core.localfs.sqlite_snapshot import is_sqlite
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.planner.bucket_context import BucketContext


def skip_side_files(
    operations: Sequence[Operation], mappings: Mapping_[str, PathMapping], bucket: BucketContext
) -> list[Operation]:
    """Return the operations, with those on side files of databases skipped.

    An object such as `App.sqlite-wal` would be taken for recent changes of the file `App.sqlite` beside it, whichever
    database that is of. Costs nothing if no key ends like a side file, and else up to two requests for each.
    """
    return [
        each._replace(action=Action.SKIP, reason=Reason.DATABASE_SIDE_FILE, loser=None)
        if each.key.endswith(SIDE_SUFFIXES) and _belongs_to_database(each, mappings[each.mapping_id], bucket)
        else each
        for each in operations
    ]


def _belongs_to_database(operation: Operation, mapping: PathMapping, bucket: BucketContext) -> bool:
    key = base_name(operation.key)
    if key is None or mapping.is_database is None or mapping.is_file:
        return False
    try:
        with bucket.locator() as locator:
            location = locator.locate(key, mapping)
            if location is not None and location.stat_entry(key, mapping.id) is not None:
                return is_sqlite(location.path, immutable=True)
        found = stat_or_none(bucket.adapter.stat_file, key)
        if found is None:
            return False
        with bucket.adapter.open_file(key, expect=found) as stream:
            return is_database(stream.read(HEADER_SIZE))
    except (BuckiaError, OSError):
        # The operation itself will meet the error, if it matters.
        return False
