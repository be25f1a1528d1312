//! Footers that lie cost a small read and an error.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use parquet::file::metadata::ParquetMetaDataReader;

use super::*;
use crate::capture::file::seal::tests::capture;

/// A file, sparse where it can be, of this footer.
fn file(footer: &[u8], claimed: u32, zeros: u64) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(b"PAR1").expect("write");
    file.write_all(footer).expect("write");
    file.set_len(4 + footer.len() as u64 + zeros).expect("a hole");
    file.seek(SeekFrom::End(0)).expect("seek");
    file.write_all(&claimed.to_le_bytes()).expect("write");
    file.write_all(&MAGIC).expect("write");
    file
}

#[test]
fn a_capture_says_the_same_as_to_a_library() {
    let capture = capture(2_500);
    let footer = read(&capture).expect("a footer");
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&capture).expect("Parquet");
    let pairs = metadata.file_metadata().key_value_metadata().expect("metadata");
    let ours = pairs.iter().find(|pair| pair.key == KEY_CAPTURE).expect("ours");
    assert_eq!(footer.rows, 2_500);
    assert_eq!(footer.capture, ours.value);
}

#[test]
fn lengths_and_lists_that_lie_cost_nothing() {
    let began = Instant::now();
    // 2 GiB of footer, all of it a hole.
    assert!(read(&file(b"", 0x7fff_ff00, 0x7fff_ff00)).is_err());
    // Longer than the file.
    assert!(read(&file(b"", 1_000, 10)).is_err());
    assert!(read(&file(b"", u32::MAX, 10)).is_err());
    // A list of 300 million structs, a value of 2^60 bytes, a map, endless nesting.
    let list = [&[0x15, 2, 0x19, 0xfc][..], &[0xff, 0xff, 0xff, 0x8f, 1]].concat();
    let long = [&[0x18][..], &[0xff; 8], &[0x0f]].concat();
    let map = [&[0x1b][..], &[0xff, 0xff, 0xff, 0x7f, 0x88]].concat();
    let pair = [&[0x59, 0xfc][..], &[0xff; 8], &[0x0f]].concat();
    for lie in [list, long, map, pair, vec![0x1c; 4_000], vec![0x19; 4_000], vec![0xff; 100]] {
        let length = lie.len() as u32;
        assert!(read(&file(&lie, length, 0)).is_err(), "{:x?}", &lie[..6]);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_footer_cut_or_changed_anywhere_is_no_panic() {
    let mut bytes = Vec::new();
    let mut capture = capture(10);
    capture.rewind().expect("the beginning");
    capture.read_to_end(&mut bytes).expect("the capture");
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().expect("4 bytes"));
    let footer = &bytes[bytes.len() - 8 - length as usize..bytes.len() - 8];
    for cut in 0..footer.len() {
        assert!(read(&file(&footer[..cut], cut as u32, 0)).is_err(), "cut at {cut}");
    }
    for at in 0..footer.len() {
        let mut changed = footer.to_vec();
        changed[at] ^= 0x55;
        // Whether it can still be read or not.
        let _ = read(&file(&changed, length, 0));
    }
}

#[test]
fn what_is_no_parquet_is_said_to_be_none() {
    for bytes in [&b""[..], b"PAR1", b"0123456789abcdef"] {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("write");
        assert!(read(&file).is_err());
    }
}
