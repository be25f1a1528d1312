"""What `diff --split +5s` says of 60 recorded seconds, as SQL over `capture`."""

from grouped import grouped

DEVIATE = 3.290527  # 99.9 %
QUANTILES = {"p50": (1, 2, 2), "p99": (99, 100, 100)}
SIDES = {"before": ("< TIMESTAMPTZ '2026-01-01 00:00:05+00'", 5), "after": (">= TIMESTAMPTZ '2026-01-01 00:00:05+00'", 55)}


def moved(percentile):
    low, high = f"{percentile}_low_ns", f"{percentile}_high_ns"
    return f"""CASE
        WHEN before.{high} < after.{low} THEN '{percentile} up'
        WHEN after.{high} < before.{low} THEN '{percentile} down' END"""


def diff(key=None):
    """One row a group, or one for all."""
    sides = ", ".join(
        f"{side} AS ({grouped([key] if key else [], f'time {when}', QUANTILES, DEVIATE, 'samples')})"
        for side, (when, _) in SIDES.items()
    )
    name = key.split()[-1] if key else None
    join = f"before FULL JOIN after USING ({name})" if key else "before CROSS JOIN after"
    figures = ", ".join(
        f"{figure.format(side, seconds)} AS {column}_{side}"
        for column, figure in {
            "connects": "coalesce({0}.connects, 0)",
            "rate": "coalesce({0}.connects, 0) / {1}",
            "failure_rate": "{0}.failure_rate",
            "p50_ns": "{0}.p50_ns",
            "p99_ns": "{0}.p99_ns",
            "waits": "coalesce({0}.waited, 0)",
            "failures": "coalesce({0}.failed, 0)",
        }.items()
        for side, (_, seconds) in SIDES.items()
    )
    return f"""
        WITH {sides},
        sides AS (SELECT {name + ', ' if key else ''}{figures}, {moved('p99')} AS p99, {moved('p50')} AS p50 FROM {join}),
        tested AS (
            SELECT *,
                (failures_before + failures_after) / nullif(connects_before + connects_after, 0) AS pooled,
                (failure_rate_after - failure_rate_before)
                    / nullif(sqrt(pooled * (1 - pooled) * (1 / connects_before + 1 / connects_after)), 0) AS failing,
                (rate_after - rate_before) / sqrt(connects_before / 5 ** 2 + connects_after / 55 ** 2) AS coming,
                CASE
                    WHEN connects_before = 0 AND (55 / 60) ** connects_after < 0.001 THEN 'appeared'
                    WHEN connects_after = 0 AND (5 / 60) ** connects_before < 0.001 THEN 'vanished'
                    WHEN least(connects_before, connects_after) = 0 THEN 'too few'
                    WHEN connects_before + connects_after < 30 THEN 'too few'
                    ELSE coalesce(nullif(concat_ws(', ',
                        CASE WHEN failures_before + failures_after >= 5 AND abs(failing) > {DEVIATE}
                            THEN 'failures ' || if(failing > 0, 'up', 'down') END,
                        p99, p50,
                        CASE WHEN abs(rate_after - rate_before) >= greatest(rate_before, rate_after) / 5
                            AND abs(coming) > {DEVIATE} THEN if(coming > 0, 'more', 'fewer') || ' connects' END
                    ), ''), 'noise')
                END AS verdict,
                waits_after / greatest(sum(connects_after) OVER (), 1)
                    - waits_before / greatest(sum(connects_before) OVER (), 1) AS contribution_ns,
                failures_after / greatest(sum(connects_after) OVER (), 1)
                    - failures_before / greatest(sum(connects_before) OVER (), 1) AS failure_contribution
            FROM sides)
        SELECT * EXCLUDE (pooled, failing, coming, p99, p50, waits_before, waits_after, failures_before, failures_after)
        FROM tested"""
