"""Where a row depends on content that nobody has hashed yet: `reconcile` says what to look at, and is asked again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import (
    BaselineEntry,
    LocalEntry,
    RemoteObject,
    is_same_copy,
    is_same_version,
    is_untouched,
)
from buckia_core.planning.plan import Action, Operation
from buckia_core.planning.policy import ConflictPolicy, Direction, SyncRules
from buckia_core.planning.reconcile import (
    IN_SYNC,
    Evidence,
    InSync,
    NeedsEvidence,
    SideState,
    local_state,
    matches_baseline,
    reconcile,
    remote_state,
)
from buckia_core.testing import m

RULES = SyncRules()


def local(text: str) -> LocalEntry:
    return m(f"a={text}").local()[0]


def hashed(text: str) -> LocalEntry:
    return m(f"a={text}").hashed()[0]


def remote(text: str) -> RemoteObject:
    return m(f"a={text}").remote()[0]


def base(text: str) -> BaselineEntry:
    return m(f"a={text}").base()[0]


# --- the local side ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "before", "state"),
    [
        (None, None, SideState.ABSENT),
        (None, base("1"), SideState.DELETED),
        (local("1"), None, SideState.CHANGED),
        (local("1"), base("1"), SideState.SAME),
        (local("22"), base("1"), SideState.CHANGED),  # another size needs no look
        (local("1@5"), base("1"), SideState.UNSURE),
        (hashed("1@5"), base("1"), SideState.SAME),  # P8: a touch is no edit
        (hashed("2"), base("1"), SideState.CHANGED),
        (local("1"), base("1!"), SideState.UNSURE),  # recorded while young: its times prove nothing
        (hashed("1"), base("1!"), SideState.SAME),
        (hashed("2"), base("1?"), SideState.CHANGED),  # the baseline never knew the content
        (local("1@5"), base("1?"), SideState.CHANGED),
    ],
)
def test_local_state(here, before, state):
    assert local_state(here, before, RULES) is state


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_p10_every_part_of_the_fingerprint_counts(field):
    """Same size and same modification time do not hide an edit: the inode's change time moves with every write."""
    moved = local("1")._replace(**{field: getattr(local("1"), field) + 1})
    assert matches_baseline(local("1"), base("1"))
    assert not matches_baseline(moved, base("1"))


@pytest.mark.parametrize(
    ("compare", "fields"),
    [
        (is_untouched, {"size", "mtime_ns", "ctime_ns", "inode"}),
        (is_same_version, {"size", "mtime_ns", "inode"}),
        (is_same_copy, {"size", "mtime_ns"}),
    ],
)
def test_each_comparison_of_signatures_has_its_fields(compare, fields):
    entry = local("1")
    assert compare(entry, base("1"))
    names = ("size", "mtime_ns", "ctime_ns", "inode")
    changed = {name: entry._replace(**{name: getattr(entry, name) + 1}) for name in names}
    assert {name for name, other in changed.items() if not compare(entry, other)} == fields


def test_p10_checksum_hashes_every_file():
    rules = SyncRules(checksum=True)
    assert reconcile("a", "", local("1"), remote("1"), base("1"), rules) == NeedsEvidence(Evidence.LOCAL_DIGEST)
    edited = local("1")._replace(digests=hashed("2").digests)
    outcome = reconcile("a", "", edited, remote("1"), base("1"), rules)
    assert isinstance(outcome, Operation) and outcome.action is Action.UPLOAD


def test_checksum_of_an_unchanged_file_needs_no_refresh():
    assert reconcile("a", "", hashed("1"), remote("1"), base("1"), SyncRules(checksum=True)) is IN_SYNC


# --- the remote side ---------------------------------------------------------------------------------------


def moved_object(text: str, *, has_digest: bool = True) -> RemoteObject:
    found = remote(text)
    return found._replace(fingerprint="moved", digests=found.digests if has_digest else ())


@pytest.mark.parametrize(
    ("there", "before", "state"),
    [
        (None, None, SideState.ABSENT),
        (None, base("1"), SideState.DELETED),
        (remote("1"), None, SideState.CHANGED),
        (remote("1"), base("1"), SideState.SAME),
        (remote("1?"), base("1?"), SideState.SAME),  # the fingerprint alone is proof
        (moved_object("22"), base("1"), SideState.CHANGED),
        (moved_object("1"), base("1"), SideState.SAME),
        (moved_object("2"), base("1"), SideState.CHANGED),
        (moved_object("1", has_digest=False), base("1"), SideState.UNSURE),
        (moved_object("1", has_digest=False), base("1?"), SideState.CHANGED),
    ],
)
def test_remote_state(there, before, state):
    assert remote_state(there, before) is state


@pytest.mark.parametrize("here", [None, local("1"), hashed("2")], ids=["deleted", "same", "edited"])
@pytest.mark.parametrize("direction", Direction)
def test_an_object_of_unknown_content_is_hashed(here, direction):
    """P7: somebody uploaded again, perhaps the same bytes; those must neither go over again nor count as an edit."""
    found = moved_object("1", has_digest=False)
    assert reconcile("a", "", here, found, base("1"), SyncRules(direction=direction)) == NeedsEvidence(
        Evidence.REMOTE_DIGEST
    )


# --- both sides --------------------------------------------------------------------------------------------


def test_two_new_files_of_one_size_are_compared_by_content():
    assert reconcile("a", "", local("2"), remote("2"), None, RULES) == NeedsEvidence(Evidence.LOCAL_DIGEST)
    assert reconcile("a", "", hashed("2"), remote("2?"), None, RULES) == NeedsEvidence(Evidence.REMOTE_DIGEST)


def test_p7_the_same_bytes_on_both_sides_are_adopted_and_not_transferred():
    outcome = reconcile("a", "", hashed("2@5"), remote("2@9"), None, RULES)
    assert isinstance(outcome, Operation) and outcome.action is Action.ADOPT


def test_two_new_files_of_two_sizes_need_no_evidence():
    outcome = reconcile("a", "", local("2"), remote("33?"), None, RULES)
    assert isinstance(outcome, Operation) and outcome.action is Action.KEEP_BOTH


def test_newest_wins_keeps_both_if_the_time_of_the_object_is_unknown():
    rules = SyncRules(conflict_policy=ConflictPolicy.NEWEST_WINS)
    timeless = remote("3@5")._replace(mtime_ns=None, modified_ns=0, metadata={})
    outcome = reconcile("a", "", hashed("2@9"), timeless, None, rules)
    assert isinstance(outcome, Operation) and outcome.action is Action.KEEP_BOTH


def test_newest_wins_needs_a_stat_if_listings_have_no_time():
    rules = SyncRules(conflict_policy=ConflictPolicy.NEWEST_WINS)
    assert reconcile("a", "", hashed("2@9"), remote("3@5"), None, rules) == NeedsEvidence(Evidence.REMOTE_STAT)


@pytest.mark.parametrize(("mtime_ns", "action"), [(4 * 10**9, Action.UPLOAD), (10**10, Action.DOWNLOAD)])
def test_newest_wins_believes_the_files_own_time_before_the_providers_clock(mtime_ns, action):
    rules = SyncRules(conflict_policy=ConflictPolicy.NEWEST_WINS)
    seen = remote("3@5")._replace(mtime_ns=mtime_ns, metadata={})
    outcome = reconcile("a", "", hashed("2@9"), seen, None, rules)
    assert isinstance(outcome, Operation) and outcome.action is action


@pytest.mark.parametrize("mtime_ns", [2**63, 10**28])
def test_newest_wins_keeps_both_of_two_times_that_a_manifest_cuts(mtime_ns):
    rules = SyncRules(conflict_policy=ConflictPolicy.NEWEST_WINS)
    here = hashed("2@9")._replace(mtime_ns=2**63 - 1)
    outcome = reconcile("a", "", here, remote("3@5")._replace(mtime_ns=mtime_ns, metadata={}), None, rules)
    assert isinstance(outcome, Operation) and outcome.action is Action.KEEP_BOTH


# --- P8, P9: what moved and came back ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there"),
    [(hashed("1@5"), remote("1")), (hashed("1"), moved_object("1")), (hashed("1@5"), moved_object("1"))],
    ids=["touched here", "uploaded again", "both"],
)
def test_p8_changed_fingerprints_are_refreshed_and_nothing_is_transferred(here, there):
    assert reconcile("a", "", here, there, base("1"), RULES) == InSync(refresh=True)


def test_p9_an_edit_that_was_taken_back_does_not_stand_against_one_on_the_other_side():
    outcome = reconcile("a", "", hashed("1@5"), remote("2"), base("1"), RULES)
    assert isinstance(outcome, Operation) and outcome.action is Action.DOWNLOAD


def test_a_file_that_changed_its_root_is_refreshed():
    outcome = reconcile("a", "other", m("a=1").local("other")[0], remote("1"), base("1"), RULES)
    assert outcome == InSync(refresh=True)


# --- any situation -----------------------------------------------------------------------------------------

TOKENS = st.sampled_from(["1", "2", "33", "1@5", "2?", "1?"])


@given(
    here=st.none() | TOKENS.map(local),
    there=st.none() | st.builds(moved_object, TOKENS, has_digest=st.booleans()) | TOKENS.map(remote),
    before=st.none() | TOKENS.map(base) | TOKENS.map(lambda token: base(token + "!")),
    rules=st.tuples(st.sampled_from(Direction), st.sampled_from(ConflictPolicy)).map(lambda chosen: SyncRules(*chosen)),
)
def test_a_key_is_decided_after_at_most_four_rounds(here, there, before, rules):
    if here is None and there is None and before is None:
        return
    looks = []
    while isinstance(outcome := reconcile("a", "", here, there, before, rules), NeedsEvidence):
        looks.append(outcome.evidence)
        assert len(looks) <= 4, looks
        match outcome.evidence:
            case Evidence.LOCAL_DIGEST:
                here = here._replace(digests=(Digest("sha256", f"local {here.size}"),))
            case Evidence.REMOTE_STAT:
                there = there._replace(metadata={})
            case Evidence.REMOTE_DIGEST:
                there = there._replace(metadata={}, digests=(Digest("sha256", f"remote {there.size}"),))
    assert isinstance(outcome, Operation | InSync)
    assert len(looks) == len(set(looks)), "nothing is looked at twice"
