"""An asset whose work is a script with OpenMetadata's official client.

Try it where a catalog is running: ``uv run dagster asset materialize -m examples.scripts.definitions --select '*'``
"""
