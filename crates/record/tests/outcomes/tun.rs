//! The TUN device: packets of a namespace as reads and writes of a file.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

const DEVICE: &str = "/dev/net/tun";
/// Its name in each namespace.
pub const NAME: &str = "rig0";

/// Creates the device in the calling thread's namespace; it goes with the file.
pub fn open() -> io::Result<File> {
    if !Path::new(DEVICE).exists() {
        create_dir_all("/dev/net")?;
        let node = mknodat(
            CWD,
            DEVICE,
            FileType::CharacterDevice,
            Mode::RUSR | Mode::WUSR,
            makedev(10, 200),
        );
        // Another case can be first.
        if !Path::new(DEVICE).exists() {
            node?;
        }
    }
    let device =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(DEVICE)?;
    // struct ifreq (include/uapi/linux/if.h): name, then flags.
    let mut request = [0_u8; 40];
    request[..NAME.len()].copy_from_slice(NAME.as_bytes());
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as u16;
    request[16..18].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the request has the size of `struct ifreq` and outlives the call.
    match unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) } {
        0 => Ok(device),
        _ => Err(io::Error::last_os_error()),
    }
}
