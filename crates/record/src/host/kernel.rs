//! Which release of Linux this is.

use std::fs;

/// What the kernel says of its release.
///
/// From `/proc/sys/kernel/osrelease`: uname(2) answers with another number
/// under the personality UNAME26 (kernel/sys.c, `override_release`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelRelease {
    /// As it says, such as `6.1.0-18-amd64`.
    pub text: String,
    /// Major and minor number, if it begins with them.
    pub version: Option<(u32, u32)>,
}

impl KernelRelease {
    /// Reads it.
    pub fn read() -> Self {
        let text = fs::read_to_string("/proc/sys/kernel/osrelease");
        let uname = || rustix::system::uname().release().to_string_lossy().into_owned();
        Self::of(text.unwrap_or_else(|_| uname()).trim())
    }

    /// Takes it apart.
    pub fn of(text: &str) -> Self {
        let mut numbers =
            text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().ok());
        let version = numbers.next().flatten().zip(numbers.next().flatten());
        Self { text: text.to_owned(), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        let version = |text| KernelRelease::of(text).version;
        assert_eq!(version("5.10.0-28-cloud-amd64"), Some((5, 10)));
        assert_eq!(version("6.1"), Some((6, 1)));
        assert_eq!(version("10.0.0"), Some((10, 0)));
        for unknown in ["", "6", "garbage", "six.one"] {
            assert_eq!(version(unknown), None, "{unknown}");
        }
        assert!(KernelRelease::read().version.is_some());
    }
}
