"""What the findings of the staged incidents must say, computed by DuckDB:
`{fixture: [[kind, [parts of its text]], ...]}`, worst first."""

import json
import sys

import duckdb

S = 1_000_000
FAILED = "outcome not in ('established', 'in_flight')"
ESTABLISHED = "outcome = 'established'"


def to(address, port):
    return f"dst_addr = '{address}' and dst_port = {port}"


def by(comm):
    return f"comm = '{comm}'"


def clock(us, decimals):
    seconds, rest = divmod(us % (86_400 * S), S)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{rest // 1000:03}" if decimals else "")


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.{max(0, 3 - len(str(int(value))))}f} {unit}"
    return f"{ns} ns"


class Fixture:
    def __init__(self, path):
        self.table = f"(select *, epoch_us(time) as us from '{path}')"

    def one(self, what, where="true"):
        return duckdb.sql(f"select {what} from {self.table} where {where}").fetchall()[0][0]

    def count(self, where):
        return self.one("count(*)", where)

    def connects(self, where):
        return f"{self.count(where)} connects"

    def span(self, where, decimals=0):
        first, last = self.one("min(us)", where), self.one("max(us)", where)
        return f"from {clock(first, decimals)} to {clock(last, decimals)}"

    def lost(self, where, steps):
        # Those in flight whose SYN was not repeated yet say nothing.
        told = f"{where} and not (outcome = 'in_flight' and syn_retransmits = 0)"
        again, connects = self.count(f"{where} and syn_retransmits > 0"), self.count(told)
        on = {s: self.count(f"{where} and {ESTABLISHED} and latency_ns between {s}e9 and {s}.5e9") for s in steps}
        rest = self.count(f"not ({where}) and outcome in ('established', 'refused', 'timed_out')")
        return ["syn_loss", [f"0 of {rest} elsewhere", f"{again} of {connects} connects", f"({again / connects:.2%})",
                             *[f"{count} after {s} s" for s, count in on.items() if count]]]

    def refused(self, where):
        where = f"{where} and outcome = 'refused'"
        return ["refused_burst", [f"refused all {self.connects(where)}", self.span(where, 3), "answered before and after"]]

    def silent(self, where, outcome):
        vain = f"{where} and outcome = '{outcome}'"
        since = clock(self.one("min(us)", vain), 3)
        answered = self.count(f"{where} and {ESTABLISHED}")
        return ["no_answer", [f"all {self.connects(vain)}", duration(self.one("max(latency_ns)", vain)), f"since {since}, not ended",
                              f"{answered} were answered at other times"]]

    def slow(self, kind, where, when, bad):
        slow = f"{where} and {ESTABLISHED} and {bad}"

        def at(q):
            return duration(self.one(f"quantile_disc(latency_ns, {q})", slow))

        return [kind, [when, f"{self.count(slow)} ", f"connects took {at(0.5)} (p50) to {at(0.9)} (p90)"]]

    def always_slow(self, where, more=""):
        def at(q):
            return duration(self.one(f"quantile_disc(latency_ns, {q})", f"{ESTABLISHED} and {where}"))

        return [f"p50 {at(0.5)} and p90 {at(0.9)}", more]

    def process(self, comm):
        return f"{comm} ({self.one('any_value(pid)', by(comm))})"


# What is slow at all: the others take less than a millisecond.
SLOW = "latency_ns > 19e6"
SERVER, HOST, DATABASE, NET = to("10.77.1.2", 8080), to("10.77.3.1", 8080), to("10.77.2.1", 5432), "dst_addr like '10.77.2.%'"
TOLD, SYNC = "outcome = 'unreachable'", "comm = 'sync' and outcome = 'refused'"
BROWSER, POLLER = "comm = 'browser' and outcome = 'aborted'", f"comm = 'poller' and {ESTABLISHED}"
EXPECTED = {
    "healthy": lambda f: [],
    "busy": lambda f: [],
    "lost-syns": lambda f: [f.lost(NET, [1, 2, 3])],
    "lost-syns-before-6.5": lambda f: [f.lost(HOST, [1, 3, 7])],
    "listen-overflow": lambda f: [f.lost(DATABASE, [1, 2, 3])],
    "never-accepts": lambda f: [f.silent(DATABASE, "aborted")],
    "restarted-server": lambda f: [f.refused(SERVER)],
    "closed-port": lambda f: [["closed_port", [f"every connect ({f.connects(FAILED)} by cart)"]]],
    "refused-often": lambda f: [["one_bad_server", [f"refused {f.count(FAILED)} of {f.connects(SERVER)} "]]],
    "blackholed-host": lambda f: [f.silent(HOST, "timed_out")],
    "unreachable": lambda f: [
        ["unreachable", [f"{f.connects(TOLD)} by", "ended with EHOSTUNREACH", f"{f.count(FAILED) - f.count(TOLD)} more without",
                         f"since {clock(f.one('min(us)', FAILED), 3)}, not ended"]]],
    "two-causes": lambda f: [f.silent(HOST, "timed_out"), f.refused(SERVER)],
    "slow-destination": lambda f: [f.slow("slow_destination", "dst_addr = '10.77.2.1'", f"since {clock(f.one('min(us)', SLOW), 3)}, not ended", SLOW)],
    "slow-subnet": lambda f: [["slow_subnet", f.always_slow(NET)]],
    "slow-for-a-while": lambda f: [f.slow("slow", "true", f.span(SLOW, 3), SLOW)],
    "no-ports": lambda f: [
        ["port_exhaustion", [f"all {f.connects(FAILED)}", f"{f.one('count(distinct src_port)', POLLER)} of the 300 ports"]]],
    "no-route": lambda f: [["local_error", [f"all {f.connects(FAILED)}", "EACCES"]]],
    "starved-client": lambda f: [["local_delay", [f" of {f.connects(by('export'))} by export"]]],
    "abandoned": lambda f: [f.silent(HOST, "aborted")],
    "impatient": lambda f: [["slow_destination", f.always_slow("dst_addr = '10.77.2.1'", "given up by cart")]],
    "retry-storm": lambda f: [
        f.refused(SERVER),
        ["retry_storm", [f"{f.process('sync')} failed {f.count(SYNC)} times in {duration(f.one('max(start_ns + latency_ns) - min(start_ns)', SYNC))}"]]],
    "reconnect-loop": lambda f: [["reconnect_loop", [f"{f.process('agent')} connected to 10.77.2.1:8080 {f.count(by('agent'))} times"]]],
    "happy-eyeballs": lambda f: [["happy_eyeballs", [f"{f.connects(BROWSER)} took 25"]]],
}

directory = sys.argv[1]
print(json.dumps({name: expected(Fixture(f"{directory}/{name}.parquet")) for name, expected in EXPECTED.items()}))
