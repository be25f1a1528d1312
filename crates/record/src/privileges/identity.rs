//! Who the recorder is, and who it becomes.

use std::fmt;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, Stat, fstat};
use rustix::io;
use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::{
    set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// A user and their primary group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    uid: Uid,
    gid: Gid,
}

/// Owns nothing, and may do nothing that not everybody may.
pub fn nobody() -> User {
    User { uid: Uid::from_raw(65_534), gid: Gid::from_raw(65_534) }
}

impl fmt::Display for User {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "user {}", self.uid.as_raw())
    }
}

impl User {
    /// By name or number. A number that the system has no name for is that of
    /// the group, too.
    pub fn find(text: &str) -> Option<Self> {
        let known = match text.parse() {
            // -1 means "leave it" to setresuid(2).
            Ok(u32::MAX) => return None,
            Ok(uid) => match uzers::get_user_by_uid(uid) {
                Some(known) => known,
                None => return Some(Self { uid: Uid::from_raw(uid), gid: Gid::from_raw(uid) }),
            },
            Err(_) => uzers::get_user_by_name(text)?,
        };
        let gid = Gid::from_raw(known.primary_group_id());
        Some(Self { uid: Uid::from_raw(known.uid()), gid })
    }

    /// Whether permission bits mean nothing.
    pub fn is_root(self) -> bool {
        self.uid.is_root()
    }

    /// The user and the group.
    pub fn ids(self) -> (Uid, Gid) {
        (self.uid, self.gid)
    }
}

/// Who runs the recorder.
pub fn current() -> User {
    User { uid: geteuid(), gid: getegid() }
}

/// Who called sudo; `None` without it, or when it was root.
pub fn sudo_user() -> Option<User> {
    let id = |name: &str| -> Option<u32> { std::env::var(name).ok()?.parse().ok() };
    sudo_user_of(geteuid().is_root(), id("SUDO_UID"), id("SUDO_GID"))
}

fn sudo_user_of(is_root: bool, uid: Option<u32>, gid: Option<u32>) -> Option<User> {
    // -1 means "leave it" to setresuid(2).
    let valid = |id: u32| (id != 0 && id != u32::MAX).then_some(id);
    let (uid, gid) = (valid(uid?)?, gid.filter(|gid| *gid != u32::MAX)?);
    is_root.then(|| User { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) })
}

/// Whether a user may create files in a directory by its permission bits.
pub fn can_write(user: User, directory: BorrowedFd<'_>) -> bool {
    fstat(directory).is_ok_and(|stat| permits(user, &stat))
}

fn permits(user: User, stat: &Stat) -> bool {
    let needed = if stat.st_uid == user.uid.as_raw() {
        Mode::WUSR | Mode::XUSR
    } else if stat.st_gid == user.gid.as_raw() {
        Mode::WGRP | Mode::XGRP
    } else {
        Mode::WOTH | Mode::XOTH
    };
    Mode::from_raw_mode(stat.st_mode).contains(needed)
}

/// Becomes the user; capabilities stay permitted until they are given up.
///
/// # Errors
/// From setgroups(2), setresgid(2), setresuid(2).
pub fn become_user(user: User) -> io::Result<()> {
    set_keep_capabilities(true)?;
    set_thread_groups(&[user.gid])?;
    set_thread_res_gid(user.gid, user.gid, user.gid)?;
    set_thread_res_uid(user.uid, user.uid, user.uid)?;
    set_keep_capabilities(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names_or_numbers() {
        let root = User { uid: Uid::ROOT, gid: Gid::ROOT };
        assert_eq!(User::find("root"), Some(root));
        assert_eq!(User::find("0"), Some(root));
        let unnamed = User { uid: Uid::from_raw(3_999_999), gid: Gid::from_raw(3_999_999) };
        assert_eq!(User::find("3999999"), Some(unnamed));
        for wrong in ["", "-1", "4294967295", "no such user", "root\0"] {
            assert_eq!(User::find(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_root_under_sudo_has_somebody_to_become() {
        let user = User { uid: Uid::from_raw(1000), gid: Gid::from_raw(1000) };
        assert_eq!(sudo_user_of(true, Some(1000), Some(1000)), Some(user));
        assert_eq!(sudo_user_of(false, Some(1000), Some(1000)), None);
        assert_eq!(sudo_user_of(true, Some(0), Some(0)), None);
        assert_eq!(sudo_user_of(true, Some(u32::MAX), Some(0)), None);
        assert_eq!(sudo_user_of(true, None, None), None);
    }
}
