//! Program statistics the kernel publishes only in `/proc/self/fdinfo`.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Runs of a program that the kernel skipped because one was already active on
/// that CPU (`recursion_misses`, since Linux 5.12); `None` where not published.
pub fn recursion_misses(program: BorrowedFd<'_>) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", program.as_raw_fd());
    parse(&fs::read_to_string(path).ok()?)
}

fn parse(fdinfo: &str) -> Option<u64> {
    fdinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == "recursion_misses")
        .and_then(|(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_or_unknown() {
        assert_eq!(parse("pos:\t0\nprog_type:\t26\nrecursion_misses:\t17\n"), Some(17));
        assert_eq!(parse("pos:\t0\n"), None);
        assert_eq!(parse(""), None);
    }
}
