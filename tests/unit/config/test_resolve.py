"""Settings that follow from others that are given."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from buckia_core.config.settings import read_settings, setting
from buckia_core.errors import InvalidSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    address: str | None = setting(help="Host and port.")
    host: str = setting(help="Host.", required=True, env=("HOST",), aliases=("server",))
    port: int = setting(help="Port.", default=80, env=("PORT",))

    @staticmethod
    def resolve(given, environment):
        if "address" not in given:
            return environment | given
        host, colon, port = given["address"].partition(":")
        if not colon:
            raise ValueError("address is HOST:PORT")
        if not port.isdigit():
            raise ValueError(f"the port {port!r} is not a number")
        return environment | {"host": host, "port": int(port)} | given


@pytest.fixture
def read(tmp_path):
    def reading(environ=None, **values):
        settings = read_settings(
            Settings, values, provider="x", base_dir=tmp_path, environ=environ or {}, source="f", lines={"": 3}
        )
        return settings.host, settings.port

    return reading


def test_what_is_given_then_what_follows_then_the_environment(read):
    environ = {"HOST": "env", "PORT": "1"}
    assert read(environ) == ("env", 1)
    assert read(environ, address="h:2") == ("h", 2)
    assert read(environ, address="h:2", port=3) == ("h", 3)
    assert read(environ, address="h:2", server="s") == ("s", 2)
    assert read(environ, address="h:2", host=None) == ("h", 2)


def test_what_follows_is_checked_like_what_is_given(read):
    with pytest.raises(InvalidSetting, match="port"):
        read(address="h:many")


def test_an_error_has_the_location(read):
    with pytest.raises(InvalidSetting, match="provider 'x': address is HOST:PORT") as caught:
        read(address="h")
    assert caught.value.source == "f:3"
