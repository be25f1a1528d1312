#!/usr/bin/env python3
"""Asks engines the questions of docs/fleet, and compares with `analyze`.

    engines.py ANALYZE RECORD [--write | --check] NAME=PYTHON…

NAME is an engine of ask.py, PYTHON one that has it. Runs the recipes as they
are, but for the directory, on trees of hosts with names of every kind, and
prints which figures are those of `analyze`. RECORD makes another such tree; it
needs root. Without, say `-`. --write puts what was found into docs/fleet.md;
--check fails if the table there says something else. Needs pyarrow.

Exits with 1 if a figure differs that is not known to.
"""

import json, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import expected
import kinds
import recorded
import table
from compare import difference
from recipe import QUESTIONS

RECORDED = "all of them, written by `record`"
HERE = Path(__file__).resolve().parent


def ask(engine, python, trees):
    command = [python, str(HERE / "ask.py"), engine, *map(str, trees.values())]
    begin = time.monotonic()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0 or not run.stdout.strip():
        raise RuntimeError(f"{engine}: exit code {run.returncode}\n{run.stderr[-3000:]}")
    return json.loads(run.stdout.strip().splitlines()[-1]), time.monotonic() - begin


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    analyze, record, *rest = sys.argv[1:]
    mode = rest.pop(0) if rest and rest[0] in ("--write", "--check") else None
    pythons = dict(word.split("=", 1) for word in rest)
    wrong, results = 0, {}
    with tempfile.TemporaryDirectory(prefix="connlat-engines-") as directory:
        trees = kinds.make(Path(directory))
        if record != "-":
            trees[RECORDED] = Path(directory) / "recorded"
            trees[RECORDED].mkdir()
            recorded.make(record, trees[RECORDED])
        wanted = {kind: expected.answers(analyze, tree) for kind, tree in trees.items()}
        figures = sum(len(row) for answers in wanted.values() for rows in answers.values() for row in rows)
        print(f"{len(trees)} trees, {len(QUESTIONS)} questions, {figures} figures of analyze", flush=True)
        with ThreadPoolExecutor(max_workers=2) as pool:
            # Those that take longest come last on the command line.
            asked = {engine: pool.submit(ask, engine, python, trees) for engine, python in reversed(pythons.items())}
        for engine in pythons:
            said, seconds = asked[engine].result()
            result = {}
            for kind, tree in trees.items():
                for question, keys in QUESTIONS.items():
                    differs = difference(said["answers"][str(tree)][question], wanted[kind][question], keys)
                    result[kind, question] = differs
                    if differs:
                        wrong += 1
                        print(f"{engine}: {kind}: {question}: {differs}", file=sys.stderr)
            results[engine] = (said["version"], result)
            right = sum(differs is None for differs in result.values())
            print(f"{engine} {said['version']}: {right} of {len(result)} answers are those of analyze ({seconds:.0f} s)", flush=True)
    if mode == "--write":
        table.write(results, list(trees))
    elif mode == "--check" and (stale := table.stale(results, list(trees))):
        sys.exit(f"the table in docs/fleet.md is not what this run found: {stale}")
    sys.exit(bool(wrong))


main()
