//! The journal of the next segment, created before it is needed.
//!
//! Creating a file waits for the file system, and on a disk that others keep
//! busy that takes seconds: time in which the collector must go on.

use std::fs::File;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use chrono::Utc;
use connlat_schema::capture::metadata::StopReason;

use crate::capture::Output;
use crate::capture::naming::CaptureTree;
use crate::capture::output::OutputError;
use crate::files::FileId;
use crate::threads::{self, CannotStart};

type Created = Result<(Output, File), OutputError>;

/// A journal that is being created.
pub struct NextJournal {
    created: Receiver<Created>,
    reason: StopReason,
}

impl NextJournal {
    /// Starts creating it; `reason` is why the segment before it ends.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn create(tree: CaptureTree, reason: StopReason) -> Result<Self, CannotStart> {
        let (sender, created) = channel();
        threads::start("next journal", move || {
            let journal = tree.create_journal(Utc::now());
            // Whoever asked waits for it, at the latest when the recording ends.
            let _ = sender.send(journal);
        })?;
        Ok(Self { created, reason })
    }

    /// The journal and why the segment before it ends, once it is there.
    ///
    /// # Errors
    /// When it could not be created.
    pub fn take(&self) -> anyhow::Result<Option<(Output, File, StopReason)>> {
        match self.created.try_recv() {
            Ok(created) => {
                let (output, journal) = created?;
                Ok(Some((output, journal, self.reason.clone())))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => anyhow::bail!("the thread that creates it panicked"),
        }
    }

    /// It is not needed after all.
    pub fn discard(self) {
        if let Ok(Ok((output, journal))) = self.created.recv()
            && let Ok(id) = FileId::of(&journal)
        {
            output.remove_empty_journal(id);
        }
    }
}
