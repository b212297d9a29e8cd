"""The demo: a real database and the embedded catalog, brought together by a real run of the real job."""
