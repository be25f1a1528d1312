#!/usr/bin/env python3
"""Whether readers of Parquet see the values of a capture, with their defaults.

    readers.py CAPTURE

Prints one JSON object: reader → "same", "misreads: COLUMN …", or why it was not
tried. The values are those that pyarrow reads, but for pyarrow's own.
"""

import json, subprocess, sys, warnings

import pyarrow.parquet

warnings.filterwarnings("ignore")


def plain(frame):
    """Columns as lists of plain values; times as µs since 1970."""
    columns = {}
    for name in frame.columns:
        values = frame[name]
        if name == "time":
            values = values.astype("int64") // {"ns": 1000, "us": 1}[values.dt.unit]
        values = values.astype(object).where(values.notna(), None)
        columns[name] = [int(v) if isinstance(v, float) else v for v in values.tolist()]
    return columns


def pandas(path, **options):
    import pandas

    return plain(pandas.read_parquet(path, **options))


def duckdb(path):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET timezone = 'UTC'")
    return plain(connection.sql(f"FROM '{path}'").df())


def polars(path):
    import polars

    return plain(polars.read_parquet(path).to_pandas())


def datafusion(path):
    import datafusion

    return plain(datafusion.SessionContext().read_parquet(path).to_pandas())


def chdb(path):
    import chdb

    return plain(chdb.query(f"SELECT * FROM file('{path}', Parquet)", "DataFrame"))


READERS = {
    "pandas": pandas,
    "duckdb": duckdb,
    "polars": polars,
    "datafusion": datafusion,
    "chdb": chdb,
    "fastparquet": lambda path: pandas(path, engine="fastparquet"),
}


def tried(reader, path):
    expected = plain(pyarrow.parquet.read_table(path).to_pandas())
    found = READERS[reader](path)
    wrong = []
    for name, values in expected.items():
        pairs = [(str(a), str(b)) for a, b in zip(values, found.get(name, []))]
        differ = [pair for pair in pairs if pair[0] != pair[1]]
        if len(pairs) != len(values) or differ:
            wrong.append(f"{name} ({len(differ)} of {len(values)}, such as {differ[:1]})")
    return "misreads: " + ", ".join(wrong) if wrong else "same"


def main(path):
    answers = {}
    for reader in READERS:
        # One that crashes must not take the others along.
        run = subprocess.run([sys.executable, __file__, path, reader], capture_output=True, text=True)
        last = (run.stdout.strip() or run.stderr.strip() or f"crashed: {run.returncode}").splitlines()[-1]
        answers[reader] = last
    print(json.dumps(answers))


if len(sys.argv) > 2:
    print(tried(sys.argv[2], sys.argv[1]))
else:
    main(sys.argv[1])
