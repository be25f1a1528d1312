#!/usr/bin/env python3
"""The figures of `analyze`, computed by DuckDB from the same files.

    figures.py CAPTURE...

Prints one JSON object: file → question → rows. Written from docs/analysis.md
alone; ranks are whole-number arithmetic, so nothing is shared with `analyze`.
"""

import json, sys

import duckdb

QUESTIONS = {
    "percentiles": ([], "true"),
    "percentiles --by comm,outcome,errno": (["comm", "outcome", "errno"], "true"),
    "percentiles --by dst": (["dst_addr || ':' || dst_port AS dst"], "true"),
    "percentiles --by subnet/24": (
        ["regexp_replace(dst_addr, '[0-9]+$', '0/24') AS \"subnet/24\""], "true"),
    "percentiles --where dst_port = 441 AND comm LIKE 'c%'": (
        [], "dst_port = 441 AND comm LIKE 'c%'"),
    "percentiles --failed --by comm": (
        ["comm"], "outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error')"),
    "destinations --top 0": (["dst_addr", "dst_port"], "true"),
}
# column, quantile as a fraction of whole numbers, latencies it needs
PERCENTILES = [("p50_ns", 1, 2), ("p90_ns", 9, 10), ("p95_ns", 19, 20), ("p99_ns", 99, 100), ("p999_ns", 999, 1000)]

FIGURES = """
    count(*) AS connects,
    count(*) FILTER (outcome = 'established') AS established,
    count(*) FILTER (outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error')) AS failed,
    failed / nullif(connects, 0) AS failure_rate,
    coalesce(sum(syn_retransmits), 0)::BIGINT AS syn_retransmits,
    count(*) FILTER (outcome = 'established' AND flags & 3 = 0) AS samples,
    max(latency_ns) FILTER (outcome = 'established' AND flags & 3 = 0) AS max_ns,
    list_sort(list(latency_ns) FILTER (outcome = 'established' AND flags & 3 = 0)) AS latencies
"""


def rows(file, keys, where):
    group = "GROUP BY ALL" if keys else ""
    cursor = duckdb.execute(
        f"SELECT {', '.join([*keys, FIGURES])} FROM read_parquet(?) WHERE {where} {group}", [file])
    names = [column[0] for column in cursor.description]
    answer = []
    for row in cursor.fetchall():
        row = dict(zip(names, row))
        latencies = row.pop("latencies") or []
        for column, part, whole in PERCENTILES:
            rank = (len(latencies) * part + whole - 1) // whole
            row[column] = latencies[rank - 1] if len(latencies) >= whole // (whole - part) else None
        answer.append(row)
    return answer


json.dump({file: {q: rows(file, *args) for q, args in QUESTIONS.items()} for file in sys.argv[1:]}, sys.stdout)
