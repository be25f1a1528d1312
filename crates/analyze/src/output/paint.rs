//! Colours of a terminal, for what must not be overlooked.

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
    let code = match ink {
        Ink::Heading => "1",
        Ink::Warning => "33",
        Ink::Alarm => "1;31",
        Ink::Quiet => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
