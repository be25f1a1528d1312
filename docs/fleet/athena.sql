-- Captures of many hosts, asked with Amazon Athena (engine version 3).
--
-- NOT RUN by this project's tests: written from Athena's documentation, and only
-- its grammar was checked. Put your bucket in place of s3://BUCKET/connlat. Athena
-- takes one statement at a time. Other columns, units and words: docs/format.md.

-- Columns are found by their names, so captures of another version of record may
-- have others.
CREATE EXTERNAL TABLE IF NOT EXISTS captures (
    host string, boot_id string, `time` timestamp, start_ns bigint, latency_ns bigint,
    outcome string, errno int, syn_retransmits int, rtt_us int, pid int, tid int, uid bigint,
    comm string, cgroup string, cgroup_id bigint, netns bigint, ip_version int,
    src_addr string, dst_addr string, src_port int, dst_port int, flags int
)
PARTITIONED BY (node string, `date` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/connlat/';

-- Again for each new host and day.
MSCK REPAIR TABLE captures;

CREATE OR REPLACE VIEW connects AS
SELECT *,
    outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error') AS failed,
    -- What latency figures rest on: the time is that of a handshake.
    outcome = 'established' AND bitwise_and(flags, 3) = 0 AS measured,
    latency_ns / 1e6 AS latency_ms,
    date_trunc('minute', time) AS minute,
    bitwise_and(flags, 1) > 0 AS fast_open,
    bitwise_and(flags, 2) > 0 AS repair,
    bitwise_and(flags, 4) > 0 AS simultaneous,
    bitwise_and(flags, 8) > 0 AS kernel_socket,
    bitwise_and(flags, 16) > 0 AS mptcp_subflow,
    bitwise_and(flags, 32) > 0 AS pre_syn,
    -- IPv4 by 24 bits, IPv6 by 64. Of IPv6 the zeros that `::` stands for are
    -- written out first.
    CASE WHEN ip_version = 4 THEN regexp_replace(dst_addr, '[0-9]+$', '0/24')
    ELSE concat(regexp_replace(regexp_extract(
        regexp_replace(replace(dst_addr, '::', concat(':', array_join(repeat('0:',
            8 - cast(length(replace(regexp_replace(dst_addr, '[0-9a-f]+', 'x'), ':', '')) AS integer)), ''))), '^:+|:+$', ''),
        '^([0-9a-f]+:){3}[0-9a-f]+'), '(^|:)0(:0)*$', ''), '::/64') END AS network
FROM captures;

-- 1. Rows by host
SELECT host, count(*) AS connects, count_if(outcome = 'established') AS established,
    count_if(failed) AS failed, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY host ORDER BY connects DESC;

-- 2. Percentiles by destination
-- approx_percentile is not exact. So all latencies of a group are sorted, and the one at rank
-- ⌈n·q⌉ taken; memory holds them. A percentile of fewer samples than it needs is NULL.
SELECT dst_addr, dst_port, connects, failed, samples,
    CASE WHEN samples >= 2 THEN element_at(latencies, (samples * 50 + 99) / 100) END AS p50_ns,
    CASE WHEN samples >= 10 THEN element_at(latencies, (samples * 90 + 99) / 100) END AS p90_ns,
    CASE WHEN samples >= 100 THEN element_at(latencies, (samples * 99 + 99) / 100) END AS p99_ns,
    max_ns
FROM (
    SELECT dst_addr, dst_port, count(*) AS connects, count_if(failed) AS failed, count_if(measured) AS samples,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured) AS latencies,
        max(latency_ns) FILTER (WHERE measured) AS max_ns
    FROM connects GROUP BY dst_addr, dst_port)
ORDER BY connects DESC;

-- 3. Time series
SELECT minute, connects, failed, syn_retransmits, samples,
    CASE WHEN samples >= 2 THEN element_at(latencies, (samples * 50 + 99) / 100) END AS p50_ns,
    CASE WHEN samples >= 100 THEN element_at(latencies, (samples * 99 + 99) / 100) END AS p99_ns
FROM (
    SELECT minute, count(*) AS connects, count_if(failed) AS failed, sum(syn_retransmits) AS syn_retransmits,
        count_if(measured) AS samples,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured) AS latencies
    FROM connects GROUP BY minute)
ORDER BY minute;

-- 4. Failures by host and minute
SELECT host, minute, count(*) AS connects, count_if(failed) AS failed
FROM connects GROUP BY host, minute HAVING count_if(failed) > 0 ORDER BY minute, host;

-- 5. Difference of two ranges
SELECT dst_addr, dst_port, connects_before, connects_after,
    cast(failed_before AS double) / nullif(connects_before, 0) AS failure_rate_before,
    cast(failed_after AS double) / nullif(connects_after, 0) AS failure_rate_after,
    CASE WHEN samples_before >= 2 THEN element_at(latencies_before, (samples_before * 50 + 99) / 100) END AS p50_ns_before,
    CASE WHEN samples_after >= 2 THEN element_at(latencies_after, (samples_after * 50 + 99) / 100) END AS p50_ns_after,
    CASE WHEN samples_before >= 100 THEN element_at(latencies_before, (samples_before * 99 + 99) / 100) END AS p99_ns_before,
    CASE WHEN samples_after >= 100 THEN element_at(latencies_after, (samples_after * 99 + 99) / 100) END AS p99_ns_after
FROM (
    SELECT dst_addr, dst_port, count_if(before) AS connects_before, count_if(after) AS connects_after,
        count_if(failed AND before) AS failed_before, count_if(failed AND after) AS failed_after,
        count_if(measured AND before) AS samples_before, count_if(measured AND after) AS samples_after,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured AND before) AS latencies_before,
        array_agg(latency_ns ORDER BY latency_ns) FILTER (WHERE measured AND after) AS latencies_after
    FROM (
        SELECT *, time >= timestamp '2026-11-25 12:00:00' AND time < timestamp '2026-11-25 12:10:00' AS before,
            time >= timestamp '2026-11-25 12:10:00' AND time < timestamp '2026-11-25 12:20:00' AS after
        FROM connects)
    WHERE before OR after GROUP BY dst_addr, dst_port)
ORDER BY dst_addr, dst_port;

-- 6. SYN loss by subnet
SELECT network, count(*) AS connects, count_if(syn_retransmits > 0) AS repeated, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY network ORDER BY 3 DESC;

-- 7. Who shares the bad connects
-- Bad: failed, or a SYN was sent again. One destination on all hosts, or one host?
SELECT dst_addr, dst_port, bad, cast(bad AS double) / sum(bad) OVER () AS share, hosts_bad, hosts
FROM (
    SELECT dst_addr, dst_port, count_if(is_bad) AS bad,
        count(DISTINCT CASE WHEN is_bad THEN host END) AS hosts_bad, count(DISTINCT host) AS hosts
    FROM (SELECT *, failed OR syn_retransmits > 0 AS is_bad FROM connects)
    GROUP BY dst_addr, dst_port)
WHERE bad > 0 ORDER BY bad DESC;

-- 8. One host, one day
-- `node` and `date` name directories: only those are read.
SELECT outcome, count(*) AS connects
FROM connects WHERE node = 'h-web-1' AND host = 'web-1' AND date = '2026-11-25'
GROUP BY outcome ORDER BY connects DESC;
