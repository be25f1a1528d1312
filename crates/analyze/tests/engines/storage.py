#!/usr/bin/env python3
"""Asks DuckDB, ClickHouse and polars about captures in object storage, which moto
stands in for.

    storage.py ANALYZE

Needs boto3, chdb, moto[server], polars, pyarrow, and duckdb with duckdb-extension-httpfs
of the same version. Exits with 1 if a figure differs from that of `analyze`.
"""

import json, socket, subprocess, sys, tempfile, time
from pathlib import Path

import boto3
import duckdb_extension_httpfs

import ask
import expected
import kinds
from compare import difference
from recipe import QUESTIONS

BUCKET, KEY, SECRET, REGION = "fleet", "key", "secret", "us-east-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def upload(directory, client):
    client.create_bucket(Bucket=BUCKET)
    files = [file for file in Path(directory).rglob("*") if file.is_file()]
    for file in files:
        client.upload_file(str(file), BUCKET, f"connlat/{file.relative_to(directory)}")
    return len(files)


def by_duckdb(endpoint):
    # Where INSTALL httpfs has put it for others, PyPI does here.
    extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension*"))
    return ask.duckdb(f"s3://{BUCKET}/connlat", [
        f"LOAD '{extension}'",
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}',"
        f" ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false)",
    ])


def by_clickhouse(endpoint):
    place = f"http://{endpoint}/{BUCKET}/connlat/**/*.parquet"
    return ask.clickhouse("/srv/connlat", source=f"s3('{place}', '{KEY}', '{SECRET}', Parquet,")


def by_polars(endpoint):
    return ask.ENGINES["polars"][0](f"s3://{BUCKET}/connlat", storage_options={
        "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": REGION,
        "aws_endpoint_url": f"http://{endpoint}", "aws_allow_http": "true",
    })


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = []
    with tempfile.TemporaryDirectory(prefix="connlat-storage-") as directory:
        for place, host in enumerate(kinds.KINDS.values()):
            kinds.record(Path(directory), host, place)
        wanted = expected.answers(sys.argv[1], Path(directory))
        endpoint = f"127.0.0.1:{free_port()}"
        port = endpoint.split(":")[1]
        server = subprocess.Popen(
            [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", port],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client = boto3.client("s3", endpoint_url=f"http://{endpoint}", aws_access_key_id=KEY,
                                  aws_secret_access_key=SECRET, region_name=REGION)
            end = time.monotonic() + 60
            while socket.socket().connect_ex(("127.0.0.1", int(port))) != 0:
                if server.poll() is not None or time.monotonic() > end:
                    sys.exit("moto_server does not start")
                time.sleep(0.2)
            print(f"{upload(directory, client)} objects", flush=True)
            for engine, by in {"DuckDB": by_duckdb, "ClickHouse": by_clickhouse, "polars": by_polars}.items():
                found = json.loads(json.dumps(by(endpoint), default=str))
                differs = {name: difference(found[name], wanted[name], keys) for name, keys in QUESTIONS.items()}
                wrong += [f"{engine}: {name}: {text}" for name, text in differs.items() if text]
                right = sum(text is None for text in differs.values())
                print(f"{engine}: {right} of {len(differs)} answers are those of analyze", flush=True)
        finally:
            server.kill()
            server.wait()
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(bool(wrong))


main()
