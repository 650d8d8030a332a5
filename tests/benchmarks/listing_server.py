"""An S3 server that lists a bucket of any size and holds none of it: listings follow from a formula.

python -m tests.benchmarks.listing_server PORT COUNT SIZE

The bucket has the objects `name_of_file(0)` and on, each of SIZE zero bytes. It can't be written to.
"""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from buckia_core.testing.fault_proxy.ports import HOST
from tests.benchmarks.files import name_of_file

_NAMESPACE: Final = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_PAGE: Final = 1000


class GeneratedListing:
    """The pages of a listing. A page is made once and kept, so that clients do not wait for it again."""

    def __init__(self, bucket: str, count: int, size: int) -> None:
        etag = hashlib.md5(bytes(size), usedforsecurity=False).hexdigest()
        # Listings have full seconds here, and no file may look newer than its object.
        changed = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self._bucket = bucket
        self._count = count
        self._entry = (
            f"<LastModified>{changed}</LastModified><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )
        self._pages: dict[tuple[int, str], bytes] = {}

    def page(self, *, start: int = 0, after: str = "", prefix: str = "") -> bytes:
        """Return the page that begins at a position, or after a key. A prefix has no objects, or is empty."""
        if after:
            start = bisect_right(range(self._count), after, key=name_of_file)
        if (start, prefix) not in self._pages:
            self._pages[start, prefix] = self._make(start, prefix)
        return self._pages[start, prefix]

    def directories(self, *, after: str = "", prefix: str = "") -> bytes:
        """Return the page of directories right below the bucket, after a key. A prefix has no directories."""
        start = bisect_right(range(self._count), after, key=name_of_file) if after else 0
        names = dict.fromkeys(name_of_file(number).partition("/")[0] + "/" for number in range(start, self._count, 50))
        listed = [] if prefix else list(names)[:_PAGE]
        found = "".join(f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>" for name in listed)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult {_NAMESPACE}><Name>{self._bucket}</Name>'
            f"<Prefix>{prefix}</Prefix><MaxKeys>{_PAGE}</MaxKeys><Delimiter>/</Delimiter>"
            f"<EncodingType>url</EncodingType><KeyCount>{len(listed)}</KeyCount><IsTruncated>false</IsTruncated>"
            f"{found}</ListBucketResult>"
        ).encode()

    def _make(self, start: int, prefix: str) -> bytes:
        end = min(start + _PAGE, self._count)
        numbers = range(0) if prefix else range(start, end)
        more = bool(numbers) and end < self._count
        entries = "".join(f"<Contents><Key>{name_of_file(number)}</Key>{self._entry}" for number in numbers)
        token = f"<NextContinuationToken>{end}</NextContinuationToken>" if more else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult {_NAMESPACE}><Name>{self._bucket}</Name>'
            f"<Prefix>{prefix}</Prefix><MaxKeys>{_PAGE}</MaxKeys><EncodingType>url</EncodingType>"
            f"<KeyCount>{len(numbers)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{entries}</ListBucketResult>"
        ).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    listing: GeneratedListing

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if "list-type" in query:
            start, after = int(query.get("continuation-token", 0)), query.get("start-after", "")
            if query.get("delimiter"):
                self._answer(200, self.listing.directories(after=after, prefix=query.get("prefix", "")))
                return
            self._answer(200, self.listing.page(start=start, after=after, prefix=query.get("prefix", "")))
        elif "versioning" in query:
            self._answer(200, f"<VersioningConfiguration {_NAMESPACE}/>".encode())
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        is_bucket = urlsplit(self.path).path.strip("/").count("/") == 0
        self._answer(200 if is_bucket else 404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        # Faster than one call for each header: the server must not be what is measured.
        head = f"HTTP/1.1 {status} \r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/xml\r\n"
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    """Serve until stopped."""
    port, count, size = (int(each) for each in sys.argv[1:])
    _Handler.listing = GeneratedListing("generated", count, size)
    ThreadingHTTPServer((HOST, port), _Handler).serve_forever()


if __name__ == "__main__":
    main()
