-- Captures of many hosts, asked with Spark (tried: 3.5.9, 4.3.0).
--
-- Put your directory in place of /srv/connlat (s3a://BUCKET/… for a bucket).
-- Then, for all questions:
--     spark-sql -f spark.sql
-- Other columns, units and words: docs/format.md.

SET spark.sql.session.timeZone = UTC;

-- Spark takes `node` and `date` from the directories. The filter leaves out the
-- journals of recorders that run. The columns are named, for Spark would take
-- them from any of the files, and those of another version of record may have
-- others. In a catalog, for all sessions: CREATE TABLE in place of CREATE OR
-- REPLACE TEMPORARY VIEW, PARTITIONED BY (node, date) behind OPTIONS, and MSCK
-- REPAIR TABLE captures for each new day and host; only of a tree that has no
-- journals, as rsync collects it, for the filter does not reach a table's
-- partitions.
CREATE OR REPLACE TEMPORARY VIEW captures (
    host STRING, boot_id STRING, time TIMESTAMP, start_ns BIGINT, latency_ns BIGINT,
    outcome STRING, errno INT, syn_retransmits INT, rtt_us INT,
    pid INT, tid INT, uid BIGINT, comm STRING, cgroup STRING, cgroup_id BIGINT, netns BIGINT,
    ip_version INT, src_addr STRING, dst_addr STRING, src_port INT, dst_port INT, flags INT,
    node STRING, date DATE)
USING parquet OPTIONS (path '/srv/connlat', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW connects AS
SELECT *,
    outcome IN ('refused', 'timed_out', 'unreachable', 'aborted', 'local_error') AS failed,
    -- What latency figures rest on: the time is that of a handshake.
    outcome = 'established' AND flags & 3 = 0 AS measured,
    latency_ns / 1e6D AS latency_ms,
    date_trunc('minute', time) AS minute,
    flags & 1 > 0 AS fast_open,
    flags & 2 > 0 AS repair,
    flags & 4 > 0 AS simultaneous,
    flags & 8 > 0 AS kernel_socket,
    flags & 16 > 0 AS mptcp_subflow,
    flags & 32 > 0 AS pre_syn,
    -- IPv4 by 24 bits, IPv6 by 64. Of IPv6 the zeros that `::` stands for are
    -- written out first.
    CASE WHEN ip_version = 4 THEN concat(substring_index(dst_addr, '.', 3), '.0/24')
    ELSE concat(regexp_replace(substring_index(
        trim(BOTH ':' FROM replace(dst_addr, '::', concat(':', repeat('0:',
            8 - length(replace(regexp_replace(dst_addr, '[0-9a-f]+', 'x'), ':', '')))))),
        ':', 4), '(^|:)0(:0)*$', ''), '::/64') END AS network
FROM captures;

-- 1. Rows by host
SELECT host, count(*) AS connects, count_if(outcome = 'established') AS established,
    count_if(failed) AS failed, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY host ORDER BY connects DESC;

-- 2. Percentiles by destination
-- percentile_disc is the nearest rank. A percentile of fewer samples than it needs is NULL.
SELECT dst_addr, dst_port, count(*) AS connects, count_if(failed) AS failed, count_if(measured) AS samples,
    CASE WHEN count_if(measured) >= 2 THEN
        percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured) END AS p50_ns,
    CASE WHEN count_if(measured) >= 10 THEN
        percentile_disc(0.9) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured) END AS p90_ns,
    CASE WHEN count_if(measured) >= 100 THEN
        percentile_disc(0.99) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured) END AS p99_ns,
    max(latency_ns) FILTER (WHERE measured) AS max_ns
FROM connects GROUP BY dst_addr, dst_port ORDER BY connects DESC;

-- 3. Time series
SELECT minute, count(*) AS connects, count_if(failed) AS failed, sum(syn_retransmits) AS syn_retransmits,
    count_if(measured) AS samples,
    CASE WHEN count_if(measured) >= 2 THEN
        percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured) END AS p50_ns,
    CASE WHEN count_if(measured) >= 100 THEN
        percentile_disc(0.99) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured) END AS p99_ns
FROM connects GROUP BY minute ORDER BY minute;

-- 4. Failures by host and minute
SELECT host, minute, count(*) AS connects, count_if(failed) AS failed
FROM connects GROUP BY host, minute HAVING count_if(connects.failed) > 0 ORDER BY minute, host;

-- 5. Difference of two ranges
SELECT dst_addr, dst_port, count_if(before) AS connects_before, count_if(after) AS connects_after,
    count_if(failed AND before) / nullif(count_if(before), 0) AS failure_rate_before,
    count_if(failed AND after) / nullif(count_if(after), 0) AS failure_rate_after,
    CASE WHEN count_if(measured AND before) >= 2 THEN
        percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured AND before) END AS p50_ns_before,
    CASE WHEN count_if(measured AND after) >= 2 THEN
        percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured AND after) END AS p50_ns_after,
    CASE WHEN count_if(measured AND before) >= 100 THEN
        percentile_disc(0.99) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured AND before) END AS p99_ns_before,
    CASE WHEN count_if(measured AND after) >= 100 THEN
        percentile_disc(0.99) WITHIN GROUP (ORDER BY latency_ns) FILTER (WHERE measured AND after) END AS p99_ns_after
FROM (
    SELECT *, time >= '2026-11-25 12:00:00' AND time < '2026-11-25 12:10:00' AS before,
        time >= '2026-11-25 12:10:00' AND time < '2026-11-25 12:20:00' AS after
    FROM connects)
WHERE before OR after GROUP BY dst_addr, dst_port ORDER BY dst_addr, dst_port;

-- 6. SYN loss by subnet
SELECT network, count(*) AS connects, count_if(syn_retransmits > 0) AS repeated, sum(syn_retransmits) AS syn_retransmits
FROM connects GROUP BY network ORDER BY count_if(connects.syn_retransmits > 0) / count(*) DESC;

-- 7. Who shares the bad connects
-- Bad: failed, or a SYN was sent again. One destination on all hosts, or one host?
SELECT dst_addr, dst_port, count_if(is_bad) AS bad, count_if(is_bad) / sum(count_if(is_bad)) OVER () AS share,
    count(DISTINCT CASE WHEN is_bad THEN host END) AS hosts_bad, count(DISTINCT host) AS hosts
FROM (SELECT *, failed OR syn_retransmits > 0 AS is_bad FROM connects)
GROUP BY dst_addr, dst_port HAVING bad > 0 ORDER BY bad DESC;

-- 8. One host, one day
-- `node` and `date` name directories: only those are read.
SELECT outcome, count(*) AS connects
FROM connects WHERE node = 'h-web-1' AND host = 'web-1' AND date = '2026-11-25'
GROUP BY outcome ORDER BY connects DESC;
