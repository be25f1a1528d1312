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

    def lost(self, where, steps, kind="syn_loss"):
        again, connects = self.count(f"{where} and syn_retransmits > 0"), self.count(where)
        on = {s: self.count(f"{where} and {ESTABLISHED} and latency_ns between {s}e9 and {s}.5e9") for s in steps}
        rest = self.count(f"not ({where})")
        return [kind, [f"of {rest} to elsewhere 0" if kind == "syn_loss" else "", f"{again} of {connects} connects", f"({again / connects:.2%})",
                       *[f"{count} after {s} s" for s, count in on.items() if count]]]

    def refused(self, where):
        where = f"{where} and outcome = 'refused'"
        return ["refused_burst", [f"refused {self.connects(where)}", self.span(where, 3)]]

    def silent(self, where, outcome):
        vain = f"{where} and outcome = '{outcome}'"
        return ["no_answer", [self.connects(vain), duration(self.one("max(latency_ns)", vain)), self.span(vain)]]

    def onset(self, bad, ends):
        first, last = self.one("min(us)", bad), self.one("max(us)", bad)
        place = self.one("arg_min(dst_addr || ':' || dst_port, us)", bad)
        ended = f"ended at {clock(last, 3)}" if ends else "went on to the end"
        return ["onset", [f"began at {clock(first, 3)} and {ended}", f"first to move was {place} at {clock(first, 3)}"]]

    def slow(self, kind, where):
        def at(q, where):
            return duration(self.one(f"quantile_disc(latency_ns, {q})", f"{ESTABLISHED} and {where}"))

        rest = f"not ({where})"
        return [kind, [f"p50 {at(0.5, where)} and p90 {at(0.9, where)} of {self.connects(f'{ESTABLISHED} and {where}')}",
                       f"the rest has {at(0.5, rest)} and {at(0.9, rest)}", f"tenth takes {at(0.1, where)}"]]

    def gave_up(self, comm):
        where = f"{by(comm)} and outcome = 'aborted'"
        waits = sorted(self.one("list(latency_ns)", where))
        # As many as possible within a tenth of each other.
        cluster = max(([ns for ns in waits if low <= ns <= low * 1.1] for low in waits), key=len)
        usual = duration(cluster[(len(cluster) - 1) // 2])
        return ["abandoned", [f"{comm} gives up after {usual}", f"{len(cluster)} of its {len(waits)} abandoned"]]

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
    "lost-syns": lambda f: [f.lost(NET, [1, 2, 3, 4])],
    "lost-syns-before-6.5": lambda f: [f.lost(HOST, [1, 3, 7])],
    "listen-overflow": lambda f: [f.lost(DATABASE, [1, 2, 3, 4], "listen_overflow")],
    "never-accepts": lambda f: [f.silent(DATABASE, "aborted"), f.gave_up("report"), f.onset(FAILED, False)],
    "restarted-server": lambda f: [f.refused(SERVER), f.onset(FAILED, True)],
    "closed-port": lambda f: [["closed_port", [f"every connect ({f.connects(FAILED)})"]]],
    "refused-often": lambda f: [["refused_often", [f"{f.connects(FAILED)} of {f.count(SERVER)} "]]],
    "blackholed-host": lambda f: [f.silent(HOST, "timed_out"), f.onset(FAILED, False)],
    "unreachable": lambda f: [
        ["unreachable", [f"{f.connects(TOLD)} ended with EHOSTUNREACH", f"{f.count(FAILED) - f.count(TOLD)} more without", f.span(FAILED)]],
        ["onset", ["went on to the end"]]],
    "two-causes": lambda f: [f.silent(HOST, "timed_out"), f.refused(SERVER), f.onset(FAILED, False)],
    "slow-destination": lambda f: [f.slow("slow_destination", "dst_addr = '10.77.2.1'"), f.onset(SLOW, False)],
    "slow-subnet": lambda f: [f.slow("slow_subnet", NET)],
    "slow-for-a-while": lambda f: [f.onset(SLOW, True)],
    "no-ports": lambda f: [
        ["port_exhaustion", [f.connects(FAILED), f"{f.one('count(distinct src_port)', POLLER)} of the 300 ports"]],
        f.onset(FAILED, False)],
    "no-route": lambda f: [["local_error", [f.connects(FAILED), "EACCES"]], f.onset(FAILED, False)],
    "starved-client": lambda f: [["local_delay", [
        f"5 % of its {f.connects(by('export'))} take {duration(f.one('quantile_disc(latency_ns, 0.95)', by('export')))} or more"]]],
    "abandoned": lambda f: [f.silent(HOST, "aborted"), f.gave_up("cart"), f.onset(FAILED, False)],
    "impatient": lambda f: [f.slow("slow_destination", "dst_addr = '10.77.2.1'"), f.gave_up("cart")],
    "retry-storm": lambda f: [
        f.refused(SERVER),
        ["retry_storm", [f"{f.process('sync')} failed {f.count(SYNC)} times in {duration(f.one('max(start_ns + latency_ns) - min(start_ns)', SYNC))}"]],
        f.onset(FAILED, True)],
    "reconnect-loop": lambda f: [["reconnect_loop", [f"{f.process('agent')} connected to 10.77.2.1:8080 {f.count(by('agent'))} times"]]],
    "happy-eyeballs": lambda f: [["happy_eyeballs", [f"{f.connects(BROWSER)} took 25"]]],
}

directory = sys.argv[1]
print(json.dumps({name: expected(Fixture(f"{directory}/{name}.parquet")) for name, expected in EXPECTED.items()}))
