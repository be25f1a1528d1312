"""Captures of many hosts, asked with polars (tried: 2.1).

    python3 with_polars.py /srv/connlat        every question
    >>> from with_polars import *; time_series(connects("/srv/connlat"))

Other columns, units and words: docs/format.md. The file is not called
polars.py, for then it would import itself.
"""

import ipaddress
import sys
from datetime import datetime, timezone

import polars as pl

FLAGS = {"fast_open": 1, "repair": 2, "simultaneous": 4, "kernel_socket": 8, "mptcp_subflow": 16, "pre_syn": 32}
FAILED = ["refused", "timed_out", "unreachable", "aborted", "local_error"]


def connects(directory, **options):
    """All captures below a directory, or s3://BUCKET/PREFIX with storage_options=…"""
    return pl.scan_parquet(
        # Not the journals of recorders that run.
        f"{directory}/**/*.parquet",
        hive_partitioning=True,
        # Captures of another version of record may have other columns.
        extra_columns="ignore",
        missing_columns="insert",
        **options,
    ).with_columns(
        pl.col("outcome").is_in(FAILED).alias("failed"),
        # What latency figures rest on: the time is that of a handshake.
        ((pl.col("outcome") == "established") & (pl.col("flags") & 3 == 0)).alias("measured"),
        (pl.col("latency_ns") / 1e6).alias("latency_ms"),
        pl.col("time").dt.truncate("1m").alias("minute"),
        *[(pl.col("flags") & bit > 0).alias(name) for name, bit in FLAGS.items()],
    )


def nearest_rank(q, where=True):
    """The exact percentile; null of fewer samples than it needs."""
    samples = pl.col("latency_ns").filter(pl.col("measured") & where)
    need = round(1 / (1 - q))
    # "nearest" is not the nearest rank, which is called equiprobable.
    return pl.when(samples.len() >= need).then(samples.quantile(q, "equiprobable")).cast(pl.Int64)


def network(address):
    """IPv4 by 24 bits, IPv6 by 64."""
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def rows_by_host(connects):
    """Rows by host."""
    return connects.group_by("host").agg(
        pl.len().alias("connects"),
        (pl.col("outcome") == "established").sum().alias("established"),
        pl.col("failed", "syn_retransmits").sum(),
    ).sort("connects", descending=True).collect()


def percentiles_by_destination(connects):
    """Percentiles by destination."""
    return connects.group_by("dst_addr", "dst_port").agg(
        pl.len().alias("connects"),
        pl.col("failed").sum(),
        pl.col("measured").sum().alias("samples"),
        nearest_rank(0.5).alias("p50_ns"),
        nearest_rank(0.9).alias("p90_ns"),
        nearest_rank(0.99).alias("p99_ns"),
        pl.col("latency_ns").filter("measured").max().alias("max_ns"),
    ).sort("connects", descending=True).collect()


def time_series(connects):
    """Time series."""
    return connects.group_by("minute").agg(
        pl.len().alias("connects"),
        pl.col("failed", "syn_retransmits").sum(),
        pl.col("measured").sum().alias("samples"),
        nearest_rank(0.5).alias("p50_ns"),
        nearest_rank(0.99).alias("p99_ns"),
    ).sort("minute").collect()


def failures_by_host_and_minute(connects):
    """Failures by host and minute."""
    return connects.group_by("host", "minute").agg(
        pl.len().alias("connects"), pl.col("failed").sum(),
    ).filter(pl.col("failed") > 0).sort("minute", "host").collect()


def difference_of_two_ranges(
    connects,
    before=(datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc), datetime(2026, 11, 25, 12, 10, tzinfo=timezone.utc)),
    after=(datetime(2026, 11, 25, 12, 10, tzinfo=timezone.utc), datetime(2026, 11, 25, 12, 20, tzinfo=timezone.utc)),
):
    """Difference of two ranges."""
    figures = []
    for name, (begin, end) in {"before": before, "after": after}.items():
        side = (pl.col("time") >= begin) & (pl.col("time") < end)
        figures += [
            side.sum().alias(f"connects_{name}"),
            pl.col("failed").filter(side).mean().alias(f"failure_rate_{name}"),
            nearest_rank(0.5, side).alias(f"p50_ns_{name}"),
            nearest_rank(0.99, side).alias(f"p99_ns_{name}"),
        ]
    return connects.group_by("dst_addr", "dst_port").agg(figures).filter(
        pl.col("connects_before") + pl.col("connects_after") > 0,
    ).sort("dst_addr", "dst_port").collect()


def syn_loss_by_subnet(connects):
    """SYN loss by subnet."""
    figures = ["connects", "repeated", "syn_retransmits"]
    return connects.group_by("dst_addr").agg(
        pl.len().alias("connects"),
        (pl.col("syn_retransmits") > 0).sum().alias("repeated"),
        pl.col("syn_retransmits").sum(),
    ).collect().with_columns(
        pl.col("dst_addr").map_elements(network, pl.String).alias("network"),
    ).group_by("network").agg(pl.col(figures).sum()).sort(pl.col("repeated") / pl.col("connects"), descending=True)


def who_shares_the_bad_connects(connects):
    """Who shares the bad connects."""
    # One destination on all hosts, or one host?
    bad = pl.col("failed") | (pl.col("syn_retransmits") > 0)
    return connects.group_by("dst_addr", "dst_port").agg(
        bad.sum().alias("bad"),
        pl.col("host").filter(bad).n_unique().alias("hosts_bad"),
        pl.col("host").n_unique().alias("hosts"),
    ).filter(pl.col("bad") > 0).with_columns(
        (pl.col("bad") / pl.col("bad").sum()).alias("share"),
    ).sort("bad", descending=True).collect()


def one_host_one_day(connects):
    """One host, one day."""
    # `node` and `date` name directories: only those are read.
    return connects.filter(
        pl.col("node") == "h-web-1", pl.col("host") == "web-1", pl.col("date") == pl.date(2026, 11, 25),
    ).group_by("outcome").agg(pl.len().alias("connects")).sort("connects", descending=True).collect()


QUESTIONS = [
    rows_by_host, percentiles_by_destination, time_series, failures_by_host_and_minute,
    difference_of_two_ranges, syn_loss_by_subnet, who_shares_the_bad_connects, one_host_one_day,
]

if __name__ == "__main__":
    captures = connects(sys.argv[1])
    for question in QUESTIONS:
        print(question.__doc__, question(captures), sep="\n")
