"""What is finished in a place of results: Parquet files in its folder `.kdsr`, one row per picture and run.

Only the driver writes them, every few seconds; of several rows of one result the last counts. A picture whose row was
lost with the driver is restored once more: one too many, never one too few.
"""

import io
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdsr.cluster.places import joined, read_bytes, remove, write_bytes
from kdsr.errors import InputError, shortened

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = ".kdsr"
COLUMNS = ("target", "source", "size", "stamp", "made_by", "failure", "notes", "ran", "seconds", "node")
"""`failure` is empty for a finished picture, else its sentence; `ran` names network, runtime and device."""
_MADE_OF = ("source", "size", "stamp", "made_by")
_EVERY_S, _EVERY_ROWS = 10.0, 5_000
_MOST_FILES = 16
"""More are made one by a run that adds rows."""
Row = Mapping[str, Any]


class Manifest:
    """The rows of the results in `place`, and the rows that this run adds."""

    def __init__(self, place: str, names: Iterable[str]) -> None:
        """names: of all files in `place`.

        Raises:
            InputError: a file of the manifest that cannot be read.
        """
        import pyarrow as pa

        self._place, self._waiting, self._written_at = place, list[Row](), time.monotonic()
        self._files = sorted(name for name in names if name.startswith(f"{FOLDER}/") and name.endswith(".parquet"))
        rows = self._read()
        last = {target: place for place, target in enumerate(rows.column("target").to_pylist())}
        rows = rows.take(pa.array(sorted(last.values()), pa.int64()))
        self._old: pa.Table | None = rows if len(self._files) > _MOST_FILES else None
        """What the first row of this run makes one file of."""
        self._finished: dict[str, int] = {}
        """A hash of what each finished result was made of, by its name: at most 200 bytes for a picture."""
        columns = [rows.column(name).to_pylist() for name in ("target", "failure", *_MADE_OF)]
        for target, failure, *made_of in zip(*columns, strict=True):
            if not failure:
                self._finished[target] = hash(tuple(made_of))

    def has(self, target: str, source: Sequence[Any], made_by: str) -> bool:
        """Whether `target` was finished from `source` (name, size, stamp) by the same network and options."""
        return self._finished.get(target) == hash((*source, made_by))

    def begin(self) -> None:
        """Write a file without rows.

        Raises:
            InputError: the place takes none; better now than after hours of work.
        """
        self._put(table_of([]))

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows; they are written together, after a few seconds or thousands."""
        self._waiting += rows
        if len(self._waiting) >= _EVERY_ROWS or time.monotonic() - self._written_at > _EVERY_S:
            self.write()

    def write(self) -> None:
        """Write the rows taken so far."""
        if self._waiting:
            self._make_one()
            self._put(table_of(self._waiting))
        self._waiting, self._written_at = [], time.monotonic()

    def _put(self, table: "pa.Table") -> None:
        import pyarrow.parquet as pq

        content = io.BytesIO()
        pq.write_table(table, content)
        name = f"{FOLDER}/{time.time_ns():020d}-{os.getpid()}.parquet"
        write_bytes(joined(self._place, name), content.getvalue())

    def _read(self) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [table_of([])]
        for name in self._files:
            place = joined(self._place, name)
            try:
                table = pq.read_table(io.BytesIO(read_bytes(place))).select(COLUMNS)
                tables.append(table.cast(tables[0].schema))
            except (pa.ArrowException, KeyError, OSError) as error:
                raise InputError(
                    f"{place} does not say what is finished, as it should ({shortened(str(error), 100)}): remove it, "
                    "and its pictures are restored once more."
                ) from error
        return pa.concat_tables(tables).combine_chunks()

    def _make_one(self) -> None:
        """Put the last row of each result into one file and remove the others, where there are too many."""
        if self._old is not None:
            self._put(self._old)
            for name in self._files:
                remove(joined(self._place, name))
            self._old = None


def table_of(rows: Sequence[Row]) -> "pa.Table":
    import pyarrow as pa

    kinds = {"size": pa.int64(), "seconds": pa.float32()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
