"""Region of a bucket, as a server names it in an error."""

from __future__ import annotations

import re

from buckia_core.http.response import Response
from buckia_s3.errors import error_code

_REGION = re.compile(rb"<Region>([a-z0-9-]{1,40})</Region>")
# The region becomes part of the host name and of the signature.
_REGION_NAME = re.compile(r"[a-z0-9-]{1,40}")
_OTHER_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException")


def is_elsewhere(response: Response, body: bytes) -> bool:
    """Tell whether a response says that the bucket is in another region. That to HEAD has no body, so any 400 does."""
    code = error_code(body)
    return response.status in (301, 307) or code in _OTHER_REGION or (response.status == 400 and not code)


def region_of_bucket(response: Response, body: bytes) -> str | None:
    """Return the region that a response names for the bucket, if it may be another one than the request's."""
    if response.status != 400 and not is_elsewhere(response, body):
        return None
    region: str | None = response.headers.get("x-amz-bucket-region")
    if region and _REGION_NAME.fullmatch(region):
        return region
    found = _REGION.search(body)
    return found[1].decode() if found else None
