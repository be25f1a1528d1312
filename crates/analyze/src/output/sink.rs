//! Where an answer is written as it is made: how writing failed is kept, for
//! libraries in between wrap it in words of their own.

use std::io::{self, Write};

use crate::scan::ScanError;

/// What an answer is written to.
pub trait Out: Write + Send {}
impl<W: Write + Send> Out for W {}

/// Why an answer is not whole.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The rows cannot be read to their end.
    #[error(transparent)]
    Rows(#[from] ScanError),
    /// It cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It cannot be written as CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It cannot be written as Parquet.
    #[error(transparent)]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// It cannot be made as a page, which is a mistake of ours.
    #[error(transparent)]
    Page(Box<dyn std::error::Error + Send + Sync>),
}

/// Writes to another, and keeps how that failed.
pub struct Sink<'a> {
    inner: io::BufWriter<&'a mut dyn Out>,
    failed: Option<io::Error>,
}

impl<'a> Sink<'a> {
    /// Writes to `inner`, some 64 kB at a time.
    pub fn new(inner: &'a mut dyn Out) -> Self {
        Self { inner: io::BufWriter::with_capacity(1 << 16, inner), failed: None }
    }

    /// Writes what is left, and says how writing failed. That a reader went away
    /// is no failure: it has seen enough.
    ///
    /// # Errors
    /// What `rendered` says, or what was wrong with the output if it was that.
    pub fn finish(mut self, rendered: Result<(), RenderError>) -> Result<(), RenderError> {
        let flushed = match rendered {
            Ok(()) => self.flush(),
            Err(_) => self.inner.flush(),
        };
        // What is left in the buffer cannot be written either.
        let (_, _) = self.inner.into_parts();
        match self.failed {
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(error.into()),
            None => rendered.and(flushed.map_err(RenderError::from)),
        }
    }

    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && self.failed.is_none()
            && error.kind() != io::ErrorKind::Interrupted
        {
            let same = error.raw_os_error().map(io::Error::from_raw_os_error);
            self.failed = Some(same.unwrap_or_else(|| error.kind().into()));
        }
        result
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.keep(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full(io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(kind: io::ErrorKind, bytes: usize) -> Result<(), RenderError> {
        let mut full = Full(kind);
        let mut sink = Sink::new(&mut full);
        // As a library does: the reason is lost.
        let lost = |_| RenderError::Io(io::Error::other("could not"));
        let rendered = sink.write_all(&vec![0; bytes]).map_err(lost);
        sink.finish(rendered)
    }

    #[test]
    fn why_it_could_not_be_written_is_kept() {
        for bytes in [3, 1 << 20] {
            assert!(written(io::ErrorKind::BrokenPipe, bytes).is_ok());
            let error = written(io::ErrorKind::StorageFull, bytes).expect_err("it is full");
            assert_eq!(error.to_string(), "no storage space");
        }
    }
}
