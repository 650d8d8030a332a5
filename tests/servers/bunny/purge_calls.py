"""Purging what the CDN keeps, and how often that may be done (PROVIDERS 1.7)."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from .core_call import CoreCall, done, invalid
from .response import Response, core_error


def purge_zone(call: CoreCall) -> Response:
    """Purge a whole pull zone, or what has the body's `CacheTag`."""
    zone, tag = call.pull_zone(), call.given.get("CacheTag")
    if isinstance(tag, str) and tag:
        zone.forget_tag(tag)
    else:
        zone.forget("", exact=False)
    return done()


def purge_url(call: CoreCall) -> Response:
    """Purge one URL, or all below it where it ends with `*` or a slash, unless `exactPath` is asked for.

    Purges of single URLs come from a bucket of 120 that 5 a second flow into, the others from one of 20 and 0.5.
    The response to a host name that is none of the account's is chosen (404).
    """
    url = urlsplit(call.query.get("url", ""))
    if not url.scheme or not url.hostname:
        raise invalid("url", "url must be a full URL")
    found = call.world.pull_zone(url.hostname)
    if found is None or found[0] is not call.account:
        raise core_error(404, "pullZone.not_found", "No pull zone has this host name", "url")
    path = unquote(url.path) or "/"
    exact = call.flag("exactPath", default=False) or not path.endswith(("*", "/"))
    account, settings = call.account, call.account.settings
    if exact:
        bucket, size, rate = account.url_purges, settings.purge_urls, settings.purge_urls_per_second
    else:
        bucket, size, rate = account.prefix_purges, settings.purge_prefixes, settings.purge_prefixes_per_second
    if not bucket.take(account.now(), size=size, per_second=rate):
        raise core_error(429, "rate_limited", "Too many purge requests")
    found[1].forget(path if exact else path.removesuffix("*"), exact=exact)
    return Response(200)
