"""Names that trip synchronisers: each goes to the bucket and down to another machine, or is refused by its name."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from tests.e2e.project import Project

NAMES = {
    "spaces": [" leading", "trailing ", "in the middle", " /x", "only spaces/   "],
    "plus": ["a+b", "+", "a%2Bb"],
    "percent": ["100%", "%2F", "%46", "a%2fb", "%", "%%20"],
    "query": ["a#b", "a?b", "a&b", "a=b", "a;b", "?x=1&y=2"],
    "controls": ["new\nline", "carriage\rreturn", "tab\tstop", "\x01", "\x1f", "\x7f", "\x1b[31mred"],
    "quotes": ["'", '"', "`id`", "$(id)", "$HOME", "it's"],
    "dots": [".hidden", "..file", "file..", "...", ".. /x"],
    "options": ["-rf", "--delete", "~", "~root", "-/-"],
    "long": ["n" * 255, "é" * 127, "n" * 249 + ".jpeg"],
    "unicode": ["👩‍👩‍👧‍👦", "\u202eevil", "한국어", "\uffff", "\u2028", "\ufeffbom", "\U0010ffff", "ä/ö/ü"],
    "backslash": ["a\\b", "\\", "\\\\server\\share"],
    "windows": ["CON", "a:", "aux.txt", "dot.", "nul", "a<b", "a|b", "a*b"],
    "xml": ["<Key>", "]]>", "&amp;", "<&\"'>"],
    "order": ["a/foo", "a b/bar", "a-b", "a.txt", "a0", "xyz1/t", "xyz/t"],
}

posix_only = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="this disk can't hold these names")


def everything():
    """Return a tree with all names, each in a folder of its kind; contents are the names."""
    return {f"{kind}/{name}": f"{kind} {number}" for kind, names in NAMES.items() for number, name in enumerate(names)}


@posix_only
def test_names_go_there_and_back(tmp_path, bucket):
    here, other = Project(tmp_path / "here", bucket), Project(tmp_path / "other", bucket)
    tree = everything()
    # Both spellings of one letter, and both cases: two files each, on a disk that keeps them apart.
    for name in ("Twin", "twin", unicodedata.normalize("NFC", "ä"), unicodedata.normalize("NFD", "ä")):
        tree[f"twins/{name}"] = name.encode().hex()
    deep = "/".join(["d" * 62] * 15) + "/" + "k" * 70
    tree |= {deep: "a long key", "/".join("abcde" * 40): "two hundred levels"}
    for name, content in tree.items():
        here.write(name, content)
    up = here.sync()
    assert (up.code, up.counts) == (0, {"uploaded": len(tree)}), up.failures
    assert bucket.tree() == tree
    down = other.sync()
    assert (down.code, down.counts) == (0, {"downloaded": len(tree)}), down.failures
    assert other.tree() == tree
    for project in (here, other):
        project.nothing_to_do(len(tree))
    # They can also be changed and deleted: in a batch, and by a listing that names them again.
    for name in tree:
        if name.startswith(("xml/", "controls/", "percent/", "plus/")):
            other.delete(name)
        else:
            other.write(name, "changed " + tree[name])
    left = other.tree()
    # Nothing keeps what most of the objects were before, and that takes a person's word.
    changed = other.sync("--force")
    assert changed.code == 0, changed.failures
    assert here.sync().code == 0
    assert here.tree() == bucket.tree() == left


@posix_only
def test_what_the_bucket_can_not_hold_is_refused_by_name(tmp_path, bucket):
    here = Project(tmp_path / "here", bucket)
    for name in ("good", "also/good"):
        here.write(name, name)
    not_text = os.fsdecode(b"latin-\xe9")
    here.write(not_text, "x")
    here.path("pipe").touch()
    here.path("pipe").unlink()
    os.mkfifo(here.path("pipe"))
    # 1,024 bytes are a key's limit on S3; a folder takes what its disk does.
    too_long = "/".join(["d" * 200] * 5) + "/" + "k" * 20
    here.write(too_long, "x")
    ran = here.sync()
    assert ran.code == 1
    expected = {"latin-\\xe9"} | ({too_long} if bucket.kind == "ceph" else set())
    assert set(ran.failures) == expected
    assert "UTF-8" in ran.failures["latin-\\xe9"]
    if bucket.kind == "ceph":
        assert "1024" in ran.failures[too_long].replace(",", "")
    assert bucket.tree().keys() == {"good", "also/good", too_long} - expected
    assert here.path(not_text).read_text() == "x"
    # A second run says the same: nothing of it is taken for done.
    assert set(here.sync().failures) == expected


def test_pages_of_a_listing_begin_at_keys_that_no_xml_can_hold(tmp_path, s3_bucket):
    here, other = Project(tmp_path / "here", s3_bucket), Project(tmp_path / "other", s3_bucket)
    names = [f"\x01&<\x1f{number:04}" for number in range(1001)]
    for name in names:
        here.write(name, name)
    assert here.sync().counts == {"uploaded": 1001}
    assert other.sync().counts == {"downloaded": 1001}
    for name in names[1:7]:
        other.delete(name)
    s3_bucket.forget_requests()
    assert other.sync().counts == {"deleted_remote": 6, "unchanged": 995}
    assert s3_bucket.requests()["head"] <= 1, "a listing that begins after a key shows what is to be deleted"
    here.sync()
    here.nothing_to_do(995)
