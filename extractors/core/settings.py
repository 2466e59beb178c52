"""Settings of a source, from an Airflow connection or from the environment.

Two ways, the first that is there wins:

    AIRFLOW_CONN_CALLTOUCH   a connection as Airflow writes it: a URI or JSON
    CHAIRSIDE_CALLTOUCH_…    one variable per setting: CHAIRSIDE_CALLTOUCH_TOKEN, CHAIRSIDE_CALLTOUCH_BASE_URL, …

A connection's host, scheme, port and path become `base_url`, its password `token`, its login `login`, and every key
of its extra a setting of that name (`clinics`, `time_zone`, `requests_per_second`, …; each source's page in
docs/sources lists its own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from extractors.core.errors import ConfigError

# Airflow writes https as the connection type or as the schema of an http connection.
_WEB = ("http", "https")
WATCHED = 1000


class Asked(Mapping[str, Any]):
    """Settings that know which of them were asked for, so that a misspelt one is found: nobody asks for it.

    State: the names that were asked for, there or not. Each row asks, millions of times; what is asked for at all is
    asked for among the first, so later questions go straight to the settings.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._asked: set[str] = set()
        self._left = WATCHED

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - whatever a connection holds
        self._asked.add(name)
        return self._settings[name]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        self._asked.add(name)
        self._left -= 1
        if not self._left:
            self.get = self._settings.get  # type: ignore[method-assign, assignment]
        return self._settings.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def misspelt(self) -> dict[str, str]:
        """Settings that nobody asked for, each with the one that is missing and is spelt nearly so."""
        missing = self._asked - self._settings.keys()
        near = {name: get_close_matches(name, missing, 1, 0.8) for name in self._settings.keys() - self._asked}
        return {name: found[0] for name, found in sorted(near.items()) if found}


def settings_from_connection(text: str) -> dict[str, Any]:
    """Settings out of an Airflow connection, given as URI or JSON. Raises ConfigError; never repeats the text."""
    text = text.strip()
    return _from_json(text) if text.startswith("{") else _from_uri(text)


def settings_from_environment(source: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings of `source` from `AIRFLOW_CONN_<SOURCE>` or `CHAIRSIDE_<SOURCE>_<SETTING>` variables."""
    variable = f"AIRFLOW_CONN_{source.upper()}"
    connection = environment.get(variable)
    if connection:
        try:
            return settings_from_connection(connection)
        except ConfigError as error:
            raise ConfigError(f"{variable}: {error}") from None
    prefix = f"CHAIRSIDE_{source.upper()}_"
    found = {name[len(prefix):].lower(): _value(text) for name, text in environment.items() if name.startswith(prefix)}
    if not found:
        raise ConfigError(
            f"{source}: no connection. Set {variable} or {prefix}TOKEN and its companions "
            f"(docs/sources/{source}.md)."
        )
    return found


def _from_json(text: str) -> dict[str, Any]:
    try:
        connection = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        connection = None
    if connection is None:
        raise ConfigError("The connection is not valid JSON.")
    extra = connection.get("extra") or {}
    if isinstance(extra, str):
        extra = _extra(extra)
    return _settings(
        scheme=str(connection.get("conn_type") or "https"),
        host=str(connection.get("host") or ""),
        port=connection.get("port"),
        path=str(connection.get("schema") or ""),
        login=connection.get("login"),
        password=connection.get("password"),
        extra=extra,
    )


def _from_uri(text: str) -> dict[str, Any]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or not parts.scheme:
        raise ConfigError("The connection is neither a URI nor JSON.")
    query = dict(parse_qsl(parts.query))
    extra: dict[str, Any] = {}
    if "__extra__" in query:
        extra = _extra(query.pop("__extra__"))
    extra.update({name: _value(value) for name, value in query.items()})
    return _settings(
        scheme=parts.scheme,
        host=unquote(parts.hostname or ""),
        port=port,
        path=unquote(parts.path.strip("/")),
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        extra=extra,
    )


def _settings(
    *, scheme: str, host: str, port: object, path: str, login: object, password: object, extra: Mapping[str, Any]
) -> dict[str, Any]:
    scheme = scheme.replace("_", "-").lower()
    if path in _WEB:
        scheme, path = path, ""
    if host and "://" not in host:
        host = f"{scheme if scheme in _WEB else 'https'}://{host}"
    base_url = host.rstrip("/") + (f":{port}" if port else "") + (f"/{path}" if path else "")
    settings: dict[str, Any] = dict(extra)
    for name, value in (("base_url", base_url), ("login", login), ("token", password)):
        if value:
            settings.setdefault(name, value)
    return settings


def _extra(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        pass
    raise ConfigError("The connection's extra is not a JSON object.")


def _value(text: str) -> object:
    """A setting of the environment: JSON where it looks like an object, a list or a boolean, else the text itself."""
    if text[:1] in "{[" or text in ("true", "false"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def required(settings: Mapping[str, Any], source: str, name: str) -> str:
    """A setting that must be there; ConfigError says which."""
    value = settings.get(name)
    if value in (None, ""):
        raise ConfigError(f"{source}: the connection has no `{name}`. See docs/sources/{source}.md.")
    return str(value)


def number(settings: Mapping[str, Any], source: str, name: str, default: float) -> float:
    """A numeric setting, or its default."""
    value = settings.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"{source}: the setting `{name}` is not a number.")
