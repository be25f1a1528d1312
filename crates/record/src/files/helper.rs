//! Asks the process of [`super::maker`] for what the sandbox refuses to the
//! recorder: to work in a directory that was made again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use sendfd::{RecvWithFd, SendWithFd};

use super::status::FileId;

/// Longest request, bytes: two names and some numbers.
pub(super) const MOST_BYTES: usize = 1024;

/// What can be asked for; `at` is the number of a directory, in the order in
/// which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// The directory that is gone, made again.
    MakeAgain,
    /// A directory inside one of them.
    Enter { at: usize, name: String },
    /// A new file in one of them.
    Create { at: usize, name: String, mode: u32 },
    /// Another name for a file.
    Rename { at: usize, file: FileId, from: String, to: String, replace: bool },
    /// A file less.
    Remove { at: usize, file: FileId, name: String },
}

impl Request {
    /// Fields end with a NUL, which no name holds.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let id = |file: &FileId| format!("{}\0{}", file.device, file.inode);
        let text = match self {
            Self::MakeAgain => "again".to_owned(),
            Self::Enter { at, name } => format!("enter\0{at}\0{name}"),
            Self::Create { at, name, mode } => format!("create\0{at}\0{name}\0{mode}"),
            Self::Rename { at, file, from, to, replace } => {
                format!("rename\0{at}\0{}\0{from}\0{to}\0{replace}", id(file))
            }
            Self::Remove { at, file, name } => format!("remove\0{at}\0{}\0{name}", id(file)),
        };
        text.into_bytes()
    }

    /// `None` for what no recorder sends.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fields: Vec<&str> = std::str::from_utf8(bytes).ok()?.split('\0').collect();
        let id = |device: &str, inode: &str| {
            Some(FileId { device: device.parse().ok()?, inode: inode.parse().ok()? })
        };
        let text = |name: &&str| (*name).to_owned();
        Some(match fields.as_slice() {
            ["again"] => Self::MakeAgain,
            ["enter", at, name] => Self::Enter { at: at.parse().ok()?, name: text(name) },
            ["create", at, name, mode] => {
                Self::Create { at: at.parse().ok()?, name: text(name), mode: mode.parse().ok()? }
            }
            ["rename", at, device, inode, from, to, replace] => Self::Rename {
                at: at.parse().ok()?,
                file: id(device, inode)?,
                from: text(from),
                to: text(to),
                replace: replace.parse().ok()?,
            },
            ["remove", at, device, inode, name] => {
                Self::Remove { at: at.parse().ok()?, file: id(device, inode)?, name: text(name) }
            }
            _ => return None,
        })
    }
}

/// The recorder's end. Whoever asks waits for the answer; one at a time.
#[derive(Debug)]
pub struct Helper {
    socket: Mutex<UnixStream>,
    descriptor: RawFd,
}

impl Helper {
    pub(super) fn new(socket: UnixStream) -> Self {
        let descriptor = socket.as_raw_fd();
        Self { socket: Mutex::new(socket), descriptor }
    }

    /// The number of its socket, which is all that messages are sent through.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    pub(super) fn make_again(&self) -> io::Result<(OwnedFd, usize)> {
        self.directory(&Request::MakeAgain)
    }

    pub(super) fn enter(&self, at: usize, name: String) -> io::Result<(OwnedFd, usize)> {
        self.directory(&Request::Enter { at, name })
    }

    fn directory(&self, request: &Request) -> io::Result<(OwnedFd, usize)> {
        let (number, descriptor) = self.ask(request)?;
        Ok((descriptor.ok_or(Errno::IO)?, number))
    }

    pub(super) fn create(&self, at: usize, name: String, mode: u32) -> io::Result<File> {
        let (_, descriptor) = self.ask(&Request::Create { at, name, mode })?;
        Ok(descriptor.ok_or(Errno::IO)?.into())
    }

    pub(super) fn rename(
        &self,
        at: usize,
        file: FileId,
        (from, to): (String, String),
        replace: bool,
    ) -> io::Result<()> {
        self.ask(&Request::Rename { at, file, from, to, replace }).map(|_| ())
    }

    pub(super) fn remove(&self, at: usize, file: FileId, name: String) -> io::Result<()> {
        self.ask(&Request::Remove { at, file, name }).map(|_| ())
    }

    fn ask(&self, request: &Request) -> io::Result<(usize, Option<OwnedFd>)> {
        let bytes = request.to_bytes();
        if bytes.len() > MOST_BYTES {
            return Err(Errno::NAMETOOLONG.into());
        }
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        send(&socket, &bytes, None)?;
        let mut answer = [0; 8];
        let (length, descriptor) = receive(&socket, &mut answer)?;
        if length != answer.len() {
            return Err(io::Error::other("the process that makes directories again is gone"));
        }
        match i64::from_ne_bytes(answer) {
            number @ 0.. => Ok((usize::try_from(number).unwrap_or_default(), descriptor)),
            errno => {
                let errno = i32::try_from(-errno).unwrap_or(libc::EIO);
                Err(io::Error::from_raw_os_error(errno))
            }
        }
    }
}

/// Sends a whole message, with a descriptor if there is one.
pub(super) fn send(
    socket: &UnixStream,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let descriptors: Vec<RawFd> = descriptor.iter().map(AsRawFd::as_raw_fd).collect();
    loop {
        match socket.send_with_fd(bytes, &descriptors) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A message is far smaller than the socket's buffer, which is empty.
            result => return result.map(|_| ()),
        }
    }
}

/// Waits for a message; its length, 0 at the end, and what came with it.
pub(super) fn receive(
    socket: &UnixStream,
    buffer: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut descriptor: [RawFd; 1] = [-1];
    loop {
        let (length, descriptors) = match socket.recv_with_fd(buffer, &mut descriptor) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        // SAFETY: the kernel has just made this descriptor for us, and nobody
        // else knows of it.
        let owned = (descriptors > 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor[0]) });
        return Ok((length, owned));
    }
}

impl AsFd for Helper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the socket lives as long as this value.
        unsafe { BorrowedFd::borrow_raw(self.descriptor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_arrive_as_they_were_and_nonsense_is_none() {
        let (at, file) = (3, FileId { device: u64::MAX, inode: 7 });
        let name = || "a\n \u{1b}é.parquet".to_owned();
        for request in [
            Request::MakeAgain,
            Request::Enter { at, name: name() },
            Request::Create { at, name: name(), mode: 0o640 },
            Request::Rename { at, file, from: name(), to: String::new(), replace: true },
            Request::Remove { at, file, name: name() },
        ] {
            assert_eq!(Request::from_bytes(&request.to_bytes()), Some(request));
        }
        for wrong in [&b""[..], b"again\0", b"enter\0-1\0x", b"create\x000\0x", b"\xff", b"exec"] {
            assert_eq!(Request::from_bytes(wrong), None, "{wrong:?}");
        }
    }
}
