//! Journals with right checksums around messages that no recorder writes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ipc::writer::{
    DictionaryHandling, DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext,
    IpcWriteOptions,
};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::COMM;
use connlat_schema::capture::footer::pairs;

use super::super::capture::{Capture, Connect};
use super::super::program::Dir;
use super::stays_small;

/// A message as the journal's writer ends it: a note, lengths and a checksum.
fn message(message: EncodedData, note: &str) -> Vec<u8> {
    let (mut block, body) = (message.ipc_message, message.arrow_data);
    let mut note = note.as_bytes().to_vec();
    let unpadded = block.len() + note.len() + 24;
    note.resize(note.len() + unpadded.next_multiple_of(8) - unpadded, b' ');
    block.extend(&note);
    block.extend((note.len() as u32).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&block);
    crc.update(&(body.len() as u64).to_le_bytes());
    crc.update(&body);
    block.extend(crc.finalize().to_le_bytes());
    block.extend((body.len() as u64).to_le_bytes());
    block.extend(b"CONNLATJ");
    [&[0xff; 4], &(block.len() as u32).to_le_bytes()[..], &block, &body].concat()
}

/// Writes batches of any schema.
struct Writer {
    generator: IpcDataGenerator,
    tracker: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(schema: &Schema, handling: DictionaryHandling) -> Self {
        let options = IpcWriteOptions::default().with_dictionary_handling(handling);
        let (generator, context) = Default::default();
        let mut writer = Self {
            generator,
            tracker: DictionaryTracker::new(false),
            options,
            context,
            bytes: Vec::new(),
        };
        let head = writer.generator.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut writer.tracker,
            &writer.options,
        );
        writer.bytes.extend(message(head, "{}"));
        writer
    }

    fn batch(&mut self, batch: &RecordBatch) {
        let (dictionaries, rows) = self
            .generator
            .encode(batch, &mut self.tracker, &self.options, &mut self.context)
            .expect("encoded");
        for part in dictionaries.into_iter().chain([rows]) {
            self.bytes.extend(message(part, "{}"));
        }
    }
}

fn capture(rows: i64) -> Capture {
    Capture::of((0..rows).map(|n| Connect::at(n * 100, 1_000 + n)).collect())
}

/// A schema with what a journal says of itself.
fn head(fields: Vec<Field>) -> Schema {
    let pairs = pairs(&capture(0).info).expect("pairs");
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
    Schema::new(fields).with_metadata(std::collections::HashMap::from(pairs))
}

fn fields() -> Vec<Field> {
    let batch = capture(1).batch();
    batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect()
}

#[test]
fn what_this_file_writes_is_a_journal() {
    let dir = Dir::new();
    let schema = head(fields());
    let mut writer = Writer::new(&schema, DictionaryHandling::Resend);
    let rows = capture(2_000).batch();
    writer.batch(&RecordBatch::try_new(Arc::new(schema), rows.columns().to_vec()).expect("rows"));
    fs::write(dir.path("j.parquet.journal"), &writer.bytes).expect("written");
    assert!(!stays_small(&dir, "j.parquet.journal"));
}

/// Dictionaries that are replaced, and that grow, message by message.
#[test]
fn dictionaries_in_a_journal() {
    let dir = Dir::new();
    for handling in [DictionaryHandling::Resend, DictionaryHandling::Delta] {
        let mut fields = fields();
        let place = fields.iter().position(|field| field.name() == COMM).expect("a column");
        let kind = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
        fields[place] = Field::new(COMM, kind.clone(), false);
        let schema = Arc::new(head(fields));
        let mut writer = Writer::new(&schema, handling);
        for number in 0..20 {
            let mut columns = capture(100).batch().columns().to_vec();
            let texts: Vec<String> =
                (0..100).map(|n| format!("{}{}", "x".repeat(10_000), n % (number + 1))).collect();
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            let texts = cast(&texts, &kind).expect("a dictionary");
            assert!(texts.as_any().is::<DictionaryArray<Int32Type>>());
            columns[place] = texts;
            writer.batch(&RecordBatch::try_new(Arc::clone(&schema), columns).expect("rows"));
        }
        fs::write(dir.path("d.parquet.journal"), &writer.bytes).expect("written");
        assert!(stays_small(&dir, "d.parquet.journal"));
    }
}

/// Heads that are deep, wide, or say the same very often.
#[test]
fn heads_that_no_journal_has() {
    let dir = Dir::new();
    let mut deep = Field::new("n", DataType::Int32, false);
    for _ in 0..50 {
        deep = Field::new("n", DataType::Struct(vec![deep].into()), false);
    }
    let wide = (0..5_000).map(|n| Field::new(format!("c{n}"), DataType::Int32, false));
    let long = Field::new("x".repeat(200_000), DataType::Utf8, false);
    for (name, more) in
        [("deep", vec![deep]), ("wide", wide.collect()), ("long", vec![long]), ("none", Vec::new())]
    {
        let all = match name {
            "none" => Vec::new(),
            _ => [fields(), more].concat(),
        };
        let writer = Writer::new(&head(all), DictionaryHandling::Resend);
        fs::write(dir.path("h.parquet.journal"), &writer.bytes).expect("written");
        assert!(stays_small(&dir, "h.parquet.journal"), "{name}");
        let said = dir.analyze(&["info", "h.parquet.journal"]).failure();
        assert!(
            said.contains("columns are not those") || said.contains("not a journal"),
            "{name}: {said}"
        );
    }
    let mut writer = Writer::new(&head(fields()), DictionaryHandling::Resend);
    // A second head, and then nothing but notes without end.
    let again = Writer::new(&head(fields()), DictionaryHandling::Resend);
    writer.bytes.extend(&again.bytes);
    fs::write(dir.path("h.parquet.journal"), &writer.bytes).expect("written");
    assert!(stays_small(&dir, "h.parquet.journal"));
}

/// What a recorder that sees little leaves: a message for each row, or for none.
#[test]
fn many_small_messages() {
    let dir = Dir::new();
    for (name, rows, messages) in [("one", 1, 20_000), ("none", 0, 30_000)] {
        let schema = Arc::new(head(fields()));
        let mut writer = Writer::new(&schema, DictionaryHandling::Resend);
        let first = writer.bytes.len();
        let columns = capture(rows).batch().columns().to_vec();
        writer.batch(&RecordBatch::try_new(Arc::clone(&schema), columns).expect("rows"));
        let of_batch = writer.bytes[first..].to_vec();
        for _ in 1..messages {
            writer.bytes.extend(&of_batch);
        }
        println!("{name}: {} bytes", writer.bytes.len());
        fs::write(dir.path("m.parquet.journal"), &writer.bytes).expect("written");
        assert!(!stays_small(&dir, "m.parquet.journal"), "{name}");
    }
}

/// Notes of 200 kB, with as much in them as JSON can say.
#[test]
fn notes_that_hold_much() {
    let dir = Dir::new();
    let clock = format!("{{\"clock\":[{}]}}", vec!["{\"monotonic_ns\":1,\"realtime_ns\":1,\"bracket_ns\":1,\"adjtimex_state\":null,\"max_error_us\":null}"; 2_000].join(","));
    let spans = format!("{{\"loss_spans\":[{}]}}", vec!["{}"; 60_000].join(","));
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(90_000), "]".repeat(90_000));
    for (name, note) in [("clock", clock), ("spans", spans), ("deep", deep)] {
        let schema = Arc::new(head(fields()));
        let mut writer = Writer::new(&schema, DictionaryHandling::Resend);
        let columns = capture(5).batch().columns().to_vec();
        let batch = RecordBatch::try_new(schema, columns).expect("rows");
        for _ in 0..100 {
            let (_, rows) = writer
                .generator
                .encode(&batch, &mut writer.tracker, &writer.options, &mut writer.context)
                .expect("encoded");
            writer.bytes.extend(message(rows, &note));
        }
        fs::write(dir.path("n.parquet.journal"), &writer.bytes).expect("written");
        println!(
            "{name}: {} bytes, refused: {}",
            writer.bytes.len(),
            stays_small(&dir, "n.parquet.journal")
        );
    }
}

/// Messages of zeros in a file that holds nothing but its ends.
#[test]
fn a_journal_that_is_a_hole() {
    let dir = Dir::new();
    let writer = Writer::new(&head(fields()), DictionaryHandling::Resend);
    let file = File::create(dir.path("hole.parquet.journal")).expect("a file");
    file.write_all_at(&writer.bytes, 0).expect("written");
    file.set_len(20 << 30).expect("a hole");
    assert!(stays_small(&dir, "hole.parquet.journal"));
}
