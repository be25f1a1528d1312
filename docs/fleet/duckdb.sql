-- Captures of many hosts, asked with DuckDB (tried: 1.5.5, 2.0.1).
--
-- Put your directory in place of /srv/connlat. Then, for all questions:
--     duckdb < duckdb.sql
-- Other columns, units and words: docs/format.md.

-- Captures of these hosts and days; `*` stands for any characters.
-- union_by_name: those of several versions of record may have other columns.
CREATE OR REPLACE MACRO connects_in(nodes, dates) AS TABLE
SELECT *,
    outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error') AS failed,
    -- What latency figures rest on: the time is that of a handshake.
    outcome = 'established' AND flags & 3 = 0 AS measured,
    latency_ns / 1e6 AS latency_ms,
    date_trunc('minute', time AT TIME ZONE 'UTC') AS minute,
    flags & 1 > 0 AS fast_open,
    flags & 2 > 0 AS repair,
    flags & 4 > 0 AS simultaneous,
    flags & 8 > 0 AS kernel_socket,
    flags & 16 > 0 AS mptcp_subflow,
    flags & 32 > 0 AS pre_syn
FROM read_parquet('/srv/connlat/node=' || nodes || '/date=' || dates || '/*.parquet',
    hive_partitioning = true, union_by_name = true);

CREATE OR REPLACE VIEW connects AS FROM connects_in('*', '*');

-- The network of an address: IPv4 by 24 bits, IPv6 by 64. Of IPv6 the zeros that
-- `::` stands for are written out first.
CREATE OR REPLACE MACRO network_of(address) AS CASE
    WHEN address NOT LIKE '%:%' THEN regexp_replace(address, '[0-9]+$', '0/24')
    ELSE regexp_replace(regexp_extract(
        trim(replace(address, '::', ':' || repeat('0:',
            8 - length(replace(regexp_replace(address, '[0-9a-f]+', 'x', 'g'), ':', '')))), ':'),
        '^([0-9a-f]+:){3}[0-9a-f]+'), '(^|:)0(:0)*$', '') || '::/64'
END;

-- 1. Rows by host
SELECT host, count(*) AS connects, count(*) FILTER (outcome = 'established') AS established,
    count(*) FILTER (failed) AS failed, sum(syn_retransmits)::BIGINT AS syn_retransmits
FROM connects GROUP BY host ORDER BY connects DESC;

-- 2. Percentiles by destination
-- quantile_disc is the nearest rank. A percentile of fewer samples than it needs is NULL.
SELECT dst_addr, dst_port, count(*) AS connects, count(*) FILTER (failed) AS failed,
    count(*) FILTER (measured) AS samples,
    CASE WHEN samples >= 2 THEN quantile_disc(latency_ns, 0.5) FILTER (measured) END AS p50_ns,
    CASE WHEN samples >= 10 THEN quantile_disc(latency_ns, 0.9) FILTER (measured) END AS p90_ns,
    CASE WHEN samples >= 100 THEN quantile_disc(latency_ns, 0.99) FILTER (measured) END AS p99_ns,
    max(latency_ns) FILTER (measured) AS max_ns
FROM connects GROUP BY dst_addr, dst_port ORDER BY connects DESC;

-- 3. Time series
SELECT minute, count(*) AS connects, count(*) FILTER (failed) AS failed,
    sum(syn_retransmits)::BIGINT AS syn_retransmits, count(*) FILTER (measured) AS samples,
    CASE WHEN samples >= 2 THEN quantile_disc(latency_ns, 0.5) FILTER (measured) END AS p50_ns,
    CASE WHEN samples >= 100 THEN quantile_disc(latency_ns, 0.99) FILTER (measured) END AS p99_ns
FROM connects GROUP BY minute ORDER BY minute;

-- 4. Failures by host and minute
SELECT host, minute, count(*) AS connects, count(*) FILTER (failed) AS failed
FROM connects GROUP BY host, minute HAVING count(*) FILTER (failed) > 0 ORDER BY minute, host;

-- 5. Difference of two ranges
SELECT dst_addr, dst_port,
    count(*) FILTER (before) AS connects_before, count(*) FILTER (after) AS connects_after,
    count(*) FILTER (failed AND before) / nullif(connects_before, 0) AS failure_rate_before,
    count(*) FILTER (failed AND after) / nullif(connects_after, 0) AS failure_rate_after,
    count(*) FILTER (measured AND before) AS samples_before, count(*) FILTER (measured AND after) AS samples_after,
    CASE WHEN samples_before >= 2 THEN quantile_disc(latency_ns, 0.5) FILTER (measured AND before) END AS p50_ns_before,
    CASE WHEN samples_after >= 2 THEN quantile_disc(latency_ns, 0.5) FILTER (measured AND after) END AS p50_ns_after,
    CASE WHEN samples_before >= 100 THEN quantile_disc(latency_ns, 0.99) FILTER (measured AND before) END AS p99_ns_before,
    CASE WHEN samples_after >= 100 THEN quantile_disc(latency_ns, 0.99) FILTER (measured AND after) END AS p99_ns_after
FROM (
    SELECT *, time >= '2026-11-25 12:00:00+00' AND time < '2026-11-25 12:10:00+00' AS before,
        time >= '2026-11-25 12:10:00+00' AND time < '2026-11-25 12:20:00+00' AS after
    FROM connects)
WHERE before OR after GROUP BY dst_addr, dst_port ORDER BY dst_addr, dst_port;

-- 6. SYN loss by subnet
SELECT network_of(dst_addr) AS network, count(*) AS connects,
    count(*) FILTER (syn_retransmits > 0) AS repeated, sum(syn_retransmits)::BIGINT AS syn_retransmits
FROM connects GROUP BY network ORDER BY repeated / count(*) DESC;

-- 7. Who shares the bad connects
-- Bad: failed, or a SYN was sent again. One destination on all hosts, or one host?
SELECT dst_addr, dst_port, count(*) FILTER (bad) AS bad,
    count(*) FILTER (bad) / (sum(count(*) FILTER (bad)) OVER ()) AS share,
    count(DISTINCT host) FILTER (bad) AS hosts_bad, count(DISTINCT host) AS hosts
FROM (SELECT *, failed OR syn_retransmits > 0 AS bad FROM connects)
GROUP BY dst_addr, dst_port HAVING count(*) FILTER (bad) > 0 ORDER BY bad DESC;

-- 8. One host, one day
-- `node` and `date` name directories. Of the others the view opens the files to see
-- their columns; FROM connects_in('h-web-1', '2026-11-25') does not.
SELECT outcome, count(*) AS connects
FROM connects WHERE node = 'h-web-1' AND host = 'web-1' AND date = '2026-11-25'
GROUP BY outcome ORDER BY connects DESC;
