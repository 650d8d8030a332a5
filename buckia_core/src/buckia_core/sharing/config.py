"""`ShareConfig`: where shares go, and who can open them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.bucket import BucketConfig
from buckia_core.config.file import load
from buckia_core.config.share_settings import DEFAULT_TTL_DAYS, ShareAccess, ttl_problem
from buckia_core.errors import ConfigError, InvalidSetting


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """Where shares go, and who can open them.

        bucket = BucketConfig(provider="s3", bucket_name="my-shares", public_url_base="https://s.example.com")
        ShareConfig(bucket, access="public", ttl_days=30)

    Attributes:
        bucket: Configuration of the share bucket. Its `public_url_base` is the base of public URLs.
        access: `public`: URLs for everybody; `protected`: signed URLs.
        ttl_days: Days until a share expires, unless the call says otherwise; 0 for never.
        lifecycle: Tag shares, and let the provider delete them after they expire.

    Raises:
        InvalidSetting: A value is invalid.
    """

    bucket: BucketConfig
    access: ShareAccess | str = ShareAccess.PROTECTED
    ttl_days: int = DEFAULT_TTL_DAYS
    lifecycle: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.bucket, BucketConfig):
            raise InvalidSetting(f"bucket must be a BucketConfig, not {type(self.bucket).__name__}")
        try:
            object.__setattr__(self, "access", ShareAccess(self.access))
        except ValueError:
            allowed = " or ".join(each.value for each in ShareAccess)
            raise InvalidSetting(f"access must be {allowed}, not {self.access!r}") from None
        check_ttl(self.ttl_days, self.mode)

    @property
    def mode(self) -> ShareAccess:
        """`access` as a `ShareAccess`."""
        return ShareAccess(self.access)

    @classmethod
    def from_bucket(cls, config: BucketConfig) -> ShareConfig:
        """Return what the setting `share` of a bucket says.

        Raises:
            ConfigError: The bucket has no such setting, or its file has no bucket of that name.
        """
        share = config.share
        if share is None:
            raise ConfigError(
                f"bucket {config.name!r} has no setting 'share', which names the bucket that shares go to",
                source=config.source,
            )
        if config.source is None:
            message = (
                "the setting 'share' names a bucket of a configuration file, and there is none: pass a ShareConfig"
            )
            raise ConfigError(f"bucket {config.name!r}: {message}")
        bucket = load(Path(config.source)).bucket(share.bucket)
        return cls(bucket, share.access, share.ttl_days, share.lifecycle)

    @classmethod
    def from_project(cls, name: str) -> ShareConfig:
        """Return where shares of a project of the user's `config.toml` go.

        That is what the setting `share` of a bucket of the project says; without one, protected shares in the
        project's `share_bucket`.

        Raises:
            ConfigError: There is no such project, or it has no bucket for shares.
        """
        from buckia_core.config.user import load_user_config  # noqa: PLC0415  # others do not read it

        project = load_user_config().project(name)
        for config in project.all_buckets():
            if config.share is not None and config.share.bucket == (project.share_bucket or config.share.bucket):
                return cls.from_bucket(config)
        return cls(project.share())


def check_ttl(days: object, access: ShareAccess) -> None:
    """Check a number of days.

    Raises:
        InvalidSetting: It is negative, or longer than a share of this access can last.
    """
    problem = ttl_problem(days, access)
    if problem:
        raise InvalidSetting(f"ttl_days must be {problem}, not {days!r}")
