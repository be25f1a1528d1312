//! The picture in the README: what `analyze` prints about a fixture on a
//! terminal, drawn as SVG. A golden file like the others, so it stays true.

#![cfg(target_os = "linux")]

use std::process::Command;

use super::golden;
use super::program::in_crate;

/// Seen from the golden files.
const PICTURE: &str = "../../../../docs/images/summary.svg";
const FIXTURE: &str = "fixtures/two-causes.parquet";
/// Wide enough for the tables, narrow enough to be read in a browser.
const COLUMNS: u16 = 92;

#[test]
fn the_picture_is_what_analyze_prints() {
    // Colours are for terminals only, and script(1) is one.
    let shell = format!("stty rows 60 cols {COLUMNS} && exec \"$ANALYZE\" {FIXTURE}");
    let output = Command::new("script")
        .current_dir(in_crate("../.."))
        .args(["-qec", &shell, "/dev/null"])
        .env("ANALYZE", env!("CARGO_BIN_EXE_analyze"))
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .output();
    let Ok(output) = output else {
        assert!(std::env::var_os("CI").is_none(), "CI needs script(1)");
        println!("skipped: script(1) is missing");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "");
    let screen = format!("\x1b[2m$\x1b[0m \x1b[1manalyze {FIXTURE}\x1b[0m\n{printed}");
    // The default's red is too dark to read.
    let term = anstyle_svg::Term::new().palette(anstyle_lossy::palette::WIN10_CONSOLE);
    golden::check(PICTURE, &term.render_svg(&screen));
}
