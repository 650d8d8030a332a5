"""Finding and reading `.buckia` files."""

from __future__ import annotations

import errno
import os
import re
import traceback
from pathlib import Path

import pytest

from buckia_core.config import BucketConfig, PathRule, find, load
from buckia_core.config.file import locate
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting, UnknownSetting
from buckia_core.planning.policy import ConflictPolicy


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / ".buckia"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_with_provider_at_its_top_is_one_bucket(write, tmp_path):
    path = write("provider: file\nbucket_name: backup\nroot: ../bucket\n")
    loaded = load(path)
    assert loaded.path == path
    assert list(loaded.buckets) == ["backup"]
    bucket = loaded.bucket("backup")
    assert (bucket.provider, bucket.base_dir, bucket.source) == ("file", tmp_path, str(path))
    assert bucket.settings == {"bucket_name": "backup", "root": "../bucket"}
    assert (bucket.lines["root"], bucket.lines[""]) == (3, 1)


def test_else_every_key_is_a_bucket_in_the_files_order(write):
    loaded = load(write("zoo:\n  provider: file\n\nant:\n  provider: s3\n  bucket_name: b\n"))
    assert list(loaded.buckets) == ["zoo", "ant"]
    ant = loaded.bucket("ant")
    assert (ant.name, ant.bucket_name, ant.lines[""], ant.lines["bucket_name"]) == ("ant", "b", 4, 6)


def test_a_bucket_can_be_called_provider(write):
    assert load(write("provider:\n  provider: file\n")).bucket("provider").provider == "file"


def test_every_key_of_the_readme_works(write):
    bucket = load(
        write(
            """\
common-assets:
  # Basic config
  provider: bunny
  bucket_name: common-assets
  domain: storage.bunnycdn.net
  region: eu-central
  storage_zone: common
  pull_zone: common-pull
  api_key: YOUR_API_KEY
  storage_api_key: YOUR_STORAGE_API_KEY
  password: YOUR_PASSWORD # Optional
  folders:
    - 123-456-789-ABC
  paths:
    - demo/ # Receives
    - static/data/
  files: {App.sqlite: App.sqlite}
  upload_files:
    report.pdf: reports/today.pdf
  delete_orphaned: true
  max_workers: 8
  checksum_algorithm: sha256
  conflict_resolution: local_wins
"""
        )
    ).bucket("common-assets")
    assert bucket.paths == (PathRule("demo/"), PathRule("static/data/"))
    assert (bucket.folders, bucket.files, bucket.upload_files) == (
        ("123-456-789-ABC",),
        {"App.sqlite": "App.sqlite"},
        {"report.pdf": "reports/today.pdf"},
    )
    assert (bucket.delete_orphaned, bucket.max_workers, bucket.checksum_algorithm) == (True, 8, "sha256")
    assert bucket.conflict_resolution is ConflictPolicy.LOCAL_WINS
    assert set(bucket.settings) == {
        "bucket_name", "domain", "region", "storage_zone", "pull_zone", "api_key", "storage_api_key", "password",
    }  # fmt: skip


def test_scalars_are_what_their_setting_says_and_not_what_yaml_guesses(write):
    bucket = load(
        write("provider: s3\nbucket_name: no\nkey_id: 0012\nsince: 2024-01-01\nfolders: [2024, 1e3]\nregion:\n")
    ).bucket("no")
    assert bucket.settings == {"bucket_name": "no", "key_id": "0012", "since": "2024-01-01"}
    assert bucket.folders == ("2024", "1e3")


def test_settings_can_be_shared_by_anchor_and_merge(write):
    path = write("one: &base\n  provider: s3\n  region: de\n  max_workers: 4\ntwo:\n  <<: *base\n  max_workers: 2\n")
    two = load(path).bucket("two")
    assert (two.settings["region"], two.max_workers, two.lines["max_workers"], two.lines["region"]) == ("de", 2, 7, 3)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty; write one with: buckia init --force"),
        ("# only a comment\n", None, "is empty"),
        ("{}\n", None, "is empty"),
        ("---\n", None, "is empty"),
        ("- provider: s3\n", 1, "must hold settings (name: value), or buckets with their settings"),
        ("just text\n", 1, "must hold settings"),
        ("media: s3\n", 1, "'media' must be a bucket with its settings below it"),
        ("media:\n", 1, "'media' must be a bucket with its settings below it"),
        ("# x\nbucket_name: b\nregion: de\n", 2, "'bucket_name' is a setting, but the file has no 'provider'"),
        ("provder: s3\nbucket_name: b\n", 1, "there is no setting 'provder'. Did you mean 'provider'?"),
        ("a:\n  provider: s3\nb:\n  region: de\n", 3, "bucket 'b' needs 'provider'"),
        ('"":\n  provider: s3\n', 1, "a bucket has an empty name"),
        ("provider: s3\nregion: de\nregion: us\n", 3, "has the key 'region' twice"),
        ("a:\n  provider: s3\na:\n  provider: s3\n", 3, "has the key 'a' twice"),
        ("a:\n\tprovider: s3\n", 2, "has a tab where YAML wants spaces"),
        ("provider:\ts3\n", 1, "has a tab where YAML wants spaces"),
        ("a: [1, 2\n", 2, "is not valid YAML"),
        ("a:\n  provider: s3\n   region: de\n", 3, "is not valid YAML"),
        ("provider: s3\ninclude: [*.jpg]\n", 2, "a value that begins with *, & or ! must stand in quotes"),
        ("provider: s3\nexclude:\n  - !keep.txt\n", 3, "a value that begins with *, & or ! must stand in quotes"),
        ("provider: s3\nk: !a!b c\n", 2, "a value that begins with *, & or ! must stand in quotes"),
        ("provider: s3\nk: *gone\n", 2, "a value that begins with *, & or ! must stand in quotes"),
        ("provider: s3\nk: !!binary aGk=\n", 2, "a value that begins with *, & or ! must stand in quotes"),
        ("provider: s3\na: &x 1\nb: &x 2\n", 3, "has the same anchor (&) twice"),
        ("provider: s3\n? [a, b]\n: c\n", 2, "has a key that is not a string"),
        ("provider: s3\nloop: &l\n  - *l\n", 2, "holds itself"),
        ("provider: s3\n<<: [1]\n", 2, "merges something by << that is not a mapping"),
        ("provider: s3\n---\nprovider: file\n", 2, "has a second document"),
        ("provider: s3\nkey: a\x07b\n", 2, "has the character U+0007, which YAML does not allow"),
        (b"provider: s3\nkey: \xff\n", 2, "is not text in UTF-8"),
        ("provider: s3\n".encode("utf-16"), None, "is text in UTF-16"),
        ("provider: s3\nmax_workers: lots\n", 2, "setting 'max_workers' is 'lots', but must be a whole number"),
        ("a:\n  provider: s3\n  paths:\n    - x\n    - local: y\n      direction: in\n", 6, "'paths[1].direction'"),
        ("a:\n  provider: s3\n  paths:\n    - x\n    - locl: y\n", 5, "Did you mean 'local'?"),
        ("a:\n  provider: s3\n  files:\n    a.txt: /x\n", 4, "setting 'files.a.txt'"),
        ("a:\n  provider: s3\n  key: ${NOT_SET}\n", 3, "setting 'a.key' needs the environment variable NOT_SET"),
        ("provider: s3\nfolders:\n  - x\n  - ${NOT_SET}\n", 4, "setting 'folders[1]' needs"),
        ("provider: s3\nkey: ${open\n", 2, "setting 'key' has a ${ that is not of the form"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_line(write, text, line, message):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    place = f"{path}:{line}" if line else str(path)
    assert str(caught.value).startswith(f"{place}: ")
    assert message in str(caught.value)
    assert caught.value.source == place


@pytest.mark.parametrize(
    "text",
    [
        "provider: s3\npassword: *hunter2-hunter2\n",
        "provider: s3\npassword: !hunter2-hunter2 x\n",
        "provider: s3\npassword: !a!hunter2-hunter2 x\n",
        "provider: s3\npassword: &hunter2-hunter2 x\nb: &hunter2-hunter2 y\n",
        "provider: s3\npassword: hunter2-hunter2: oops\n",
        "provider: s3\npassword: 'hunter2-hunter2\n",
        "provider: s3\npassword: [hunter2-hunter2\n",
        'provider: s3\npassword: "hunter2-hunter2\\q"\n',
        "provider: s3\npassword: hunter2-hunter2\x07\n",
        "provider: s3\npassword: hunter2-hunter2${\n",
        b"provider: s3\npassword: hunter2-hunter2\xff\n",
    ],
)
def test_errors_of_a_broken_file_never_show_what_stands_in_it(write, text):
    with pytest.raises(ConfigError) as caught:
        load(write(text), environ={})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["provider: s3\r\nbucket_name: b\r\n", "\ufeffprovider: s3\nbucket_name: b\n"])
def test_files_of_windows_editors_are_read(write, text):
    assert load(write(text)).bucket("b").provider == "s3"


def test_variables_are_expanded_everywhere_but_in_keys(write):
    path = write('a:\n  provider: ${P}\n  paths: ["${HOME_DIR}/x"]\n  files: {"${K}": "x/${P}"}\n  key: "$${P}"\n')
    bucket = load(path, environ={"P": "s3", "HOME_DIR": "/h"}).bucket("a")
    assert (bucket.provider, bucket.paths[0].local, bucket.files) == ("s3", "/h/x", {"${K}": "x/s3"})
    assert bucket.settings["key"] == "${P}"


def test_the_environment_of_the_process_is_the_default(write, monkeypatch):
    monkeypatch.setenv("BUCKIA_TEST_REGION", "de")
    assert load(write("provider: s3\nregion: ${BUCKIA_TEST_REGION}\n")).bucket("s3").settings["region"] == "de"


@pytest.mark.parametrize("value", ["${NOTHING:-}", "${EMPTY}${EMPTY}", ""])
@pytest.mark.parametrize("indent", ["", "  "])
def test_an_empty_setting_is_not_given(write, indent, value):
    settings = ["provider: s3", f"max_workers: {value}", f"region: {value}", f"credentials: {{profile: '{value}'}}"]
    text = "".join(f"{indent}{line}\n" for line in settings)
    (bucket,) = load(write(f"s3:\n{text}" if indent else text), environ={"EMPTY": ""}).buckets.values()
    assert bucket.max_workers == BucketConfig(provider="s3").max_workers
    assert dict(bucket.settings) == ({} if value else {"profile": ""})


def test_one_path_needs_no_list(write):
    bucket = load(write("provider: s3\npaths: {local: a/, remote: b/}\n")).bucket("s3")
    assert bucket.paths == (PathRule("a/", "b/"),)
    with pytest.raises(UnknownSetting, match=r":3: setting 'paths.remot' is not known. Did you mean 'remote'"):
        load(write("provider: s3\npaths:\n  remot: b/\n"))


def test_a_numeric_setting_can_be_a_variable(write):
    assert load(write("provider: s3\nmax_workers: ${N:-4}\n"), environ={}).bucket("s3").max_workers == 4


def test_a_file_that_is_missing_or_no_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file; make one with: buckia init") as caught:
        load(tmp_path / "nowhere")
    assert caught.value.source == str(tmp_path / "nowhere")
    with pytest.raises(ConfigError):
        load(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_an_error_of_the_system_is_no_error_of_the_configuration(write, monkeypatch, number):
    path = write("provider: s3\n")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        load(path)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))


def test_a_bucket_that_is_not_there_is_named_with_the_nearest(write):
    loaded = load(write("media:\n  provider: s3\nbackup:\n  provider: file\n"))
    with pytest.raises(BucketNotConfigured, match=r"there is no bucket 'medai'\. Did you mean 'media'\?"):
        loaded.bucket("medai")
    with pytest.raises(BucketNotConfigured, match="Known are: backup, media"):
        loaded.bucket("x")


def test_unknown_settings_wait_for_the_adapter(write):
    bucket = load(write("provider: s3\nregoin: de\n")).bucket("s3")
    assert isinstance(bucket, BucketConfig)
    assert (bucket.settings, bucket.lines["regoin"]) == ({"regoin": "de"}, 2)


class TestFind:
    def test_looks_in_the_directory_and_above(self, tmp_path):
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        (tmp_path / ".buckia").write_text("provider: file\n")
        assert find(deep) == tmp_path / ".buckia"
        (tmp_path / "a" / ".buckia").write_text("provider: file\n")
        assert find(deep) == tmp_path / "a" / ".buckia"

    def test_passes_a_directory_of_that_name(self, tmp_path):
        (tmp_path / ".buckia").write_text("provider: file\n")
        (tmp_path / "a" / ".buckia").mkdir(parents=True)
        assert find(tmp_path / "a") == tmp_path / ".buckia"

    @pytest.mark.parametrize("name", [".buckia.yaml", "buckia.yaml"])
    def test_takes_names_that_editors_know_as_yaml(self, tmp_path, name):
        (tmp_path / ".buckia").write_text("provider: file\n")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / name).write_text("provider: file\n")
        assert find(tmp_path / "a") == tmp_path / "a" / name
        (tmp_path / "a" / ".buckia").write_text("provider: file\n")
        with pytest.raises(ConfigError, match=rf"has \.buckia and {name}; keep one of them, or name one with --config"):
            find(tmp_path / "a")

    def test_takes_relative_paths(self, tmp_path, monkeypatch):
        (tmp_path / ".buckia").write_text("provider: file\n")
        (tmp_path / "a").mkdir()
        monkeypatch.chdir(tmp_path / "a")
        assert find(Path()) == Path.cwd().parent / ".buckia"

    def test_says_how_to_make_one(self, tmp_path):
        with pytest.raises(ConfigError, match=r"no \.buckia file in .* or above it; make one with: buckia init"):
            find(tmp_path)


def test_unknown_fields_of_paths_are_unknown_settings(write):
    with pytest.raises(UnknownSetting):
        load(write("provider: s3\npaths: [{local: a, romote: b}]\n"))
    with pytest.raises(InvalidSetting):
        load(write("provider: s3\npaths: [{local: a, remote: ../b}]\n"))


# --- bounds ------------------------------------------------------------------------------------------------


def test_a_file_without_end_is_not_read(write):
    with pytest.raises(ConfigError, match="larger than 1,024 KiB"):
        load(write("#" * ((1 << 20) + 1)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / ".buckia")
    with pytest.raises(ConfigError, match="a pipe or a device"):
        load(find(tmp_path))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_a_device_is_not_read(tmp_path):
    (tmp_path / ".buckia").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="a pipe or a device"):
        load(locate(tmp_path))


def test_aliases_do_not_make_a_file_larger_than_any_memory(write):
    lines = ["a0: &a0 {provider: file, root: x}"]
    lines += [f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(10))}}}" for n in range(1, 12)]
    with pytest.raises(ConfigError, match="too large by its aliases"):
        load(write("\n".join(lines)))
    merged = ["a0: &a0 {provider: file}"] + [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)
    ]
    with pytest.raises(ConfigError, match="too large by its aliases"):
        load(write("\n".join(merged)))


@pytest.mark.parametrize("text", ["a: " + "[" * 100_000, "a: " + "{a: " * 40 + "}" * 40, "[" * 40 + "]" * 40])
def test_a_file_may_not_be_nested_without_end(write, text):
    with pytest.raises(ConfigError, match="nested too deeply"):
        load(write(text))


@pytest.mark.parametrize("text", ['provider: file\nroot: "\\UFFFFFFFF"', "\n%YAML 1." + "1" * 5_000 + "\n---\na: b"])
def test_numbers_that_are_too_large_for_yaml_are_errors_with_a_line(write, text):
    with pytest.raises(ConfigError, match="too large") as caught:
        load(write(text))
    assert caught.value.source is not None and caught.value.source.endswith(":2")
