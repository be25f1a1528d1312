//! Memory that all threads of a scan share.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that are free.
pub struct Memory {
    all: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

/// Bytes that are taken until this is dropped.
pub struct Held<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Memory {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { all: bytes, free: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// All bytes, taken or free.
    pub fn all(&self) -> u64 {
        self.all
    }

    /// Waits until so much is free; none if it is more than there is.
    pub fn take(&self, bytes: u64) -> Option<Held<'_>> {
        if bytes > self.all {
            return None;
        }
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = self.returned.wait_while(free, |free| *free < bytes);
        *enough.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Some(Held { memory: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.memory.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_waited_for() {
        let memory = Memory::new(10);
        assert!(memory.take(11).is_none());
        let first = memory.take(10).expect("all");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| memory.take(3).map(|held| held.bytes));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!second.is_finished());
            drop(first);
            assert_eq!(second.join().expect("no panic"), Some(3));
        });
        assert!(memory.take(10).is_some());
    }
}
