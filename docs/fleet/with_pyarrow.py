"""Captures of many hosts, asked with pyarrow (tried: 26.0).

    python3 with_pyarrow.py /srv/connlat        every question
    >>> from with_pyarrow import *; time_series(connects("/srv/connlat"))

Everything selected is in memory. Other columns, units and words:
docs/format.md. The file is not called pyarrow.py, for then it would import
itself.
"""

import ipaddress
import sys
from datetime import datetime, timezone
from glob import glob

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

FLAGS = {"fast_open": 1, "repair": 2, "simultaneous": 4, "kernel_socket": 8, "mptcp_subflow": 16, "pre_syn": 32}
FAILED = pa.array(["refused", "timed_out", "unreachable", "aborted", "local_error"])
DESTINATION = ["dst_addr", "dst_port"]


def connects(directory, filter=None, columns=None):
    """All captures below a directory; filter=ds.field("node") == "h-web-1" reads one host's."""
    # Not the directory, which holds the journals of recorders that run, too.
    files = sorted(glob(f"{directory}/**/*.parquet", recursive=True))
    captures = ds.dataset(files, partitioning="hive", partition_base_dir=str(directory))
    table = captures.to_table(filter=filter, columns=columns)
    flag = lambda bits: pc.greater(pc.bit_wise_and(table["flags"], bits), 0)
    established = pc.equal(table["outcome"], "established")
    new = {
        "established": established,
        "failed": pc.is_in(table["outcome"], FAILED),
        # What latency figures rest on: the time is that of a handshake.
        "measured": pc.and_(established, pc.invert(flag(3))),
        "latency_ms": pc.divide(pc.cast(table["latency_ns"], pa.float64()), 1e6),
        "minute": pc.floor_temporal(table["time"], unit="minute"),
        "repeated": pc.greater(table["syn_retransmits"], 0),
        **{name: flag(bit) for name, bit in FLAGS.items()},
    }
    for name, values in new.items():
        table = table.append_column(name, values)
    return table


def percentiles(connects, keys, percents):
    """`samples`, percentiles and `max_ns` of each group that has a sample.

    pyarrow has no exact percentile of groups: quantile() knows no groups, and no
    interpolation= of it is the nearest rank. So latencies are sorted, and those
    at rank ⌈n·q⌉ taken. A percentile of fewer samples than it needs is null.
    """
    samples = connects.filter(connects["measured"]).select([*keys, "latency_ns"]).sort_by("latency_ns")
    # One thread keeps the order.
    groups = samples.group_by(keys, use_threads=False).aggregate([("latency_ns", "list")]).combine_chunks()
    if len(groups) == 0:
        return groups.select(keys)
    lists = groups["latency_ns_list"].chunk(0)
    count = lists.value_lengths().cast(pa.int64())
    first = lists.offsets[:-1].cast(pa.int64())
    at = lambda rank: lists.values.take(pc.subtract(pc.add(first, rank), 1))
    result = groups.select(keys).append_column("samples", count).append_column("max_ns", at(count))
    for percent in percents:
        rank = pc.divide(pc.add(pc.multiply(count, percent), 99), 100)
        enough = pc.greater_equal(pc.multiply(count, 100 - percent), 100)
        result = result.append_column(f"p{percent}_ns", pc.if_else(enough, at(rank), None))
    return result


def counts(connects, keys, *sums):
    """`connects` and sums of each group."""
    found = connects.group_by(keys).aggregate([([], "count_all"), *[(name, "sum") for name in sums]])
    return found.rename_columns([name.removesuffix("_sum").replace("count_all", "connects") for name in found.column_names])


def with_percentiles(connects, keys, sums, percents):
    joined = counts(connects, keys, *sums).join(percentiles(connects, keys, percents), keys)
    if "samples" in joined.column_names:
        place = joined.schema.get_field_index("samples")
        joined = joined.set_column(place, "samples", pc.fill_null(joined["samples"], 0))
    return joined


def network(address):
    """IPv4 by 24 bits, IPv6 by 64."""
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def rows_by_host(connects):
    """Rows by host."""
    return counts(connects, ["host"], "established", "failed", "syn_retransmits").sort_by([("connects", "descending")])


def percentiles_by_destination(connects):
    """Percentiles by destination."""
    return with_percentiles(connects, DESTINATION, ["failed"], [50, 90, 99]).sort_by([("connects", "descending")])


def time_series(connects):
    """Time series."""
    return with_percentiles(connects, ["minute"], ["failed", "syn_retransmits"], [50, 99]).sort_by("minute")


def failures_by_host_and_minute(connects):
    """Failures by host and minute."""
    found = counts(connects, ["host", "minute"], "failed")
    return found.filter(pc.greater(found["failed"], 0)).sort_by([("minute", "ascending"), ("host", "ascending")])


def difference_of_two_ranges(
    connects,
    before=(datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc), datetime(2026, 11, 25, 12, 10, tzinfo=timezone.utc)),
    after=(datetime(2026, 11, 25, 12, 10, tzinfo=timezone.utc), datetime(2026, 11, 25, 12, 20, tzinfo=timezone.utc)),
):
    """Difference of two ranges."""
    def side(begin, end):
        rows = connects.filter((pc.field("time") >= begin) & (pc.field("time") < end))
        found = with_percentiles(rows, DESTINATION, ["failed"], [50, 99])
        rate = pc.divide(found["failed"].cast(pa.float64()), found["connects"].cast(pa.float64()))
        return found.append_column("failure_rate", rate)
    both = side(*before).join(
        side(*after), DESTINATION, join_type="full outer", left_suffix="_before", right_suffix="_after")
    for name in ("connects_before", "connects_after"):
        both = both.set_column(both.schema.get_field_index(name), name, pc.fill_null(both[name], 0))
    return both.sort_by([("dst_addr", "ascending"), ("dst_port", "ascending")])


def syn_loss_by_subnet(connects):
    """SYN loss by subnet."""
    found = counts(connects, ["dst_addr"], "repeated", "syn_retransmits")
    found = found.append_column("network", pa.array([network(text) for text in found["dst_addr"].to_pylist()], pa.string()))
    found = found.group_by("network").aggregate([(name, "sum") for name in ("connects", "repeated", "syn_retransmits")])
    return found.rename_columns([name.removesuffix("_sum") for name in found.column_names])


def who_shares_the_bad_connects(connects):
    """Who shares the bad connects."""
    # One destination on all hosts, or one host?
    hosts = lambda rows: rows.group_by(DESTINATION).aggregate([([], "count_all"), ("host", "count_distinct")])
    bad = hosts(connects.filter(pc.or_(connects["failed"], connects["repeated"])))
    bad = bad.rename_columns([*DESTINATION, "bad", "hosts_bad"])
    bad = bad.append_column("share", pc.divide(bad["bad"].cast(pa.float64()), float(pc.sum(bad["bad"]).as_py() or 1)))
    everyone = hosts(connects).rename_columns([*DESTINATION, "connects", "hosts"])
    return bad.join(everyone, DESTINATION).sort_by([("bad", "descending")])


def one_host_one_day(connects):
    """One host, one day."""
    # connects(…, filter=(ds.field("node") == "h-web-1") & (ds.field("date") == "2026-11-25"))
    # reads only that directory.
    rows = connects.filter(
        (pc.field("node") == "h-web-1") & (pc.field("host") == "web-1") & (pc.field("date") == "2026-11-25"))
    return counts(rows, ["outcome"]).sort_by([("connects", "descending")])


QUESTIONS = [
    rows_by_host, percentiles_by_destination, time_series, failures_by_host_and_minute,
    difference_of_two_ranges, syn_loss_by_subnet, who_shares_the_bad_connects, one_host_one_day,
]

if __name__ == "__main__":
    captures = connects(sys.argv[1])
    for question in QUESTIONS:
        print(question.__doc__, question(captures).to_pylist()[:20], sep="\n")
