//! Makes `seeds/` from a journal that `record` left:
//! `cargo run --bin make_seeds -- c.parquet.journal`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use connlat_schema::Outcome;
use connlat_schema::capture::columns;
use connlat_schema::capture::journal::{JournalReader, JournalWriter, Note};
use connlat_schema::wire::{AF_INET, AF_INET6, RECORD_MAGIC};

/// Small seeds make fast runs.
const BATCHES: usize = 3;
const ROWS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let journal = std::env::args().nth(1).ok_or("usage: make_seeds JOURNAL")?;
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for target in ["wire", "journal", "metadata"] {
        fs::create_dir_all(seeds.join(target))?;
    }
    let mut reader = JournalReader::open(BufReader::new(File::open(journal)?))?;
    let mut info = reader.info();
    // Whose machine it was is no part of a seed.
    info.host = "host".to_owned();
    info.boot_id = "boot".to_owned();
    info.machine_id_hash = None;
    info.command_line = vec!["record".to_owned()];
    fs::write(seeds.join("metadata/recorded"), info.to_json()?)?;

    let (mut open, mut closed) = (Vec::new(), Vec::new());
    let mut writer = JournalWriter::create(&mut open, &info)?;
    let mut closing = JournalWriter::create(&mut closed, &info)?;
    let mut records = 0;
    for _ in 0..BATCHES {
        let Some(batch) = reader.next_batch()? else { break };
        let batch = anonymous(&batch.slice(0, batch.num_rows().min(ROWS)))?;
        let info = reader.info();
        let note = Note {
            counters: info.counters,
            loss_spans: info.loss_spans,
            now: Some(info.stop),
            ..Note::default()
        };
        writer.write(&batch, &note)?;
        closing.write(&batch, &note)?;
        for row in 0..batch.num_rows() {
            let record = record(&batch, row)?;
            fs::write(seeds.join(format!("wire/record-{records}")), &record)?;
            fs::write(seeds.join(format!("wire/start-{records}")), &record[..88])?;
            records += 1;
        }
    }
    closing.finish()?;
    fs::write(seeds.join("journal/open"), &open)?;
    fs::write(seeds.join("journal/closed"), &closed)?;
    fs::write(seeds.join("journal/torn"), &open[..open.len() - 100])?;
    println!("{records} records; journals of {} bytes", open.len());
    Ok(())
}

/// The same rows from nobody's machine.
fn anonymous(batch: &RecordBatch) -> Result<RecordBatch, Box<dyn Error>> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        match field.name().as_str() {
            columns::HOST | columns::BOOT_ID => {
                let names = std::iter::repeat_n(field.name(), batch.num_rows());
                Arc::new(StringArray::from_iter_values(names)) as ArrayRef
            }
            _ => Arc::clone(column),
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns.collect())?)
}

/// A row as the probe had sent it; offsets are asserted in `wire.rs`.
fn record(batch: &RecordBatch, row: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let int32 = |name: &str| batch[name].as_primitive::<Int32Type>().value(row);
    let int64 = |name: &str| batch[name].as_primitive::<Int64Type>().value(row);
    let text = |name: &str| batch[name].as_string::<i32>().value(row);
    let optional = |name: &str| if batch[name].is_null(row) { 0 } else { int32(name) };
    let outcome = Outcome::ALL.iter().position(|o| o.as_str() == text(columns::OUTCOME));
    let outcome = Outcome::ALL[outcome.ok_or("an outcome")?] as u32;
    let address = |name: &str| -> Result<[u8; 16], Box<dyn Error>> {
        let mut bytes = [0; 16];
        match text(name).parse()? {
            std::net::IpAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.octets()),
            std::net::IpAddr::V6(v6) => bytes = v6.octets(),
        }
        Ok(bytes)
    };
    let mut comm = [0; 16];
    let name = text(columns::COMM).as_bytes();
    comm[..name.len().min(15)].copy_from_slice(&name[..name.len().min(15)]);

    let mut bytes = Vec::with_capacity(120);
    bytes.extend(int64(columns::START_NS).to_le_bytes());
    bytes.extend(int64(columns::CGROUP_ID).to_le_bytes());
    bytes.extend(int32(columns::PID).to_le_bytes());
    bytes.extend(int32(columns::TID).to_le_bytes());
    bytes.extend((int64(columns::UID) as u32).to_le_bytes());
    bytes.extend((int64(columns::NETNS) as u32).to_le_bytes());
    bytes.extend(address(columns::SRC_ADDR)?);
    bytes.extend(address(columns::DST_ADDR)?);
    bytes.extend(comm);
    bytes.extend((int32(columns::SRC_PORT) as u16).to_le_bytes());
    bytes.extend((int32(columns::DST_PORT) as u16).to_le_bytes());
    bytes.extend((int32(columns::FLAGS) as u16).to_le_bytes());
    bytes.push(if int32(columns::IP_VERSION) == 4 { AF_INET } else { AF_INET6 });
    bytes.push(0);
    bytes.extend((int64(columns::START_NS) + int64(columns::LATENCY_NS)).to_le_bytes());
    bytes.extend(int32(columns::SYN_RETRANSMITS).to_le_bytes());
    bytes.extend(optional(columns::RTT_US).to_le_bytes());
    bytes.extend(optional(columns::ERRNO).to_le_bytes());
    bytes.extend(outcome.to_le_bytes());
    bytes.extend(RECORD_MAGIC.to_le_bytes());
    bytes.extend([0; 4]);
    Ok(bytes)
}
