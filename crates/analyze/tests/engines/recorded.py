"""A tree that `record` itself writes, on hosts with names of every kind."""

import ctypes, os, signal, subprocess, sys, time
from pathlib import Path

from kinds import KINDS
from tree import node_directory

NETWORK = f"connlat-engines-{os.getpid()}"
# Runs in the namespace; a port that answers, and one that does not.
CONNECTS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
for port in [server.getsockname()[1]] * 20 + [9] * 5:
    socket.socket().connect_ex(("127.0.0.1", port))
"""


def become(host):
    """In the child: a host of another name."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = host.encode()
    clone_newuts = 0x04000000
    if libc.unshare(clone_newuts) != 0 or libc.sethostname(name, len(name)) != 0:
        raise OSError(ctypes.get_errno(), "unshare, sethostname")


def make(record, directory):
    """Each host sees the same connects. As root; every name must get its directory."""
    in_network = ["ip", "netns", "exec", NETWORK]
    subprocess.run(["ip", "netns", "add", NETWORK], check=True)
    recorders = []
    try:
        subprocess.run(["ip", "-n", NETWORK, "link", "set", "lo", "up"], check=True)
        # A few at a time: each takes memory for what the kernel knows of its types.
        hosts = list(KINDS.values())
        for few in range(0, len(hosts), 5):
            recorders = [start(record, directory, host) for host in hosts[few : few + 5]]
            for host, recorder in zip(hosts[few : few + 5], recorders):
                wait_until_it_records(recorder, Path(directory) / node_directory(host))
            subprocess.run([*in_network, sys.executable, "-c", CONNECTS], check=True)
            time.sleep(0.2)
            for recorder in recorders:
                recorder.send_signal(signal.SIGTERM)
                if recorder.wait() != 0:
                    raise RuntimeError(f"record ended with {recorder.returncode}")
            recorders = []
    finally:
        for recorder in recorders:
            recorder.kill()
            recorder.wait()
        subprocess.run(["ip", "netns", "del", NETWORK], check=True)
    # A directory for each, and they are those that the other trees have.
    made = {path.name for path in Path(directory).iterdir()}
    wanted = {node_directory(host) for host in KINDS.values()}
    if made != wanted:
        raise AssertionError(f"record made {sorted(made)}, tree.py {sorted(wanted)}")


def wait_until_it_records(recorder, node):
    """Until its journal has a beginning."""
    end = time.monotonic() + 60
    while not any(journal.stat().st_size for journal in node.glob("date=*/*.journal")):
        if recorder.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"record does not write to {node}: {recorder.poll()}")
        time.sleep(0.05)


def start(record, directory, host):
    return subprocess.Popen(
        [record, "--output-dir", str(directory), "--rotate", "10m", "--netns", f"/run/netns/{NETWORK}"],
        preexec_fn=lambda: become(host), stderr=subprocess.DEVNULL)
