"""What `from buckia import …` offers: all of it works, and none of it comes or goes unnoticed."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

import buckia
import buckia_core
import buckia_core.config
from buckia_core import errors
from tests.docs.pages import PAGES, ROOT

OF_A_CONFIGURATION = {"BucketConfig", "ConfigFile", "KeepReplaced", "PathRule", "Secret", "find_config", "load_config"}
OF_APP_DATA = {"AppData", "AppProfile", "AppStatus", "FetchResult", "ResetResult", "TableChange"}
OF_A_RUN = {
    *("Event", "FileError", "Finished", "Listener", "Notice", "Planned", "Scanning", "Status", "SyncResult"),
    "Transferred",
}
OF_A_PLAN = {"Action", "ConflictPolicy", "Direction", "Operation", "Plan", "Reason", "Side"}
OF_THE_STATE = {"CheckResult", "Conflict", "Difference", "Trash", "Trashed"}
OF_VERSIONS = {"BucketVersions", "ObjectVersion", "Restoration", "Restored"}
OF_OBJECTS = {
    *("DeleteResult", "IfAbsent", "IfUnchanged", "ObjectStore", "ObjectUrl", "Page", "TransferProgress", "UrlPolicy"),
    *(
        "Asset",
        "AsyncObjectStore",
        "Encryption",
        "KeyStrategy",
        "Manifest",
        "Preflight",
        "Retention",
        "Run",
        "Sink",
        "Verification",
    ),
}
OF_SHARES = {"Share", "ShareAccess", "ShareConfig", "ShareFailure", "ShareState", "Shares", "SweepResult"}
ELSEWHERE = {
    "DeleteIncomplete",
    "NotApplied",
    "FetchRefused",
    "NotAConflict",
    "NotInTrash",
    "NotRestored",
    "StateTooNew",
}
ERRORS = ELSEWHERE | {
    name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)
}


def test_the_names_are_these():
    others = (
        {"BuckiaClient", "__version__"}
        | OF_A_CONFIGURATION
        | OF_APP_DATA
        | OF_A_RUN
        | OF_A_PLAN
        | OF_THE_STATE
        | OF_VERSIONS
        | OF_OBJECTS
        | OF_SHARES
    )
    assert set(buckia.__all__) == others | ERRORS


@pytest.mark.parametrize("name", buckia.__all__)
def test_a_name_is_there(name):
    assert getattr(buckia, name) is not None
    assert name in dir(buckia)


@pytest.mark.parametrize("package", [buckia, buckia_core, buckia_core.config], ids=lambda package: package.__name__)
def test_type_checkers_see_the_same_objects_as_programs(package):
    tree = ast.parse(inspect.getsource(package))
    declared = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(declared) == set(package.__all__) - {"__version__"}
    for name, (module, name_there) in declared.items():
        assert getattr(package, name) is getattr(importlib.import_module(module), name_there)


def test_every_extra_is_on_a_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {name for name in project["optional-dependencies"] if f"buckia[{name}]" not in text} == set()


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="'Bucket'"):
        _ = buckia.Bucket


def test_the_versions_agree():
    assert buckia.__version__ == buckia_core.__version__ == metadata.version("buckia-core")


def test_importing_the_package_imports_neither_engine_nor_sdk():
    code = "import sys, buckia; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(ast.literal_eval(done.stdout))
    assert "buckia" in loaded
    assert loaded & {"buckia_core", "buckia_s3", "boto3", "obstore", "click", "rich", "pluggy", "yaml"} == set()
