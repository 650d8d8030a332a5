import click
import pytest

from buckia_core.adapters.hookspecs import hookimpl
from buckia_core.adapters.registry import Registry
from buckia_core.cli import app


class Greeting:
    @hookimpl
    def buckia_register_commands(self, cli):
        @cli.command("greet")
        @click.option("--loud", is_flag=True)
        def greet(loud):
            """Greet."""
            click.echo("HELLO" if loud else "hello")


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
    monkeypatch.setattr("buckia_core.cli.plugin_commands.registry", lambda: found)
    monkeypatch.setattr(app.cli, "_plugins_asked", False)
    monkeypatch.setattr(app.cli, "commands", {})
    return found


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


def test_a_plugin_that_can_not_be_loaded_is_named(buckia, plugins):
    assert plugins.hooks
    plugins.broken_plugins["lost"] = "ModuleNotFoundError: No module named 'lost'"
    ran = buckia("--help")
    assert ran.code == 0
    assert "plugin 'lost' can't be loaded: ModuleNotFoundError" in ran.err


def test_plugins_are_not_asked_for_a_command_of_our_own(buckia, plugins, assets):
    plugins.register(Broken(), "mine")
    assert buckia("sync").err == ""
