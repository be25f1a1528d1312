//! Makes `seeds/` from a journal that `record` left:
//! `cargo run --bin make_seeds -- c.parquet.journal`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use arrow::record_batch::RecordBatch;
use connlat_schema::capture::journal::{JournalReader, JournalWriter, Note};
use connlat_schema::capture::rows::{self, Row, Rows};
use connlat_schema::decode::{ConnectEvent, START_LEN};
use connlat_schema::encode::encode_record;
use connlat_schema::wire::ConnectRecord;

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
        for row in Rows::of(&batch)?.iter() {
            let record = encode_record(&ConnectRecord::from(&ConnectEvent::try_from(&row)?));
            fs::write(seeds.join(format!("wire/record-{records}")), record)?;
            fs::write(seeds.join(format!("wire/start-{records}")), &record[..START_LEN])?;
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
    let nobody = |row| Row { host: "host".into(), boot_id: "boot_id".into(), ..row };
    Ok(rows::batch(Rows::of(batch)?.iter().map(nobody))?)
}
