#!/usr/bin/env python3
"""What captures of a host take on disk, measured on rotated ones.

    bytes_a_day.py RECORD [SECONDS]

Records connects on loopback in network namespaces, 1, 100 and as many a second
as it can make, for SECONDS (600; the last for a tenth) in one segment each, and
prints bytes a connect and what a day of such segments has. Eight programs
connect to 60 destinations, a few of which take most; one connect of fifty is
refused. As root.
"""

import os, random, signal, socket, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RATES = [1, 100, 10_000]
PROGRAMS, PORTS = 8, [443, 5432, 6379, 8080]
DAY = 86_400


def serve():
    def accept(server):
        while True:
            server.accept()[0].close()

    for port in PORTS:
        server = socket.create_server(("0.0.0.0", port), backlog=4096)
        threading.Thread(target=accept, args=[server], daemon=True).start()
    time.sleep(1e6)


def load(program, rate, seconds):
    """Connects of one program, on average `rate` a second."""
    Path("/proc/self/comm").write_text(f"program-{program}")
    chance = random.Random(program)
    targets = [(f"127.{n % 3}.{n}.1", PORTS[n % 4]) for n in range(60)]
    begin = following = time.monotonic()
    while (now := time.monotonic()) < begin + seconds:
        # Behind, because that many cannot be made: as fast as it goes.
        if following > now:
            time.sleep(min(following - now, begin + seconds - now))
        following += chance.expovariate(rate)
        address, port = targets[min(int(chance.paretovariate(1.1)) - 1, len(targets) - 1)]
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.connect_ex((address, port if chance.random() > 0.02 else 9))


def measure(record, rate, seconds, directory):
    """Connects and bytes of the segment."""
    network = f"connlat-bytes-{os.getpid()}-{rate}"
    inside = ["ip", "netns", "exec", network, sys.executable, __file__]
    children = []
    subprocess.run(["ip", "netns", "add", network], check=True)
    try:
        subprocess.run(["ip", "-n", network, "link", "set", "lo", "up"], check=True)
        children.append(subprocess.Popen([*inside, "serve"]))
        recorder = subprocess.Popen(
            [record, "--output-dir", directory, "--rotate", "24h", "--netns", f"/run/netns/{network}"],
            stderr=subprocess.DEVNULL)
        children.append(recorder)
        while not any(journal.stat().st_size for journal in Path(directory).rglob("*.journal")):
            if recorder.poll() is not None:
                raise RuntimeError(f"record ended with {recorder.returncode}")
            time.sleep(0.1)
        programs = [subprocess.Popen([*inside, "load", str(n), str(rate / PROGRAMS), str(seconds)]) for n in range(PROGRAMS)]
        children += programs
        for program in programs:
            program.wait()
        recorder.send_signal(signal.SIGTERM)
        recorder.wait()
    finally:
        for child in children:
            child.kill()
            child.wait()
        subprocess.run(["ip", "netns", "del", network], check=True)
    import pyarrow.parquet as pq

    files = list(Path(directory).rglob("*.parquet"))
    return sum(pq.read_metadata(file).num_rows for file in files), sum(file.stat().st_size for file in files)


def main():
    record, longest = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600

    def line(rate):
        # Row groups have 100,000 rows, and a few are enough to know them.
        seconds = longest if rate < 10_000 else longest / 10
        with tempfile.TemporaryDirectory(prefix="connlat-bytes-") as directory:
            rows, size = measure(record, rate, seconds, directory)
        each = size / rows
        return (f"| {rate:,} | {rows:,} connects in {seconds:.0f} s: {size / 1000:,.1f} kB | {each:.1f} "
                f"| {each * rate * DAY / 1e6:,.0f} MB |")

    print("| connects a second | measured | bytes a connect | so a day has |\n|---|---|---|---|")
    with ThreadPoolExecutor() as pool:
        for found in pool.map(line, RATES):
            print(found, flush=True)


if len(sys.argv) < 2:
    sys.exit(__doc__)
elif sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "load":
    load(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
else:
    main()
