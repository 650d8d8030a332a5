"""Files and directories as listings and DESCRIBE show them (PROVIDERS 1.4)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Final

from .nodes import Directory, File
from .tree import ZonePath
from .zones import StorageZone

_SLICE: Final = 250


def when(seconds: float) -> str:
    """Return a time as the service writes it: UTC but without saying so, the fraction only where there is one."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return _second(whole) + (f".{thousandths:03d}".rstrip("0") if thousandths else "")


@lru_cache(maxsize=10_000)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Shown:
    """How what is in one directory is shown: a JSON object each."""

    def __init__(self, zone: StorageZone, parent: ZonePath) -> None:
        path = "/".join(["", zone.name, *parent.names, ""])
        self._regions = json.dumps(",".join(zone.replication_regions) or None)
        self._place = f'"StorageZoneName":"{zone.name}","Path":{json.dumps(path)}'
        self._zone = (
            f'"ServerId":{zone.server_id},"ArrayNumber":0,"UserId":"{zone.user_id}","StorageZoneId":{zone.id},'
            '"ContentType":""'
        )

    def entry(self, name: str, node: File | Directory) -> str:
        """Return the object. `ContentType` is empty in practice, whatever is served. Directories have no checksum."""
        if isinstance(node, File):
            changed = when(node.changed)
            created = changed if node.created == node.changed else when(node.created)
            tail = f'"Length":{node.content.size},"IsDirectory":false,"Checksum":"{node.content.sha256}"'
            regions = self._regions if node.replicated else "null"
        else:
            created = changed = when(node.created)
            tail, regions = '"Length":0,"IsDirectory":true,"Checksum":null', "null"
        return (
            f'{{"Guid":"{node.guid}",{self._place},"ObjectName":{json.dumps(name)},"LastChanged":"{changed}",'
            f'"DateCreated":"{created}","ReplicatedZones":{regions},{self._zone},{tail}}}'
        )


async def listing(zone: StorageZone, zone_path: ZonePath, directory: Directory) -> bytes:
    """Return a directory's listing. Others get their turn while a long one is made."""
    entries = iter(list(directory.entries()) if directory.source is None else directory.entries())
    shown, lines = Shown(zone, zone_path), list[str]()
    while some := list(islice(entries, _SLICE)):
        lines += [shown.entry(name, node) for name, node in some]
        await asyncio.sleep(0)
    return f"[{','.join(lines)}]".encode()
