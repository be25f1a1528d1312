//! A process that makes an output directory again that was removed meanwhile.
//!
//! The sandbox gives rights below directories that exist: those to one that is
//! made again can only be had in the directory above. Whoever got into the
//! recorder would have them there all the time, so they are left to a process
//! that does nothing else. It was started before the recorder read anything,
//! refuses everything as long as the directory is there, and then works in the
//! one that it made, and nowhere else, for a recorder that writes into what it
//! hands over.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};

use super::directory::Directory;
use super::helper::{Helper, MOST_BYTES, Request, receive, send};

/// Most directories: the output, its host's and a day, several times over.
const MOST_DIRECTORIES: usize = 64;

/// Starts the process, before this one has any thread. `give_up` leaves it what
/// it needs.
///
/// # Errors
/// When there can be no process.
pub fn start(
    directory: &Directory,
    give_up: impl FnOnce() -> anyhow::Result<()>,
) -> io::Result<Arc<Helper>> {
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: there is only this thread, so the child is as whole as its parent
    // (fork(2)); it does not return from here.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(ours);
            let given_up = settle().is_ok() && give_up().is_ok();
            if given_up {
                serve(&theirs, directory);
            }
            std::process::exit(i32::from(!given_up));
        }
        _ => {
            let helper = Arc::new(Helper::new(ours));
            directory.made_again_by(Arc::clone(&helper));
            Ok(helper)
        }
    }
}

/// It holds nobody's terminal or pipe, and ends when the recorder does: not by
/// signals that a terminal or a service manager sends to both.
fn settle() -> io::Result<()> {
    let null = openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    for standard in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: nothing in this process relies on what these three were.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1] {
        signal_hook::flag::register(signal, Arc::<AtomicBool>::default())?;
    }
    rustix::thread::set_name(c"record-again")?;
    Ok(())
}

/// Answers until the recorder is gone.
fn serve(socket: &UnixStream, directory: &Directory) {
    let mut maker = Maker { original: directory.clone(), made: Vec::new() };
    let mut buffer = [0; MOST_BYTES];
    while let Ok((length @ 1.., _)) = receive(socket, &mut buffer) {
        let answer = match Request::from_bytes(&buffer[..length]) {
            Some(request) => maker.answer(request),
            None => Err(Errno::INVAL.into()),
        };
        let sent = match &answer {
            Ok((number, given)) => {
                let number = i64::try_from(*number).unwrap_or(0);
                send(socket, &number.to_ne_bytes(), given.as_ref().map(AsFd::as_fd))
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                send(socket, &(-i64::from(errno)).to_ne_bytes(), None)
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

struct Maker {
    original: Directory,
    made: Vec<Directory>,
}

/// What is handed over.
enum Given {
    Directory(Directory),
    File(std::fs::File),
}

impl AsFd for Given {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Directory(directory) => directory.as_fd(),
            Self::File(file) => file.as_fd(),
        }
    }
}

impl Maker {
    fn answer(&mut self, request: Request) -> io::Result<(usize, Option<Given>)> {
        match request {
            Request::MakeAgain => {
                if !self.original.is_gone() {
                    return Err(Errno::EXIST.into());
                }
                let made = self.original.recreate()?;
                self.give(made)
            }
            Request::Enter { at, name } => {
                let made = self.at(at)?.make_subdirectory(name)?;
                self.give(made)
            }
            Request::Create { at, name, mode } => {
                let file = self.at(at)?.create(&name, mode & 0o666)?;
                Ok((0, Some(Given::File(file))))
            }
            Request::Rename { at, file, from, to, replace } => {
                self.at(at)?.rename(&from, file, &to, replace).map(|()| (0, None))
            }
            Request::Remove { at, file, name } => {
                self.at(at)?.remove(name, file).map(|()| (0, None))
            }
        }
    }

    fn at(&self, number: usize) -> io::Result<&Directory> {
        self.made.get(number).ok_or_else(|| Errno::BADF.into())
    }

    fn give(&mut self, made: Directory) -> io::Result<(usize, Option<Given>)> {
        if self.made.len() >= MOST_DIRECTORIES {
            return Err(Errno::MFILE.into());
        }
        self.made.push(made.clone());
        Ok((self.made.len() - 1, Some(Given::Directory(made))))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::status::FileId;
    use super::*;

    fn errno(result: io::Result<(usize, Option<Given>)>) -> Option<Errno> {
        result.err().and_then(|error| Errno::from_io_error(&error))
    }

    #[test]
    fn nothing_is_done_but_in_a_directory_that_was_made_again() {
        let scratch = tempfile::tempdir().expect("a directory");
        let here = scratch.path().join("here");
        fs::create_dir(&here).expect("a directory");
        fs::write(scratch.path().join("beside"), "x").expect("write");
        let original = Directory::open(&here).expect("it opens");
        let mut maker = Maker { original, made: Vec::new() };
        let create = |at, name: &str| Request::Create { at, name: name.to_owned(), mode: 0o600 };
        assert_eq!(errno(maker.answer(Request::MakeAgain)), Some(Errno::EXIST));
        assert_eq!(errno(maker.answer(create(0, "x"))), Some(Errno::BADF));
        fs::remove_dir(&here).expect("removed");
        let (at, _) = maker.answer(Request::MakeAgain).expect("made again");
        for name in ["../x", "..", "/etc/x", ""] {
            assert_eq!(errno(maker.answer(create(at, name))), Some(Errno::INVAL), "{name:?}");
            let enter = Request::Enter { at, name: name.to_owned() };
            assert_eq!(errno(maker.answer(enter)), Some(Errno::INVAL), "{name:?}");
        }
        let (_, given) = maker.answer(create(at, "x")).expect("a file");
        let file = FileId::of(given.expect("a file")).expect("its identity");
        let rename = |to: &str| Request::Rename {
            at,
            file,
            from: "x".to_owned(),
            to: to.to_owned(),
            replace: false,
        };
        assert_eq!(errno(maker.answer(rename("../beside"))), Some(Errno::INVAL));
        maker.answer(rename("y")).expect("renamed");
        let remove = Request::Remove { at, file, name: "y".to_owned() };
        maker.answer(remove.clone()).expect("removed");
        assert_eq!(errno(maker.answer(remove)), Some(Errno::NOENT));
        let (inside, _) =
            maker.answer(Request::Enter { at, name: "day".to_owned() }).expect("a directory");
        maker.answer(create(inside, "z")).expect("a file");
        assert!(here.join("day/z").exists());
        for _ in 0..MOST_DIRECTORIES {
            let _ = maker.answer(Request::MakeAgain);
        }
        assert_eq!(errno(maker.answer(Request::MakeAgain)), Some(Errno::MFILE));
    }
}
