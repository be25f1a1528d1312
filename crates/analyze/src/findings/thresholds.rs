//! Every threshold that findings depend on, in one place. The table in
//! `docs/analysis.md` is written from here, and a test compares them.

#[cfg(test)]
use crate::units;

/// How a threshold is shown.
#[cfg(test)]
enum Shown {
    Count(u64),
    Share(f64),
    Factor(f64),
    Time(i64),
}

#[cfg(test)]
impl Shown {
    fn text(&self) -> String {
        match self {
            Self::Count(count) => units::count_u64(*count),
            Self::Share(share) => format!("{} %", (share * 1000.0).round() / 10.0),
            Self::Factor(factor) => format!("{factor}"),
            Self::Time(ns) => units::duration(*ns),
        }
    }
}

macro_rules! thresholds {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr, $shown:ident;)+) => {
        /// What makes something a finding. Times are ns.
        #[derive(Debug, Clone, Copy)]
        pub struct Thresholds {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        /// The thresholds in force.
        pub const T: Thresholds = Thresholds { $($name: $value,)+ };

        /// The table of the documentation.
        #[cfg(test)]
        pub fn table() -> String {
            let mut out = String::from("| threshold | value | meaning |\n|---|---|---|\n");
            $(
                let meaning = concat!($($doc),+).trim();
                let shown = Shown::$shown(T.$name).text();
                out.push_str(&format!("| `{}` | {shown} | {meaning} |\n", stringify!($name)));
            )+
            out
        }
    };
}

thresholds! {
    /// connects that failed for one reason before it is a finding
    failures: u64 = 3, Count;
    /// the same of connects that got through in the end, were given up early, or are refused among others that are not
    misfortunes: u64 = 4, Count;
    /// their share of the connects in the scope while it lasted; below, only loss everywhere is said
    share: f64 = 0.02, Share;
    /// the lowest share of lost SYNs that is said at all
    background_share: f64 = 0.002, Share;
    /// log-likelihood ratio that a scope or a time must have over chance, with all that were tried in mind
    clear: f64 = 15.0, Factor;
    /// what each condition of a scope costs: a longer description must explain that much more
    price: f64 = 4.0, Factor;
    /// the part of the best ratio that a longer description must gain over a shorter one
    gain: f64 = 0.05, Share;
    /// how many times the share elsewhere the share in a scope must be …
    contrast: f64 = 4.0, Factor;
    /// … unless it is that high
    high_share: f64 = 0.2, Share;
    /// how much rarer than in the whole scope a part of it must be to be called fine
    innocent: f64 = 5.0, Factor;
    /// the share of a scope's connects that may lie in parts that are fine
    most_innocent: f64 = 0.15, Share;
    /// the time after which a SYN is first sent again; a repeated SYN answered well before is no loss
    first_retry: i64 = 1_000_000_000, Time;
    /// connects to a destination that say what is usual there
    usual: u64 = 8, Count;
    /// a connect is slow if it takes so many times the fastest to the same destination …
    slow_times: f64 = 2.0, Factor;
    /// … and so much longer
    slow_more: i64 = 5_000_000, Time;
    /// a connect was given up in vain if it took so many times what 90 % take there …
    vain_times: f64 = 5.0, Factor;
    /// … and so long
    vain_more: i64 = 50_000_000, Time;
    /// a refusal is late if it took so much longer than an answer there usually takes
    late_more: i64 = 300_000_000, Time;
    /// latency above the round trip that the kernel measured, in round trips …
    local_times: f64 = 4.0, Factor;
    /// … and in time, that lies in this host
    local_more: i64 = 1_000_000, Time;
    /// how wide latencies of a place that is slow all the time are: its median against its fastest
    spread: f64 = 3.0, Factor;
    /// the share of the slower mode that makes it one server of several
    mode_share: f64 = 0.1, Share;
    /// how regular the moments of a periodic fault are (mean resultant length)
    regular: f64 = 0.75, Share;
    /// cycles that make a period
    cycles: u64 = 3, Count;
    /// the rate of connects against before that makes a load spike
    spike: f64 = 2.0, Factor;
    /// waits of one program that make a timeout of its own lie within this factor
    same_wait: f64 = 1.1, Factor;
    /// failures in a row that make a storm
    storm: u64 = 10, Count;
    /// longest pause in a storm
    storm_pause: i64 = 1_000_000_000, Time;
    /// connects in a row that make a reconnect loop
    reconnects: u64 = 21, Count;
    /// races that make a pattern
    races: u64 = 5, Count;
    /// the share of a program's failures that races must explain
    explained: f64 = 0.8, Share;
    /// a wait for the first of two addresses that is worth a word
    race_cost: i64 = 50_000_000, Time;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_this_table() {
        let docs = include_str!("../../../../docs/analysis.md");
        assert!(docs.contains(&table()), "docs/analysis.md needs this table:\n{}", table());
    }
}
