"""Plans: the steps that follow from a request. A plan is data: a dry run shows it, and a run executes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from buckia_core.adapters.contract.provisioner import (
    Access,
    BucketProvisioner,
    IssuesKeys,
    PublishesBuckets,
    ResetsPassword,
)
from buckia_core.errors import ConfigError, NotSupported
from buckia_core.provisioning.request import Action, Request


class StepKind(StrEnum):
    """What one step does; its value is its id in the journal."""

    BUCKET = "bucket"
    PUBLISH = "publish"
    RESET = "reset"
    CREDENTIALS = "credentials"
    VERIFY = "verify"
    ENTRY = "entry"
    SHARE = "share"
    REVOKE = "revoke"
    FORGET = "forget"
    EMPTY = "empty"
    UNPUBLISH = "unpublish"
    DELETE_BUCKET = "delete-bucket"
    DELETE_KEYS = "delete-keys"
    DELETE_SECRETS = "delete-secrets"
    DELETE_ENTRY = "delete-entry"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan; `summary` says what it does, for a person."""

    kind: StepKind
    summary: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order of their execution, and notes that a person should read before."""

    request: Request
    steps: Sequence[Step]
    notes: Sequence[str] = ()


def make_plan(request: Request, vendor: BucketProvisioner | None, title: str = "") -> Plan:
    """Return the plan of a request. Sends nothing.

    Args:
        request: What to do.
        vendor: The vendor; `None` for credentials of the user.
        title: The vendor's display name.

    Raises:
        NotSupported: The vendor can't do something that was asked for.
        ConfigError: The request contradicts itself.
    """
    match request.action:
        case Action.REGISTER:
            steps = [
                Step(StepKind.CREDENTIALS, f"Store the given secrets in {request.store}"),
                Step(StepKind.ENTRY, f"Add {request.name!r} to .buckia, with references to them"),
            ]
            return Plan(request, steps)
        case Action.BUCKET | Action.SHARE_BUCKET:
            assert vendor is not None
            _check_creation(request, vendor, title)
            return Plan(request, list(_creation_steps(request, vendor, title)), _creation_notes(request, vendor, title))
        case Action.ROTATE:
            assert vendor is not None
            return _rotation(request, vendor, title)
        case Action.DESTROY:
            return Plan(request, list(_removal_steps(request, vendor, title)))
        case _:
            assert_never(request.action)


def has_credentials(vendor: BucketProvisioner) -> bool:
    """Tell whether buckets of a vendor have credentials."""
    return isinstance(vendor, IssuesKeys | ResetsPassword)


def _check_creation(request: Request, vendor: BucketProvisioner, title: str) -> None:
    if request.public and not isinstance(vendor, PublishesBuckets):
        raise NotSupported(f"{title} can't serve a bucket to everybody", provider=request.vendor)
    if request.domain and not request.public:
        raise ConfigError("a host name of your own is for a public bucket")
    if request.domain and isinstance(vendor, PublishesBuckets) and not vendor.custom_domains:
        raise NotSupported(f"{title} can't serve a bucket under a host name of yours", provider=request.vendor)
    if request.prefix and not vendor.prefix_keys:
        raise NotSupported(f"{title} can't limit a key to a prefix", provider=request.vendor)
    if has_credentials(vendor) and not request.store:
        raise ConfigError("no secret store is named for the new credentials")


def _creation_steps(request: Request, vendor: BucketProvisioner, title: str) -> Iterator[Step]:
    bucket = request.bucket_name
    verb = "Find" if request.existing else "Create"
    yield Step(StepKind.BUCKET, f"{verb} the bucket {bucket!r} at {title}")
    if request.public:
        yield Step(StepKind.PUBLISH, f"Let everybody read its objects{_at(request)}")
    if has_credentials(vendor):
        yield Step(StepKind.CREDENTIALS, f"{_issue(request, vendor)}, and store it in {request.store}")
    use = "List objects" if request.access is Access.READ_ONLY else "List, write and delete objects"
    yield Step(StepKind.VERIFY, f"{use} with what the entry will have")
    yield Step(StepKind.ENTRY, f"Add {request.name!r} to .buckia")
    if request.share_for:
        yield Step(StepKind.SHARE, f"Make it the share bucket of {request.share_for!r}")


def _creation_notes(request: Request, vendor: BucketProvisioner, title: str) -> list[str]:
    if isinstance(vendor, ResetsPassword) and request.access is Access.READ_WRITE:
        return [f"{title} has one password for each bucket: everybody who has it can read and write the whole bucket."]
    return []


def _rotation(request: Request, vendor: BucketProvisioner, title: str) -> Plan:
    entry = Step(StepKind.ENTRY, f"Change the credentials of {request.name!r} in .buckia")
    forget = Step(StepKind.FORGET, "Delete the old secret")
    credentials = Step(StepKind.CREDENTIALS, f"{_issue(request, vendor)}, and store it in {request.store}")
    verify = Step(StepKind.VERIFY, "Use the new credentials once")
    if isinstance(vendor, IssuesKeys):
        return Plan(request, [credentials, verify, entry, Step(StepKind.REVOKE, "Revoke the old key"), forget])
    if isinstance(vendor, ResetsPassword):
        reset = Step(StepKind.RESET, f"Replace the password of the bucket {request.bucket_name!r}")
        note = f"{title} has one password for each bucket: the old one stops working before the new one is stored."
        return Plan(request, [reset, credentials, entry, verify, forget], [note])
    raise NotSupported(f"{title} has no credentials to rotate", provider=request.vendor)


def _removal_steps(request: Request, vendor: BucketProvisioner | None, title: str) -> Iterator[Step]:
    if vendor is not None and request.delete_bucket:
        empty = "Delete all objects of" if request.delete_content else "Check that there is nothing in"
        yield Step(StepKind.EMPTY, f"{empty} the bucket {request.bucket_name!r} at {title}")
        if isinstance(vendor, PublishesBuckets):
            yield Step(StepKind.UNPUBLISH, "End public access to it, if there is any")
        yield Step(StepKind.DELETE_BUCKET, f"Delete the bucket {request.bucket_name!r}")
    if isinstance(vendor, IssuesKeys):
        whose = "all keys that Buckia created for it" if request.delete_bucket else "its key"
        yield Step(StepKind.DELETE_KEYS, f"Revoke {whose}")
    if vendor is None or has_credentials(vendor):
        yield Step(StepKind.DELETE_SECRETS, "Delete its secrets from their store")
    yield Step(StepKind.DELETE_ENTRY, f"Remove {request.name!r} from .buckia")


def _issue(request: Request, vendor: BucketProvisioner) -> str:
    if isinstance(vendor, ResetsPassword):
        return "Read its password"
    below = f" and to keys that begin with {request.prefix!r}" if request.prefix else ""
    return f"Create a {request.access} key limited to the bucket{below}"


def _at(request: Request) -> str:
    return f", at {request.domain}" if request.domain else ""
