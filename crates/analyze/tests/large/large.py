#!/usr/bin/env python3
"""Inputs larger than memory: makes captures, and measures `analyze` on them.

    large.py make DIRECTORY ROWS [--distinct]
    large.py measure ANALYZE DIRECTORY [QUESTION...]

`make` writes an hour of up to 20 hosts, a million rows a file, laid out as
`record` does; more rows are the same files again, said to be of other boots. With
--distinct every row has another destination. Needs numpy and pyarrow.

`measure` prints seconds and the peak of anonymous memory of each question,
Linux only. Files stay in the page cache, which the kernel takes back.
"""

import json, shlex, subprocess, sys, time, uuid
from pathlib import Path

MILLION, HOSTS = 1_000_000, 20
START_US = 1_790_000_000_000_000 // 3_600_000_000 * 3_600_000_000
HOUR_US = 3_600_000_000
QUESTIONS = [
    "summary", "percentiles", "percentiles --by subnet/24", "destinations", "timeseries --every 1m",
    "slowest", "events --failed", "outcomes --by comm", "histogram", "heatmap",
    "percentiles --by host,comm --ci", "diff --split +30m",
]


def batch(random, host, boot, rows, distinct):
    import numpy as np
    import pyarrow as pa

    start = np.sort(random.integers(0, HOUR_US * 1000, rows))
    # A few destinations take most connects, as they do.
    rank = (random.pareto(1.1, rows) * 3).astype(np.int64) % 4_000
    if distinct:
        rank = np.arange(rows) + host * rows
        address = [f"2001:db8:{n >> 16:x}::{n & 0xffff:x}" for n in range(host * rows, (host + 1) * rows)]
        dst = pa.array(address)
    else:
        table = pa.array([f"10.{n % 7}.{n * 37 % 251}.{n % 253 + 1}" for n in range(4_000)])
        dst = table.take(pa.array(rank))
    program = (rank * 7 + random.integers(0, 3, rows)) % 40
    latency = (random.lognormal(12.2, 1.1, rows) + rank % 97 * 20_000).astype(np.int64)
    again = random.random(rows) < 0.002
    latency += again * 1_020_000_000
    kind = random.random(rows)
    outcome = np.select([kind < 0.99, kind < 0.996, kind < 0.998], [0, 1, 2], 3)
    names = lambda table, index: pa.array(table).take(pa.array(index))
    constant = lambda value: pa.array([value]).take(pa.array(np.zeros(rows, np.int64)))
    i32 = lambda values: pa.array(np.asarray(values, np.int32), pa.int32())
    errno = np.array([0, 111, 110, 0])[outcome]
    time_us = START_US + start // 1000
    columns = {
        "host": constant(f"web-{host}"), "boot_id": constant(boot),
        "time": pa.array(time_us, pa.timestamp("us", "UTC")), "start_ns": pa.array(start),
        "latency_ns": pa.array(latency),
        "outcome": names(["established", "refused", "timed_out", "aborted"], outcome),
        "errno": pa.array(np.asarray(errno, np.int32), pa.int32(), mask=errno == 0),
        "syn_retransmits": i32(again), "rtt_us": pa.array(np.asarray(latency // 1200, np.int32), pa.int32(), mask=again | (outcome > 0)),
        "pid": i32(1_000 + program * 3), "tid": i32(1_000 + program * 3 + rank % 8),
        "uid": pa.array(program % 5 + 1_000), "comm": names([f"worker-{n}" for n in range(40)], program),
        "cgroup": names([f"/system.slice/app-{n}.service" for n in range(40)], program),
        "cgroup_id": pa.array(program + 7_000), "netns": constant(4_026_531_840),
        "ip_version": i32(np.full(rows, 6 if distinct else 4)), "src_addr": constant(f"10.9.{host}.1"),
        "src_port": i32(random.integers(32_768, 61_000, rows)), "dst_addr": dst,
        "dst_port": i32(np.array([443, 5432, 6379, 8080])[rank % 4]), "flags": i32(np.zeros(rows)),
    }
    fields = [pa.field(name, array.type, nullable=name in ("errno", "rtt_us")) for name, array in columns.items()]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def document(host, boot, rows):
    at = lambda us: {"time_us": START_US + us, "monotonic_ns": us * 1000}
    return json.dumps({
        "format_version": 1, "tool_version": "0.1.0", "host": f"web-{host}", "kernel_release": "6.12.0",
        "arch": "x86_64", "boot_id": boot, "machine_id_hash": None, "command_line": ["record"], "filters": {},
        "start": at(0), "stop": at(HOUR_US), "stop_reason": "rotated", "clean": True,
        "clock": [{"monotonic_ns": us * 1000, "realtime_ns": (START_US + us) * 1000, "bracket_ns": 100,
                   "adjtimex_state": 0, "max_error_us": 500} for us in (0, HOUR_US)],
        "sysctls": {"net.ipv4.tcp_syn_linear_timeouts": "4"},
        "counters": {"seen": rows, "written": rows}, "loss_spans": [], "segment": 1, "unavailable": [],
        "row_group_sort": ["pid", "dst_addr", "dst_port", "outcome", "start_ns"],
    })


def make(directory, rows, distinct):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as parquet

    directory.mkdir(parents=True, exist_ok=True)
    delta = ["time", "start_ns", "latency_ns", "rtt_us", "src_port", "dst_port"]
    files = []
    for host in range(-(-rows // MILLION) if distinct else min(HOSTS, -(-rows // MILLION))):
        random = np.random.default_rng(host)
        boot = str(uuid.UUID(int=host))
        table = batch(random, host, boot, MILLION, distinct)
        path = directory / f"web-{host}.parquet"
        with parquet.ParquetWriter(path, table.schema, compression="zstd", compression_level=1, store_schema=False,
                                   use_dictionary=[name for name in table.column_names if name not in delta],
                                   column_encoding={name: "DELTA_BINARY_PACKED" for name in delta}) as writer:
            for start in range(0, MILLION, 100_000):
                group = table.slice(start, 100_000)
                writer.write_table(group.sort_by([(key, "ascending") for key in ("pid", "dst_addr", "dst_port", "outcome", "start_ns")]))
            writer.add_key_value_metadata({"connlat.schema_version": "1", "connlat.capture": document(host, boot, MILLION)})
        files.append(path)
        print(f"\r{len(files)} million rows", end="", file=sys.stderr)
    for more in range(len(files), -(-rows // MILLION)):
        host = more % len(files)
        old, new = str(uuid.UUID(int=host)), str(uuid.UUID(int=more))
        content = files[host].read_bytes()
        # Only in the document: rows and their statistics stay those of the first.
        of = lambda boot: f'"boot_id": "{boot}"'.encode()
        assert content.count(of(old)) == 1
        (directory / f"web-{host}-{more}.parquet").write_bytes(content.replace(of(old), of(new)))
    print(file=sys.stderr)


def peak_mb(pid, peak):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon:"):
                return max(peak, int(line.split()[1]) / 1000)
    except OSError:
        pass
    return peak


def measure(analyze, directory, questions):
    for question in questions or QUESTIONS:
        begin, peak = time.monotonic(), 0
        process = subprocess.Popen([analyze, *shlex.split(question), str(directory)], stdout=subprocess.DEVNULL)
        while process.poll() is None:
            peak = peak_mb(process.pid, peak)
            time.sleep(0.02)
        seconds = time.monotonic() - begin
        print(f"{question:34} {seconds:7.1f} s {peak:7.0f} MB exit {process.returncode}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", directory, rows, *options]:
            make(Path(directory), int(rows), "--distinct" in options)
        case ["measure", analyze, directory, *questions]:
            measure(analyze, Path(directory), questions)
        case _:
            sys.exit(__doc__)
