"""Two machines with a state of their own, in step through one bucket."""

from __future__ import annotations

import pytest

from tests.e2e.project import Project


@pytest.fixture
def machines(tmp_path, bucket):
    return Project(tmp_path / "one", bucket), Project(tmp_path / "two", bucket)


def in_turn(*machines):
    """Sync one machine after the other, each to a good end."""
    for machine in machines:
        ran = machine.sync()
        assert ran.code == 0, ran


def at_rest(one, two, tree):
    """Both machines and the bucket have this tree, and further syncs change nothing."""
    assert one.tree() == two.tree() == one.bucket.tree() == tree
    for machine in (one, two, one):
        machine.nothing_to_do(len(tree))


def test_edits_and_deletes_of_both_come_together(machines):
    one, two = machines
    tree = {f"{folder}/{number}": f"{folder} {number}" for folder in "ab" for number in range(10)}
    for name, content in tree.items():
        (one if name.startswith("a") else two).write(name, content)
    in_turn(one, two, one)
    at_rest(one, two, tree)
    one.write("b/0", "edited on one")
    one.write("a/new", "new on one")
    one.delete("a/1")
    two.write("a/2", "edited on two")
    two.write("b/new", "new on two")
    two.delete("b/3")
    two.path("b/4").rename(two.path("b/moved"))
    tree |= {"b/0": "edited on one", "a/new": "new on one", "a/2": "edited on two", "b/new": "new on two"}
    tree["b/moved"] = tree["b/4"]
    tree = {name: content for name, content in tree.items() if name not in ("a/1", "b/3", "b/4")}
    in_turn(one, two, one)
    at_rest(one, two, tree)


def test_the_same_content_made_on_both_is_no_conflict(machines):
    one, two = machines
    for machine in machines:
        machine.write("same", "the same")
    in_turn(one)
    ran = two.sync()
    assert (ran.code, ran.counts) == (0, {}), ran
    assert ran.actions() == {"same": "adopt"}
    at_rest(one, two, {"same": "the same"})


@pytest.mark.parametrize("before", ["old", None])
def test_a_conflict_keeps_both_versions_on_both(machines, before):
    one, two = machines
    if before:
        one.write("plan.txt", before)
    in_turn(one, two)
    one.write("plan.txt", "by one")
    two.write("plan.txt", "by two, later")
    in_turn(one, two, one)
    (copy,) = one.tree().keys() - {"plan.txt"}
    assert copy.startswith("plan.conflict-local-") and copy.endswith(".txt")
    at_rest(one, two, {"plan.txt": "by one", copy: "by two, later"})
    # A person settles it: the copy takes the name.
    one.path(copy).replace(one.path("plan.txt"))
    in_turn(one, two)
    at_rest(one, two, {"plan.txt": "by two, later"})


def test_a_delete_does_not_undo_an_edit_and_does_not_come_back(machines):
    one, two = machines
    for name in ("edited", "deleted", "deleted by both", "stays"):
        one.write(name, name)
    in_turn(one, two)
    for name in ("edited", "deleted", "deleted by both"):
        one.delete(name)
    two.write("edited", "edited on two")
    two.delete("deleted by both")
    in_turn(one, two, one)
    tree = {"edited": "edited on two", "stays": "stays"}
    at_rest(one, two, tree)
    # A name that was deleted can be used again.
    two.write("deleted", "made anew")
    in_turn(two, one)
    at_rest(one, two, tree | {"deleted": "made anew"})


def test_both_at_once(machines):
    one, two = machines
    written: dict[str, str] = {}
    for machine, owner in ((one, "one"), (two, "two")):
        for number in range(40):
            machine.write(f"{owner}/{number}", f"{owner} {number}")
            machine.write(f"both/{number}.txt", f"{owner} made {number}")
            machine.write(f"same/{number}", f"same {number}")
            written |= {f"{owner}/{number}": f"{owner} {number}", f"same/{number}": f"same {number}"}
    together = [machine.start("sync", "--json") for machine in machines]
    for running in together:
        ran = running.wait()
        assert ran.code == 0, ran
    in_turn(one, two, one)
    tree = one.tree()
    at_rest(one, two, tree)
    # Whoever came first has the name, and the other one's version is beside it.
    contents = {f"{owner} made {number}" for owner in ("one", "two") for number in range(40)}
    fought = {name: content for name, content in tree.items() if name.startswith("both/")}
    assert {name: content for name, content in tree.items() if name not in fought} == written
    assert sorted(fought.values()) == sorted(contents)
    assert {name for name in fought if ".conflict-" not in name} == {f"both/{number}.txt" for number in range(40)}
