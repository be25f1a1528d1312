"""Host names of every kind, and a tree of captures for each."""

from datetime import timedelta

import pyarrow as pa

from tree import NOON, Template, capture_path, write

# What a name looks like to an engine that guesses, and such a name.
KINDS = {
    "plain": "web-1",
    "number": "123",
    "leading zeros": "007",
    "number with exponent": "1e5",
    "date": "2026-11-25",
    "Hive's word for null": "__HIVE_DEFAULT_PARTITION__",
    "equals sign": "a=b",
    "colon": "a:b",
    "looks encoded": "a_3db",
    "space": "db 1",
    "percent sign": "50%25",
    "quote": "o'neil",
    "slash": "../up",
    "Unicode": "bücher-中",
    "longest": "中" * 21,
    "`null`": "null",
    "`true`": "true",
    "`nan`": "nan",
    "capitals": "WEB-1",
}
TEMPLATES = ["two-causes", "lost-syns", "refused-often", "happy-eyeballs", "loopback", "impatient"]
# Each network is another way to write 64 bits.
ADDRESSES = ["::1", "2001:db8::5", "2001:db8:0:1::", "2001:db8::1:0:0:1", "1::2:3:4:5:6", "1:2:3:4:5:6:7:8",
             "0:0:1::9", "fd77:0:0:1::1", "fe80::a:b:c:d", "0:1:2:3::"]


def spread(table):
    """Flags and IPv6 addresses that the fixtures do not have."""
    flags, addresses = table["flags"].to_pylist(), table["dst_addr"].to_pylist()
    for row, address in enumerate(addresses):
        flags[row] |= (row % 17 == 0) + 2 * (row % 31 == 0) + 8 * (row % 13 == 0)
        if ":" in address:
            addresses[row] = ADDRESSES[row % len(ADDRESSES)]
    new = {"flags": pa.array(flags, pa.int32()), "dst_addr": pa.array(addresses)}
    return pa.table([new.get(name, table[name]) for name in table.schema.names], schema=table.schema)


def later_version(table):
    """A column that a later version may add."""
    return table.append_column(pa.field("later", pa.string(), False), pa.array(["later"] * len(table)))


def record(directory, host, place, change=None):
    """Three segments of ten minutes at noon, one over midnight, one being written."""
    for number in range(4):
        template = Template(TEMPLATES[(place + number) % len(TEMPLATES)])
        begin = NOON + timedelta(minutes=10 * number)
        if number == 3:
            begin = NOON.replace(hour=23, minute=57)
        table = template.segment(host, begin, number + 1, stretch=20, change=spread)
        path = capture_path(directory, host, begin)
        write(change(table) if change else table, path)
    # What a recorder that runs has beside its captures.
    path.with_name(path.name + ".journal").write_bytes(b"\xff\xff\xff\xff no Parquet")


def make(directory):
    """The trees by name: one for each kind, one of all, one of two versions."""
    trees = {}
    for place, (kind, host) in enumerate(KINDS.items()):
        trees[kind] = directory / f"{place}"
        record(trees[kind], host, place)
        record(directory / "all", host, place)
    trees["all of them in one tree"] = directory / "all"
    trees["two versions in one tree"] = directory / "versions"
    for place, host in enumerate(["web-1", "web-2", "web-3"]):
        record(trees["two versions in one tree"], host, place, later_version if place != 1 else None)
    return trees
