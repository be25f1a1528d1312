//! The metadata that a capture's footer and a journal's head carry.

mod compact;

pub use compact::{Footer, read};

use super::metadata::{CaptureInfo, MetadataError};
use super::{FORMAT_VERSION, KEY_CAPTURE, KEY_FORMAT_VERSION};

/// Why key-value pairs are not those of a capture.
#[derive(Debug, thiserror::Error)]
pub enum FooterError {
    /// A key of ours is missing.
    #[error("not a capture")]
    NotACapture,
    /// The version is no number.
    #[error("`{KEY_FORMAT_VERSION}` is not a number")]
    VersionNotANumber,
    /// A later program wrote it.
    #[error("format version {0}, this program reads up to {FORMAT_VERSION}; use a newer one")]
    Newer(u64),
    /// The document cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// The pairs that make a file a capture.
///
/// # Errors
/// [`MetadataError`] when the document is too large.
pub fn pairs(info: &CaptureInfo) -> Result<[(&'static str, String); 2], MetadataError> {
    Ok([(KEY_FORMAT_VERSION, FORMAT_VERSION.to_string()), (KEY_CAPTURE, info.to_json()?)])
}

/// The document, given a way to look up the value of a key.
///
/// # Errors
/// Any [`FooterError`].
pub fn capture_info<'v>(
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<CaptureInfo, FooterError> {
    let version = value(KEY_FORMAT_VERSION).ok_or(FooterError::NotACapture)?;
    let version: u64 = version.parse().map_err(|_| FooterError::VersionNotANumber)?;
    if version > FORMAT_VERSION.into() {
        return Err(FooterError::Newer(version));
    }
    let document = value(KEY_CAPTURE).ok_or(FooterError::NotACapture)?;
    match CaptureInfo::from_json(document) {
        Err(MetadataError::Version(version)) => Err(FooterError::Newer(version.into())),
        other => Ok(other?),
    }
}
