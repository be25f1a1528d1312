"""What `analyze` says to the questions of docs/fleet, in the same shape."""

import json, subprocess
from collections import defaultdict

BAD = ("(outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error')"
       " OR syn_retransmits > 0)")
BEFORE, AFTER = "2026-11-25T12:00:00Z..2026-11-25T12:10:00Z", "2026-11-25T12:10:00Z..2026-11-25T12:20:00Z"
DST = "dst_addr,dst_port"


class Analyze:
    def __init__(self, program, tree):
        self.program, self.tree = program, tree

    def rows(self, question, *arguments):
        command = [self.program, question, *arguments, "--format", "json", str(self.tree)]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode == 2 and "nothing was recorded from" in run.stderr:
            return []
        if run.returncode != 0:
            raise RuntimeError(f"{command}: {run.stderr}")
        return json.loads(run.stdout)["rows"]

    def grouped(self, by, *arguments):
        return self.rows("percentiles", "--by", by, "--quantiles", "0.5,0.9,0.99", *arguments)


def pick(rows, *names, **renamed):
    return [{name: row[renamed.get(name, name)] for name in (*names, *renamed)} for row in rows]


def answers(program, tree):
    """Rows of each question."""
    ask = Analyze(program, tree)
    minutes = ask.rows("timeseries", "--every", "1m", "--quantiles", "0.5,0.99")
    by_minute = ask.rows("timeseries", "--every", "1m", "--by", "host")
    difference = ask.rows("diff", "--before-range", BEFORE, "--after-range", AFTER, "--by", DST, "--top", "0")
    return {
        "rows by host": pick(ask.grouped("host"), "host", "connects", "established", "failed", "syn_retransmits"),
        "percentiles by destination": pick(
            ask.grouped(DST), "dst_addr", "dst_port", "connects", "failed", "samples",
            "p50_ns", "p90_ns", "p99_ns", "max_ns"),
        "time series": pick(
            [row for row in minutes if row["connects"]], "connects", "failed", "syn_retransmits",
            "samples", "p50_ns", "p99_ns", minute="time"),
        "failures by host and minute": pick(
            [row for row in by_minute if row["failed"]], "host", "connects", "failed", minute="time"),
        "difference of two ranges": pick(
            difference, "dst_addr", "dst_port", "connects_before", "connects_after", "failure_rate_before",
            "failure_rate_after", "p50_ns_before", "p50_ns_after", "p99_ns_before", "p99_ns_after"),
        "SYN loss by subnet": syn_loss(ask),
        "who shares the bad connects": who_shares(ask),
        "one host, one day": pick(one_host(ask), "outcome", "connects"),
    }


def syn_loss(ask):
    repeated = {row["subnet/24"]: row["connects"] for row in ask.grouped("subnet/24", "--where", "syn_retransmits > 0")}
    return [{"network": row["subnet/24"], "connects": row["connects"], "syn_retransmits": row["syn_retransmits"],
             "repeated": repeated.get(row["subnet/24"], 0)} for row in ask.grouped("subnet/24")]


def who_shares(ask):
    bad, hosts, bad_hosts = defaultdict(int), defaultdict(set), defaultdict(set)
    for row in ask.grouped(f"host,{DST}"):
        hosts[row["dst_addr"], row["dst_port"]].add(row["host"])
    for row in ask.grouped(f"host,{DST}", "--where", BAD):
        key = row["dst_addr"], row["dst_port"]
        bad[key] += row["connects"]
        bad_hosts[key].add(row["host"])
    all_bad = sum(bad.values())
    return [{"dst_addr": key[0], "dst_port": key[1], "bad": count, "share": count / all_bad,
             "hosts_bad": len(bad_hosts[key]), "hosts": len(hosts[key])} for key, count in bad.items()]


def one_host(ask):
    """Connects of the segments of one directory; the rest has to be summed up."""
    directory = ask.tree / "node=h-web-1" / "date=2026-11-25"
    if not directory.exists():
        return []
    total = defaultdict(int)
    for row in Analyze(ask.program, directory).rows("outcomes", "--where", "host = 'web-1'"):
        total[row["outcome"]] += row["connects"]
    return [{"outcome": outcome, "connects": connects} for outcome, connects in total.items()]
