"""Two people edit, delete and sync at once: what they wrote is found again, and both come to the same."""

from __future__ import annotations

import os

import pytest

from tests.e2e.exchange import is_available
from tests.e2e.project import Project
from tests.e2e.tokens import Meeting

pytestmark = pytest.mark.skipif(not is_available(), reason="only `renameat2` of Linux tells what an edit replaced")

SEED = int(os.environ.get("BUCKIA_TOKENS_SEED", "1"))
"""Where chance comes from: who edits what, and how. When a sync meets an edit is the machine's affair."""

SECONDS = float(os.environ.get("BUCKIA_TOKENS_SECONDS", "60"))

POLICIES = ["keep_both", "local_wins", "newest_wins"]


@pytest.fixture
def projects(tmp_path, request):
    """Two projects with one bucket, of the kind that the test names."""
    bucket = request.getfixturevalue(request.param)
    return Project(tmp_path / "one", bucket), Project(tmp_path / "two", bucket)


@pytest.mark.parametrize(
    ("projects", "policy"),
    [("folder", "keep_both"), ("folder", "newest_wins"), ("s3_bucket", "keep_both"), ("b2_bucket", "local_wins")],
    indirect=["projects"],
)
def test_for_some_rounds(projects, policy):
    meeting = Meeting.of(projects, SEED, policy)
    meeting.quarrel(rounds=4)
    meeting.come_to_rest()


@pytest.mark.long
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("projects", ["folder", "s3_bucket", "b2_bucket"], indirect=True)
def test_for_a_minute(projects, policy):
    meeting = Meeting.of(projects, SEED, policy)
    meeting.quarrel(seconds=SECONDS)
    print(meeting.figures())
    meeting.come_to_rest()
