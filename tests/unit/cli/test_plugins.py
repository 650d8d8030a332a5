import json

import click
import pytest

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import Registry
from buckia_core.cli import app


class Greeting:
    @hookimpl
    def buckia_register_commands(self, cli):
        @cli.command("greet")
        @click.option("--loud", is_flag=True)
        def greet(loud):
            """Greet."""
            click.echo("HELLO" if loud else "hello")


class Counting:
    @hookimpl
    def buckia_register_commands(self, cli):
        @cli.group("team")
        def team():
            """Commands of a team."""

        @team.command("count")
        @click.argument("provider", default="memory")
        @click.pass_obj
        def count(host, provider):
            """Count objects."""
            if not host.confirm("Really?", yes=True):
                return
            with host.adapter(provider) as adapter:
                number = sum(1 for _ in adapter.list_files())
            host.note("counting is over")
            host.say("done")
            host.result({"bucket": host.one_bucket().name, "count": number}, f"{number} objects")


class Silent:
    @hookimpl
    def buckia_register_commands(self):
        """Takes no argument, which pluggy allows."""


class Broken:
    @hookimpl
    def buckia_register_commands(self, cli):
        raise ZeroDivisionError("a fault\x1b[31m of the plugin")


class Greedy:
    @hookimpl
    def buckia_register_commands(self, cli):
        cli.add_command(click.Command("sync"))


@pytest.fixture
def plugins(monkeypatch):
    """Give a fresh registry, and a command that has not asked its plugins yet."""
    found = Registry()
    monkeypatch.setattr("buckia_core.adapters.plugins.registry.registry", lambda: found)
    monkeypatch.setattr(app.cli, "_plugins_loaded", False)
    monkeypatch.setattr(app.cli, "commands", {})
    return found


@pytest.fixture
def in_two_buckets(tmp_path, monkeypatch):
    (tmp_path / ".buckia").write_text("one: {provider: memory}\ntwo: {provider: memory}\n")
    monkeypatch.chdir(tmp_path)


def test_a_plugin_adds_a_command_that_takes_the_global_options(buckia, plugins):
    plugins.register(Greeting(), "greeting")
    plugins.register(Silent(), "silent")
    ran = buckia("greet", "--loud", "-v")
    assert (ran.code, ran.out) == (0, "HELLO\n")
    assert "greet" in buckia("--help").out


@pytest.mark.parametrize(("plugin", "complaint"), [(Broken(), r"a fault\x1b[31m of the plugin"), (Greedy(), "'sync'")])
def test_a_broken_plugin_is_named_and_breaks_nothing(buckia, plugins, assets, plugin, complaint):
    plugins.register(plugin, "mine")
    plugins.register(Greeting(), "greeting")
    ran = buckia("greet")
    assert (ran.code, ran.out) == (0, "hello\n")
    assert "plugin 'mine'" in ran.err
    assert complaint in ran.err
    assert buckia("sync").code == 0
    assert assets.asked("sync")


def test_a_group_without_a_command_shows_its_help_and_no_complaint(buckia, plugins):
    plugins.register(Counting(), "counting")
    ran = buckia("team")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: buckia team ")
    assert "buckia: " not in ran.err
    ran = buckia("--json", "team")
    assert (ran.code, json.loads(ran.out)["message"]) == (2, "Missing command.")


def test_a_plugin_that_can_not_be_loaded_is_named(buckia, plugins):
    assert plugins.hooks
    plugins.broken_plugins["lost"] = "ModuleNotFoundError: No module named 'lost'"
    ran = buckia("--help")
    assert ran.code == 0
    assert "plugin 'lost' can't be loaded: ModuleNotFoundError" in ran.err


def test_plugins_are_not_asked_for_a_command_of_our_own(buckia, plugins, assets):
    plugins.register(Broken(), "mine")
    assert buckia("sync").err == ""


def test_a_group_of_a_plugin_works_on_the_bucket_that_was_asked_for(buckia, plugins, in_two_buckets):
    plugins.register(Counting(), "counting")
    ran = buckia("team", "count", "--bucket", "one", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == {"bucket": "one", "count": 0}
    assert "counting is over" in ran.err
    assert buckia("-b", "one", "team", "count").out == "done\n0 objects\n"


def test_a_bucket_of_another_provider_is_refused_by_name(buckia, plugins, in_two_buckets):
    plugins.register(Counting(), "counting")
    ran = buckia("-b", "one", "team", "count", "file")
    assert ran.code == 2
    assert "bucket 'one' is of provider 'memory', and this command works on 'file'" in ran.err


def test_what_could_be_chosen_instead_is_reported(buckia, plugins, in_two_buckets, tmp_path):
    plugins.register(Counting(), "counting")
    assert "works on 'file': the configuration has none of it" in buckia("-b", "one", "team", "count", "file").err
    assert "bucket 'two' is of provider 'memory'" in buckia("team", "count", "file").err
    (tmp_path / ".buckia").write_text("one: {provider: memory}\ntwo: {provider: file, root: x}\n")
    assert "works on 'file': name another one with --bucket: two" in buckia("-b", "one", "team", "count", "file").err
    ran = buckia("team", "count", "file")
    assert ran.code == 2
    assert "Choose it with --bucket: two." in ran.err


def test_a_command_of_a_package_that_is_not_there_is_shown_how_to_install(buckia, plugins, monkeypatch):
    monkeypatch.setattr("buckia_core.adapters.plugins.registry.known_extras", lambda: ["nowhere", "file"])
    ran = buckia("nowhere", "ls")
    assert ran.code == 2
    assert "There is no command 'nowhere'. Provider 'nowhere' is not installed: pip install" in ran.err
    assert "pip install" not in buckia("file").err


def test_several_buckets_need_a_choice(buckia, plugins, in_two_buckets):
    plugins.register(Counting(), "counting")
    ran = buckia("team", "count")
    assert ran.code == 2
    assert "--bucket: one, two" in ran.err
