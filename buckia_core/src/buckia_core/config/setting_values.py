"""Values of a settings class: read from the given values, then from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from buckia_core.config.common_settings import COMMON_SETTING_NAMES
from buckia_core.config.convert import ConvertContext, InvalidValue, convert, parse_variable
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.setting_fields import SettingSpec, field_types, setting_fields
from buckia_core.config.setting_messages import format_location, suggest
from buckia_core.config.trust.consent import check_code_trusted
from buckia_core.errors import ConfigError, InvalidSetting, MissingCredentials, UnknownSetting


class GivenValues(NamedTuple):
    """Given values, with their origin for error messages.

    Attributes:
        owner: Owner of the settings, such as "provider 's3'".
        values: The values, by name.
        source: The file that contains the values.
        lines: Line number of each value in that file; that of the bucket under the empty name.
    """

    owner: str
    values: Mapping[str, object]
    source: str | None = None
    lines: Mapping[str, int] | None = None

    def location(self, name: str = "") -> str | None:
        """Return the location of a setting, as far as it is known."""
        return format_location(self.source, self.lines, name)


def read_values(cls: type[Any], given: GivenValues, context: ConvertContext) -> dict[str, Any]:
    """Read the settings that are given or set in the environment, by name.

    `None` and empty secrets count as not given.

    Raises:
        UnknownSetting: The class has no setting of a given name.
        InvalidSetting: A value is invalid, or a required setting that is not a secret is missing.
        MissingCredentials: A required secret is missing, or a reference can't be resolved.
        ConfigError: A secret store failed.
    """
    specs = setting_fields(cls)
    kinds = field_types(cls)
    names = _find_given_names(specs, given)
    read: dict[str, Any] = {}
    for name, (_, spec) in specs.items():
        value = None
        if name in names:
            value = _read_given_value(names[name], kinds[name], spec, given, context)
        if value is None or value == Secret(""):
            value = _read_variable(name, kinds[name], spec, context)
        if value is not None and not (spec.required and value == ""):
            read[name] = value
    _check_required(specs, kinds, read, given)
    return read


def _find_given_names(specs: Mapping[str, tuple[Any, SettingSpec]], given: GivenValues) -> dict[str, str]:
    """Return the name under which each setting is given: its own name or an alias."""
    owns = {alias: name for name, (_, spec) in specs.items() for alias in (name, *spec.aliases)}
    names: dict[str, str] = {}
    for used, value in given.values.items():
        if used not in owns:
            hint = suggest(used, [*owns, *COMMON_SETTING_NAMES])
            raise UnknownSetting(f"{given.owner} has no setting {used!r}.{hint}", source=given.location(used))
        if value is None:
            continue
        first = names.setdefault(owns[used], used)
        if first != used:
            raise InvalidSetting(
                f"{first!r} and {used!r} are the same setting; remove one", source=given.location(used)
            )
    return names


def _read_given_value(used: str, kind: Any, spec: SettingSpec, given: GivenValues, context: ConvertContext) -> object:
    value = given.values[used]
    # A value given by a program has no line in a file.
    is_from_file = given.source is not None and used in (given.lines or {})
    if is_from_file and spec.runs_code and isinstance(value, str) and spec.runs_code(value):
        assert given.source is not None
        check_code_trusted(given.source, used, value, source=given.location(used))
    try:
        return convert(value, kind, spec, context)
    except InvalidValue as error:
        error_class = UnknownSetting if error.unknown else InvalidSetting
        name = used + error.at
        raise error_class(f"setting '{name}' {error.clause}", source=given.location(name)) from None
    except ConfigError as error:
        secret_error = MissingCredentials if isinstance(error, MissingCredentials) else ConfigError
        raise secret_error(f"setting {used!r}: {error}", source=given.location(used)) from error


def _read_variable(name: str, kind: Any, spec: SettingSpec, context: ConvertContext) -> object:
    variable = next((each for each in spec.env if context.environ.get(each)), None)
    if variable is None:
        return None
    try:
        value = parse_variable(context.environ[variable], kind)
        return convert(value, kind, spec, context)
    except InvalidValue as error:
        message = f"environment variable {variable} (setting {name!r}) {error.clause}"
    raise InvalidSetting(message)


def _check_required(
    specs: Mapping[str, tuple[Any, SettingSpec]],
    kinds: Mapping[str, Any],
    read: Mapping[str, Any],
    given: GivenValues,
) -> None:
    missing = [name for name, (_, spec) in specs.items() if spec.required and name not in read]
    if not missing:
        return
    needs = []
    for name in missing:
        env = specs[name][1].env
        needs.append(f"{name!r} (environment variable {' or '.join(env)})" if env else repr(name))
    secret = any(kinds[name] is Secret for name in missing)
    advice = "set it in the configuration" + (", such as env:NAME," if secret else "")
    if any(specs[name][1].env for name in missing):
        advice += " or in the environment"
    message = f"{given.owner} needs {' and '.join(needs)}: {advice.rstrip(',')}"
    raise (MissingCredentials if secret else InvalidSetting)(message, source=given.location())
