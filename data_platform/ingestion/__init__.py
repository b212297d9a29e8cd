"""Pull: one OpenMetadata workflow in one child process, from its spec to its verdict."""
