"""Files that other users can write, and code that a file names: refused until the user trusts them."""

from __future__ import annotations

import errno
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from buckia_core.config import find
from buckia_core.config.bucket import BucketConfig
from buckia_core.config.file import load, locate
from buckia_core.config.secrets.references import resolve_reference
from buckia_core.config.settings import setting
from buckia_core.config.trust import consent, ownership, user_config
from buckia_core.errors import ConfigError, InvalidSetting
from buckia_core.localfs.staging_file import StagingFile
from buckia_core.syncing.scan.filters import IGNORE_FILE, read_ignore_file
from tests.unit.conftest import NOBODY

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="owners are not looked at on Windows")


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "own"
    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(directory))
    monkeypatch.delenv("SUDO_UID", raising=False)
    return directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    (directory / "sub").mkdir(parents=True)
    (directory / ".buckia").write_text("provider: memory\n")
    return directory


@posix_only
class TestWhatIsFound:
    def test_a_file_of_this_user_is_obeyed(self, project):
        assert find(project / "sub") == project / ".buckia"

    def test_so_is_one_that_the_group_can_write(self, project):
        (project / ".buckia").chmod(0o664)
        project.chmod(0o2775)
        assert find(project) == project / ".buckia"

    def test_one_of_another_user_is_not(self, project, give_away):
        give_away(project / ".buckia")
        with pytest.raises(
            ConfigError, match=rf"{project}/\.buckia: belongs to user .* buckia trust {project}/\.buckia"
        ):
            find(project / "sub")
        # Whoever names the file has seen it.
        assert load(locate(project)).buckets

    def test_a_link_of_another_user_is_not(self, project, give_away):
        (project / "mine").write_text("provider: memory\n")
        (project / ".buckia").unlink()
        (project / ".buckia").symlink_to("mine")
        assert find(project)
        give_away(project / ".buckia")
        with pytest.raises(ConfigError, match="belongs to user"):
            find(project)

    def test_one_that_everybody_can_write_is_not(self, project):
        (project / ".buckia").chmod(0o666)
        with pytest.raises(ConfigError, match=rf"can be written by every user.* chmod o-w {project}/\.buckia"):
            find(project)

    def test_one_that_everybody_can_replace_is_not(self, project):
        project.chmod(0o777)
        with pytest.raises(ConfigError, match=rf"every user can replace it.* chmod o-w {project}\. "):
            find(project)
        project.chmod(0o1777)
        assert find(project)

    def test_modes_of_a_disk_that_has_none_do_not_count(self, project, monkeypatch):
        (project / ".buckia").chmod(0o777)
        monkeypatch.setattr(ownership, "_keeps_modes", lambda path: False)
        assert find(project)

    @pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can be another user by sudo")
    def test_the_user_who_called_sudo_is_trusted(self, project, monkeypatch):
        os.chown(project / ".buckia", NOBODY, NOBODY)
        monkeypatch.setenv("SUDO_UID", str(NOBODY))
        assert find(project)
        monkeypatch.setenv("SUDO_UID", "")
        with pytest.raises(ConfigError):
            find(project)

    def test_the_nearest_file_counts_whoever_owns_it(self, project, give_away):
        """One of this user further up must not be taken for the project's."""
        (project.parent / ".buckia").write_text("provider: memory\n")
        give_away(project / ".buckia")
        with pytest.raises(ConfigError):
            find(project)


@posix_only
class TestTrust:
    def test_a_trusted_file_is_obeyed_until_that_is_revoked(self, project, give_away, own_configuration):
        path = project / ".buckia"
        give_away(path)
        consent.trust_file(path)
        assert find(project) == path
        kept = own_configuration / consent.FILE_NAME
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(own_configuration.stat().st_mode) == 0o700
        assert [each.path for each in consent.trusted_files()] == [str(path.resolve())]
        assert consent.revoke_trust(path) and not consent.revoke_trust(path)
        with pytest.raises(ConfigError):
            find(project)

    @pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give a file to two users")
    def test_it_is_trusted_as_long_as_it_belongs_to_the_same_user(self, project):
        path = project / ".buckia"
        os.chown(path, NOBODY, NOBODY)
        consent.trust_file(path)
        os.chown(path, NOBODY - 1, NOBODY)
        with pytest.raises(ConfigError):
            find(project)

    def test_directories_are_trusted_by_the_environment(self, project, give_away, monkeypatch):
        give_away(project / ".buckia")
        monkeypatch.setenv(consent.TRUSTED_PATHS, os.pathsep.join(["relative", "/elsewhere", str(project.parent)]))
        assert find(project)
        monkeypatch.setenv(consent.TRUSTED_PATHS, str(project.parent / "proj"))
        with pytest.raises(ConfigError):
            find(project)

    def test_a_trust_file_of_another_user_is_not_obeyed(self, project, own_configuration):
        (project / ".buckia").chmod(0o666)
        consent.trust_file(project / ".buckia")
        (own_configuration / consent.FILE_NAME).chmod(0o666)
        with pytest.raises(ConfigError, match=r"trust\.yaml: can be written by every user"):
            find(project)

    def test_a_trust_file_that_is_none_is_named(self, project, own_configuration):
        own_configuration.mkdir()
        (own_configuration / consent.FILE_NAME).write_text("- a list\n")
        with pytest.raises(ConfigError, match=r"trust\.yaml"):
            consent.trusted_files()


@posix_only
class TestFilesBesideIt:
    def test_an_ignore_file_of_another_user_ends_the_run(self, project, give_away):
        (project / IGNORE_FILE).write_text("*\n")
        assert read_ignore_file(project) == ("*",)
        give_away(project / IGNORE_FILE)
        with pytest.raises(ConfigError, match=rf"{IGNORE_FILE}: belongs to user"):
            read_ignore_file(project)

    @pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give files away")
    def test_it_may_belong_to_whom_the_configuration_belongs(self, project):
        (project / IGNORE_FILE).write_text("*.log\n")
        for name in (IGNORE_FILE, ".buckia"):
            os.chown(project / name, NOBODY, NOBODY)
        assert read_ignore_file(project, str(project / ".buckia")) == ("*.log",)

    def test_a_secret_that_others_can_write_is_refused(self, project, give_away):
        secret = project / "key"
        secret.write_text("s3cret\n")
        assert resolve_reference("file:key", base_dir=project).reveal() == "s3cret"
        secret.chmod(0o646)
        with pytest.raises(ConfigError, match=r"'file:key': .*can be written by every user"):
            resolve_reference("file:key", base_dir=project)
        secret.chmod(0o600)
        give_away(secret)
        with pytest.raises(ConfigError, match=r"'file:key': .*belongs to user") as caught:
            resolve_reference("file:key", base_dir=project)
        assert "s3cret" not in str(caught.value)
        consent.trust_file(secret)
        assert resolve_reference("file:key", base_dir=project).reveal() == "s3cret"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSettings:
    """Settings with one that may run code."""

    source_of_keys: str | None = setting(
        help="Where keys come from.", aliases=("keys",), runs_code=lambda text: ":" in text
    )


class TestCode:
    @pytest.fixture
    def from_file(self, project):
        def read(text: str) -> object:
            (project / ".buckia").write_text(f"provider: box\n{text}\n")
            (config,) = load(project / ".buckia").buckets.values()
            return config.adapter_settings(BoxSettings).source_of_keys

        return read

    @pytest.mark.parametrize("text", ["source_of_keys: evil:run", "keys: evil:run", "credentials: {keys: 'evil:run'}"])
    def test_a_file_may_not_name_code_unasked(self, from_file, project, text):
        with pytest.raises(InvalidSetting, match=r"\.buckia:2: .*'evil:run'.*buckia trust") as caught:
            from_file(text)
        assert caught.value.source == f"{project}/.buckia:2"

    def test_what_is_no_code_passes(self, from_file):
        assert from_file("source_of_keys: static") == "static"

    def test_after_consent_it_may_name_just_that(self, from_file, project):
        consent.trust_file(project / ".buckia", ["mine:run"])
        assert from_file("source_of_keys: mine:run") == "mine:run"
        with pytest.raises(InvalidSetting):
            from_file("source_of_keys: evil:run")

    def test_consent_is_for_one_file(self, from_file, project, tmp_path):
        (tmp_path / ".buckia").write_text("")
        consent.trust_file(tmp_path / ".buckia", ["mine:run"])
        with pytest.raises(InvalidSetting):
            from_file("source_of_keys: mine:run")

    def test_an_owner_that_is_trusted_is_no_consent_to_code(self, from_file, project):
        consent.trust_file(project / ".buckia")
        with pytest.raises(InvalidSetting):
            from_file("source_of_keys: mine:run")

    def test_a_program_needs_no_consent(self, project):
        made = BucketConfig(provider="box", source_of_keys="mine:run")
        assert made.adapter_settings(BoxSettings).source_of_keys == "mine:run"
        (project / ".buckia").write_text("provider: box\nsource_of_keys: static\n")
        (read,) = load(project / ".buckia").buckets.values()
        changed = read.with_changes(source_of_keys="mine:run")
        assert changed.adapter_settings(BoxSettings).source_of_keys == "mine:run"

    def test_a_change_of_another_setting_is_no_consent(self, project):
        (project / ".buckia").write_text("provider: box\nsource_of_keys: mine:run\n")
        (read,) = load(project / ".buckia").buckets.values()
        with pytest.raises(InvalidSetting):
            read.with_changes(max_workers=1).adapter_settings(BoxSettings)

    def test_the_environment_may_name_trusted_directories(self, from_file, project, monkeypatch):
        monkeypatch.setenv(consent.TRUSTED_PATHS, str(project))
        assert from_file("source_of_keys: mine:run") == "mine:run"


def test_the_configuration_directory_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv(user_config.DIRECTORY_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert user_config.directory().name == "buckia"


def test_a_write_that_fails_leaves_the_file_as_it_was(monkeypatch, own_configuration):
    user_config.write("x.yaml", {"a": "1"}, comment="c")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StagingFile, "commit", fail)
    with pytest.raises(OSError, match="No space"):
        user_config.write("x.yaml", {"a": "2"}, comment="c")
    assert [path.name for path in own_configuration.iterdir()] == ["x.yaml"]
    assert user_config.read("x.yaml") == {"a": "1"}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_what_the_system_does_not_let_be_read_is_no_wrong_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path))
    (tmp_path / "trust.yaml").write_text("/p/.buckia:\n  owner: 5\n")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("buckia_core.config.trust.bounded_read.os.open", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        consent.trusted_files()
    assert caught.value.filename == str(tmp_path / "trust.yaml")
