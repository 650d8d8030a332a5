"""A change that is planned: what is there, what will be, and the difference in lines."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.adapters.commands.config_change import unified_diff
from buckia_s3.administration.merge import is_equivalent
from buckia_s3.administration.subresources import Document, Subresource


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one part of a bucket's configuration. It is data: nothing is sent before it is applied.

    Attributes:
        topic: What is changed.
        before: What was there when the change was planned; `None` if nothing was.
        after: What will be there; `None` if it is removed.
    """

    topic: Subresource
    before: Document | None
    after: Document | None

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        return not is_equivalent(self.topic, self.before, self.after)

    def diff(self) -> list[str]:
        """Return the lines of a unified diff from `before` to `after`, without line feeds; none if nothing differs."""
        return unified_diff(self.before, self.after, self.topic.name) if self.differs else []
