-- Captures of many hosts, asked with ClickHouse (tried: 26.9, as chdb).
--
-- Put your directory in place of /srv/connlat. Then, for all questions:
--     clickhouse local --multiquery < clickhouse.sql
-- A server reads files only below its user_files_path.
-- Other columns, units and words: docs/format.md.

-- `failed` in an expression is the column, also where a result has that name.
SET prefer_column_name_to_alias = 1;

-- The columns are named, for ClickHouse would take them from any of the files,
-- and those of another version of record may have others.
CREATE OR REPLACE VIEW connects AS
SELECT *,
    outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error') AS failed,
    -- What latency figures rest on: the time is that of a handshake.
    outcome = 'established' AND bitAnd(flags, 3) = 0 AS measured,
    latency_ns / 1e6 AS latency_ms,
    toStartOfMinute(time) AS minute,
    bitTest(flags, 0) AS fast_open,
    bitTest(flags, 1) AS repair,
    bitTest(flags, 2) AS simultaneous,
    bitTest(flags, 3) AS kernel_socket,
    bitTest(flags, 4) AS mptcp_subflow,
    bitTest(flags, 5) AS pre_syn,
    -- IPv4 by 24 bits, IPv6 by 64.
    if(ip_version = 4,
        concat(IPv4NumToString(tupleElement(IPv4CIDRToRange(toIPv4OrDefault(dst_addr), 24), 1)), '/24'),
        concat(IPv6NumToString(tupleElement(IPv6CIDRToRange(toIPv6OrDefault(dst_addr), 64), 1)), '/64')) AS network
FROM file('/srv/connlat/**/*.parquet', Parquet,
    'host String, boot_id String, time DateTime64(6, \'UTC\'), start_ns Int64, latency_ns Int64,
     outcome String, errno Nullable(Int32), syn_retransmits Int32, rtt_us Nullable(Int32),
     pid Int32, tid Int32, uid Int64, comm String, cgroup String, cgroup_id Int64, netns Int64,
     ip_version Int32, src_addr String, dst_addr String, src_port Int32, dst_port Int32, flags Int32,
     node String, date Date')
SETTINGS use_hive_partitioning = 1;

-- 1. Rows by host
SELECT host, count() AS connects, countIf(outcome = 'established') AS established,
    countIf(failed) AS failed, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY host ORDER BY connects DESC;

-- 2. Percentiles by destination
-- quantileExactWeighted with weights of 1 is the nearest rank; quantileExact and quantileExactLow
-- are not. A percentile of fewer samples than it needs is NULL.
SELECT dst_addr, dst_port, count() AS connects, countIf(failed) AS failed, countIf(measured) AS samples,
    if(samples >= 2, quantileExactWeightedIf(0.5)(latency_ns, 1, measured), NULL) AS p50_ns,
    if(samples >= 10, quantileExactWeightedIf(0.9)(latency_ns, 1, measured), NULL) AS p90_ns,
    if(samples >= 100, quantileExactWeightedIf(0.99)(latency_ns, 1, measured), NULL) AS p99_ns,
    maxOrNullIf(latency_ns, measured) AS max_ns
FROM connects GROUP BY dst_addr, dst_port ORDER BY connects DESC;

-- 3. Time series
SELECT minute, count() AS connects, countIf(failed) AS failed, sum(syn_retransmits) AS syn_retransmits,
    countIf(measured) AS samples,
    if(samples >= 2, quantileExactWeightedIf(0.5)(latency_ns, 1, measured), NULL) AS p50_ns,
    if(samples >= 100, quantileExactWeightedIf(0.99)(latency_ns, 1, measured), NULL) AS p99_ns
FROM connects GROUP BY minute ORDER BY minute;

-- 4. Failures by host and minute
SELECT host, minute, count() AS connects, countIf(failed) AS failed
FROM connects GROUP BY host, minute HAVING countIf(failed) > 0 ORDER BY minute, host;

-- 5. Difference of two ranges
WITH
    time >= '2026-11-25 12:00:00' AND time < '2026-11-25 12:10:00' AS before,
    time >= '2026-11-25 12:10:00' AND time < '2026-11-25 12:20:00' AS after
SELECT dst_addr, dst_port, countIf(before) AS connects_before, countIf(after) AS connects_after,
    if(connects_before > 0, countIf(failed AND before) / connects_before, NULL) AS failure_rate_before,
    if(connects_after > 0, countIf(failed AND after) / connects_after, NULL) AS failure_rate_after,
    countIf(measured AND before) AS samples_before, countIf(measured AND after) AS samples_after,
    if(samples_before >= 2, quantileExactWeightedIf(0.5)(latency_ns, 1, measured AND before), NULL) AS p50_ns_before,
    if(samples_after >= 2, quantileExactWeightedIf(0.5)(latency_ns, 1, measured AND after), NULL) AS p50_ns_after,
    if(samples_before >= 100, quantileExactWeightedIf(0.99)(latency_ns, 1, measured AND before), NULL) AS p99_ns_before,
    if(samples_after >= 100, quantileExactWeightedIf(0.99)(latency_ns, 1, measured AND after), NULL) AS p99_ns_after
FROM connects WHERE before OR after GROUP BY dst_addr, dst_port ORDER BY dst_addr, dst_port;

-- 6. SYN loss by subnet
SELECT network, count() AS connects, countIf(syn_retransmits > 0) AS repeated, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY network ORDER BY repeated / connects DESC;

-- 7. Who shares the bad connects
-- Bad: failed, or a SYN was sent again. One destination on all hosts, or one host?
WITH failed OR syn_retransmits > 0 AS is_bad
SELECT dst_addr, dst_port, countIf(is_bad) AS bad, bad / sum(bad) OVER () AS share,
    uniqExactIf(host, is_bad) AS hosts_bad, uniqExact(host) AS hosts
FROM connects GROUP BY dst_addr, dst_port HAVING bad > 0 ORDER BY bad DESC;

-- 8. One host, one day
-- `node` and `date` name directories: only those are read.
SELECT outcome, count() AS connects
FROM connects WHERE node = 'h-web-1' AND host = 'web-1' AND date = '2026-11-25'
GROUP BY outcome ORDER BY connects DESC;
