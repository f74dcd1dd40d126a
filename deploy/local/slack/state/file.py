"""The optional file behind a State: SQLite, JSON records and the bytes of files, written before an answer leaves."""

from __future__ import annotations

import base64
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

from .contents import InFile
from .model import RECORDS, FileRecord, Message, Record, View
from .store import State

_CLASSES = {record.TABLE: record for record in RECORDS}


class StateFile:
    """Keeps a State's records in `path`, so that a stop, or a kill, loses nothing that was answered."""

    def __init__(self, path: str | Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing; only a power cut may
        self._db.execute("CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, number INTEGER, body TEXT NOT NULL)")
        self._db.execute("CREATE INDEX IF NOT EXISTS record_number ON record (number)")
        self.contents = InFile(self._db)
        row = self._db.execute("SELECT coalesce(max(number), 0) FROM record").fetchone()
        self._number = int(row[0])
        self._ahead = 0.0

    def load(self, state: State) -> None:
        """Read every record back, in the order they were first written. The bytes of files stay where they are."""
        state.contents = self.contents
        for key, body in self._db.execute("SELECT key, body FROM record ORDER BY number"):
            table = key.partition(":")[0]
            if key == "meta:switches":
                kept = json.loads(body)
                for name in kept.keys() & type(state.spec.switches).model_fields.keys():
                    setattr(state.spec.switches, name, kept[name])
            elif table == "meta":
                meta = json.loads(body)
                state.version = int(meta["version"])
                state.clock.advance(max(0.0, float(meta.get("ahead", 0.0)) - state.clock.ahead))
            elif table == "stack":
                state.stacks[key.partition(":")[2]] = json.loads(body)
            else:
                record = json.loads(body)
                inside = record.pop("content", "") if _CLASSES[table] is FileRecord else ""
                _put(state, _CLASSES[table](**record))
                if inside:  # a file of before the bytes had a table of their own
                    self.contents.put(record["id"], base64.b64decode(inside))
                    state.save(state.files[record["id"]])

    def flush(self, state: State) -> None:
        """Write what changed since the last flush, in one transaction."""
        if not (state.dirty or state.dirty_stacks or state.switched or state.clock.ahead != self._ahead):
            return
        self._ahead = state.clock.ahead
        dirty, state.dirty = state.dirty, {}
        stacks, state.dirty_stacks = state.dirty_stacks, set()
        with self._db:
            for key, record in dirty.items():
                if record is None:
                    self._db.execute("DELETE FROM record WHERE key = ?", (key,))
                else:
                    self._write(key, json.dumps(asdict(record)))
            for person in stacks:
                self._write(f"stack:{person}", json.dumps(state.stacks.get(person, [])))
            if state.switched:
                self._write("meta:switches", state.spec.switches.model_dump_json())
            self._write("meta:version", json.dumps({"version": state.version, "ahead": state.clock.ahead}))
        state.switched = False

    def _write(self, key: str, body: str) -> None:
        self._number += 1
        self._db.execute(
            "INSERT INTO record (key, number, body) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            (key, self._number, body),
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _put(state: State, record: Record) -> None:
    """Put a record in its table."""
    if isinstance(record, Message):
        home = state.ephemerals if record.ephemeral_for else state.messages
        home.setdefault(record.ephemeral_for or record.channel, {})[record.ts] = record
        state.seen_ts(record.ts)
        return
    if isinstance(record, View):
        record.busy = False  # whoever was asked for an answer is gone with the process that asked
        if record.type == "home":
            state.homes[(record.app_id, record.person)] = record.id
    state.tables[type(record)][record.key] = record
