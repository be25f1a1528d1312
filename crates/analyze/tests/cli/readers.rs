//! Every reader that docs/format.md names reads the values of a capture with
//! its defaults.
//!
//! Needs python3 with pyarrow; readers that are not installed are not tried.

use std::process::Command;

use connlat_schema::Outcome;
use serde_json::Value;
use test_support::skip;

use super::capture::{Capture, Connect, S};
use super::program::{Dir, in_crate};

#[test]
fn readers_see_the_values_that_were_written() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(13);
    let row = |n: i64| {
        let row = Connect::at(n * S / 100 + random.i64(0..1_000), random.i64(0..1 << 40));
        if n % 7 == 0 { row.failed(Outcome::Refused, Some(111)) } else { row }
    };
    Capture::of((0..3_000).map(row).collect()).write(dir.path("c.parquet"));
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .args(["-B".as_ref(), in_crate("tests/oracle/readers.py").as_os_str()])
        .arg(dir.path("c.parquet"))
        .output();
    let answers: Value = match output {
        Ok(output) if output.status.success() => {
            serde_json::from_slice(&output.stdout).expect("JSON")
        }
        Ok(output) => return skip(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return skip(format!("{python}: {error}")),
    };
    let docs = std::fs::read_to_string(in_crate("../../docs/format.md")).expect("the format");
    for (reader, answer) in answers.as_object().expect("readers") {
        let answer = answer.as_str().expect("text");
        println!("{reader}: {answer}");
        if answer.contains("No module named") {
            continue;
        }
        match reader.as_str() {
            "fastparquet" => assert!(docs.contains("**fastparquet does not**")),
            _ => assert_eq!(answer, "same", "{reader}"),
        }
    }
}
