"""The program: `app FOLDER` serves on ports that the system chooses, and tells them in the file `addresses`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from buckia_core.testing.fault_proxy.ports import HOST

from .accounts import World
from .cdn import cdn_host
from .control import control_host
from .core_api import core_host
from .front import Handle, listen
from .storage_api import storage_host
from .zones import STANDARD_REGIONS

ADDRESSES: Final = "addresses"


async def serve(folder: Path) -> None:
    """Serve until the process ends. Each region has a port where another one has a host (PROVIDERS 1.2)."""
    world = World(folder / "content")
    servers: list[asyncio.Server] = []

    async def at(handle: Handle) -> str:
        server, port = await listen(handle)
        servers.append(server)
        return f"{HOST}:{port}"

    for region in STANDARD_REGIONS:
        world.storage_hosts[region] = await at(storage_host(world, region))
    world.core_host, world.cdn_host = await at(core_host(world)), await at(cdn_host(world))
    addresses = {
        "control": await at(control_host(world)),
        "core": world.core_host,
        "cdn": world.cdn_host,
        "storage": world.storage_hosts,
    }
    new = folder / f"{ADDRESSES}.new"
    new.write_text(json.dumps(addresses))
    new.replace(folder / ADDRESSES)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
