#!/usr/bin/env python3
"""The figures of `analyze`, computed by DuckDB from the same files.

    figures.py CAPTURE...

Prints one JSON object: file → question → rows, those of `rows` or of the
section named after an arrow. Written from docs/analysis.md
alone; ranks are whole-number arithmetic, so nothing is shared with `analyze`.
"""

import json, sys

import duckdb

from change import diff
from grouped import FAILED, MEASURED, grouped

OTHERS = {"p05": (1, 20, 20), "p25": (1, 4, 4), "p99": (99, 100, 100)}
# Bounds of the histogram: 1, 1.5, 2, 3, 5, 7 of each power of ten from 1 µs.
BOUNDS = [0] + [step * 10**power for power in range(2, 12) for step in (10, 15, 20, 30, 50, 70)]


def first(order, where="true"):
    """Rows of which the first 20 may be chosen: more if the order is not whole."""
    return f"""
        SELECT time_us AS time, latency_ns, outcome, errno, syn_retransmits, rtt_us, pid, comm, dst_addr, dst_port, cgroup, host
        FROM (
            SELECT * EXCLUDE time, strftime(time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS time_us
            FROM capture WHERE {where} QUALIFY rank() OVER (ORDER BY {order}) <= 20)
        ORDER BY {order}"""


def outcomes(keys=()):
    over = f"PARTITION BY {', '.join(keys)}" if keys else ""
    return f"""
        SELECT *, connects / sum(connects) OVER ({over}) AS share FROM (
            SELECT {''.join(key + ', ' for key in keys)} outcome, errno, count(*) AS connects
            FROM capture GROUP BY ALL)"""


LOW = f"list_max(list_filter({BOUNDS}, lambda bound: bound <= greatest(latency_ns, 0))) AS from_ns"
SECOND = "strftime(date_trunc('second', time AT TIME ZONE 'UTC'), '%Y-%m-%dT%H:%M:%SZ') AS time"
DST = "CASE ip_version WHEN 6 THEN '[' || dst_addr || ']' ELSE dst_addr END || ':' || dst_port AS dst"
SUBNET = "regexp_replace(dst_addr, '[0-9]+$', '0/24') AS \"subnet/24\""
QUESTIONS = {
    "percentiles": grouped(),
    "percentiles --by comm,outcome,errno": grouped(["comm", "outcome", "errno"]),
    "percentiles --by rtt_us": grouped(["rtt_us"]),
    "percentiles --by dst": grouped([DST]),
    "percentiles --by subnet/24": grouped([SUBNET]),
    "percentiles --ci --quantiles 0.05,0.25,0.99 --by dst_port": grouped(["dst_port"], "true", OTHERS, 1.959964),
    "percentiles --where dst_port = 441 AND comm LIKE 'c%'": grouped([], "dst_port = 441 AND comm LIKE 'c%'"),
    "percentiles --failed --by comm": grouped(["comm"], FAILED),
    "destinations --top 0": grouped(["dst_addr", "dst_port"]),
    "processes --top 0": grouped(["comm", "cgroup"]),
    "cgroups --top 0": grouped(["cgroup"]),
    "timeseries --every 1s --by comm": grouped([SECOND, "comm"]),
    "outcomes": outcomes(),
    "outcomes --by comm": outcomes(["comm"]),
    "histogram": f"SELECT {LOW}, count(*) AS connects FROM capture WHERE {MEASURED} GROUP BY ALL",
    "heatmap --every 1s": f"SELECT {SECOND}, {LOW}, count(*) AS connects FROM capture WHERE {MEASURED} GROUP BY ALL",
    "slowest --top 20": first("latency_ns DESC, time", MEASURED),
    "slowest --top 20 --failed": first("latency_ns DESC, time", FAILED),
    "events --top 20": first("time, latency_ns"),
    "diff --split +5s --top 0 --by comm": diff("comm"),
    "diff --split +5s --top 0 --by dst": diff(DST),
    "diff --split +5s --by comm → whole": diff(),
}


def rows(file, question):
    duckdb.execute(f"CREATE OR REPLACE VIEW capture AS FROM read_parquet('{file}')")
    cursor = duckdb.execute(question)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


json.dump(
    {file: {name: rows(file, question) for name, question in QUESTIONS.items()} for file in sys.argv[1:]},
    sys.stdout,
    default=float,
)
