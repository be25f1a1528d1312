//! Parsers of single arguments: each takes what was typed and says in words
//! what is wrong with it; clap adds which argument it was.

use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;

use crate::privileges::User;
use crate::session::Rotate;

/// Largest ring buffer the kernel's 32-bit size reasonably allows.
const MAX_RING_BYTES: u64 = 1 << 30;

/// A positive length of time such as `10s`, `5m`, `1h30m` or `500ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a time; write it like 500ms, 10s, 5m or 1h30m"))?;
    if duration.is_zero() {
        return Err(format!("{text:?} is not longer than 0"));
    }
    Ok(duration)
}

/// A size such as `100MB`, `1GiB` or `4096`.
pub fn size(text: &str) -> Result<u64, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| format!("{text:?} is not a size; write it like 64KiB, 100MB or 1GiB"))?;
    if size.as_u64() == 0 {
        Err(format!("{text:?} is not larger than 0"))
    } else {
        Ok(size.as_u64())
    }
}

/// A time or a size.
pub fn rotation(text: &str) -> Result<Rotate, String> {
    duration(text)
        .map(Rotate::Age)
        .or_else(|_| size(text).map(Rotate::Bytes))
        .map_err(|_| format!("{text:?} is neither a time nor a size; write it like 10m or 100MB"))
}

/// Octal permission bits without any for execution.
pub fn permissions(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode & !0o666 == 0 && mode & 0o400 != 0 => Ok(mode),
        _ => Err(format!("{text:?} is not a file mode; write it like 0600 or 0640")),
    }
}

/// A user of this system, or any number.
pub fn user(text: &str) -> Result<User, String> {
    User::find(text).ok_or_else(|| format!("there is no user {text:?}; write a name or a number"))
}

/// A number of milliseconds with a fraction, as tcpconnlat takes it.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a number; give milliseconds such as 1 or 0.1"))?;
    if number.is_nan() || number <= 0.0 {
        return Err(format!("{text:?} must be positive; give milliseconds such as 1 or 0.1"));
    }
    Duration::try_from_secs_f64(number / 1000.0).map_err(|_| format!("{text:?} is too large"))
}

/// An inode, or a namespace file.
pub fn netns(text: &str) -> Result<u32, String> {
    if let Ok(inode) = text.parse() {
        return Ok(inode);
    }
    let inode = fs::metadata(text)
        .map_err(|error| format!("{text:?} is neither an inode nor a namespace file: {error}"))?
        .ino();
    u32::try_from(inode).map_err(|_| format!("{text:?} is not a namespace file"))
}

/// A prefix, or an address alone; v4-mapped ones count as IPv4.
pub fn destination(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let net = net.map_err(|_| {
        format!("{text:?} is not an address or prefix; write it like 10.0.0.0/8 or 2001:db8::1")
    })?;
    Ok(net.trunc())
}

/// A port or an inclusive range.
pub fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wrong = || format!("{text:?} is not a port or range; write it like 443 or 8000-8999");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let range = port(first)?..=port(last)?;
    if range.is_empty() { Err(wrong()) } else { Ok(range) }
}

/// A size that the kernel takes for a ring buffer.
pub fn ring_size(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    let page = rustix::param::page_size() as u64;
    match u32::try_from(bytes) {
        Ok(small) if bytes.is_power_of_two() && (page..=MAX_RING_BYTES).contains(&bytes) => {
            Ok(small)
        }
        _ => Err(format!(
            "must be a power of two from {} to {}",
            ByteSize(page),
            ByteSize(MAX_RING_BYTES)
        )),
    }
}
