//! Monotonic time of the kernel's events to wall-clock time of the capture.
//!
//! Events carry CLOCK_MONOTONIC (`bpf_ktime_get_ns`). The offset to the wall
//! clock is read again whenever events are fetched, so a step of the wall
//! clock shows in the rows after it, and samples of both clocks are kept as
//! evidence.

use connlat_schema::capture::metadata::{ClockSample, Instant, thin_clock_samples};
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::time_namespace;

/// Interval of the kept samples, ns.
const SAMPLE_INTERVAL_NS: i64 = 10_000_000_000;
/// A change of offset that is kept at once, ns: slewing stays below it.
const STEP_NS: i64 = 1_000_000;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// CLOCK_MONOTONIC of the host, ns.
    pub monotonic_ns: i64,
    /// CLOCK_REALTIME, ns since 1970.
    pub realtime_ns: i64,
    /// Distance of the two monotonic reads around the realtime read, ns.
    pub bracket_ns: i64,
}

impl ClockReading {
    /// Reads both clocks now; the tightest of three tries.
    pub fn now() -> Self {
        let once = || {
            let before = host_monotonic_ns();
            let realtime_ns = nanoseconds(clock_gettime(ClockId::Realtime));
            let after = host_monotonic_ns();
            Self {
                monotonic_ns: before + (after - before) / 2,
                realtime_ns,
                bracket_ns: after - before,
            }
        };
        let tries = [once(), once(), once()];
        tries.into_iter().min_by_key(|reading| reading.bracket_ns).unwrap_or(tries[0])
    }

    /// What to add to monotonic time for wall-clock time, ns.
    pub fn offset_ns(&self) -> i64 {
        self.realtime_ns - self.monotonic_ns
    }

    /// As the capture's start and stop are stored.
    pub fn instant(&self) -> Instant {
        Instant { time_us: self.realtime_ns.div_euclid(1000), monotonic_ns: self.monotonic_ns }
    }

    fn sample(&self) -> ClockSample {
        let (adjtimex_state, max_error_us) = adjtimex();
        ClockSample {
            monotonic_ns: self.monotonic_ns,
            realtime_ns: self.realtime_ns,
            bracket_ns: self.bracket_ns,
            adjtimex_state,
            max_error_us,
        }
    }
}

/// The clocks over a whole recording.
#[derive(Debug)]
pub struct Clock {
    latest: ClockReading,
    samples: Vec<ClockSample>,
    unreported: usize,
    interval_ns: i64,
}

impl Clock {
    /// Starts with a sample of now.
    pub fn start() -> Self {
        let latest = ClockReading::now();
        Self {
            latest,
            samples: vec![latest.sample()],
            unreported: 1,
            interval_ns: SAMPLE_INTERVAL_NS,
        }
    }

    /// The latest reading.
    pub fn reading(&self) -> ClockReading {
        self.latest
    }

    /// Reads the clocks and keeps a sample when one is due or the clock was stepped.
    pub fn tick(&mut self) -> ClockReading {
        self.observe(ClockReading::now());
        self.latest
    }

    /// Reads the clocks and keeps the sample: the last word of a recording.
    pub fn finish(&mut self) -> ClockReading {
        self.latest = ClockReading::now();
        self.keep(self.latest.sample());
        self.latest
    }

    /// Samples since the last call, for the journal.
    pub fn take_unreported(&mut self) -> Vec<ClockSample> {
        let from = self.samples.len().saturating_sub(self.unreported);
        self.unreported = 0;
        self.samples[from..].to_vec()
    }

    /// All samples kept.
    pub fn samples(&self) -> &[ClockSample] {
        &self.samples
    }

    fn observe(&mut self, reading: ClockReading) {
        let stepped = self.samples.last().is_some_and(|last| {
            let kept = last.realtime_ns - last.monotonic_ns;
            (reading.offset_ns() - kept).abs() > STEP_NS
        });
        let due = self
            .samples
            .last()
            .is_none_or(|last| reading.monotonic_ns - last.monotonic_ns >= self.interval_ns);
        self.latest = reading;
        if stepped || due {
            self.keep(reading.sample());
        }
    }

    fn keep(&mut self, sample: ClockSample) {
        self.samples.push(sample);
        self.unreported += 1;
        // The first, and the newest, stay; fewer are taken from now on.
        if thin_clock_samples(&mut self.samples) {
            self.unreported = self.unreported.min(self.samples.len());
            self.interval_ns *= 2;
        }
    }
}

/// CLOCK_MONOTONIC as the kernel's events carry it.
fn host_monotonic_ns() -> i64 {
    nanoseconds(clock_gettime(ClockId::Monotonic)) - time_namespace::ahead_ns()
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// adjtimex(2) without changing anything: state and `maxerror`.
fn adjtimex() -> (Option<i32>, Option<i64>) {
    // SAFETY: an all-zero `timex` is valid, and `modes` 0 only reads.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    if state < 0 { (None, None) } else { (Some(state), Some(timex.maxerror as _)) }
}

#[cfg(test)]
mod tests {
    use connlat_schema::capture::metadata::CLOCK_SAMPLES_LIMIT;

    use super::*;

    fn reading(monotonic_s: i64, realtime_s: i64) -> ClockReading {
        ClockReading {
            monotonic_ns: monotonic_s * 1_000_000_000,
            realtime_ns: realtime_s * 1_000_000_000,
            bracket_ns: 50,
        }
    }

    fn clock() -> Clock {
        let mut clock = Clock::start();
        clock.latest = reading(0, 1000);
        clock.samples = vec![clock.latest.sample()];
        clock
    }

    #[test]
    fn a_sample_every_ten_seconds_and_at_a_step() {
        let mut clock = clock();
        clock.observe(reading(9, 1009));
        assert_eq!(clock.samples().len(), 1);
        clock.observe(reading(10, 1010));
        assert_eq!(clock.samples().len(), 2);
        clock.observe(reading(11, 4611));
        assert_eq!(clock.samples().len(), 3, "stepped by an hour");
        assert_eq!(clock.take_unreported().len(), 3);
        assert!(clock.take_unreported().is_empty());
    }

    #[test]
    fn a_week_of_samples_stays_bounded_and_keeps_its_ends() {
        let mut clock = clock();
        let week = 7 * 86_400;
        for second in 1..=week {
            clock.observe(reading(second, 1000 + second));
        }
        assert!(clock.samples().len() <= CLOCK_SAMPLES_LIMIT);
        assert_eq!(clock.samples()[0].monotonic_ns, 0);
        let last = clock.samples().last().expect("samples").monotonic_ns;
        assert!(week * 1_000_000_000 - last <= clock.interval_ns);
    }

    #[test]
    fn the_clocks_are_read_closely() {
        let wall_ns = || {
            let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
            i64::try_from(since.as_nanos()).expect("before 2262")
        };
        let monotonic_ns = || nanoseconds(clock_gettime(ClockId::Monotonic));
        let (from, wall_from) = (monotonic_ns(), wall_ns());
        let reading = ClockReading::now();
        let (to, wall_to) = (monotonic_ns(), wall_ns());
        // Three reads of the vDSO take about 100 ns; the machine may be busy,
        // but hardly in all three tries.
        assert!((0..1_000_000).contains(&reading.bracket_ns), "{reading:?}");
        assert!((from..=to).contains(&reading.monotonic_ns), "{from} {reading:?} {to}");
        assert!((wall_from..=wall_to).contains(&reading.realtime_ns), "{reading:?}");
        // One moment in both: the offset is off by half a bracket at most, and
        // by what the wall clock was slewed meanwhile.
        let again = ClockReading::now();
        let off = (reading.offset_ns() - again.offset_ns()).abs();
        let allowed = (reading.bracket_ns + again.bracket_ns) / 2 + 1_000;
        assert!(off <= allowed, "{off} ns off, allowed {allowed}");
    }
}
