"""Admin Ops API of Ceph's gateway: its users. Requests are signed as those of S3 are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, NotFound
from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.errors import ProtocolError
from buckia_core.http.origin import split_url
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context
from buckia_s3.auth.sigv4 import Credentials, query_string, sign_request
from buckia_s3.errors import from_code, from_network
from buckia_s3.http.endpoint import DEFAULT_REGION
from buckia_s3.provisioning.s3_account import PROVIDER, RETRY_POLICY, unexpected_response

_MAX_BYTES = 16 << 20
_PAGE = 1000
_EMPTY = hashlib.sha256(b"").hexdigest()


class CephAdmin:
    """Users of a gateway, by its Admin Ops API.

    The user of the credentials needs the capability `users=*`.
    """

    def __init__(self, endpoint_url: str, access_key: Secret, secret_key: Secret, ca_bundle: Path | None) -> None:
        self._credentials = Credentials(access_key.reveal(), secret_key.reveal())
        self._url = endpoint_url.rstrip("/")
        self._client = HttpClient(Timeouts(connect=10.0, read=60.0), tls=lambda: tls_context(ca_bundle=ca_bundle))

    def user(self, uid: str) -> dict[str, Any] | None:
        """Return a user, with its keys; `None` if there is none."""
        try:
            found: dict[str, Any] = self._call("GET", {"uid": uid}, action="reading a user")
        except NotFound:
            return None
        return found

    def user_ids(self) -> list[str]:
        """Return the ids of all users."""
        found: list[str] = []
        marker = ""
        seen = {marker}
        while True:
            query = {"list": "", "max-entries": str(_PAGE), **({"marker": marker} if marker else {})}
            page = self._call("GET", query, action="listing the users")
            keys, following = page.get("keys", []), page.get("marker", "")
            if not isinstance(keys, list) or not isinstance(following, str):
                raise unexpected_response("listing the users", self._url)
            found += [str(each) for each in keys]
            if not page.get("truncated"):
                return found
            if following in seen:
                raise unexpected_response("listing the users", self._url)
            seen.add(following)
            marker = following

    def create_user(self, uid: str, display_name: str) -> dict[str, Any]:
        """Create a user with a key, who may create no buckets. Sent once."""
        query = {"uid": uid, "display-name": display_name, "max-buckets": "-1", "generate-key": "true"}
        created: dict[str, Any] = self._call("PUT", query, action="creating a user", once=True)
        return created

    def remove_user(self, uid: str) -> None:
        """Remove a user and its keys; a missing one is no error. Objects that the user wrote stay."""
        try:
            self._call("DELETE", {"uid": uid}, action="removing a user")
        except NotFound:
            return

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, method: str, query: Mapping[str, str], *, action: str, once: bool = False) -> Any:
        return (
            self._send(method, query, action)
            if once
            else retry_call(lambda: self._send(method, query, action), RETRY_POLICY)
        )

    def _send(self, method: str, query: Mapping[str, str], action: str) -> Any:
        origin, base = split_url(self._url)
        path = f"{base.rstrip('/')}/admin/user"
        text = query_string([("format", "json"), *query.items()])
        authority = urlsplit(self._url).netloc
        headers = sign_request(
            method, authority, path, text, {}, _EMPTY, credentials=self._credentials, region=DEFAULT_REGION
        )
        request = HttpRequest(method, origin, f"{path}?{text}", headers)
        try:
            response = run_blocking(self._client.send(request, max_bytes=_MAX_BYTES))
        except (ProtocolError, OSError) as error:
            raise from_network(error, provider=PROVIDER, key=None, action=action, host=authority) from error
        try:
            document = json.loads(response.body) if response.body.strip() else {}
        except ValueError:
            document = {}
        if response.status >= 300:
            code = str(document.get("Code", "")) if isinstance(document, dict) else ""
            if code in ("NoSuchUser", "NoSuchKey") or (response.status == 404 and method != "PUT"):
                raise NotFound(f"{action}: there is none", provider=PROVIDER, status=response.status, code=code)
            raise from_code(
                code,
                "",
                response.status,
                provider=PROVIDER,
                key=None,
                action=action,
                advice="the account needs the capability users=*: radosgw-admin caps add --uid=… --caps='users=*'"
                if response.status == 403
                else "",
            )
        if not isinstance(document, dict):
            raise AdapterError(f"{action}: {authority} did not respond as Ceph's gateway does", provider=PROVIDER)
        return document
