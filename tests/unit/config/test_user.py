"""`config.toml` of the user: projects, accounts, the store of new secrets."""

from __future__ import annotations

import os
import stat

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.user import edit_user_config, load_user_config, parse_user_config
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting, UnknownSetting
from buckia_core.sharing.config import ShareConfig

BUCKIA = """\
photos: {provider: file, root: store}
videos: {provider: memory}
shared: {provider: memory, bucket_name: shared}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path / "conf"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".buckia").write_text(BUCKIA)
    return tmp_path


def write(home, text):
    (home / "conf").mkdir(exist_ok=True)
    (home / "conf" / "config.toml").write_text(text)


CONFIG = """\
# My projects.
default_store = "file:~/keys"

[projects.photos]
config = "~/project/.buckia"   # at home
buckets = ["photos"]
share_bucket = "shared"
store = "op://Private"

[projects.all]
config = "~/project/.buckia"

[accounts.work]
provider = "s3"
region = "eu"
access_key_id = "AKIA"
token = "env:WORK_TOKEN"
"""


def test_projects_lead_to_buckets(home):
    write(home, CONFIG)
    config = load_user_config()
    project = config.project("photos")
    assert project.config == home / "project" / ".buckia"
    assert project.bucket().name == "photos"
    assert project.bucket("shared").name == "shared"
    assert project.share().bucket_name == "shared"
    with BuckiaClient.from_project("photos") as client:
        assert client.config.base_dir == home / "project"
    assert BuckiaClient.from_project("all", "videos").config.provider == "memory"
    assert config.store_for(home / "project" / ".buckia") == "op://Private"
    assert config.store_for(home / "other" / ".buckia") == "file:~/keys"


def test_accounts_have_references(home):
    write(home, CONFIG)
    account = load_user_config().account("work")
    assert account.provider == "s3"
    assert account.settings == {"region": "eu", "access_key_id": "AKIA", "token": "env:WORK_TOKEN"}
    stores = SecretStores(home, {"WORK_TOKEN": "hunter2-hunter2"})
    assert account.secret("token", stores) == Secret("hunter2-hunter2")
    with pytest.raises(ConfigError, match=r"account 'work' has no 'tokn'\. Did you mean 'token'"):
        account.secret("tokn", stores)


def test_without_a_file_there_are_defaults(home):
    config = load_user_config()
    assert dict(config.projects) == {}
    assert config.store_for(home) == "keyring"
    assert not (home / "conf").exists()


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (lambda c: c.project("photo"), ConfigError, "there is no project 'photo'. Did you mean 'photos'"),
        (lambda c: c.account("x"), ConfigError, "there is no account 'x'"),
        (lambda c: c.project("all").bucket(), ConfigError, r"\[projects.all\]: project 'all' has several buckets \(ph"),
        (lambda c: c.project("all").share(), ConfigError, "project 'all' has no share_bucket; add it"),
        (lambda c: c.project("photos").bucket("videos"), ConfigError, "project 'photos' has no bucket 'videos'"),
        (lambda c: c.project("photos").bucket("none"), BucketNotConfigured, "there is no bucket 'none'"),
    ],
)  # fmt: skip
def test_wrong_names(home, use, kind, message):
    write(home, CONFIG)
    with pytest.raises(kind, match=message):
        use(load_user_config())


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("a = ", ConfigError, "is not valid TOML: "),
        ("defaul_store = 'x'", UnknownSetting, "no setting 'defaul_store'. Did you mean 'default_store'"),
        ("default_store = 1", InvalidSetting, "'default_store' must be a string"),
        ("projects = 1", InvalidSetting, "'projects' must have a table for each name"),
        ("[projects.a]", InvalidSetting, "'projects.a.config' must be an absolute path, or begin with ~/"),
        ("[projects.a]\nconfig = 'b'", InvalidSetting, "'projects.a.config' must be an absolute path"),
        ("[projects.a]\nconfig = '~/b'\nbuckets = 'c'", InvalidSetting, "'projects.a.buckets' must be a list"),
        ("[projects.a]\nconfig = '~/b'\nbucket = 'c'", UnknownSetting, "no setting 'projects.a.bucket'"),
        ("[accounts.a]\ntoken = 'env:A'", InvalidSetting, "'accounts.a.provider' is missing"),
        ("[accounts.a]\nprovider = 's3'\nsecret_access_key = 'hunter2-hunter2'", InvalidSetting, "must be a reference"),
        ("[accounts.a]\nprovider = 's3'\napi_key = 'hunter2-hunter2'", InvalidSetting, "'accounts.a.api_key' must be"),
    ],
)
def test_a_wrong_file_is_named_without_its_values(home, text, kind, message):
    with pytest.raises(kind, match=message) as caught:
        parse_user_config(text, home / "config.toml")
    assert str(caught.value).startswith(str(home / "config.toml"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_file_that_others_can_write_is_refused(home):
    write(home, CONFIG)
    (home / "conf" / "config.toml").chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by every user, so it can't be your configuration"):
        load_user_config()


def test_an_edit_keeps_comments_and_order(home):
    write(home, CONFIG)
    with edit_user_config() as document:
        document["projects"]["photos"]["store"] = "keyring"
        document["projects"].add("new", {"config": "~/new/.buckia"})
    text = (home / "conf" / "config.toml").read_text().replace('[projects.new]\nconfig = "~/new/.buckia"\n', "")
    expected = CONFIG.replace("op://Private", "keyring")
    assert [line for line in text.splitlines() if line] == [line for line in expected.splitlines() if line]
    assert load_user_config().project("new").config == home / "new" / ".buckia"
    assert os.listdir(home / "conf") == ["config.toml"]


def test_an_edit_that_makes_the_file_invalid_is_not_written(home):
    with pytest.raises(InvalidSetting, match="'default_store' must be a string"), edit_user_config() as document:
        document["default_store"] = 1
    assert os.listdir(home / "conf") == []
    with edit_user_config() as document:
        document["default_store"] = "age"
    if os.name != "nt":
        assert stat.S_IMODE((home / "conf" / "config.toml").stat().st_mode) == 0o600
        assert stat.S_IMODE((home / "conf").stat().st_mode) == 0o700
    assert load_user_config().default_store == "age"


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ('share_bucket = "shared"', ("shared", "protected", 7)),
        ('buckets = ["photos"]', ("open", "public", 30)),
        ('buckets = ["photos"]\nshare_bucket = "open"', ("open", "public", 30)),
        ('buckets = ["photos"]\nshare_bucket = "shared"', ("shared", "protected", 7)),
        ('buckets = ["videos"]', None),
    ],
)
def test_shares_of_a_project(home, project, expected):
    text = BUCKIA.replace("root: store", "root: store, share: {bucket: open, access: public, ttl_days: 30}")
    if expected and expected[0] == "shared" and "photos" not in project:
        text = BUCKIA
    text += "open: {provider: memory, public_url_base: 'https://s.example.com'}\n"
    (home / "project" / ".buckia").write_text(text)
    write(home, f'[projects.p]\nconfig = "~/project/.buckia"\n{project}\n')
    if expected is None:
        with pytest.raises(ConfigError, match="project 'p' has no share_bucket; add it"):
            ShareConfig.from_project("p")
    else:
        share = ShareConfig.from_project("p")
        assert (share.bucket.name, share.mode.value, share.ttl_days) == expected
