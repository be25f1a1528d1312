#!/usr/bin/env python3
"""A fleet of captures, asked with `analyze`, DuckDB and Spark.

    fleet.py ANALYZE DIRECTORY [HOSTS SEGMENTS] [--spark PYTHON] [--rounds N]

Makes SEGMENTS (24) of HOSTS (1,000) in DIRECTORY, 50 connects each, unless it is
there; asks each question N times (3), and prints medians of seconds and of the
processor's seconds, which a busy machine changes less, start of the program
included, their ratio, and the largest memory. `analyze` is given as many
descriptors as it may have; what it does with the usual 1,024 comes last. Needs
duckdb and pyarrow; PYTHON has pyspark 3.5 or 4. Linux.

Exits with 1 if the programs disagree.
"""

import argparse, json, os, platform, resource, statistics, subprocess, sys, time
from pathlib import Path

ENGINES = Path(__file__).resolve().parents[1] / "tests" / "engines"
sys.path.insert(0, str(ENGINES))

import tree
from recipe import read_sql

ADDRESS, PORT = "10.77.1.2", 8080
FIGURES = "count(*) AS connects, count_if(failed) AS failed"
DESTINATION = f"dst_addr = '{ADDRESS}' AND dst_port = {PORT}"
# What is asked, in the SQL of DuckDB and Spark, and of `analyze`.
QUESTIONS = {
    "all hosts": (f"SELECT host, {FIGURES} FROM connects GROUP BY host", ["--by", "host"]),
    "one host": (f"SELECT host, {FIGURES} FROM connects WHERE node = 'h-web-00007' GROUP BY host",
                 ["--by", "host", "--where", "host = 'web-00007'"]),
    "one destination, by host": (f"SELECT host, {FIGURES} FROM connects WHERE {DESTINATION} GROUP BY host",
                                 ["--by", "host", "--where", DESTINATION]),
}

DUCKDB = """
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
for statement in sys.argv[1:-1]: duckdb.execute(statement)
rows = duckdb.execute(sys.argv[-1]).fetchall()
print(len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows))
"""
SPARK = """
import sys
from pyspark.sql import SparkSession
session = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
           .config("spark.driver.memory", "3g").getOrCreate())
for statement in sys.argv[1:-1]: session.sql(statement)
rows = session.sql(sys.argv[-1]).collect()
print(len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows))
# What Java took counts once it is waited for.
java = session.sparkContext._gateway.proc
session.stop()
java.stdin.close()
java.wait()
"""
ANALYZE = """
import json, subprocess, sys
run = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
rows = json.loads(run.stdout)["rows"] if run.returncode == 0 else sys.exit(run.returncode)
print(len(rows), sum(row["connects"] for row in rows), sum(row["failed"] for row in rows))
"""


# A process of its own, for the memory of a large parent counts as its child's.
LAUNCH = """
import json, os, subprocess, sys, time
begin = time.monotonic()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, status]))
"""


def run(command):
    """Seconds, processor seconds, MB of the largest process, the last line it printed."""
    launched = subprocess.run([sys.executable, "-c", LAUNCH, *command], capture_output=True, text=True, check=True)
    *lines, measured = launched.stdout.strip().splitlines()
    seconds, cpu, memory, status = json.loads(measured)
    if status != 0:
        errors = launched.stderr.strip().splitlines()
        return seconds, cpu, memory, "fails: " + (errors or ["?"])[0][:200]
    return seconds, cpu, memory, lines[-1]


def programs(arguments):
    directory = Path(arguments.directory)
    by_analyze = lambda where: lambda question: [
        sys.executable, "-c", ANALYZE, arguments.analyze, "percentiles", *QUESTIONS[question][1],
        "--quantiles", "0.5", "--format", "json", str(where(question))]
    own = lambda question: directory / "node=h-web-00007" if question == "one host" else directory
    # The macro of duckdb.sql, with which it opens the files of one host only.
    narrow = lambda text: text.replace("FROM connects WHERE node = 'h-web-00007'", "FROM connects_in('h-web-00007', '*')")
    by_sql = lambda python, program, name, change=str: lambda question: [
        python, "-c", program, *read_sql(name, directory)[0], change(QUESTIONS[question][0])]
    found = {
        "analyze": by_analyze(own),
        "analyze, the whole tree": by_analyze(lambda _: directory),
        "DuckDB": by_sql(sys.executable, DUCKDB, "duckdb.sql", narrow),
        "DuckDB, the view": by_sql(sys.executable, DUCKDB, "duckdb.sql"),
    }
    if arguments.spark:
        found["Spark"] = by_sql(arguments.spark, SPARK, "spark.sql")
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("analyze")
    parser.add_argument("directory")
    parser.add_argument("hosts", type=int, nargs="?", default=1000)
    parser.add_argument("segments", type=int, nargs="?", default=24)
    parser.add_argument("--spark")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not Path(arguments.directory).exists():
        tree.fleet(arguments.directory, arguments.hosts, arguments.segments)
    begin = time.monotonic()
    files = [file for file in Path(arguments.directory).rglob("*.parquet")]
    listed = time.monotonic() - begin
    size = sum(file.stat().st_size for file in files) / 1e6
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"{len(files):,} files, {size:.0f} MB, listed in {listed:.1f} s; {os.cpu_count()} processors, Linux "
          f"{platform.release()}, load {os.getloadavg()[0]:.0f}, {most:,} descriptors, medians of {arguments.rounds}\n")
    print("| question | program | time | processor | DuckDB = 1 | memory | hosts, connects, failed |\n|---|---|---|---|---|---|---|")
    wrong = 0
    for question in QUESTIONS:
        taken = {}
        for name, command in programs(arguments).items():
            # For the others they are the same.
            if "," in name and question != "one host":
                continue
            taken[name] = [run(command(question)) for _ in range(arguments.rounds)]
        middle = lambda name, place: statistics.median(each[place] for each in taken[name])
        answers = {name: runs[-1][3] for name, runs in taken.items()}
        wrong += len({answer for answer in answers.values() if not answer.startswith("fails")}) > 1
        for name, runs in taken.items():
            seconds, cpu, memory = middle(name, 0), middle(name, 1), max(each[2] for each in runs)
            print(f"| {question} | {name} | {seconds:.1f} s | {cpu:.1f} s | {cpu / middle('DuckDB', 1):.2f} "
                  f"| {memory:.0f} MB | {answers[name]} |", flush=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    *_, answer = run(programs(arguments)["analyze"]("all hosts"))
    print(f"\nanalyze with 1,024 descriptors: {answer}")
    print("The programs disagree." if wrong else "All that answered agree.")
    sys.exit(bool(wrong))


main()
