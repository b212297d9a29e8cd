"""The costs of OpenMetadata's client are gone, and a client without them is left alone.

Run in processes of their own, because what removes them changes the client for good.
"""

from __future__ import annotations

from data_platform_tests.scripts import run_script


def test_no_clouds_client_is_imported_for_secrets_that_nobody_asks_it_for() -> None:
    printed = run_script("""
        import sys
        from data_platform.ingestion import overhead

        print(overhead.leave_cloud_secrets_out())
        import metadata.workflow.metadata
        from metadata.utils.secrets.secrets_manager_factory import SecretsManagerFactory
        print("kubernetes" in sys.modules, "azure.keyvault" in sys.modules, "google.cloud" in sys.modules)
        print(type(SecretsManagerFactory().get_secrets_manager()).__name__, overhead.leave_cloud_secrets_out())
    """)
    assert printed.splitlines() == ["True", "False False False", "DBSecretsManager False"]


def test_the_version_is_looked_up_once_for_all_statements() -> None:
    printed = run_script("""
        from metadata.ingestion.connections import headers
        from data_platform.ingestion import overhead

        calls = []
        real = headers._pkg_version
        headers._pkg_version = lambda name: calls.append(name) or real(name)
        before = headers.inject_query_header(None, None, "SELECT 1", None, None, None)
        assert overhead.cache_version_header()
        for _ in range(100):
            after = headers.inject_query_header(None, None, "SELECT 1", None, None, None)
        assert before == after, (before, after)
        print(len(calls))
    """)
    assert printed == "2"


def test_a_client_that_caches_its_version_itself_is_left_alone() -> None:
    printed = run_script("""
        from functools import cache
        from metadata.ingestion.connections import headers
        from data_platform.ingestion import overhead

        headers._pkg_version = cache(headers._pkg_version)
        theirs = headers._pkg_version
        print(overhead.cache_version_header(), headers._pkg_version is theirs)
    """)
    assert printed == "False True"


def test_the_imports_are_kept_out_of_later_collections() -> None:
    printed = run_script("""
        import gc
        from data_platform.ingestion import overhead

        assert overhead.freeze_imports()
        print(gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 10_000)
    """)
    assert printed == "True True"


def test_imports_are_not_interrupted_by_collections_and_what_follows_is() -> None:
    printed = run_script("""
        import gc
        from data_platform.ingestion import overhead

        started = []
        gc.callbacks.append(lambda phase, _: started.append(phase))
        try:
            with overhead.no_garbage_collection():
                import metadata.workflow.metadata
                print(started)
                raise ImportError
        except ImportError:
            print(gc.isenabled())
    """)
    assert printed == "[]\nTrue"


def test_a_profiler_that_does_not_collect_is_left_alone() -> None:
    printed = run_script("""
        import gc, inspect
        from data_platform.ingestion import overhead

        inspect.getsource = lambda module: "nothing of the kind"
        print(overhead.freeze_imports(), gc.get_freeze_count())
    """)
    assert printed == "False 0"


def test_a_table_whose_every_part_is_known_is_named_without_a_search() -> None:
    printed = run_script("""
        from metadata.generated.schema.entity.data.table import Table
        from metadata.utils import fqn
        from data_platform.ingestion import overhead

        searched = []

        class Catalog:
            def es_search_from_fqn(self, **options):
                searched.append(options["fqn_search_string"])

        def build(**parts):
            return fqn.build(Catalog(), Table, service_name="shop", database_name="db", table_name="a.b", **parts)

        before = build(schema_name="sales"), len(searched)
        assert overhead.name_tables_without_a_search()
        assert not overhead.name_tables_without_a_search()
        print(before, build(schema_name="sales"), len(searched))
        print(build(schema_name=None), len(searched))
        print(build(schema_name="sales", fetch_multiple_entities=True), len(searched))
    """)
    name = 'shop.db.sales."a.b"'
    assert printed.splitlines() == [f"({name!r}, 1) {name} 1", "None 2", f"[{name!r}] 3"]
