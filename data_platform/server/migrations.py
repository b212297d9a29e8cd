"""The data folder's tables, as named steps that are applied once and in order.

A released step is never edited: a change is a new step at the end.
"""

from __future__ import annotations

MIGRATIONS: list[tuple[str, str]] = [
    (
        "0001-entities",
        """
        CREATE TABLE entities (
            id TEXT PRIMARY KEY,
            type TEXT NOT NULL,
            fqn TEXT NOT NULL,
            name TEXT NOT NULL,
            parent TEXT,
            deleted INTEGER NOT NULL DEFAULT 0,
            source_hash TEXT,
            updated_at INTEGER NOT NULL,
            json BLOB NOT NULL
        );
        CREATE UNIQUE INDEX entities_by_fqn ON entities (type, fqn);
        CREATE INDEX entities_by_name ON entities (type, name, id);
        CREATE INDEX entities_by_parent ON entities (parent, type);
        CREATE INDEX entities_by_table_type ON entities (json ->> '$.tableType') WHERE type = 'table';
        CREATE TABLE versions (
            entity TEXT NOT NULL, version REAL NOT NULL, json BLOB NOT NULL,
            PRIMARY KEY (entity, version)
        ) WITHOUT ROWID;
        CREATE TABLE refs (
            holder TEXT NOT NULL, field TEXT NOT NULL, target TEXT NOT NULL,
            PRIMARY KEY (holder, field, target)
        ) WITHOUT ROWID;
        CREATE INDEX refs_by_target ON refs (target, field);
        CREATE TABLE labels (
            holder TEXT NOT NULL, tag TEXT NOT NULL, source TEXT NOT NULL,
            PRIMARY KEY (holder, tag, source)
        ) WITHOUT ROWID;
        CREATE INDEX labels_by_tag ON labels (tag, source);
        CREATE TABLE followers (
            entity TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (entity, user)
        ) WITHOUT ROWID;
        CREATE TABLE votes (
            entity TEXT NOT NULL, user TEXT NOT NULL, vote TEXT NOT NULL, PRIMARY KEY (entity, user)
        ) WITHOUT ROWID;
        CREATE TABLE edges (
            source TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, json BLOB NOT NULL,
            PRIMARY KEY (source, target)
        ) WITHOUT ROWID;
        CREATE INDEX edges_by_target ON edges (target);
        CREATE TABLE series (
            entity TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, timestamp INTEGER NOT NULL,
            json BLOB NOT NULL,
            PRIMARY KEY (entity, kind, key, timestamp)
        ) WITHOUT ROWID;
        CREATE TABLE attachments (
            entity TEXT NOT NULL, kind TEXT NOT NULL, json BLOB NOT NULL,
            PRIMARY KEY (entity, kind)
        ) WITHOUT ROWID;
        CREATE TABLE usage (
            entity TEXT NOT NULL, date TEXT NOT NULL, type TEXT NOT NULL,
            day INTEGER NOT NULL, week INTEGER NOT NULL, month INTEGER NOT NULL,
            day_rank REAL, week_rank REAL, month_rank REAL,
            PRIMARY KEY (entity, date)
        ) WITHOUT ROWID;
        CREATE INDEX usage_by_date ON usage (type, date);
        CREATE TABLE joins (
            pair TEXT NOT NULL, date TEXT NOT NULL, left_column TEXT NOT NULL, right_column TEXT NOT NULL,
            left_table TEXT NOT NULL, right_table TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (pair, date)
        ) WITHOUT ROWID;
        CREATE INDEX joins_by_left ON joins (left_table);
        CREATE INDEX joins_by_right ON joins (right_table);
        CREATE TABLE suite_members (
            suite TEXT NOT NULL, test TEXT NOT NULL, PRIMARY KEY (suite, test)
        ) WITHOUT ROWID;
        CREATE INDEX suite_members_by_test ON suite_members (test);
        CREATE TABLE settings (name TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID
        """,
    ),
    (
        "0002-records",
        """
        CREATE TABLE records (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, timestamp INTEGER NOT NULL, json BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX records_by_key ON records (kind, key, timestamp)
        """,
    ),
    (
        "0003-events",
        """
        CREATE TABLE events (
            timestamp INTEGER NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL, type TEXT NOT NULL, json BLOB NOT NULL,
            PRIMARY KEY (timestamp, id)
        ) WITHOUT ROWID
        """,
    ),
]
