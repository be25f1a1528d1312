//! From events to a file: rows, journal, and the sealed Parquet capture.

pub mod naming;
pub mod output;
mod output_error;
pub mod recover;
pub mod retention;
mod rows;
pub mod seal;

pub use output::Output;
pub use rows::RowBuilder;
