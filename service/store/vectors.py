"""Vectors by (encoder name, sha256 of text), so that no text is encoded twice."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from sqlalchemy import Column, func, select

from matcher.encoding import Encoded, FloatArray
from service import faults
from service.store import schema
from service.store.database import Database, upsert

AT_ONCE = 500  # digests in one query: SQLite allows 999 parameters in its oldest builds
FLOAT = np.dtype("<f4")


class StoredVectors:
    """A `VectorCache` in the database. Each write is a transaction of its own: a kill costs one batch at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def vectors(self, encoder: str, digests: Sequence[str]) -> Mapping[str, FloatArray]:
        return {d: np.frombuffer(blob, FLOAT) for d, blob, _ in self._read(encoder, digests, schema.vectors.c.vector)}

    def clauses(self, encoder: str, digests: Sequence[str]) -> Mapping[str, FloatArray]:
        return {
            digest: np.frombuffer(blob, FLOAT).reshape(-1, length // FLOAT.itemsize)
            for digest, blob, length in self._read(encoder, digests, schema.vectors.c.clauses)
        }

    def keep(self, encoder: str, entries: Mapping[str, Encoded]) -> None:
        rows = [
            {
                "encoder": encoder,
                "digest": digest,
                "vector": entry.vector.astype(FLOAT).tobytes(),
                "clauses": entry.clauses.astype(FLOAT).tobytes(),
            }
            for digest, entry in entries.items()
        ]
        with self._database.write() as connection:
            upsert(connection, schema.vectors, rows)
            faults.point("vectors.before-commit")

    def encoders(self) -> dict[str, int]:
        """The encoder names that vectors are kept under, and how many each."""
        table = schema.vectors
        query = (
            select(table.c.encoder, func.count().label("vectors")).group_by(table.c.encoder).order_by(table.c.encoder)
        )
        with self._database.read() as connection:
            return {row.encoder: row.vectors for row in connection.execute(query)}

    def _read(self, encoder: str, digests: Sequence[str], part: Column[bytes]) -> Iterator[tuple[str, bytes, int]]:
        table = schema.vectors
        query = select(table.c.digest, part, func.length(table.c.vector)).where(table.c.encoder == encoder)
        left = iter(digests)
        with self._database.read() as connection:
            while chunk := list(islice(left, AT_ONCE)):
                for row in connection.execute(query.where(table.c.digest.in_(chunk))):
                    yield row[0], row[1], row[2]
