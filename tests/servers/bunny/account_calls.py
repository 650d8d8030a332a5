"""Calls of the core API about regions, keys and statistics (PROVIDERS 1.7)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from .core_call import CoreCall
from .response import Response
from .zones import REPLICA_REGIONS, STANDARD_REGIONS


def regions(call: CoreCall) -> Response:
    """List regions."""
    known = {**STANDARD_REGIONS, **REPLICA_REGIONS}.items()
    return Response.of_json(
        [
            {
                "Id": number,
                "Name": f"{continent}: {name}",
                "PricePerGigabyte": 0.01,
                "RegionCode": code,
                "ContinentCode": continent,
                "CountryCode": country,
                "AllowLatencyRouting": True,
            }
            for number, (code, (name, continent, country)) in enumerate(known, 1)
        ]
    )


def api_keys(call: CoreCall) -> Response:
    """List the account's keys: one."""
    keys: list[dict[str, Any]] = [{"Id": 1, "Key": call.account.api_key, "Roles": ["User"]}]
    return Response.of_json({"Items": keys, "CurrentPage": 1, "TotalItems": 1, "HasMoreItems": False})


def statistics(call: CoreCall) -> Response:
    """Sum up what the CDN served, of one pull zone or all; all of it today."""
    wanted = call.query.get("pullZone", "")
    served: Counter[str] = Counter()
    for zone in call.account.pull_zones.values():
        if not wanted.isdecimal() or int(wanted) == zone.id:
            served += zone.served
    day = datetime.fromtimestamp(call.account.now(), UTC).strftime("%Y-%m-%dT00:00:00Z")
    total, hits = served["requests"], served["hits"]
    errors = {f"Error{digit}xxChart": {day: _beginning(served, digit)} for digit in "345"}
    return Response.of_json(
        {
            "TotalBandwidthUsed": served["bytes"],
            "TotalOriginTraffic": served["bytes"] - served["bytes_cached"],
            "TotalRequestsServed": total,
            "CacheHitRate": 100.0 * hits / total if total else 0.0,
            "BandwidthUsedChart": {day: served["bytes"]},
            "BandwidthCachedChart": {day: served["bytes_cached"]},
            "CacheHitRateChart": {day: 100.0 * hits / total if total else 0.0},
            "RequestsServedChart": {day: total},
            "PullRequestsPulledChart": {day: total - hits},
            "GeoTrafficDistribution": {},
            "UserBalanceHistoryChart": {},
            **errors,
        }
    )


def _beginning(served: Counter[str], digit: str) -> int:
    return sum(count for name, count in served.items() if name.isdecimal() and name.startswith(digit))
