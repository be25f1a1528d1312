//! Colours of a terminal, for what must not be overlooked.

use anstyle::{AnsiColor, Style};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// A heading.
    Heading,
    /// A reason to distrust the figures.
    Warning,
    /// A cause that was found.
    Alarm,
    /// What may be passed over.
    Quiet,
}

/// The text in its colour, if colours are shown.
pub fn paint(text: &str, ink: Ink, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let style = match ink {
        Ink::Heading => Style::new().bold(),
        Ink::Warning => AnsiColor::Yellow.on_default(),
        Ink::Alarm => AnsiColor::Red.on_default().bold(),
        Ink::Quiet => Style::new().dimmed(),
    };
    format!("{style}{text}{style:#}")
}
