#!/usr/bin/env python3
"""The figures of `analyze`, computed by DuckDB from the same files.

    figures.py CAPTURE...

Prints one JSON object: file → question → rows. Written from docs/analysis.md
alone; ranks are whole-number arithmetic, so nothing is shared with `analyze`.
"""

import json, sys

import duckdb

MEASURED = "outcome = 'established' AND flags & 3 = 0"
FAILED = "outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error')"
# quantile as a fraction of whole numbers, samples it needs
USUAL = {"p50": (1, 2, 2), "p90": (9, 10, 10), "p95": (19, 20, 20), "p99": (99, 100, 100), "p999": (999, 1000, 1000)}
OTHERS = {"p05": (1, 20, 20), "p25": (1, 4, 4), "p99": (99, 100, 100)}
# Bounds of the histogram: 1, 1.5, 2, 3, 5, 7 of each power of ten from 1 µs.
BOUNDS = [0] + [step * 10**power for power in range(2, 12) for step in (10, 15, 20, 30, 50, 70)]


def percentile(name, part, whole, needs, interval):
    figures = [f"CASE WHEN samples >= {needs} THEN sorted[(samples * {part} + {whole - 1}) // {whole}] END AS {name}_ns"]
    if interval:
        q = f"({part} / {whole})"
        spread = f"1.959964 * sqrt(samples * {q} * (1 - {q}))"
        low, high = f"floor(samples * {q} - {spread} - 0.5)", f"ceil(samples * {q} + {spread} + 0.5) + 1"
        exists = f"{low} >= 1 AND {high} <= samples"
        figures += [
            f"CASE WHEN {exists} THEN sorted[({low})::BIGINT] END AS {name}_low_ns",
            f"CASE WHEN {exists} THEN sorted[({high})::BIGINT] END AS {name}_high_ns",
        ]
    return ", ".join(figures)


def grouped(keys=(), where="true", percentiles=USUAL, interval=False):
    """One row a group with every figure."""
    wanted = ", ".join(percentile(name, *quantile, interval) for name, quantile in percentiles.items())
    return f"""
        SELECT * EXCLUDE (sorted, total), {wanted}, failed / nullif(connects, 0) AS failure_rate,
            ((2 * total + samples) // nullif(2 * samples, 0))::BIGINT AS mean_ns
        FROM (
            SELECT {''.join(key + ', ' for key in keys)}
                count(*) AS connects,
                count(*) FILTER (outcome = 'established') AS established,
                count(*) FILTER ({FAILED}) AS failed,
                coalesce(sum(syn_retransmits), 0)::BIGINT AS syn_retransmits,
                count(*) FILTER ({MEASURED}) AS samples,
                max(latency_ns) FILTER ({MEASURED}) AS max_ns,
                sum(latency_ns) FILTER ({MEASURED}) AS total,
                list_sort(list(latency_ns) FILTER ({MEASURED})) AS sorted
            FROM capture WHERE {where} {'GROUP BY ALL' if keys else ''})"""


def outcomes(keys=()):
    over = f"PARTITION BY {', '.join(keys)}" if keys else ""
    return f"""
        SELECT *, connects / sum(connects) OVER ({over}) AS share FROM (
            SELECT {''.join(key + ', ' for key in keys)} outcome, errno, count(*) AS connects
            FROM capture GROUP BY ALL)"""


SECOND = "strftime(date_trunc('second', time AT TIME ZONE 'UTC'), '%Y-%m-%dT%H:%M:%SZ') AS time"
DST = "CASE ip_version WHEN 6 THEN '[' || dst_addr || ']' ELSE dst_addr END || ':' || dst_port AS dst"
SUBNET = "regexp_replace(dst_addr, '[0-9]+$', '0/24') AS \"subnet/24\""
QUESTIONS = {
    "percentiles": grouped(),
    "percentiles --by comm,outcome,errno": grouped(["comm", "outcome", "errno"]),
    "percentiles --by rtt_us": grouped(["rtt_us"]),
    "percentiles --by dst": grouped([DST]),
    "percentiles --by subnet/24": grouped([SUBNET]),
    "percentiles --ci --quantiles 0.05,0.25,0.99 --by dst_port": grouped(["dst_port"], "true", OTHERS, True),
    "percentiles --where dst_port = 441 AND comm LIKE 'c%'": grouped([], "dst_port = 441 AND comm LIKE 'c%'"),
    "percentiles --failed --by comm": grouped(["comm"], FAILED),
    "destinations --top 0": grouped(["dst_addr", "dst_port"]),
    "timeseries --every 1s --by comm": grouped([SECOND, "comm"]),
    "outcomes": outcomes(),
    "outcomes --by comm": outcomes(["comm"]),
    "histogram": f"""
        SELECT list_max(list_filter({BOUNDS}, lambda bound: bound <= greatest(latency_ns, 0))) AS from_ns,
            count(*) AS connects
        FROM capture WHERE {MEASURED} GROUP BY ALL""",
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
