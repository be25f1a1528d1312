//! Columns of a batch: integers as they are, text by its place in a dictionary.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};

use super::network::network;
use super::text::{Texts, UNKNOWN};

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

    /// What `code` makes of the text of each row; asked once for each text.
    pub fn codes(&self, code: impl Fn(&str) -> u8, unknown: u8) -> Vec<u8> {
        let places = 0..self.dictionary.numbers.len();
        let codes: Vec<u8> = places.map(|place| code(self.dictionary.text(place))).collect();
        let of_row = |key: &i32| codes.get(*key as usize).copied().unwrap_or(unknown);
        self.keys().iter().map(of_row).collect()
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
