//! `record live`: connects on the screen as they end, as tcpconnlat shows them.

mod json;
mod program;
mod screen;

pub use program::{disassembly, print_program};
pub use screen::{Screen, ScreenOptions};
