-- The tables that escrow.py reads: sqlite3 /srv/escrow/escrow.db < escrow.sql

CREATE TABLE device (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL COLLATE NOCASE,
    detail    TEXT,           -- what tells it from another of the same name
    shared_id TEXT,           -- its objectGUID or deviceId, where it has one
    owner     TEXT            -- the ID by which the directory knows its owner
);
CREATE INDEX device_by_name ON device (name);

CREATE TABLE recovery_key (
    key_id      TEXT PRIMARY KEY COLLATE NOCASE,
    device      TEXT NOT NULL REFERENCES device (id),
    volume      TEXT,
    kind        TEXT,         -- operating_system, fixed_data, removable_data
    escrowed_at TEXT NOT NULL,  -- 2026-09-01T08:30:00Z
    key         TEXT,         -- BitLocker's 48 digits with their dashes,
    passphrase  TEXT,         -- or any other key: of FileVault, of LUKS
    CHECK ((key IS NULL) <> (passphrase IS NULL))
);
CREATE INDEX recovery_key_by_device ON recovery_key (device);
