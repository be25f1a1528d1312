"""Captures of many hosts, asked with pandas (tried: 3.1) and pyarrow.

    python3 with_pandas.py /srv/connlat        every question
    >>> from with_pandas import *; time_series(connects("/srv/connlat"))

Everything selected is in memory. Do not read captures with engine="fastparquet":
it gets figures wrong and does not say so (docs/fleet.md). Other columns, units
and words: docs/format.md. The file is not called pandas.py, for then it would
import itself.
"""

import ipaddress
import sys
from glob import glob

import pandas as pd
import pyarrow.dataset as ds

FLAGS = {"fast_open": 1, "repair": 2, "simultaneous": 4, "kernel_socket": 8, "mptcp_subflow": 16, "pre_syn": 32}
FAILED = ["refused", "timed_out", "unreachable", "aborted", "local_error"]
DESTINATION = ["dst_addr", "dst_port"]


def connects(directory, filter=None, columns=None):
    """All captures below a directory; filter=ds.field("node") == "h-web-1" reads one host's."""
    # Not the directory, which holds the journals of recorders that run, too.
    files = sorted(glob(f"{directory}/**/*.parquet", recursive=True))
    captures = ds.dataset(files, partitioning="hive", partition_base_dir=str(directory))
    frame = captures.to_table(filter=filter, columns=columns).to_pandas()
    frame["failed"] = frame["outcome"].isin(FAILED)
    # What latency figures rest on: the time is that of a handshake.
    frame["measured"] = (frame["outcome"] == "established") & (frame["flags"] & 3 == 0)
    frame["latency_ms"] = frame["latency_ns"] / 1e6
    frame["minute"] = frame["time"].dt.floor("min")
    for name, bit in FLAGS.items():
        frame[name] = frame["flags"] & bit > 0
    # Only where a latency counts.
    frame["sample_ns"] = frame["latency_ns"].astype("Int64").where(frame["measured"])
    return frame


def nearest_rank(percent):
    """The exact percentile; null of fewer samples than it needs."""
    # No interpolation= of quantile() is the nearest rank.
    def rank(samples):
        ordered = samples.dropna().sort_values()
        if len(ordered) * (100 - percent) < 100:
            return pd.NA
        return ordered.iloc[(len(ordered) * percent + 99) // 100 - 1]
    return rank


def network(address):
    """IPv4 by 24 bits, IPv6 by 64."""
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def rows_by_host(connects):
    """Rows by host."""
    established = connects.assign(established=connects["outcome"] == "established")
    return established.groupby("host").agg(
        connects=("outcome", "size"), established=("established", "sum"), failed=("failed", "sum"),
        syn_retransmits=("syn_retransmits", "sum"),
    ).sort_values("connects", ascending=False).reset_index()


def percentiles_by_destination(connects):
    """Percentiles by destination."""
    return connects.groupby(DESTINATION).agg(
        connects=("outcome", "size"), failed=("failed", "sum"), samples=("measured", "sum"),
        p50_ns=("sample_ns", nearest_rank(50)), p90_ns=("sample_ns", nearest_rank(90)),
        p99_ns=("sample_ns", nearest_rank(99)), max_ns=("sample_ns", "max"),
    ).sort_values("connects", ascending=False).reset_index()


def time_series(connects):
    """Time series."""
    return connects.groupby("minute").agg(
        connects=("outcome", "size"), failed=("failed", "sum"), syn_retransmits=("syn_retransmits", "sum"),
        samples=("measured", "sum"), p50_ns=("sample_ns", nearest_rank(50)), p99_ns=("sample_ns", nearest_rank(99)),
    ).reset_index()


def failures_by_host_and_minute(connects):
    """Failures by host and minute."""
    counts = connects.groupby(["host", "minute"]).agg(connects=("outcome", "size"), failed=("failed", "sum"))
    return counts[counts["failed"] > 0].reset_index().sort_values(["minute", "host"])


def difference_of_two_ranges(
    connects,
    before=("2026-11-25T12:00Z", "2026-11-25T12:10Z"),
    after=("2026-11-25T12:10Z", "2026-11-25T12:20Z"),
):
    """Difference of two ranges."""
    def side(name, begin, end):
        rows = connects[(connects["time"] >= begin) & (connects["time"] < end)]
        return rows.groupby(DESTINATION).agg(**{
            f"connects_{name}": ("outcome", "size"), f"failure_rate_{name}": ("failed", "mean"),
            f"p50_ns_{name}": ("sample_ns", nearest_rank(50)), f"p99_ns_{name}": ("sample_ns", nearest_rank(99)),
        })
    both = side("before", *before).join(side("after", *after), how="outer").reset_index()
    return both.fillna({"connects_before": 0, "connects_after": 0})


def syn_loss_by_subnet(connects):
    """SYN loss by subnet."""
    # Each address is looked at once.
    networks = {address: network(address) for address in connects["dst_addr"].unique()}
    repeated = connects.assign(
        network=connects["dst_addr"].map(networks), repeated=connects["syn_retransmits"] > 0)
    counts = repeated.groupby("network").agg(
        connects=("outcome", "size"), repeated=("repeated", "sum"), syn_retransmits=("syn_retransmits", "sum"))
    share = counts["repeated"] / counts["connects"]
    return counts.loc[share.sort_values(ascending=False).index].reset_index()


def who_shares_the_bad_connects(connects):
    """Who shares the bad connects."""
    # One destination on all hosts, or one host?
    bad = connects[connects["failed"] | (connects["syn_retransmits"] > 0)]
    counts = bad.groupby(DESTINATION).agg(bad=("outcome", "size"), hosts_bad=("host", "nunique"))
    counts["hosts"] = connects.groupby(DESTINATION)["host"].nunique()
    counts["share"] = counts["bad"] / counts["bad"].sum()
    return counts.sort_values("bad", ascending=False).reset_index()


def one_host_one_day(connects):
    """One host, one day."""
    # connects(…, filter=(ds.field("node") == "h-web-1") & (ds.field("date") == "2026-11-25"))
    # reads only that directory.
    rows = connects[
        (connects["node"] == "h-web-1") & (connects["host"] == "web-1") & (connects["date"] == "2026-11-25")]
    return rows.groupby("outcome").size().rename("connects").sort_values(ascending=False).reset_index()


QUESTIONS = [
    rows_by_host, percentiles_by_destination, time_series, failures_by_host_and_minute,
    difference_of_two_ranges, syn_loss_by_subnet, who_shares_the_bad_connects, one_host_one_day,
]

if __name__ == "__main__":
    captures = connects(sys.argv[1])
    for question in QUESTIONS:
        print(question.__doc__, question(captures), sep="\n")
