"""The embedded OpenMetadata-compatible catalog server."""
