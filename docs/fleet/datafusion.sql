-- Captures of many hosts, asked with DataFusion (tried: 55.0).
--
-- Put your directory in place of /srv/connlat. Then, for all questions:
--     datafusion-cli -f datafusion.sql
-- Other columns, units and words: docs/format.md.

-- A table made from a directory reads its *.parquet, not the journals of
-- recorders that run.
CREATE EXTERNAL TABLE captures STORED AS PARQUET PARTITIONED BY (node, date) LOCATION '/srv/connlat/';

CREATE VIEW connects AS
SELECT *,
    outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error') AS failed,
    -- What latency figures rest on: the time is that of a handshake.
    outcome = 'established' AND (flags & 3) = 0 AS measured,
    latency_ns / 1e6 AS latency_ms,
    date_trunc('minute', time) AS minute,
    (flags & 1) > 0 AS fast_open,
    (flags & 2) > 0 AS repair,
    (flags & 4) > 0 AS simultaneous,
    (flags & 8) > 0 AS kernel_socket,
    (flags & 16) > 0 AS mptcp_subflow,
    (flags & 32) > 0 AS pre_syn,
    -- IPv4 by 24 bits, IPv6 by 64. Of IPv6 the zeros that `::` stands for are
    -- written out first.
    CASE WHEN ip_version = 4 THEN concat(substr_index(dst_addr, '.', 3), '.0/24')
    ELSE concat(regexp_replace(substr_index(
        trim(BOTH ':' FROM replace(dst_addr, '::', concat(':', repeat('0:',
            8 - length(replace(regexp_replace(dst_addr, '[0-9a-f]+', 'x', 'g'), ':', '')))))),
        ':', 4), '(^|:)0(:0)*$', ''), '::/64') END AS network
FROM captures;

-- 1. Rows by host
SELECT host, count(*) AS connects, count(*) FILTER (WHERE outcome = 'established') AS established,
    count(*) FILTER (WHERE failed) AS failed, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY host ORDER BY connects DESC;

-- 2. Percentiles by destination
-- DataFusion has no function for the nearest rank: percentile_cont interpolates. So all latencies
-- of a group are sorted, and the one at rank ⌈n·q⌉ taken; memory holds them. A percentile of fewer
-- samples than it needs is NULL.
SELECT dst_addr, dst_port, connects, failed, samples,
    CASE WHEN samples >= 2 THEN latencies[(samples * 50 + 99) / 100] END AS p50_ns,
    CASE WHEN samples >= 10 THEN latencies[(samples * 90 + 99) / 100] END AS p90_ns,
    CASE WHEN samples >= 100 THEN latencies[(samples * 99 + 99) / 100] END AS p99_ns,
    latencies[samples] AS max_ns
FROM (
    SELECT dst_addr, dst_port, count(*) AS connects, count(*) FILTER (WHERE failed) AS failed,
        count(*) FILTER (WHERE measured) AS samples,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured) AS latencies
    FROM connects GROUP BY dst_addr, dst_port)
ORDER BY connects DESC;

-- 3. Time series
SELECT minute, connects, failed, syn_retransmits, samples,
    CASE WHEN samples >= 2 THEN latencies[(samples * 50 + 99) / 100] END AS p50_ns,
    CASE WHEN samples >= 100 THEN latencies[(samples * 99 + 99) / 100] END AS p99_ns
FROM (
    SELECT minute, count(*) AS connects, count(*) FILTER (WHERE failed) AS failed,
        sum(syn_retransmits) AS syn_retransmits, count(*) FILTER (WHERE measured) AS samples,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured) AS latencies
    FROM connects GROUP BY minute)
ORDER BY minute;

-- 4. Failures by host and minute
SELECT host, minute, count(*) AS connects, count(*) FILTER (WHERE failed) AS failed
FROM connects GROUP BY host, minute HAVING count(*) FILTER (WHERE failed) > 0 ORDER BY minute, host;

-- 5. Difference of two ranges
SELECT dst_addr, dst_port, connects_before, connects_after,
    failed_before / nullif(connects_before::DOUBLE, 0) AS failure_rate_before,
    failed_after / nullif(connects_after::DOUBLE, 0) AS failure_rate_after,
    CASE WHEN samples_before >= 2 THEN latencies_before[(samples_before * 50 + 99) / 100] END AS p50_ns_before,
    CASE WHEN samples_after >= 2 THEN latencies_after[(samples_after * 50 + 99) / 100] END AS p50_ns_after,
    CASE WHEN samples_before >= 100 THEN latencies_before[(samples_before * 99 + 99) / 100] END AS p99_ns_before,
    CASE WHEN samples_after >= 100 THEN latencies_after[(samples_after * 99 + 99) / 100] END AS p99_ns_after
FROM (
    SELECT dst_addr, dst_port,
        count(*) FILTER (WHERE before) AS connects_before, count(*) FILTER (WHERE after) AS connects_after,
        count(*) FILTER (WHERE failed AND before) AS failed_before, count(*) FILTER (WHERE failed AND after) AS failed_after,
        count(*) FILTER (WHERE measured AND before) AS samples_before,
        count(*) FILTER (WHERE measured AND after) AS samples_after,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured AND before) AS latencies_before,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured AND after) AS latencies_after
    FROM (
        SELECT *, time >= '2026-11-25T12:00:00Z' AND time < '2026-11-25T12:10:00Z' AS before,
            time >= '2026-11-25T12:10:00Z' AND time < '2026-11-25T12:20:00Z' AS after
        FROM connects)
    WHERE before OR after GROUP BY dst_addr, dst_port)
ORDER BY dst_addr, dst_port;

-- 6. SYN loss by subnet
SELECT network, count(*) AS connects, count(*) FILTER (WHERE syn_retransmits > 0) AS repeated,
    sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY network ORDER BY count(*) FILTER (WHERE connects.syn_retransmits > 0)::DOUBLE / count(*) DESC;

-- 7. Who shares the bad connects
-- Bad: failed, or a SYN was sent again. One destination on all hosts, or one host?
SELECT dst_addr, dst_port, bad, bad / (sum(bad) OVER ())::DOUBLE AS share, hosts_bad, hosts
FROM (
    SELECT dst_addr, dst_port, count(*) FILTER (WHERE is_bad) AS bad,
        count(DISTINCT CASE WHEN is_bad THEN host END) AS hosts_bad, count(DISTINCT host) AS hosts
    FROM (SELECT *, failed OR syn_retransmits > 0 AS is_bad FROM connects)
    GROUP BY dst_addr, dst_port)
WHERE bad > 0 ORDER BY bad DESC;

-- 8. One host, one day
-- `node` and `date` name directories: only those are read.
SELECT outcome, count(*) AS connects
FROM connects WHERE node = 'h-web-1' AND host = 'web-1' AND date = '2026-11-25'
GROUP BY outcome ORDER BY connects DESC;
