"""Files: CSV of what is below something, and contracts in the Open Data Contract Standard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from data_platform.server.testing import RunningServer
from data_platform_tests.server.conftest import Api, Place
from data_platform_tests.server.test_client import connect

pytestmark = pytest.mark.filterwarnings("ignore")

Client = Any


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Client]:
    opened = connect(server, "ingestion-bot")
    yield opened
    opened.close()


def put(api: Api, path: str, text: str) -> Any:
    reply = api.put(path, content=text.encode(), headers={"Content-Type": "text/plain"})
    assert reply.is_success, reply.text
    return reply.json()


def test_a_glossary_goes_out_and_comes_back_into_another(client: Client, admin: Api, unique: str) -> None:
    from metadata.generated.schema.entity.data.glossary import Glossary

    for name in (unique, f"{unique}b"):
        admin.ok("POST", "/glossaries", {"name": name, "description": "d"})
    for name, parent in (("one", None), ("two", f"{unique}.one")):
        request = {"name": name, "glossary": unique, "description": f"about {name}", "synonyms": ["x", "y"]}
        admin.ok("POST", "/glossaryTerms", {**request, **({"parent": parent} if parent else {})})
    text = client.export_csv(Glossary, unique)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name*"], row["parent"], row["synonyms"]) for row in rows] == [
        ("one", "", "x;y"),
        ("two", f"{unique}.one", "x;y"),
    ]
    moved = text.replace(f"{unique}.one", f"{unique}b.one")
    path = f"/glossaries/name/{unique}b/import"
    assert put(admin, path, moved)["dryRun"] is True, "an import is a dry run unless it says otherwise"
    admin.refused(404, "GET", f"/glossaryTerms/name/{unique}b.one")
    done = put(admin, f"{path}?dryRun=false", moved)
    assert (done["status"], done["numberOfRowsPassed"]) == ("success", 2)
    assert "Entity created" in done["importResultsCsv"]
    assert admin.ok("GET", f"/glossaryTerms/name/{unique}b.one.two")["description"] == "about two"
    again = put(admin, f"{path}?dryRun=false", moved.replace("about two", "changed"))
    assert "Entity updated" in again["importResultsCsv"]
    assert admin.ok("GET", f"/glossaryTerms/name/{unique}b.one.two")["description"] == "changed"
    assert client.import_csv(Glossary, f"{unique}b", moved, dry_run=True)["numberOfRowsFailed"] == 0
    assert len(client.export_csv_async(Glossary, unique)) == 36


def test_bad_rows_fail_alone_and_a_bad_file_as_a_whole(admin: Api, unique: str) -> None:
    admin.ok("POST", "/glossaries", {"name": unique, "description": "d"})
    path = f"/glossaries/name/{unique}/import?dryRun=false"
    text = "parent,name,displayName,description,tags\n,good,,d,\n,bad,,d,No.Such\n,,,d,\n"
    done = put(admin, path, text)
    assert (done["status"], done["numberOfRowsPassed"], done["numberOfRowsFailed"]) == ("partialSuccess", 1, 2)
    admin.refused(404, "GET", f"/glossaryTerms/name/{unique}.bad")
    assert admin.put(path, content=b"no csv at all").status_code == 400
    assert admin.put(path.replace(unique, "no-such"), content=text.encode()).status_code == 404


def test_columns_of_a_table_and_tables_of_a_schema_are_described_by_file(place: Place) -> None:
    api = place.api
    place.table()
    path = f"/tables/name/{place.fqn()}"
    text = api.get(f"{path}/export").text
    assert "column.name*" in text
    put(api, f"{path}/import?dryRun=false", "column.name,column.description,column.tags\nid,the key,PII.Sensitive\n")
    column = api.ok("GET", f"{path}?fields=tags")["columns"][0]
    assert (column["description"], column["tags"][0]["tagFQN"]) == ("the key", "PII.Sensitive")
    rows = "name,description,owner\nt,a table,user:admin\nnew,another,\n"
    done = put(api, f"/databaseSchemas/name/{place.schema}/import?dryRun=false", rows)
    assert done["numberOfRowsPassed"] == 2
    table = api.ok("GET", f"{path}?fields=owners")
    assert (table["description"], table["owners"][0]["name"], len(table["columns"])) == ("a table", "admin", 2)
    assert api.ok("GET", f"/tables/name/{place.fqn('new')}")["columns"] == []


def test_a_contract_goes_out_and_comes_back_as_odcs(client: Client, place: Place, unique: str) -> None:
    table = place.table()
    request = {
        "name": unique,
        "description": "what it is for",
        "entity": {"id": table["id"], "type": "table"},
        "schema": [{"name": "id", "dataType": "INT", "constraint": "PRIMARY_KEY"}],
    }
    contract = place.api.ok("POST", "/dataContracts", request)
    exported = client.export_to_odcs(contract["id"])
    assert exported.name == unique
    assert exported.schema_[0].properties[0].primaryKey is True
    text = client.export_to_odcs_yaml_by_fqn(contract["fullyQualifiedName"])
    assert "kind: DataContract" in text
    assert client.parse_odcs_yaml(text)["schemaObjects"] == ["t"]
    assert client.validate_odcs_yaml(table["id"], "table", text)["valid"] is True
    changed = text.replace("what it is for", "what it is good for")
    assert client.create_or_update_from_odcs_yaml(changed, table["id"], "table").id.root.hex
    reply = place.api.put(f"/dataContracts/odcs/yaml?entityId={table['id']}&entityType=table", content=changed)
    assert reply.json()["description"] == "what it is good for", "a person's PUT overwrites it, a bot's does not"
    place.api.ok("DELETE", f"/dataContracts/{contract['id']}?hardDelete=true")
    made = client.import_from_odcs(exported, table["id"], "table")
    assert [column.name.root for column in made.schema_] == ["id"]
    for body in (b"[", b"kind: x", b"- 1"):
        path = f"/dataContracts/odcs/yaml?entityId={table['id']}&entityType=table"
        assert place.api.post(path, content=body).status_code == 400
