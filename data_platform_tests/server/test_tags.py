"""Tag labels: merged by PUT, replaced by PATCH, checked, named, and gone with their tag."""

from __future__ import annotations

from data_platform_tests.server.conftest import Api, Place


def label(fqn: str, source: str = "Classification") -> dict[str, str]:
    return {"tagFQN": fqn, "source": source, "labelType": "Manual", "state": "Confirmed"}


def names(entity: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["tagFQN"] for each in entity["tags"]]


def test_put_merges_tags_and_patch_replaces_them(place: Place) -> None:
    table = place.table(tags=[label("PII.Sensitive")])
    merged = place.api.ok("PUT", "/tables", place.request(tags=[label("PersonalData.Personal")]))
    assert names(merged) == ["PII.Sensitive", "PersonalData.Personal"]
    replaced = place.api.patch_with(f"/tables/{table['id']}", ("replace", "/tags", [label("Tier.Tier1")]))
    assert names(replaced) == ["Tier.Tier1"]


def test_exclusive_tags_are_refused_on_the_merged_list(place: Place) -> None:
    place.table(tags=[label("Tier.Tier1")])
    message = place.api.refused(400, "PUT", "/tables", place.request(tags=[label("Tier.Tier2")]))
    assert "mutually exclusive" in message


def test_an_unknown_tag_is_refused(place: Place) -> None:
    place.api.refused(404, "POST", "/tables", place.request(tags=[label("No.Such")]))


def test_labels_come_back_with_name_and_description(place: Place) -> None:
    table = place.table(tags=[label("Tier.Tier1")])
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=tags")["tags"][0]
    assert read["name"] == "Tier1"
    assert read["description"].startswith("Critical")


def test_tags_stay_out_unless_asked_for(place: Place) -> None:
    columns = [{"name": "id", "dataType": "INT", "tags": [label("PII.Sensitive")]}]
    table = place.table(tags=[label("Tier.Tier1")], columns=columns)
    read = place.api.ok("GET", f"/tables/{table['id']}")
    assert "tags" not in read
    assert read["columns"][0]["tags"] == []
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=tags")
    assert names(read["columns"][0]) == ["PII.Sensitive"]


def test_a_glossary_term_brings_its_tags_as_derived(place: Place, unique: str) -> None:
    place.api.ok("POST", "/glossaries", {"name": unique, "description": "words"})
    term = {"name": "term", "glossary": unique, "description": "a word", "tags": [label("PII.Sensitive")]}
    place.api.ok("POST", "/glossaryTerms", term)
    table = place.table(tags=[label(f"{unique}.term", "Glossary")])
    assert {each["tagFQN"]: each["labelType"] for each in table["tags"]} == {
        f"{unique}.term": "Manual",
        "PII.Sensitive": "Derived",
    }


def own_tag(admin: Api, name: str) -> dict[str, str]:
    admin.ok("POST", "/classifications", {"name": name, "description": "own"})
    return admin.ok("POST", "/tags", {"name": "one", "classification": name, "description": "a tag"})


def test_hard_deleting_a_tag_removes_its_labels_everywhere(place: Place, unique: str) -> None:
    tag = own_tag(place.api, unique)
    columns = [{"name": "id", "dataType": "INT", "tags": [label(f"{unique}.one")]}]
    table = place.table(tags=[label(f"{unique}.one")], columns=columns)
    place.api.ok("DELETE", f"/tags/{tag['id']}?hardDelete=true")
    read = place.api.ok("GET", f"/tables/{table['id']}?fields=tags")
    assert (read["tags"], read["columns"][0]["tags"]) == ([], [])


def test_renaming_a_classification_renames_its_labels(place: Place, unique: str) -> None:
    own_tag(place.api, unique)
    table = place.table(tags=[label(f"{unique}.one")])
    classification = place.api.ok("GET", f"/classifications/name/{unique}")
    place.api.patch_with(f"/classifications/{classification['id']}", ("replace", "/name", f"{unique}x"))
    assert names(place.api.ok("GET", f"/tables/{table['id']}?fields=tags")) == [f"{unique}x.one"]
    place.api.ok("GET", f"/tags/name/{unique}x.one")


def test_the_seeded_classifications_are_there_and_stay(admin: Api) -> None:
    listed = {each["name"] for each in admin.ok("GET", "/classifications?limit=100")["data"]}
    assert {"Tier", "PII", "PersonalData", "Certification"} <= listed
    tier = admin.ok("GET", "/classifications/name/Tier")
    admin.refused(400, "DELETE", f"/classifications/{tier['id']}?recursive=true&hardDelete=true")
    assert admin.ok("GET", "/tags?parent=Tier&limit=10")["paging"]["total"] == 5
