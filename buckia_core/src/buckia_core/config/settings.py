"""Settings classes of adapters: frozen dataclasses from which parsing, help and redaction are derived.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class BoxSettings:
        root: Path = setting(help="Directory that is the bucket.", required=True)
        token: Secret | None = setting(help="Access token.", env=("BOX_TOKEN",))

    declared type         accepted values
    --------------------------------------------------------------------------------------------
    str                   a string
    int, float            a number, or a numeric string; never a boolean
    bool                  a boolean, or one of the strings true, false, yes, no, on, off
    Path                  a path, or a string; relative to the configuration's directory
    Secret                a `Secret`, or a string: the secret itself, or a reference
    Enum, Literal         one of the values
    tuple[str, ...]       a list of strings, or a single string
    Mapping[str, str]     a mapping of strings
    each with `| None`    the same
    any other             what its `parse` function takes

In environment variables, lists are separated by commas, mappings are `a=1,b=2`, booleans may be 1 and 0.
An adapter receives `bucket_name` and `prefix` if its class declares them; `prefix` is empty or ends in a slash.
`__post_init__` may raise `ValueError` for values that conflict, and `MissingCredentials` for missing keys.
A static method `resolve(given, environment)` may return the values in effect, such as a bucket's name from its URL.
It gets the converted values by name, and may raise `ValueError`. Without it, given values precede the environment.
"""

from __future__ import annotations

import collections.abc
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from buckia_core.config.secrets.redaction import redact_known
from buckia_core.config.secrets.references import PluginStores, resolve_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust.consent import check_code_trusted
from buckia_core.config.values import (
    FrozenMapping,
    InvalidValue,
    as_bool,
    as_choice,
    as_enum,
    as_number,
    as_str,
    as_str_list,
    as_str_map,
    invalid_value,
    suggest,
)
from buckia_core.errors import ConfigError, InvalidSetting, MissingCredentials, UnknownSetting

T = TypeVar("T")


class Setting(NamedTuple):
    """Declaration of one setting.

    Attributes:
        help: One sentence for the documentation.
        default: Default value, or a factory of it.
        env: Environment variables that are read, in order, when the configuration has no value.
        required: Whether a value must be given, in the configuration or the environment.
        aliases: Alternative names in the configuration.
        minimum: Smallest number allowed.
        parse: Converts the given value, not `None`, where the type alone is not enough; of a secret, it takes the
            `Secret`. Must be idempotent. Raises `ValueError` with what is expected, such as "a region of the provider".
        schema: JSON Schema of the values that `parse` takes.
        public: Of a `Secret`: others may read it, such as an access key's id. It may be written into a file.
        runs_code: Returns whether a string names code to run, such as `module:function`. In a file, such a value is
            only accepted if the user agreed to it (`buckia trust`).
        ask: Whether `buckia init` asks for it at a terminal, although it may be left out; a name: if that one is given.
        name: Name of the field.
        kind: Type of the field, without `| None`.
    """

    help: str
    default: Any = None
    env: tuple[str, ...] = ()
    required: bool = False
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    parse: Callable[[Any], Any] | None = None
    schema: Mapping[str, Any] | None = None
    public: bool = False
    runs_code: Callable[[str], bool] | None = None
    ask: bool | str = False
    name: str = ""
    kind: Any = None

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be seen by others."""
        return self.kind is Secret and not self.public

    @property
    def default_value(self) -> Any:
        """The default value."""
        return self.default() if callable(self.default) else self.default


def setting(
    *,
    help: str,
    default: Any = None,
    env: tuple[str, ...] = (),
    required: bool = False,
    aliases: tuple[str, ...] = (),
    minimum: float | None = None,
    parse: Callable[[Any], Any] | None = None,
    schema: Mapping[str, Any] | None = None,
    public: bool = False,
    runs_code: Callable[[str], bool] | None = None,
    ask: bool | str = False,
) -> Any:
    """Declare one field of a settings class, in place of `dataclasses.field`. The arguments are those of `Setting`."""
    declared = Setting(help, default, env, required, aliases, minimum, parse, schema, public, runs_code, ask)
    if callable(default):
        return field(default_factory=default, metadata={"buckia": declared})
    return field(default=default, metadata={"buckia": declared})


def setting_fields(cls: type[Any]) -> Mapping[str, Setting]:
    """Return the settings that a class declares, by name, in order of declaration.

    Raises:
        TypeError: A type is a union of several types, or can't be resolved.
    """
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise TypeError(f"{cls.__name__}: a type of a setting can't be found: {error}") from error
    declared = {each.name: each.metadata["buckia"] for each in fields(cls) if "buckia" in each.metadata}
    return {
        name: each._replace(name=name, kind=_without_none(hints[name], f"{cls.__name__}.{name}"))
        for name, each in declared.items()
    }


def _without_none(hint: Any, name: str) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if len(kinds) != 1:
        raise TypeError(f"{name}: a setting has one type, and not {hint}")
    return kinds[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenValues:
    """Given values of settings, and what their conversion needs: see the arguments of `read_settings`.

    `owner` is the owner of the settings, such as "provider 's3'".
    """

    owner: str
    values: Mapping[str, object]
    base_dir: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    stores: PluginStores = field(default_factory=dict)
    source: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    other_names: Collection[str] = ()

    def location(self, name: str = "") -> str | None:
        """Return the location of a setting, as far as it is known."""
        return format_location(self.source, self.lines, name)


def format_location(source: str | None, lines: Mapping[str, int], name: str = "") -> str | None:
    """Return the location of a setting as `file:line`, as `file` if the line is unknown, `None` without a file.

    A part of a setting without a line of its own (`paths[1].direction`) has the line of its parent.
    """
    if source is None:
        return None
    while name and name not in lines:
        name = re.sub(r"(^|\.)[^.\[]*$|\[\d+\]$", "", name)
    return f"{source}:{lines[name]}" if name in lines else source


def read_settings(
    cls: type[T],
    values: Mapping[str, object],
    *,
    provider: str,
    base_dir: Path,
    environ: Mapping[str, str] | None = None,
    secret_stores: PluginStores | None = None,
    source: str | None = None,
    lines: Mapping[str, int] | None = None,
    other_names: Collection[str] = (),
    owner: str = "",
) -> T:
    """Read an instance of a settings class.

    The value of a setting is the given one, else that of its first environment variable that is set and not
    empty, else the default. `None` and empty secrets count as not given.

    Args:
        cls: The class that declares the settings.
        values: The given values by name, as in `BucketConfig.settings`.
        provider: The provider's id, for messages.
        base_dir: Base of relative paths.
        environ: Environment variables; those of the process by default.
        secret_stores: Secret stores of plugins, by scheme.
        source: The file that contains the values, or the option of a command such as `--account`, for messages.
        lines: Line number of each setting in that file; that of the bucket under the empty name.
        other_names: Names of settings outside of the class, for suggestions.
        owner: Owner of the settings, for messages, if it is not the provider.

    Raises:
        UnknownSetting: The class has no setting of a given name.
        InvalidSetting: A value is invalid, or a required setting that is not a secret is missing.
        MissingCredentials: A required secret is missing, or a reference can't be resolved.
        ConfigError: A secret store failed.
    """
    declared = setting_fields(cls)
    given = GivenValues(
        owner=owner or f"provider {provider!r}",
        values={name: value for name, value in values.items() if name in declared or not _is_ignorable(name, value)},
        base_dir=base_dir,
        environ=os.environ if environ is None else environ,
        stores=secret_stores or {},
        source=source,
        lines=lines or {},
        other_names=other_names,
    )
    read = read_values(cls, given)
    try:
        return cls(**read)
    except (ValueError, MissingCredentials) as error:
        message = redact_known(f"{given.owner}: {error}")
        kind = MissingCredentials if isinstance(error, MissingCredentials) else InvalidSetting
    raise kind(message, source=given.location())


def _is_ignorable(name: str, value: object) -> bool:
    """Tell whether an adapter without this setting may ignore the value: `bucket_name`, or an empty `prefix`."""
    return name == "bucket_name" or (name == "prefix" and not value)


def read_values(cls: type[Any], given: GivenValues) -> dict[str, Any]:
    """Read the values in effect, by name; those without one are left out.

    Raises:
        UnknownSetting, InvalidSetting, MissingCredentials, ConfigError: As in `read_settings`.
    """
    declared = setting_fields(cls)
    names = _find_given_names(declared, given)
    read: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    for name, each in declared.items():
        value = _read_given_value(names[name], each, given) if name in names else None
        if value is not None and value != Secret(""):
            read[name] = value
        elif (value := _read_variable(each, given)) is not None:
            environment[name] = value
    resolve = getattr(cls, "resolve", None)
    try:
        in_effect = environment | read if resolve is None else resolve(read, environment)
    except ValueError as error:
        raise InvalidSetting(redact_known(f"{given.owner}: {error}"), source=given.location()) from None
    missing = [each for each in declared.values() if each.required and in_effect.get(each.name) in (None, "")]
    if missing:
        raise _missing_error(missing, given)
    return in_effect


def _find_given_names(declared: Mapping[str, Setting], given: GivenValues) -> dict[str, str]:
    """Return the name under which each setting is given: its own name or an alias."""
    owns = {alias: name for name, each in declared.items() for alias in (name, *each.aliases)}
    names: dict[str, str] = {}
    for used, value in given.values.items():
        if used not in owns:
            hint = suggest(used, [*owns, *given.other_names])
            raise UnknownSetting(f"{given.owner} has no setting {used!r}.{hint}", source=given.location(used))
        if value is None:
            continue
        first = names.setdefault(owns[used], used)
        if first != used:
            raise InvalidSetting(
                f"{first!r} and {used!r} are the same setting; remove one", source=given.location(used)
            )
    return names


def _read_given_value(used: str, declared: Setting, given: GivenValues) -> object:
    value = given.values[used]
    # A value given by a program has no line in a file.
    is_text_in_file = isinstance(value, str) and used in given.lines
    if given.source is not None and is_text_in_file and declared.runs_code and declared.runs_code(str(value)):
        check_code_trusted(given.source, used, str(value), source=given.location(used))
    try:
        return _convert(value, declared, given)
    except InvalidValue as error:
        error_class = UnknownSetting if error.unknown else InvalidSetting
        name = used + error.at
        raise error_class(f"setting '{name}' {error.clause}", source=given.location(name)) from None
    except ConfigError as error:
        secret_error = MissingCredentials if isinstance(error, MissingCredentials) else ConfigError
        raise secret_error(f"setting {used!r}: {error}", source=given.location(used)) from error


def _read_variable(declared: Setting, given: GivenValues) -> object:
    variable = next((each for each in declared.env if given.environ.get(each)), None)
    if variable is None:
        return None
    try:
        return _convert(_parse_variable(given.environ[variable], declared.kind), declared, given)
    except InvalidValue as error:
        message = f"environment variable {variable} (setting {declared.name!r}) {error.clause}"
    raise InvalidSetting(message)


def _parse_variable(text: str, kind: Any) -> object:
    """Parse the value of a variable into the form of a file. A secret is taken literally, never as a reference."""
    if kind is Secret:
        return Secret(text)
    if kind is bool:
        return {"1": "true", "0": "false"}.get(text.strip(), text)
    if kind == tuple[str, ...]:
        return [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(kind) is collections.abc.Mapping:
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise invalid_value(text, "of the form name=value,name=value")
        return {name.strip(): value.strip() for name, _, value in pairs}
    return text


def _convert(value: object, declared: Setting, given: GivenValues) -> object:
    """Convert a value, not `None`, to the declared type. The error for an invalid value never shows a secret."""
    kind = declared.kind
    if kind is Secret:
        value = _convert_secret(value, declared, given)
    if declared.parse is not None:
        try:
            return declared.parse(value)
        except InvalidValue:
            raise
        except ValueError as error:
            raise invalid_value(value, str(error)) from error
    if kind is Secret:
        return value
    if kind is Path:
        return _convert_path(value, given.base_dir)
    if kind is bool:
        return as_bool(value)
    if kind is int or kind is float:
        return as_number(value, kind, minimum=declared.minimum)
    if kind is str:
        return as_str(value)
    if get_origin(kind) is Literal:
        return as_choice(value, {str(each): each for each in get_args(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return as_enum(value, kind)
    if kind == tuple[str, ...]:
        return as_str_list(value)
    if get_origin(kind) is collections.abc.Mapping and get_args(kind) == (str, str):
        return FrozenMapping(as_str_map(value))
    raise TypeError(f"a setting can't be of type {kind!r}")


def _convert_secret(value: object, declared: Setting, given: GivenValues) -> Secret:
    if isinstance(value, str):
        value = resolve_reference(value, base_dir=given.base_dir, environ=given.environ, stores=given.stores)
    if not isinstance(value, Secret):
        raise InvalidValue("must be text (put it in quotes), or a reference to a secret")
    value.is_public = value.is_public or declared.public
    return value


def _convert_path(value: object, base_dir: Path) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise invalid_value(value, "a path")
    if "\x00" in str(value):
        raise invalid_value(value, "a path, and a path has no NUL character")
    try:
        return base_dir / Path(value).expanduser()
    except RuntimeError as error:
        raise invalid_value(value, "a path; there is no such home directory") from error


def _missing_error(missing: Collection[Setting], given: GivenValues) -> ConfigError:
    has_secret = any(each.kind is Secret for each in missing)
    needs = " and ".join(
        repr(each.name) + (f" (environment variable {' or '.join(each.env)})" if each.env else "") for each in missing
    )
    option = f"with {given.source} {next(iter(missing)).name}=VALUE" if (given.source or "").startswith("--") else ""
    places = [(option or "in the configuration") + (", such as env:NAME" if has_secret else "")]
    places += ["in the environment"] if any(each.env for each in missing) else []
    message = f"{given.owner} needs {needs}: set it {(', or ' if has_secret else ' or ').join(places)}"
    return (MissingCredentials if has_secret else InvalidSetting)(message, source=given.location())
