#!/usr/bin/env python3
"""How many rows DuckDB chooses by each condition.

    where.py CAPTURE CONDITION...

Prints a JSON list: a number of rows, or null where DuckDB refuses.
"""

import json, sys

import duckdb

connection = duckdb.connect()
connection.execute("SET timezone = 'UTC'")
connection.execute(f"CREATE TABLE capture AS FROM read_parquet('{sys.argv[1]}')")


def chosen(condition):
    try:
        (count,) = connection.execute(f"SELECT count(*) FROM capture WHERE {condition}").fetchone()
    except duckdb.Error:
        return None
    return count


print(json.dumps([chosen(condition) for condition in sys.argv[2:]]))
