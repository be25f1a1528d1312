//! What an answer can be grouped by: columns, and keys made of them.
//!
//! A [`By`] is what a person asks for. It is made of [`Part`]s, each of which
//! gives a row one 64-bit word; rows with the same words are one group.

use connlat_schema::capture::columns::{DST_ADDR, DST_PORT, IP_VERSION, LATENCY_NS, TIME};

use super::batch::Batch;
use super::column::Data;
use super::network::network;
use super::text::Texts;
use crate::columns::{column_names, schema};
use crate::stats::Key;

/// The word of a 32-bit value that is null: no such value has it.
const NULL: u64 = 1 << 63;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A column of the capture.
    Column(&'static str),
    /// Destination address and port as one text.
    Dst,
    /// Network of the destination: `subnet/24` takes IPv4 by 24 bits and IPv6
    /// by 64, `subnet/48` IPv6 by 48 bits and IPv4 by 24.
    Subnet(u8),
    /// Interval of so many µs in which it began; nobody can type it.
    Interval(i64),
}

const DST: &str = "dst";
const SUBNET: &str = "subnet/";

impl By {
    /// A key as typed.
    ///
    /// # Errors
    /// What could have been typed instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == DST {
            return Ok(Self::Dst);
        }
        if let Some(bits) = text.strip_prefix(SUBNET) {
            let bits: Option<u8> = bits.parse().ok().filter(|bits| (1..=128).contains(bits));
            return bits.map(Self::Subnet).ok_or_else(|| "a prefix length is 1 to 128".to_owned());
        }
        Self::column(text).ok_or_else(|| {
            let names: Vec<&str> = column_names().collect();
            format!("use {DST}, {SUBNET}24 or a column: {}", names.join(", "))
        })
    }

    /// A column by name.
    pub fn column(name: &str) -> Option<Self> {
        column_names().find(|known| *known == name).map(Self::Column)
    }

    /// Name in answers.
    pub fn name(self) -> String {
        match self {
            Self::Column(name) => name.to_owned(),
            Self::Dst => DST.to_owned(),
            Self::Subnet(bits) => format!("{SUBNET}{bits}"),
            Self::Interval(_) => TIME.to_owned(),
        }
    }

    /// The parts it is made of.
    pub fn parts(self) -> Vec<Part> {
        match self {
            Self::Column(name) if is_text(name) => vec![Part::Text(name)],
            Self::Column(name) => vec![Part::Integer(name)],
            Self::Dst => {
                vec![Part::Text(DST_ADDR), Part::Integer(DST_PORT), Part::Integer(IP_VERSION)]
            }
            Self::Subnet(bits) => vec![Part::Network(bits)],
            Self::Interval(every) => vec![Part::Interval(every)],
        }
    }

    /// The key that values of its parts make; takes them from the front.
    pub fn key(self, values: &mut impl Iterator<Item = Value>) -> Key {
        let mut next = || values.next().map_or(Key::Null, Key::from);
        match self {
            Self::Column(_) | Self::Subnet(_) | Self::Interval(_) => next(),
            Self::Dst => match (next(), next(), next()) {
                (Key::Text(address), Key::Integer(port), version) => {
                    let six = version == Key::Integer(6);
                    let place = if six {
                        format!("[{address}]:{port}")
                    } else {
                        format!("{address}:{port}")
                    };
                    Key::Text(place)
                }
                _ => Key::Null,
            },
        }
    }
}

fn is_text(name: &str) -> bool {
    let schema = schema();
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| *field.data_type() == arrow::datatypes::DataType::Utf8)
}

/// What gives a row one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A text column.
    Text(&'static str),
    /// A column of integers.
    Integer(&'static str),
    /// The network of the destination, by prefix length.
    Network(u8),
    /// The start of the interval of so many µs in which it began.
    Interval(i64),
    /// The smallest latency of the bin of a histogram for people, ns.
    Bin,
}

/// A word, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A text.
    Text(String),
    /// Whatever else.
    Word(u64),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Word(_) => None,
        }
    }
}

impl From<Value> for Key {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Word(NULL) => Self::Null,
            Value::Word(word) => Self::Integer(word as i64),
        }
    }
}

impl Part {
    /// The column it reads.
    pub fn column(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Integer(name) => name,
            Self::Network(_) => DST_ADDR,
            Self::Interval(_) => TIME,
            Self::Bin => LATENCY_NS,
        }
    }

    /// Marks the rows that may have another word than the one before.
    pub fn mark(self, batch: &Batch<'_>, starts: &mut [bool]) {
        fn differ<T: PartialEq>(values: &[T], starts: &mut [bool]) {
            let pairs = values.iter().zip(values.iter().skip(1));
            for (start, (before, value)) in starts.iter_mut().skip(1).zip(pairs) {
                *start |= before != value;
            }
        }
        match (self, batch.data(self.column())) {
            (Self::Interval(every), Some(Data::Int64(times))) => {
                let mut current: Option<(i64, i64)> = None;
                for (start, time) in starts.iter_mut().zip(times.values()) {
                    if !current.is_some_and(|(low, high)| (low..=high).contains(time)) {
                        let low = time.wrapping_sub(time.rem_euclid(every));
                        current = Some((low, low.saturating_add(every - 1)));
                        *start = true;
                    }
                }
            }
            (Self::Bin, _) => starts.fill(true),
            (_, Some(Data::Text(text))) => differ(text.keys(), starts),
            (_, Some(Data::Int64(values))) => differ(values.values(), starts),
            (_, Some(Data::Int32(values))) => {
                differ(values.values(), starts);
                if let Some(nulls) = arrow::array::Array::nulls(values) {
                    for (start, at) in starts.iter_mut().zip(0..).skip(1) {
                        *start |= nulls.is_null(at) != nulls.is_null(at - 1);
                    }
                }
            }
            (_, None) => {}
        }
    }

    /// The word of a row.
    pub fn word(self, batch: &Batch<'_>, row: usize) -> u64 {
        match (self, batch.data(self.column())) {
            (Self::Network(bits), Some(Data::Text(text))) => {
                text.network(row, bits, batch.texts).into()
            }
            (_, Some(Data::Text(text))) => text.number(row, batch.texts).into(),
            (_, Some(Data::Int32(values))) if arrow::array::Array::is_null(values, row) => NULL,
            (_, Some(Data::Int32(values))) => i64::from(values.value(row)) as u64,
            (Self::Interval(every), Some(Data::Int64(times))) => {
                let time = times.value(row);
                // Wraps at the end of i64 as its neighbours do.
                time.wrapping_sub(time.rem_euclid(every)) as u64
            }
            (Self::Bin, Some(Data::Int64(values))) => {
                crate::stats::bins::low_of(values.value(row)) as u64
            }
            (_, Some(Data::Int64(values))) => values.value(row) as u64,
            (_, None) => NULL,
        }
    }

    /// What a row adds to the hash that decides on its partition, without
    /// numbering its text.
    fn hash(self, batch: &Batch<'_>, row: usize) -> u64 {
        match (self, batch.text(self.column())) {
            (Self::Text(_), Some(text)) => text.hash(row, batch.texts),
            (Self::Network(bits), Some(text)) => batch.texts.hash(&network(text.get(row), bits)),
            _ => self.word(batch, row),
        }
    }

    /// The same of a word.
    fn hash_of_word(self, word: u64, texts: &Texts) -> u64 {
        match self {
            Self::Text(_) | Self::Network(_) => {
                texts.with_text(word as u32, |text| texts.hash(text))
            }
            _ => word,
        }
    }

    /// What a word stands for.
    pub fn value(self, word: u64, texts: &Texts) -> Value {
        match self {
            Self::Text(_) | Self::Network(_) => Value::Text(texts.text(word as u32)),
            _ => Value::Word(word),
        }
    }

    /// The word of a value.
    pub fn word_of(value: &Value, texts: &Texts) -> u64 {
        match value {
            Value::Text(text) => texts.number(text).into(),
            Value::Word(word) => *word,
        }
    }
}

/// Parts that the hash of a group is made of, at most.
const HASHED: usize = 8;

/// The hash of what a row is grouped by, without giving numbers to its texts:
/// it decides on the partition, the same in all scans of a run.
pub fn hash(parts: &[Part], batch: &Batch<'_>, row: usize) -> u64 {
    let hashes: [u64; HASHED] =
        std::array::from_fn(|at| parts.get(at).map_or(0, |part| part.hash(batch, row)));
    batch.texts.hash_words(&hashes[..parts.len().min(HASHED)])
}

/// The same of words.
pub fn hash_of_words(parts: &[Part], words: &[u64], texts: &Texts) -> u64 {
    let mut hashes = [0; HASHED];
    for (hash, (word, part)) in hashes.iter_mut().zip(words.iter().zip(parts)) {
        *hash = part.hash_of_word(*word, texts);
    }
    texts.hash_words(&hashes[..parts.len().min(HASHED)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed() {
        assert_eq!(By::parse("dst"), Ok(By::Dst));
        assert_eq!(By::parse("subnet/24"), Ok(By::Subnet(24)));
        assert_eq!(By::parse("dst_port"), Ok(By::Column(DST_PORT)));
        for wrong in ["subnet/0", "subnet/129", "subnet/", "Dst", "", "latency"] {
            assert!(By::parse(wrong).is_err(), "{wrong}");
        }
    }
}
