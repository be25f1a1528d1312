#!/usr/bin/env python3
"""`analyze` beside DuckDB: the same questions about the same files.

    against_duckdb.py ANALYZE DIRECTORY [ROWS] [--rounds N]

Makes ten million rows in ten files (or ROWS) in DIRECTORY unless captures are
there, asks both programs each question N times (3) in turn, checks that they
agree on every figure, and prints the medians of seconds and the largest memory,
with what `analyze` takes in parts of what DuckDB takes. Needs duckdb, numpy and
pyarrow from PyPI, and Linux. DuckDB's time includes the start of Python.

Exits with 1 if a figure differs.
"""

import json, os, platform, shlex, statistics, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / "large"), str(HERE.parent / "tests" / "oracle")]

from grouped import FAILED, MEASURED, USUAL

MINUTE = "strftime(date_trunc('minute', time AT TIME ZONE 'UTC'), '%Y-%m-%dT%H:%M:%SZ') AS time"
SHOWN = "latency_ns, outcome, errno, syn_retransmits, rtt_us, pid, comm, dst_addr, dst_port, cgroup, host"


def grouped(keys=()):
    """As a person would ask DuckDB; the discrete quantile is the nearest rank."""
    names, needs = list(USUAL), [need for *_, need in USUAL.values()]
    quantiles = ", ".join(str(part / whole) for part, whole, _ in USUAL.values())
    figures = ", ".join(
        f"CASE WHEN samples >= {need} THEN quantiles[{place}] END AS {name}_ns"
        for place, (name, need) in enumerate(zip(names, needs), 1))
    return f"""
        SELECT * EXCLUDE (quantiles, total), {figures}, failed / nullif(connects, 0) AS failure_rate,
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
                quantile_disc(latency_ns, [{quantiles}]) FILTER ({MEASURED}) AS quantiles
            FROM capture {'GROUP BY ALL' if keys else ''})"""


def first(order, where):
    return f"""SELECT strftime(time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS time, {SHOWN}
        FROM capture WHERE {where} ORDER BY {order} LIMIT 20"""


# (question, SQL, keys of a row); a summary is compared with `destinations`.
QUESTIONS = [
    ("percentiles", grouped(), []),
    ("destinations --top 0", grouped(["dst_addr", "dst_port"]), ["dst_addr", "dst_port"]),
    ("timeseries --every 1m", grouped([MINUTE]), ["time"]),
    ("percentiles --by comm", grouped(["comm"]), ["comm"]),
    ("slowest", first("latency_ns DESC, time", MEASURED), ["latency_ns", "time"]),
    ("events --failed", first("time, latency_ns", FAILED), ["latency_ns", "time"]),
    ("summary", None, None),
    ("diff --split +30m", None, None),
]
BESIDE = "destinations --top 0"

DUCKDB = """
import json, sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute("CREATE VIEW capture AS FROM read_parquet('" + sys.argv[1] + "/*.parquet')")
cursor = duckdb.execute(sys.argv[2])
names = [column[0] for column in cursor.description]
json.dump([dict(zip(names, row)) for row in cursor.fetchall()], sys.stdout, default=float)
"""


def run(command):
    """Seconds, MB and what it printed."""
    with tempfile.TemporaryFile() as out:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        if status != 0:
            sys.exit(f"{shlex.join(command)[:200]} failed")
        out.seek(0)
        return seconds, usage.ru_maxrss / 1000, out.read()


def differences(found, expected, keys):
    key = lambda row: tuple(str(row[name]) for name in keys)
    by_key = {key(row): row for row in expected}
    found = [row for row in found if row.get("connects") != 0]
    if len(found) != len(expected):
        return [f"{len(found)} rows, expected {len(expected)}"]
    wrong = []
    for row in found:
        same = by_key.get(key(row))
        if same is None:
            wrong.append(f"{key(row)} is not there")
            continue
        for name, value in same.items():
            if name not in row:
                continue
            other = row[name]
            near = isinstance(value, float) and other is not None and abs(other - value) <= max(1, abs(value) * 1e-12)
            if not (other == value or near and (name == "mean_ns" or abs(other - value) < 1e-12)):
                wrong.append(f"{key(row)}: {name} {other}, expected {value}")
    return wrong


def main():
    arguments = sys.argv[1:]
    rounds = 3
    if "--rounds" in arguments:
        at = arguments.index("--rounds")
        rounds = int(arguments[at + 1])
        del arguments[at : at + 2]
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    analyze, directory = arguments[0], Path(arguments[1])
    if not list(directory.glob("*.parquet")):
        import large

        large.make(directory, int(arguments[2]) if len(arguments) > 2 else 10_000_000, False)
    import duckdb

    files = list(directory.glob("*.parquet"))
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{len(files)} files, {size:.0f} MB; {os.cpu_count()} processors, Linux {platform.release()}, "
          f"DuckDB {duckdb.__version__}, medians of {rounds}\n")
    print("| question | analyze | | DuckDB | | time | memory |\n|---|---|---|---|---|---|---|")
    taken, wrong = {}, []
    for question, sql, keys in QUESTIONS:
        own, others = [], []
        for _ in range(rounds):
            own.append(run([analyze, *shlex.split(question), "--format", "json", str(directory)]))
            if sql:
                others.append(run([sys.executable, "-c", DUCKDB, str(directory), sql]))
        if sql:
            found, expected = json.loads(own[-1][2])["rows"], json.loads(others[-1][2])
            wrong += [f"{question}: {text}" for text in differences(found, expected, keys)]
            taken[question] = others
        beside = others or taken[BESIDE]
        median = lambda runs: statistics.median(seconds for seconds, *_ in runs)
        memory = lambda runs: max(mb for _, mb, _ in runs)
        (a, b), (m, n) = (median(own), median(beside)), (memory(own), memory(beside))
        name = question.replace(" --top 0", "")
        print(f"| `{name}` | {a:.2f} s | {m:.0f} MB | {b:.2f} s | {n:.0f} MB | {a / b:.2f} | {m / n:.2f} |", flush=True)
    print("\n`summary` and `diff` beside DuckDB's time for `destinations`.")
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    print(f"{len(wrong)} figures differ" if wrong else "Both agree on every figure.")
    sys.exit(bool(wrong))


main()
