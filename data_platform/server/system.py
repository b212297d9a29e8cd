"""``/system``: version, health, settings, keys."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import orjson

from data_platform.server import models
from data_platform.server.calls import Call, Reply
from data_platform.server.patching import apply
from data_platform.server.problems import BadRequestError, ForbiddenError, NotFoundError
from data_platform.server.settings import DEFAULTS, stored

if TYPE_CHECKING:
    from data_platform.server.calls import Json
    from data_platform.server.keys import Keys
    from data_platform.server.routing import Router
    from data_platform.server.store import Connection

VERSION = "2.0.6"
"""The release of OpenMetadata whose behaviour this server follows."""


def register(router: Router, keys: Keys) -> None:
    router.add("GET", "/system/version", lambda _: {"version": VERSION, "revision": "embedded", "timestamp": _started})
    router.add("GET", "/system/health", lambda _: {"status": "healthy"})
    router.add("GET", "/system/status", lambda _: {"status": "healthy"})
    router.add("GET", "/system/config/jwks", lambda _: _jwks(keys))
    router.add("GET", "/system/config/auth", lambda _: {"provider": "basic", "providerName": "embedded"})
    router.add("GET", "/system/entities/count", _counts)
    router.add("GET", "/system/settings", _list_settings)
    router.add("PUT", "/system/settings", _put_setting)
    router.add("GET", "/system/settings/{name}", _setting)
    router.add("PATCH", "/system/settings/{name}", _patch_setting)
    router.add("PUT", "/system/settings/reset/{name}", _reset_setting)
    router.add("GET", "/system/services/count", _service_counts)


_started = int(time.time() * 1000)


def _jwks(keys: Keys) -> Json:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    public = serialization.load_pem_public_key(keys.public_pem)
    assert isinstance(public, RSAPublicKey)
    numbers = public.public_numbers()

    def encoded(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")

    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "n": encoded(numbers.n), "e": encoded(numbers.e)}]}


def _counts(call: Call) -> Json:
    return {
        f"{line['type']}Count": line["number"]
        for line in call.reader.execute(
            "SELECT type, count(*) AS number FROM entities WHERE deleted = 0 GROUP BY type ORDER BY type"
        )
    }


def _list_settings(call: Call) -> Json:
    values = {**DEFAULTS, **stored(call.reader)}
    data = [{"config_type": name, "config_value": value} for name, value in sorted(values.items())]
    return {"data": data, "paging": {"total": len(data)}}


def _setting(call: Call) -> Json:
    name = call.params["name"]
    values = {**DEFAULTS, **stored(call.reader)}
    if name not in values:
        raise NotFoundError(f"Settings not found: {name}")
    return {"config_type": name, "config_value": values[name]}


def _patch_setting(call: Call) -> Json:
    _needs_admin(call)
    setting = _setting(call)
    value = apply(orjson.loads(orjson.dumps(setting["config_value"])), call.array)
    _store_setting(call, setting["config_type"], value)
    return {**setting, "config_value": value}


def _reset_setting(call: Call) -> Json:
    _needs_admin(call)
    name = call.params["name"]
    call.store.write(lambda connection: connection.execute("DELETE FROM settings WHERE name = ?", (name,)).rowcount)
    return _setting(call)


def _service_counts(call: Call) -> Json:
    return {name: number for name, number in _counts(call).items() if name.endswith("ServiceCount")}


def _needs_admin(call: Call) -> None:
    if not (call.principal.is_admin or call.principal.is_bot):
        raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")


def _store_setting(call: Call, name: str, value: Any) -> None:
    def work(connection: Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, orjson.dumps(value)))

    call.store.write(work)


def _put_setting(call: Call) -> Reply:
    _needs_admin(call)
    setting = call.object
    models.check("settings.settings:Settings", setting)
    if "config_value" not in setting:
        raise BadRequestError("config_value: Field required")
    _store_setting(call, setting["config_type"], setting["config_value"])
    return Reply(200, setting)
