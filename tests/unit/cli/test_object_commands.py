import pytest

from buckia_core import errors
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.planning.digest import Digest
from tests.unit.cli.conftest import FakeClient, remote

KEYS = ["a.txt", "images-old/z", "images/a.png", "images/deep/b.png", "images/deep/c.png", "videos/v.mp4"]


@pytest.fixture
def full(assets):
    assets.objects = [remote(key) for key in KEYS]
    return assets


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], ["a.txt", "images-old/", "images/", "videos/"]),
        (["-r"], KEYS),
        (["images"], ["images-old/", "images/"]),
        (["images/"], ["images/a.png", "images/deep/"]),
        (["images/deep/b"], ["images/deep/b.png"]),
        (["-r", "images/"], ["images/a.png", "images/deep/b.png", "images/deep/c.png"]),
        (["nothing"], []),
    ],
)
def test_ls(buckia, full, arguments, shown):
    ran = buckia("ls", *arguments)
    assert ran.code == 0
    assert ran.out.splitlines() == shown


def test_ls_of_nothing_says_so(buckia, full, assets):
    ran = buckia("ls", "nope")
    assert ran.code == 0
    assert ran.out == ""
    assert "no key starts with 'nope'" in ran.err
    ran = buckia("ls", "*.jpg")
    assert (ran.code, ran.out) == (6, "")
    assert "matches" in ran.err
    assets.objects = []
    assert "the bucket is empty" in buckia("ls").err
    assert buckia("ls", "-q").err == ""


def test_ls_long_has_sizes_and_times(buckia, full):
    lines = buckia("ls", "-l").out.splitlines()
    assert lines[0].split()[:2] == ["3", "B"]
    assert lines[0].endswith("  a.txt")
    assert lines[1].strip() == "images-old/"


def test_a_time_that_the_server_does_not_tell_is_shown_as_none(buckia, assets):
    untold = remote("a")._replace(modified_ns=0)
    assets.objects = [untold]
    assert buckia("ls", "-l").out.split() == ["3", "B", "-", "a"]
    assert buckia("ls", "--json").records[0]["modified"] is None


def test_ls_is_shown_even_when_quiet(buckia, full):
    assert buckia("ls", "-q", "-r").out.splitlines() == KEYS


def test_ls_as_json(buckia, full):
    first, second, *_ = buckia("ls", "--json").records
    assert first == {
        "type": "object",
        "bucket": "assets",
        "key": "a.txt",
        "size": 3,
        "modified": "2026-05-04T12:00:00Z",
        "mtime": "2026-05-04T12:00:00Z",
        "fingerprint": "etag-a.txt",
        "digests": {"md5": "0" * 32},
        "claimed": {},
        "version": None,
        "content_type": None,
        "metadata": {"a": "b"},
    }
    assert second == {"type": "directory", "bucket": "assets", "prefix": "images-old/"}


def test_stat_tells_stored_digests_apart_and_no_guesses(buckia, assets, monkeypatch):
    digests = (Digest("md5-parts-5?", "x-2"), Digest("md5", "0" * 32))
    told = remote("a.txt")._replace(digests=digests, claimed=(Digest("sha256", "1" * 64),), modified_ns=0)
    monkeypatch.setattr(FakeClient, "stat", lambda *_: told)
    rows = dict(line.split(":", 1) for line in buckia("stat", "a.txt").out.splitlines())
    assert (rows["md5"].strip(), rows["sha256 stored"].strip()) == ("0" * 32, "1" * 64)
    record = buckia("stat", "a.txt", "--json").records[0]
    assert (record["digests"], record["claimed"]) == ({"md5": "0" * 32}, {"sha256": "1" * 64})
    assert record["modified"] is None


def test_stat(buckia, assets):
    lines = buckia("stat", "a.txt").out.splitlines()
    rows = dict(line.split(":", 1) for line in lines)
    assert rows["key"].strip() == "a.txt"
    assert rows["size"].strip() == "3 bytes (3 B)"
    assert rows["md5"].strip() == "0" * 32
    assert rows["a"].strip() == "b"
    assert buckia("stat", "a.txt", "--json").records[0]["key"] == "a.txt"


def test_stat_of_what_is_not_there(buckia, assets):
    assets.error = errors.NotFound("there is no object 'a.txt'")
    assert buckia("stat", "a.txt").code == 6


def test_rm(buckia, full):
    ran = buckia("rm", "a.txt", "b.txt", "--json")
    assert ran.code == 0
    assert full.asked("remove") == {"keys": ["a.txt", "b.txt"]}
    assert ran.records == [
        {"type": "removed", "bucket": "assets", "key": "a.txt", "error": None},
        {"type": "removed", "bucket": "assets", "key": "b.txt", "error": None},
    ]


def test_rm_recursive_takes_what_is_below_and_no_namesake(buckia, full):
    ran = buckia("rm", "-r", "images/", "--yes")
    assert ran.code == 0
    assert full.asked("remove") == {"keys": ["images/a.png", "images/deep/b.png", "images/deep/c.png"]}
    assert ran.out == "assets: 3 objects deleted\n"


def test_rm_recursive_is_not_done_unasked(buckia, full):
    ran = buckia("rm", "-r", "images/")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert not full.calls


@pytest.mark.parametrize("key", ["", "/", "//"])
def test_rm_of_the_whole_bucket_is_no_slip_of_the_finger(buckia, full, key):
    ran = buckia("rm", "-r", "--yes", key)
    assert ran.code == 2
    assert not full.calls


class TestKeysThatTheBucketDoesNotHave:
    @pytest.fixture(autouse=True)
    def _only_a(self, assets, monkeypatch):
        def stat(_, key):
            if key == "nope":
                raise errors.NotFound("'nope': there is no such object", key="nope")
            if key == "hidden":
                raise errors.PermissionDenied("not allowed", key="hidden")
            return remote(key)

        monkeypatch.setattr(FakeClient, "stat", stat)

    def test_nothing_is_asked_for_where_none_is_there(self, buckia, assets):
        ran = buckia("rm", "nope")
        assert ran.code == 6
        assert ran.err == "failed: nope: there is no such object\n"
        assert ran.out == "assets: 0 objects deleted\n"
        assert [call for call, _ in assets.calls] == ["list"]

    def test_a_directory_needs_recursive(self, buckia, assets):
        assets.objects = [remote("nope/a")]
        ran = buckia("rm", "nope")
        assert ran.code == 6
        assert "--recursive" in ran.err
        assert [call for call, _ in assets.calls] == ["list"]

    def test_who_may_not_list_gets_the_same_error(self, buckia, assets, monkeypatch):
        def refuse(_, prefix):
            raise errors.PermissionDenied("not allowed")

        monkeypatch.setattr(FakeClient, "list", refuse)
        assert buckia("rm", "nope").err == "failed: nope: there is no such object\n"

    def test_the_others_are_deleted(self, buckia, assets):
        ran = buckia("rm", "a", "nope", "b", "a", "--json")
        assert ran.code == 6
        assert assets.asked("remove") == {"keys": ["a", "b"]}
        told = {record["key"]: record["error"] for record in ran.records}
        assert told == {"a": None, "b": None, "nope": "'nope': there is no such object"}

    def test_who_may_not_look_may_delete_all_the_same(self, buckia, assets):
        assert buckia("rm", "hidden").code == 0
        assert assets.asked("remove") == {"keys": ["hidden"]}

    def test_a_bucket_that_does_not_exist_ends_the_command(self, buckia, assets, monkeypatch):
        def stat(_, key):
            raise errors.BucketNotFound("the bucket does not exist")

        monkeypatch.setattr(FakeClient, "stat", stat)
        ran = buckia("rm", "a", "b", "--json")
        assert (ran.code, ran.records[0]["type"], len(ran.records)) == (6, "error", 1)


def test_nothing_below_a_name_is_an_error_as_a_key_that_is_not_there(buckia, assets):
    assets.objects = [remote("d/a"), remote("e")]
    ran = buckia("rm", "-r", "d/", "nope", "d/a", "--yes", "--json")
    assert ran.code == 6
    assert [(record["key"], record["error"]) for record in ran.records] == [
        ("d/a", None),
        ("nope", "'nope': there is no such object, and none below it"),
    ]
    assert buckia("rm", "-r", "nope", "--yes").err == "failed: nope: there is no such object, and none below it\n"


def test_rm_goes_in_batches(buckia, assets):
    assets.objects = [remote(f"d/{number:05}") for number in range(2001)]
    assert buckia("rm", "-r", "d", "--yes").out == "assets: 2001 objects deleted\n"
    assert [len(asked["keys"]) for call, asked in assets.calls if call == "remove"] == [1000, 1000, 1]


def test_rm_names_what_it_could_not_delete(buckia, assets, monkeypatch):
    refused = DeleteOutcome("b", errors.PermissionDenied("not allowed"))
    monkeypatch.setattr(FakeClient, "remove", lambda _, keys: [DeleteOutcome("a"), refused])
    ran = buckia("rm", "a", "b")
    assert ran.code == 5
    assert ran.err == "failed: b: not allowed\n"
    assert ran.out == "assets: 1 object deleted\n"


@pytest.mark.parametrize(
    "arguments",
    [["stat", "nope"], ["ls"], ["rm", "a"]],
)
def test_an_error_names_the_one_bucket_that_it_is_about(buckia, assets, arguments):
    assets.error = errors.BucketNotFound("there is no such thing")
    ran = buckia(*arguments, "--json")
    assert ran.code == 6
    assert [record["bucket"] for record in ran.records if record["type"] == "error"] == ["assets"]
    assert buckia(*arguments).err == "buckia: there is no such thing\n"


def test_an_error_of_no_bucket_names_none(buckia, buckets):
    assert buckia("stat", "a", "--json").records[0]["bucket"] is None
