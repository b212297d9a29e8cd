"""Random sequences of operations on tables, against a model of OpenMetadata's rules that fits on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from data_platform_tests.server.conftest import Api, Place

NAMES = st.sampled_from(["a", "b.c", "d"])
TEXTS = st.sampled_from(["one", "two"])
TAGS = st.sampled_from(["PII.Sensitive", "Tier.Tier1", "Tier.Tier2", "PersonalData.Personal"])


@dataclass
class Table:
    """What the rules say that a reader sees of a table."""

    identity: str
    version: float = 0.1
    description: str | None = None
    tags: set[str] = field(default_factory=set)
    source_hash: str | None = None
    deleted: bool = False
    columns: int = 2

    def step(self, by: float = 0.1) -> None:
        self.version = round(self.version + by, 1)


class Catalog(RuleBasedStateMachine):
    """Operations of an administrator and of a bot on the tables of one schema."""

    admin: Api
    bot: Api

    def __init__(self) -> None:
        super().__init__()
        self.place = Place(self.admin)
        self.tables: dict[str, Table] = {}

    def _request(self, name: str, **more: Any) -> dict[str, Any]:
        return self.place.request(name, **{key: value for key, value in more.items() if value is not None})

    def _fqn(self, name: str) -> str:
        return self.place.fqn(f'"{name}"' if "." in name else name)

    @rule(name=NAMES, text=st.none() | TEXTS, tag=st.none() | TAGS, as_bot=st.booleans(), wide=st.booleans())
    def put(self, name: str, text: str | None, tag: str | None, as_bot: bool, wide: bool) -> None:
        label = {"tagFQN": tag, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
        request = self._request(name, description=text, tags=[label] if tag else None)
        if wide:
            request["columns"].append({"name": "more", "dataType": "INT"})
        api, table = self.bot if as_bot else self.admin, self.tables.get(name)
        wanted = (table.tags if table else set()) | ({tag} if tag else set())
        if {"Tier.Tier1", "Tier.Tier2"} <= wanted:
            api.refused(400, "PUT", "/tables", request)
            return
        made = api.ok("PUT", "/tables", request)
        said = Table(made["id"], description=text, tags=wanted, columns=3 if wide else 2)
        self._expect_put(name, said, as_bot=as_bot)

    def _expect_put(self, name: str, said: Table, *, as_bot: bool) -> None:
        """What becomes of the table of that name when a PUT says this."""
        table = self.tables.get(name)
        if table is None:
            self.tables[name] = said
            return
        assert said.identity == table.identity, "a PUT revives the same entity"
        if as_bot and table.description:
            said.description = table.description
        said.version = table.version
        said.deleted = table.deleted
        if said != table or table.deleted:
            said.deleted = False
            said.step(1.0 if said.columns < table.columns else 0.1)
        self.tables[name] = said

    @rule(name=NAMES, text=TEXTS, source_hash=st.sampled_from(["h1", "h2"]))
    def bulk(self, name: str, text: str, source_hash: str) -> None:
        row = self._request(name, description=text, sourceHash=source_hash)
        assert self.bot.ok("PUT", "/tables/bulk", [row])["numberOfRowsPassed"] == 1
        table = self.tables.get(name)
        if table is not None and table.source_hash == source_hash and not table.deleted:
            return
        identity = table.identity if table else self.admin.ok("GET", f"/tables/name/{self._fqn(name)}")["id"]
        tags = set(table.tags) if table else set[str]()
        self._expect_put(name, Table(identity, description=text, tags=tags, source_hash=source_hash), as_bot=True)

    @precondition(lambda self: bool(self.tables))
    @rule(data=st.data(), hard=st.booleans())
    def delete(self, data: st.DataObject, hard: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.tables)))
        table = self.tables[name]
        path = f"/tables/{table.identity}?hardDelete={str(hard).lower()}"
        self.admin.ok("DELETE", path)
        if hard:
            del self.tables[name]
        elif not table.deleted:
            table.deleted = True
            table.step()

    @precondition(lambda self: bool(self.tables))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        table = self.tables[data.draw(st.sampled_from(sorted(self.tables)))]
        if not table.deleted:
            self.admin.refused(400, "PUT", "/tables/restore", {"id": table.identity})
            return
        self.admin.ok("PUT", "/tables/restore", {"id": table.identity})
        table.deleted = False
        table.step()

    @precondition(lambda self: bool(self.tables))
    @rule(data=st.data())
    def create_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tables)))
        self.admin.refused(409, "POST", "/tables", self._request(name))

    @invariant()
    def what_is_read_is_what_the_rules_say(self) -> None:
        listed = self.admin.ok("GET", f"/tables?databaseSchema={self.place.schema}&include=all&fields=tags")["data"]
        read = {
            each["name"]: Table(
                each["id"],
                each["version"],
                each.get("description"),
                {label["tagFQN"] for label in each["tags"]},
                each.get("sourceHash"),
                each["deleted"],
                len(each["columns"]),
            )
            for each in listed
        }
        assert read == self.tables
        for name, table in self.tables.items():
            reply = self.admin.get(f"/tables/name/{self._fqn(name)}")
            assert reply.status_code == (404 if table.deleted else 200)


def test_tables_follow_the_rules(admin: Api, bot: Api) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Catalog.admin, Catalog.bot = admin, bot
    run_state_machine_as_test(
        Catalog,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


pytestmark = pytest.mark.filterwarnings("ignore")
