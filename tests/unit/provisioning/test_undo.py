"""What a failed run undoes is what it made: nothing that was there before, and nothing that the user changed since."""

from __future__ import annotations

import pytest

from buckia_core.errors import AdapterError
from buckia_core.provisioning.request import Action
from tests.unit.provisioning import box
from tests.unit.provisioning.box import Killed


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_key(*_: object) -> None:
        raise AdapterError("no more keys", provider="box")

    monkeypatch.setattr(box.KeyBoxProvisioner, "create_key", create_key)


@pytest.mark.parametrize("was_public", [True, False])
def test_an_existing_bucket_stays_as_public_as_it_was(project, refused, was_public):
    world = project.world
    path = world.buckets["photos"] = world.root / "photos"
    path.mkdir()
    world.public = {"photos"} if was_public else set()
    before = set(world.public)
    # Killed anywhere, the run fails when it is repeated.
    for number in range(1, 10):
        world.arm(number, Killed())
        with pytest.raises((Killed, AdapterError)):
            project.run(Action.SHARE_BUCKET, existing=True, public=True)
        reached = list(world.ticks)
        world.arm(0)
        if project.journals():
            with pytest.raises(AdapterError, match="no more keys"):
                project.run(Action.SHARE_BUCKET, existing=True, public=True)
        assert (world.public, project.journals(), list(world.buckets)) == (before, [], ["photos"]), reached
    assert "after publish" in reached
