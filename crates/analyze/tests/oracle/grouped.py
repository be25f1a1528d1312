"""Figures by group, as SQL over the view `capture`."""

MEASURED = "outcome = 'established' AND flags & 3 = 0"
FAILED = "outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error')"
# quantile as a fraction of whole numbers, samples it needs
USUAL = {"p50": (1, 2, 2), "p90": (9, 10, 10), "p95": (19, 20, 20), "p99": (99, 100, 100), "p999": (999, 1000, 1000)}


def percentile(name, part, whole, needs, deviate):
    figures = [f"CASE WHEN samples >= {needs} THEN sorted[(samples * {part} + {whole - 1}) // {whole}] END AS {name}_ns"]
    if deviate:
        q = f"({part} / {whole})"
        spread = f"{deviate} * sqrt(samples * {q} * (1 - {q}))"
        low, high = f"floor(samples * {q} - {spread} - 0.5)", f"ceil(samples * {q} + {spread} + 0.5) + 1"
        exists = f"{low} >= 1 AND {high} <= samples"
        figures += [
            f"CASE WHEN {exists} THEN sorted[({low})::BIGINT] END AS {name}_low_ns",
            f"CASE WHEN {exists} THEN sorted[({high})::BIGINT] END AS {name}_high_ns",
        ]
    return ", ".join(figures)


def grouped(keys=(), where="true", percentiles=USUAL, deviate=None, without="waited"):
    """One row a group with every figure, and `deviate` for intervals."""
    wanted = ", ".join(percentile(name, *quantile, deviate) for name, quantile in percentiles.items())
    return f"""
        SELECT * EXCLUDE (sorted, total, {without}), {wanted}, failed / nullif(connects, 0) AS failure_rate,
            ((2 * total + samples) // nullif(2 * samples, 0))::BIGINT AS mean_ns
        FROM (
            SELECT {''.join(key + ', ' for key in keys)}
                count(*) AS connects,
                count(*) FILTER (outcome = 'established') AS established,
                count(*) FILTER ({FAILED}) AS failed,
                coalesce(sum(syn_retransmits), 0)::BIGINT AS syn_retransmits,
                count(*) FILTER ({MEASURED}) AS samples,
                max(latency_ns) FILTER ({MEASURED}) AS max_ns,
                sum(latency_ns) FILTER ({MEASURED}) AS total,
                sum(latency_ns) FILTER (outcome <> 'in_flight') AS waited,
                list_sort(list(latency_ns) FILTER ({MEASURED})) AS sorted
            FROM capture WHERE {where} {'GROUP BY ALL' if keys else ''})"""
