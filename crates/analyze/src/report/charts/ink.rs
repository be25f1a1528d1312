//! What things in a chart are drawn in: a name for a class of the page's style.

use connlat_schema::Outcome;
use plotters::style::RGBColor;

/// One of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(u8);

/// Names of the classes, by number. Lines and areas of one class differ in the
/// kind of element: see [`super::svg`].
const CLASSES: [&str; 26] = [
    "grid", "axis", "label", "name", "all", "p50", "p99", "max", "bad", "o0", "o1", "o2", "o3",
    "o4", "o5", "o6", "h1", "h2", "h3", "h4", "h5", "s0", "s1", "s2", "s3", "s4",
];

impl Ink {
    /// Lines of the grid.
    pub const GRID: Self = Self(0);
    /// Lines of axes.
    pub const AXIS: Self = Self(1);
    /// Values of axes.
    pub const LABEL: Self = Self(2);
    /// Names of charts.
    pub const NAME: Self = Self(3);
    /// All connects.
    pub const ALL: Self = Self(4);
    /// The median.
    pub const P50: Self = Self(5);
    /// See its name.
    pub const P99: Self = Self(6);
    /// The largest.
    pub const MAX: Self = Self(7);
    /// Connects of a finding.
    pub const BAD: Self = Self(8);
    /// Shades of a heatmap.
    pub const SHADES: usize = 5;
    /// Series that are told apart.
    pub const SERIES: usize = 5;

    /// An outcome that is not `established`, by its word.
    pub fn of_outcome(word: &str) -> Self {
        let place = Outcome::from_word(word).map_or(Outcome::COUNT, |outcome| outcome as usize);
        // Established comes first and has none.
        Self(9 + u8::try_from(place.saturating_sub(1).min(6)).unwrap_or(6))
    }

    /// A shade, from 0 for the fewest.
    pub fn shade(place: usize) -> Self {
        Self(16 + u8::try_from(place.min(Self::SHADES - 1)).unwrap_or(0))
    }

    /// One of several series.
    pub fn series(place: usize) -> Self {
        Self(21 + u8::try_from(place.min(Self::SERIES - 1)).unwrap_or(0))
    }

    /// What plotters takes for it.
    pub fn colour(self) -> RGBColor {
        RGBColor(self.0, 0, 0)
    }

    /// The same back.
    pub fn of_colour((red, ..): (u8, u8, u8)) -> Self {
        Self(red)
    }

    /// The class.
    pub fn class(self) -> &'static str {
        CLASSES.get(usize::from(self.0)).copied().unwrap_or("all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_class() {
        let mut classes: Vec<_> = Outcome::ALL
            .into_iter()
            .skip(1)
            .map(|outcome| Ink::of_outcome(outcome.as_str()).class())
            .collect();
        classes.push(Ink::of_outcome("a word of later").class());
        let all = classes.len();
        classes.dedup();
        assert_eq!((classes.len(), classes[0]), (all, "o0"));
        assert_eq!(Ink::shade(0).class(), "h1");
        assert_eq!(Ink::series(4).class(), "s4");
        assert_eq!(Ink::of_colour((6, 0, 0)), Ink::P99);
    }
}
