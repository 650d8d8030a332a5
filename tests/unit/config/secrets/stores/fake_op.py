"""Stands for 1Password's command `op` (version 2): read, and item get, create, edit and delete, on a file."""

import hashlib
import json
import os
import sys

home = os.environ["FAKE_OP"]
arguments = sys.argv[1:]
is_edit = arguments[:2] in (["item", "create"], ["item", "edit"])
given = sys.stdin.read() if is_edit else ""
with open(os.path.join(home, "calls.jsonl"), "a") as log:
    log.write(json.dumps({"argv": arguments, "stdin": given}) + "\n")


def fail(message):
    sys.exit(f"[ERROR] 2026/01/01 00:00:00 {message}")


if os.path.exists(os.path.join(home, "locked")):
    with open(os.path.join(home, "locked")) as file:
        fail(file.read())
path = os.path.join(home, "items.json")
items = []
if os.path.exists(path):
    with open(path) as file:
        items = json.load(file)


def save():
    with open(path, "w") as file:
        json.dump(items, file)


def option(name):
    at = arguments.index(name)
    value = arguments[at + 1]
    del arguments[at : at + 2]
    return value


def check_vault(vault):
    if vault == "Nowhere":
        fail(f'"{vault}" isn\'t a vault in this account. Specify the vault with its ID or name.')


def find(name, vault):
    check_vault(vault)
    found = [each for each in items if name in (each["id"], each["title"]) and each["vault"]["name"] == vault]
    if not found:
        fail(f'"{name}" isn\'t an item in the "{vault}" vault. Specify the item with its UUID, name, or domain.')
    if len(found) > 1:
        fail(f'More than one item matches "{name}".')
    return found[0]


def pick(item, parts):
    sections = {each["id"]: each["label"] for each in item.get("sections", [])}
    for each in item["fields"]:
        section = sections.get(each.get("section", {}).get("id"))
        if each["label"].lower() == parts[-1].lower() and (len(parts) == 1 or section == parts[0]):
            return each
    return None


def check(item):
    for each in item["fields"]:
        assert each["type"] in ("CONCEALED", "STRING"), each
        each.setdefault("id", hashlib.sha256(each["label"].encode()).hexdigest()[:26])


if arguments[0] == "read":
    assert arguments[1] == "--no-newline"
    vault, name, *parts = arguments[2].removeprefix("op://").split("/")
    field = pick(find(name, vault), parts)
    if field is None:
        fail(f"could not read secret '{arguments[2]}': item '{vault}/{name}' does not have a field '{parts[-1]}'")
    sys.stdout.write(field["value"])
elif arguments[1] == "get":
    assert option("--format") == "json"
    vault = option("--vault")
    print(json.dumps(find(arguments[2], vault)))
elif arguments[1] == "create":
    vault = option("--vault")
    assert arguments[2:] == ["-"]
    check_vault(vault)
    item = json.loads(given)
    check(item)
    items.append(item | {"id": f"item{len(items)}", "vault": {"name": vault}})
    save()
elif arguments[1] == "edit":
    vault = option("--vault")
    item = find(arguments[2], vault)
    if len(arguments) == 3:
        edited = json.loads(given)
        check(edited)
        items[items.index(item)] = edited
    else:
        name = arguments[3].removesuffix("[delete]").replace("\\.", "\0")
        assert arguments[3].endswith("[delete]") and not given
        field = pick(item, [part.replace("\0", ".") for part in name.split(".")])
        if len(field["id"]) != 26:
            fail(f"cannot delete the built-in field {field['id']}")
        item["fields"].remove(field)
    save()
elif arguments[1] == "delete":
    vault = option("--vault")
    assert arguments.pop() == "--archive"
    items.remove(find(arguments[2], vault))
    save()
