//! One thing that a recording needs, and whether it is there.

/// How a need is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is there.
    Ok,
    /// Recording works without it, with less in the capture.
    Limited,
    /// Recording does not work without it.
    Missing,
}

impl Status {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
        }
    }
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What is needed.
    pub name: &'static str,
    /// Whether it is there.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do where it is not there.
    pub remedy: Option<&'static str>,
}

impl Need {
    /// It is there.
    pub fn ok(name: &'static str, detail: String) -> Self {
        Self { name, status: Status::Ok, detail, remedy: None }
    }

    /// Recording works without it.
    pub fn limited(name: &'static str, detail: String, remedy: &'static str) -> Self {
        Self { name, status: Status::Limited, detail, remedy: Some(remedy) }
    }

    /// Recording does not work without it.
    pub fn missing(name: &'static str, detail: String, remedy: &'static str) -> Self {
        Self { name, status: Status::Missing, detail, remedy: Some(remedy) }
    }
}
