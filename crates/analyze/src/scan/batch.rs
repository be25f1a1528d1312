//! Rows as accumulators see them: columns as slices, text by number.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use connlat_schema::capture::columns::{FLAGS, LATENCY_NS, OUTCOME};
use connlat_schema::{Outcome, flags};

use super::network::network;
use super::text::{Texts, UNKNOWN};
use crate::stats::histogram::bucket_of;

/// Place of an outcome that this version does not know.
pub const OTHER_OUTCOME: u8 = Outcome::COUNT as u8;
/// Bucket of a latency that does not count.
pub const NOT_MEASURED: u16 = u16::MAX;

/// Numbers by place in a dictionary, [`UNKNOWN`] until asked for.
type Numbers = Rc<Vec<Cell<u32>>>;

/// The dictionary of a text column, with the number of each of its texts once
/// somebody has asked for it.
pub struct Dictionary {
    values: ArrayRef,
    /// Bytes of the longest of its texts.
    longest: usize,
    numbers: Vec<Cell<u32>>,
    hashes: OnceCell<Vec<u64>>,
    /// Numbers of networks, by prefix length.
    networks: RefCell<Vec<(u8, Numbers)>>,
}

impl Dictionary {
    fn new(values: ArrayRef) -> Self {
        let numbers = vec![Cell::new(UNKNOWN); values.len()];
        let offsets = values.as_string_opt::<i32>().map(|texts| texts.value_offsets());
        let lengths = offsets.unwrap_or_default().windows(2).map(|pair| pair[1] - pair[0]);
        let longest = lengths.max().map_or(0, |longest| longest.unsigned_abs() as usize);
        let (hashes, networks) = Default::default();
        Self { values, longest, numbers, hashes, networks }
    }

    fn strings(&self) -> Option<&StringArray> {
        self.values.as_string_opt()
    }

    fn text(&self, place: usize) -> &str {
        self.strings().filter(|texts| place < texts.len()).map_or("", |texts| texts.value(place))
    }
}

/// A text column of a batch.
#[derive(Clone)]
pub struct Text {
    keys: Int32Array,
    dictionary: Rc<Dictionary>,
}

impl Text {
    /// Places in the dictionary, by row: rows with the same have the same text.
    pub fn keys(&self) -> &[i32] {
        self.keys.values()
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> &str {
        self.dictionary.text(self.place(row))
    }

    fn place(&self, row: usize) -> usize {
        self.keys.value(row) as usize
    }

    /// The number of the text of a row.
    pub fn number(&self, row: usize, texts: &Texts) -> u32 {
        let place = self.place(row);
        let Some(cell) = self.dictionary.numbers.get(place) else { return UNKNOWN };
        if cell.get() == UNKNOWN {
            cell.set(texts.number(self.dictionary.text(place)));
        }
        cell.get()
    }

    /// The number of the network of a row's address.
    pub fn network(&self, row: usize, bits: u8, texts: &Texts) -> u32 {
        let place = self.place(row);
        let networks = {
            let mut all = self.dictionary.networks.borrow_mut();
            match all.iter().find(|(known, _)| *known == bits) {
                Some((_, networks)) => Rc::clone(networks),
                None => {
                    let new = Rc::new(vec![Cell::new(UNKNOWN); self.dictionary.numbers.len()]);
                    all.push((bits, Rc::clone(&new)));
                    new
                }
            }
        };
        let Some(cell) = networks.get(place) else { return UNKNOWN };
        if cell.get() == UNKNOWN {
            cell.set(texts.number(&network(self.dictionary.text(place), bits)));
        }
        cell.get()
    }

    /// The hash of the text of a row, without giving it a number.
    pub fn hash(&self, row: usize, texts: &Texts) -> u64 {
        let hashes = self.dictionary.hashes.get_or_init(|| {
            (0..self.dictionary.numbers.len())
                .map(|place| texts.hash(self.dictionary.text(place)))
                .collect()
        });
        hashes.get(self.place(row)).copied().unwrap_or(0)
    }
}

/// One column.
pub enum Data {
    /// 32-bit integers, maybe null.
    Int32(Int32Array),
    /// 64-bit integers, times among them.
    Int64(PrimitiveArray<Int64Type>),
    /// Text.
    Text(Text),
}

/// The dictionaries last met, by column: those of a row group are the same
/// for all its batches.
#[derive(Default)]
pub struct Dictionaries(Vec<(&'static str, Rc<Dictionary>)>);

impl Dictionaries {
    /// Bytes of the longest text in any of them.
    pub fn longest(&self) -> Option<usize> {
        self.0.iter().map(|(_, dictionary)| dictionary.longest).max()
    }

    /// The column as accumulators read it; none if it is of another type.
    pub fn column(&mut self, name: &'static str, array: &ArrayRef) -> Option<Data> {
        Some(match array.data_type() {
            DataType::Int32 => Data::Int32(array.as_primitive::<Int32Type>().clone()),
            DataType::Int64 => Data::Int64(array.as_primitive::<Int64Type>().clone()),
            DataType::Timestamp(..) => {
                let times = array.as_primitive_opt::<TimestampMicrosecondType>()?;
                Data::Int64(PrimitiveArray::new(times.values().clone(), None))
            }
            DataType::Dictionary(..) => {
                let array = array.as_dictionary_opt::<Int32Type>()?;
                array.values().as_string_opt::<i32>()?;
                if array.null_count() > 0 {
                    return None;
                }
                let dictionary = self.dictionary(name, array.values());
                Data::Text(Text { keys: array.keys().clone(), dictionary })
            }
            _ => return None,
        })
    }

    fn dictionary(&mut self, name: &'static str, values: &ArrayRef) -> Rc<Dictionary> {
        let known = self.0.iter_mut().find(|(known, _)| *known == name);
        match known {
            Some((_, last)) if std::sync::Arc::ptr_eq(&last.values, values) => Rc::clone(last),
            Some((_, last)) => {
                *last = Rc::new(Dictionary::new(values.clone()));
                Rc::clone(last)
            }
            None => {
                let new = Rc::new(Dictionary::new(values.clone()));
                self.0.push((name, Rc::clone(&new)));
                new
            }
        }
    }
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The capture, by its number.
    pub capture: u32,
    /// Its row group.
    pub group: u32,
    /// The row in it.
    pub row: u32,
}

/// Some rows of a row group, those that are selected.
pub struct Batch<'a> {
    /// Number of rows.
    pub rows: usize,
    /// The capture they are of, and its row group.
    pub capture: usize,
    /// The row group.
    pub group: usize,
    /// Position of the argument that named the capture.
    pub argument: usize,
    /// What numbers texts have.
    pub texts: &'a Texts,
    columns: Vec<(&'static str, Data)>,
    first: usize,
    /// Rows of the row group, counted from `first`, if not all are selected.
    selected: Option<Vec<u32>>,
    outcomes: OnceCell<Vec<u8>>,
    buckets: OnceCell<Vec<u16>>,
}

impl<'a> Batch<'a> {
    /// Rows that begin at row `first` of a row group.
    pub fn new(
        rows: usize,
        (capture, group, argument): (usize, usize, usize),
        (first, selected): (usize, Option<Vec<u32>>),
        texts: &'a Texts,
        columns: Vec<(&'static str, Data)>,
    ) -> Self {
        let (outcomes, buckets) = Default::default();
        Self { rows, capture, group, argument, texts, columns, first, selected, outcomes, buckets }
    }

    fn column(&self, name: &str) -> Option<&Data> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, data)| data)
    }

    /// A column of 64-bit integers or times (µs); empty if it was not read.
    pub fn int64(&self, name: &str) -> &[i64] {
        match self.column(name) {
            Some(Data::Int64(values)) => values.values(),
            _ => &[],
        }
    }

    /// A column of 32-bit integers; what is null holds any value.
    pub fn int32(&self, name: &str) -> &[i32] {
        match self.column(name) {
            Some(Data::Int32(values)) => values.values(),
            _ => &[],
        }
    }

    /// A value of a column of integers, whatever their width.
    pub fn integer(&self, name: &str, row: usize) -> Option<i64> {
        match self.column(name)? {
            Data::Int32(values) => values.is_valid(row).then(|| values.value(row).into()),
            Data::Int64(values) => Some(values.value(row)),
            Data::Text(_) => None,
        }
    }

    /// A column as it is.
    pub fn data(&self, name: &str) -> Option<&Data> {
        self.column(name)
    }

    /// A column of text.
    pub fn text(&self, name: &str) -> Option<&Text> {
        match self.column(name) {
            Some(Data::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Where a row is.
    pub fn place(&self, row: usize) -> Place {
        let offset = self.selected.as_ref().map_or(row, |selected| selected[row] as usize);
        Place {
            capture: self.capture as u32,
            group: self.group as u32,
            row: (self.first + offset) as u32,
        }
    }

    /// The outcome of each row: its place in [`Outcome::ALL`], or [`OTHER_OUTCOME`].
    /// Reads [`OUTCOME`].
    pub fn outcomes(&self) -> &[u8] {
        self.outcomes.get_or_init(|| {
            let Some(text) = self.text(OUTCOME) else { return vec![OTHER_OUTCOME; self.rows] };
            let place = |word: &str| {
                Outcome::from_word(word).map_or(OTHER_OUTCOME, |outcome| outcome as u8)
            };
            let codes: Vec<u8> = (0..text.dictionary.numbers.len())
                .map(|at| place(text.dictionary.text(at)))
                .collect();
            let code = |key: &i32| codes.get(*key as usize).copied().unwrap_or(OTHER_OUTCOME);
            text.keys().iter().map(code).collect()
        })
    }

    /// The bucket of each row's latency where it counts, else [`NOT_MEASURED`].
    /// Reads [`MEASURED_BY`].
    pub fn buckets(&self) -> &[u16] {
        self.buckets.get_or_init(|| {
            let (outcomes, flags, latencies) =
                (self.outcomes(), self.int32(FLAGS), self.int64(LATENCY_NS));
            let rows = outcomes.iter().zip(flags).zip(latencies);
            rows.map(|((outcome, flags), latency)| {
                match *outcome == Outcome::Established as u8
                    && flags & flags::NO_LATENCY as i32 == 0
                {
                    true => bucket_of(*latency),
                    false => NOT_MEASURED,
                }
            })
            .collect()
        })
    }
}

/// Columns that say which latencies count.
pub const MEASURED_BY: [&str; 3] = [OUTCOME, FLAGS, LATENCY_NS];
