"""The embedded metadata catalog: OpenMetadata's API, generic over its client's generated models, on SQLite.

What people try the product with, and the ground that tests stand on. It is judged by OpenMetadata's
official Python client and documented behaviour; it shares no code with ``data_platform.ingestion``.
"""
