"""``/faults``: reading and changing the faults of a server that was started with some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_platform.errors import ConfigurationError
from data_platform.server.problems import BadRequestError, ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_platform.server.calls import Call, Json
    from data_platform.server.faults import Faults
    from data_platform.server.routing import Router


def register(router: Router, faults: Faults) -> None:
    def handler(change: Callable[[Call], None]) -> Callable[[Call], Json]:
        def answer(call: Call) -> Json:
            if not call.principal.is_admin:
                raise ForbiddenError(f"Principal: CatalogPrincipal{{name='{call.principal.name}'}} is not admin")
            try:
                change(call)
            except ConfigurationError as error:
                raise BadRequestError(error.sentence) from None
            return {"faults": faults.listed()}

        return answer

    def nothing(_call: Call) -> None:
        return None

    def add(call: Call) -> None:
        faults.add(**call.object)

    router.add("GET", "/faults", handler(nothing))
    router.add("PUT", "/faults", handler(lambda call: faults.replace(call.object.get("faults"))))
    router.add("POST", "/faults", handler(add))
    router.add("DELETE", "/faults", handler(lambda _: faults.clear()))
