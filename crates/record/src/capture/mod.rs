//! From events to a file: rows, journal, and the sealed Parquet capture.

pub mod output;
mod rows;
pub mod seal;

pub use output::Output;
pub use rows::RowBuilder;
