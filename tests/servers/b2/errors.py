"""What the service answers where it does not do what was asked: a status, a code and a message, as JSON."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A response other than success. Source of the shape: docs, "Calling the API"; b2sdk `interpret_b2_error`."""

    def __init__(self, status: int, code: str, message: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def as_json(self) -> dict[str, Any]:
        """Return the body of the response."""
        return {"status": self.status, "code": self.code, "message": self.message}

    def headers(self) -> dict[str, str]:
        """Return the headers of the response beside those that every response has."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def bad_request(message: str) -> Refused:
    """A request that makes no sense, whoever sends it."""
    return Refused(400, "bad_request", message)


def unauthorized(message: str) -> Refused:
    """A key that may not do this. It is no use to authorize again."""
    return Refused(401, "unauthorized", message)


def bad_token() -> Refused:
    """A token nobody knows: clients authorize again (b2sdk `InvalidAuthToken`)."""
    return Refused(401, "bad_auth_token", "Invalid authorization token")


def expired_token() -> Refused:
    """A token whose time is over: clients authorize again (b2sdk `InvalidAuthToken`)."""
    return Refused(401, "expired_auth_token", "Authorization token has expired")


def missing_token() -> Refused:
    """No Authorization header (docs, "Downloading files")."""
    return Refused(401, "missing_auth_token", "Authorization token was not provided")


def access_denied(message: str) -> Refused:
    """A file that is encrypted with another key, or a lock that this key may not change (b2sdk `AccessDenied`)."""
    return Refused(403, "access_denied", message)


def locked() -> Refused:
    """A version that may not be deleted yet (the `b2` tool's tests: `Access Denied for application key`)."""
    return Refused(401, "access_denied", "Access Denied")


def no_file_lock() -> Refused:
    """A lock in a bucket that has none (the `b2` tool's tests)."""
    return Refused(400, "bucket_missing_file_lock", "The bucket is not file lock enabled")


def not_found(message: str) -> Refused:
    """Nothing to read there."""
    return Refused(404, "not_found", message)


def no_such_bucket(bucket_id: str) -> Refused:
    """A bucket id nobody knows (b2sdk `BucketIdNotFound`)."""
    return Refused(400, "bad_bucket_id", f"Bucket does not exist: {bucket_id}")
