//! What the three programs agree on, and nothing else.
//!
//! * [`wire`]: the record the BPF probe hands to the recorder, byte for byte;
//! * [`settings`], [`offsets`]: what the recorder tells the probe before it is loaded;
//! * [`counter`]: the probe's own account of what it saw and lost;
//! * [`outcome`], [`flags`]: the words and bits used from the kernel to the report;
//! * [`classify`]: how the end of a connect becomes an outcome;
//! * [`decode`] (feature `std`): bytes from the ring buffer to a checked event;
//! * [`encode`] (feature `std`): the same bytes from an event;
//! * [`escape`] (feature `std`): text of unknown origin to terminals and JSON;
//! * [`thrift`] (feature `std`): a careful walk through what Parquet libraries believe;
//! * [`capture`] (feature `arrow`; with `parquet` its files): the capture.
//!
//! The probe compiles this crate for `bpfel-unknown-none` without features, so
//! everything outside those modules is `no_std` and allocates nothing.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod classify;
pub mod counter;
pub mod flags;
pub mod offsets;
pub mod outcome;
pub mod settings;
pub mod wire;

#[cfg(feature = "arrow")]
pub mod capture;
#[cfg(feature = "std")]
pub mod decode;
#[cfg(feature = "std")]
pub mod encode;
#[cfg(feature = "std")]
pub mod escape;
#[cfg(feature = "std")]
pub mod thrift;

pub use outcome::Outcome;
