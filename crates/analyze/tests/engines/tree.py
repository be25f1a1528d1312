#!/usr/bin/env python3
"""Makes the tree that a fleet of recorders leaves behind, from fixtures.

    tree.py DIRECTORY HOSTS SEGMENTS [ROWS]

writes SEGMENTS hours of HOSTS hosts into DIRECTORY, ROWS connects each (50).
Rows, schema, encodings and footers are those of a fixture; host, boot and
machine id, times and counters are changed. Needs pyarrow.
"""

import copy, hashlib, json, sys, uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures"
NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
# As crates/record/src/capture/seal.rs has it.
DELTA = ["time", "start_ns", "latency_ns", "rtt_us", "src_port", "dst_port"]
LONGEST_NODE = 200


def plain(character, others):
    return character.isascii() and (character.isalnum() or character in others)


def node_directory(host):
    """As `node_directory` in crates/record/src/capture/naming.rs."""
    name = "".join(chr(byte) if plain(chr(byte), "-.") else f"_{byte:02x}" for byte in host.encode())
    if len(name) > LONGEST_NODE:
        name = name[: LONGEST_NODE - 34] + "_z" + hashlib.sha256(host.encode()).digest()[:16].hex()
    return f"node=h-{name}"


def capture_path(tree, host, begin):
    safe = "".join(character if plain(character, "-_.") else "_" for character in host[:64])
    name = f"connlat-{safe}-{begin:%Y%m%dT%H%M%SZ}.parquet"
    return Path(tree) / node_directory(host) / f"date={begin:%Y-%m-%d}" / name


class Template:
    """The rows and the footer of a fixture."""

    def __init__(self, name):
        file = pq.ParquetFile(FIXTURES / f"{name}.parquet")
        self.table = file.read()
        self.footer = json.loads(file.metadata.metadata[b"connlat.capture"])

    def segment(self, host, begin, number, *, rows=None, stretch=1, change=None):
        """A table as if recorded on `host` from `begin` on, `stretch` times slower."""
        table = self.table
        if rows is not None:
            table = table.take([place * len(table) // rows for place in range(rows)])
        if change:
            table = change(table)
        footer = copy.deepcopy(self.footer)
        first, last = footer["start"], footer["stop"]
        begin_us = int(begin.timestamp()) * 1_000_000
        begin_ns = number * 3_600_000_000_000 + 1_000_000_000
        wall = lambda us: begin_us + (us - first["time_us"]) * stretch
        steady = lambda ns: begin_ns + (ns - first["monotonic_ns"]) * stretch
        shifted = lambda values, origin, to: pc.add(pc.multiply(pc.subtract(values, origin), stretch), to)
        stop_us, stop_ns = wall(last["time_us"]), steady(last["monotonic_ns"])
        for sample in footer["clock"]:
            sample["realtime_ns"] = wall(sample["realtime_ns"] // 1000) * 1000
            sample["monotonic_ns"] = steady(sample["monotonic_ns"])
            sample.update(adjtimex_state=0, max_error_us=1500)
        start_ns = shifted(table["start_ns"], first["monotonic_ns"], begin_ns)
        time = shifted(table["time"].cast(pa.int64()), first["time_us"], begin_us)
        boot = boot_of(host)
        constant = lambda text: pa.array([text] * len(table))
        columns = {"host": constant(host), "boot_id": constant(boot),
                   "time": time.cast(pa.timestamp("us", "UTC")), "start_ns": start_ns}
        names = table.schema.names
        table = pa.table([columns.get(name, table[name]) for name in names], schema=table.schema)
        footer.update(
            host=host, boot_id=boot, segment=number, stop_reason="rotated", filters={}, command_line=["record"],
            machine_id_hash=machine_of(host),
            start={"time_us": begin_us, "monotonic_ns": begin_ns},
            stop={"time_us": stop_us, "monotonic_ns": stop_ns})
        footer["counters"].update(seen=len(table), written=len(table), filtered=0, suppressed={}, end_without_start=0)
        return table.replace_schema_metadata({
            "connlat.schema_version": "1", "connlat.capture": json.dumps(footer, separators=(",", ":"))})


def write(table, path):
    """With the encodings that `record` uses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # An Arrow schema in the footer would tell Arrow's readers what others do not see.
    with pq.ParquetWriter(
        path, table.schema, version="2.6", compression="zstd", compression_level=3, store_schema=False,
        use_dictionary=[name for name in table.schema.names if name not in DELTA],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in DELTA}) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(table.schema.metadata)


def web(host):
    return f"web-{host:05}"


def boot_of(host):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, host))


def machine_of(host):
    return hashlib.sha256(host.encode()).hexdigest()


def fleet(directory, hosts, segments, rows=50):
    """`hosts` machines, an hour a segment.

    A file is written for the first of them; the others get its bytes, in which
    names and ids of the same length are replaced.
    """
    templates = [Template(name) for name in ("two-causes", "lost-syns", "refused-often", "happy-eyeballs")]
    names = [web(host) for host in range(hosts)]
    identity = lambda name: [part.encode() for part in (name, boot_of(name), machine_of(name))]
    for number in range(segments):
        begin = NOON.replace(hour=0) + timedelta(hours=number)
        files = []
        for template in templates:
            path = capture_path(directory, names[0], begin)
            write(template.segment(names[0], begin, number + 1, rows=rows, stretch=200), path)
            files.append(path.read_bytes())
        for host, name in enumerate(names):
            path = capture_path(directory, name, begin)
            content = files[(host + number) % len(files)]
            for old, new in zip(identity(names[0]), identity(name)):
                content = content.replace(old, new)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if number == 0 and host < 2 * len(files):
                check(path, name)


def check(path, name):
    """Names are all where they could be replaced, none inside of what is compressed."""
    table = pq.read_table(path, columns=["host", "boot_id"], partitioning=None)
    found = {text for column in table.columns for text in column.unique().to_pylist()}
    if found != {name, boot_of(name)}:
        raise AssertionError(f"{path} is of {found}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    fleet(sys.argv[1], *map(int, sys.argv[2:]))
