"""Holds the catalog against the source after a metadata workflow, and deletes what the source no longer has.

The source's inventory is taken before the workflow and after it (``source_inventory``), compared with the catalog's
(``matching``), and what disappeared is deleted within limits (``deletion``). A source whose connector has no inventory
of its own is not compared; that connector is taken for its word on what is gone only when it warned of nothing, and
never on what lies in a schema that is gone as a whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_platform.ingestion import deletion, inventory, listing, matching, names, source_inventory
from data_platform.ingestion.catalog import CatalogClient
from data_platform.ingestion.deletion import Limits, Plan
from data_platform.ingestion.diagnosis import diagnose, shorten
from data_platform.ingestion.ended import Ended
from data_platform.ingestion.filters import Filters
from data_platform.ingestion.inventory import Holding, Inventory
from data_platform.ingestion.matching import Match
from data_platform.ingestion.schemas import connectors
from data_platform.ingestion.source_inventory import SourceInventory
from data_platform.ingestion.spec import WorkflowSpec
from data_platform.ingestion.traffic import Account
from data_platform.ingestion.verdict import DELETION, Failure


@dataclass(frozen=True)
class Reconciled:
    """What came of it.

    Attributes:
        match: the comparison, or None when there was none.
        unknown: why the source could not be asked what it has; empty when it could, or never can.
        plan: what was deleted and what was not.
        failures: what the catalog did not delete.
        settled: whether the catalog is known to hold nothing that another definition of the source brought.
    """

    match: Match | None
    unknown: str = ""
    plan: Plan = field(default_factory=Plan)
    failures: tuple[Failure, ...] = ()
    settled: bool = False


@dataclass(frozen=True)
class Mandate:
    """What a run's deletions rest on, and who is told of them.

    Attributes:
        settled: whether the catalog held nothing before the run that another definition of the source brought.
        announce: told what will be deleted, before it is: a process may end in the middle of it.
    """

    settled: bool
    announce: Callable[[Sequence[Holding]], None]


class Reconciliation:
    """That of one run.

    Args:
        spec: the run's.
        source: OpenMetadata's source, connected.
        catalog: where the run writes.

    Attributes:
        before: what the catalog held before the workflow.
        after: what it held after it.
        match: the comparison, or None when there was none.
    """

    def __init__(self, spec: WorkflowSpec, source: Any, catalog: CatalogClient) -> None:
        self.before = self.after = Inventory()
        self.match: Match | None = None
        self._spec = spec
        self._service = names.join(spec.service)
        self._source = source
        self._catalog = catalog
        self._filters = Filters(source.source_config, spec.service, source.service_connection)
        self._inventories: list[SourceInventory] = []
        self._unknown = ""

    def begin(self) -> None:
        """Take both inventories; before the workflow."""
        self.before = self._held()
        self._ask(self.before)

    def end(self) -> None:
        """Take both again, after the workflow, and compare them."""
        self.after = self._held()
        self._ask(self.after)
        if len(self._inventories) == 2:
            first, last = self._inventories
            self.match = matching.match((first, last), self.after, self._filters)

    def without_deletion(self) -> Reconciled:
        """What came of it when the workflow failed."""
        return Reconciled(self.match, self._unknown)

    def delete(self, ended: Ended, mandate: Mandate) -> Reconciled:
        """Delete what the source no longer has.

        Args:
            ended: the workflow, which did not fail.
            mandate: what the deletions rest on.
        """
        plan = deletion.plan(
            self.before,
            self.after,
            exists=lambda holding: self._exists(holding, ended.account),
            admitted=lambda holding: matching.admits(self._filters, holding),
            doubts=self._doubts(ended, mandate),
            limits=Limits(self._spec.deletion.max_share, self._spec.allow_deletions, self._is_witnessed),
        )
        if plan.deleted:
            mandate.announce(plan.deleted)
        done, failed = deletion.carry_out(self._catalog, plan)
        failures = tuple(Failure(root.fqn, DELETION, error.sentence) for root, error in failed)
        settled = mandate.settled or not (failures or plan.withheld)
        return Reconciled(self.match and self.match.without(done.deleted), self._unknown, done, failures, settled)

    def _doubts(self, ended: Ended, mandate: Mandate) -> dict[str, str]:
        """Why what seems to have disappeared may be there, by scope; what the run lost itself is the better reason."""
        if self._unknown:
            return {self._service: f"nobody knows what the source has ({self._unknown.rstrip('.')})"}
        if not (mandate.settled or self._spec.allow_deletions):
            return {self._service: listing.CHANGED}
        warnings = ended.warnings()
        why = f"nothing but its connector says what is there, and it warned: {shorten(warnings[0])}" if warnings else ""
        return {**dict.fromkeys(self._unwitnessed if why else (), why), **ended.doubts(self._service)}

    @property
    def _unwitnessed(self) -> tuple[str, ...]:
        """Scopes of which only the connector says what is there."""
        return self.match.unjudged if self.match else (self._service,)

    def _is_witnessed(self, holding: Holding) -> bool:
        is_told = source_inventory.shows_all(self._spec.connector)
        return is_told and not names.lies_in(holding.fqn, self._unwitnessed)

    def _held(self) -> Inventory:
        return inventory.take(self._catalog, connectors()[self._spec.connector].category, self._spec.service)

    def _ask(self, held: Inventory) -> None:
        """Take the source's inventory; one that cannot be taken is reported by the check, not by an error."""
        if not source_inventory.exists_for(self._spec.connector) or self._unknown:
            return
        admitted = {(each.kind, each.fqn) for each in held.holdings.values() if matching.admits(self._filters, each)}
        try:
            taken = source_inventory.take(
                self._spec.connector, self._spec.service, self._source, self._filters, admitted
            )
        except Exception as error:  # noqa: BLE001 - drivers raise errors of all kinds
            sys.excepthook(type(error), error, error.__traceback__)
            self._unknown = diagnose(error, self._spec).sentence
        else:
            self._inventories.append(taken)

    def _exists(self, holding: Holding, account: Account) -> bool:
        written = account.written.get(inventory.collection(holding.kind), frozenset[str]())
        met = any((holding.kind, holding.fqn) in taken for taken in self._inventories)
        return met or holding.fqn in written
