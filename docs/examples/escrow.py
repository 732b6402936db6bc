#!/usr/bin/python3 -I
"""An escrow backend for Clavis over the SQLite file that ESCROW_DB names.

docs/command-backend.md says what is agreed; escrow.sql makes the tables.
"""

import json
import os
import sqlite3
import sys

DEVICES = """
    SELECT id, name, detail, shared_id, owner FROM device
    WHERE name = :asset OR id = :asset COLLATE NOCASE OR shared_id = :asset COLLATE NOCASE
       OR id IN (SELECT device FROM recovery_key WHERE key_id = :asset)
"""
# Without the key: a record is asked for before anybody has approved anything.
RECORDS = "SELECT key_id, volume, kind, escrowed_at FROM recovery_key WHERE device = :device"
KEYS = """
    SELECT key_id, key, passphrase FROM recovery_key
    WHERE device = :device AND key_id IN (SELECT value FROM json_each(:ids))
"""


def rows(database, query, **parameters):
    """Each row as an object; what is not known is left out."""
    for row in database.execute(query, parameters):
        yield {name: row[name] for name in row.keys() if row[name] is not None}


def device(row):
    owner = row.pop("owner", None)
    return row | {"owners": [owner]} if owner else row


def answer(database, request):
    match request["call"]:
        case "devices":
            found = rows(database, DEVICES, asset=request["asset"])
            return {"devices": [device(row) for row in found]}
        case "records":
            return {"records": list(rows(database, RECORDS, device=request["device"]))}
        case "keys":
            ids = json.dumps(request["ids"])
            return {"keys": list(rows(database, KEYS, device=request["device"], ids=ids))}
        case "check":
            (count,) = database.execute("SELECT count(*) FROM recovery_key").fetchone()
            return {"findings": [{"severity": "ok", "what": f"Keys in escrow: {count}."}]}


def main():
    request = json.load(sys.stdin)
    if request["clavis"] != 1:
        sys.exit("another version of Clavis is needed, or of this program")
    try:
        database = sqlite3.connect(f"file:{os.environ['ESCROW_DB']}?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        found = answer(database, request)
    except sqlite3.OperationalError as error:
        found = {"error": "unavailable", "message": str(error)}
    json.dump({"clavis": 1} | found, sys.stdout)


main()
