"""Edge Storage: files and directories of a zone by its name and password (PROVIDERS 1.2, 1.3, 1.5, 1.9)."""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Final

from .accounts import Account, World
from .content import Arriving
from .entries import Shown, listing
from .front import Handle
from .kind import KINDS
from .nodes import Directory, File
from .ranges import answer_with
from .request import Request
from .response import Refused, Response, no_object, storage_done, storage_error
from .tree import ZonePath
from .zipping import zipped
from .zones import StorageZone

_READING: Final = frozenset({"GET", "DESCRIBE", "POST"})


def storage_host(world: World, region: str) -> Handle:
    """Return what answers at the host of one region."""

    async def handle(request: Request) -> Response:
        account, zone, path = _authorized(world, region, request)
        where = f"{region}/{zone.name}"
        with account.admitted(request.connection, where):
            zone_path = ZonePath.parse(path)
            kind = KINDS.get((request.method, zone_path.is_directory))
            if kind is None:
                # No HEAD (PROVIDERS 1.3): JuiceFS looks files up otherwise for that reason.
                raise storage_error(405, "Method Not Allowed")
            with account.during(kind, where, _limit(account, kind)):
                response = await account.interfere(kind)
                response = response or await _carry_out(account, zone, kind, zone_path, request)
                account.bytes_sent += response.length
                return response

    return handle


def _authorized(world: World, region: str, request: Request) -> tuple[Account, StorageZone, str]:
    """Return whose zone it is, the zone, and the path in it.

    A zone that is not there, a wrong password, another region's host and a write with the password for reading are
    one response: 401 (PROVIDERS 1.2, 1.9). The account's API key is no password.
    """
    try:
        name, slash, path = request.path.removeprefix("/").partition("/")
    except UnicodeDecodeError as error:
        raise storage_error(400, "Invalid path specified") from error
    found = world.storage_zone(name)
    key = request.headers.get("accesskey", "")
    if found is not None and found[1].region == region:
        account, zone = found
        if key == zone.password or (key == zone.read_only_password and request.method in _READING):
            return account, zone, slash + path
    if found is not None:
        found[0].refusals["401"] += 1
    raise storage_error(401, "Unauthorized")


def _limit(account: Account, kind: str) -> int | None:
    settings = account.settings
    limits = {"list": settings.listings, "zip": settings.zips}
    return limits.get(kind, settings.deletes if kind.startswith("delete") else None)


async def _carry_out(account: Account, zone: StorageZone, kind: str, zone_path: ZonePath, request: Request) -> Response:
    match kind:
        case "download":
            return _download(zone, zone_path, request)
        case "list":
            # A directory that is not there is an empty list (PROVIDERS 1.3).
            found = zone.tree.find(zone_path)
            body = await listing(zone, zone_path, found) if isinstance(found, Directory) else b"[]"
            if account.settings.listing_milliseconds:
                await asyncio.sleep(account.settings.listing_milliseconds / 1000)
            return Response.of_bytes(200, body, "application/json")
        case "describe":
            if not zone_path.names:
                raise no_object()
            shown = Shown(zone, zone_path.parent).entry(zone_path.names[-1], zone.tree.get(zone_path))
            return Response.of_bytes(200, shown.encode(), "application/json")
        case "upload":
            return await _upload(account, zone, zone_path, request)
        case "make_directory":
            await request.discard()
            zone.tree.make_directory(zone_path, account.now())
            return storage_done(201, "Directory created.")
        case "zip":
            return await zipped(zone, request)
        case _:
            return _delete(zone, zone_path, request)


def _download(zone: StorageZone, zone_path: ZonePath, request: Request) -> Response:
    file = zone.tree.get(zone_path)
    assert isinstance(file, File)
    return answer_with(file.content, served_type(zone_path.names[-1], file), request.headers.get("range"))


def served_type(name: str, file: File) -> str:
    """Return the type that a file is served with: what `Override-Content-Type` said, else what its name says."""
    return file.content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"


async def _upload(account: Account, zone: StorageZone, zone_path: ZonePath, request: Request) -> Response:
    zone.tree.check_upload(zone_path)
    with Arriving(account.directory) as arriving:
        async for chunk in request.chunks():
            arriving.add(chunk)
        content = arriving.finish()
    wanted = request.headers.get("checksum")
    if wanted and wanted.upper() != content.sha256:
        raise storage_error(400, "Checksum does not match the uploaded file")
    now = account.now()
    file = File(content, created=now, changed=now, content_type=request.headers.get("override-content-type", ""))
    file.replicated = bool(account.settings.replicating)
    zone.tree.upload(zone_path, file)
    account.bytes_stored += content.size
    return storage_done(201, "File uploaded.")


def _delete(zone: StorageZone, zone_path: ZonePath, request: Request) -> Response:
    allowed = request.query.get("allowRootDelete") or request.headers.get("allowrootdelete") or ""
    if not zone_path.names and allowed.lower() != "true":
        raise _root_guard()
    zone.tree.delete(zone_path)
    kind = "Directory" if zone_path.is_directory else "File"
    return storage_done(200, f"{kind} deleted successfully.")


def _root_guard() -> Refused:
    """Return the refusal to empty a zone that did not ask for it; its status is chosen (PROVIDERS 1.3)."""
    return storage_error(400, "Deleting the root directory needs allowRootDelete=true")
