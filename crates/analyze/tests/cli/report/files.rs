//! Where the page goes: to a new file or a pipe, never over anything.

use std::fs;

use super::document::Document;
use super::write;
use crate::program::Dir;

#[test]
fn a_page_is_written_whole_and_replaces_nothing() {
    let dir = Dir::new();
    write(&dir);
    let run = dir.analyze(&["report", "web-1.parquet", "-o", "r.html"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    assert!(run.stderr.starts_with("analyze: wrote r.html ("), "{}", run.stderr);
    let page = fs::read_to_string(dir.path("r.html")).expect("a page");
    assert_eq!(page, dir.analyze(&["report", "web-1.parquet"]).text());
    assert_eq!(page, dir.analyze(&["report", "web-1.parquet", "-o", "-"]).text());

    let refused = dir.analyze(&["report", "web-1.parquet", "-o", "r.html", "--title", "x"]);
    let said = refused.failure();
    assert!(said.contains("r.html exists") && said.contains("remove it"), "{said}");
    assert_eq!(page, fs::read_to_string(dir.path("r.html")).expect("the same page"));
    // Nothing else is left in the directory.
    let names = fs::read_dir(dir.path(".")).expect("it").count();
    assert_eq!(names, 2);
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_nowhere_is_not_written_through() {
    let dir = Dir::new();
    write(&dir);
    std::os::unix::fs::symlink(dir.path("elsewhere"), dir.path("r.html")).expect("a link");
    let said = dir.analyze(&["report", "web-1.parquet", "-o", "r.html"]).failure();
    assert!(said.contains("r.html exists"), "{said}");
    assert!(!dir.path("elsewhere").exists());
}

#[test]
#[cfg(unix)]
fn others_can_read_the_page_as_they_can_other_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    write(&dir);
    let run = dir.shell("umask 027 && analyze report web-1.parquet -o r.html");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let mode = fs::metadata(dir.path("r.html")).expect("it").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_cannot_be_written_names_the_file_and_the_remedy() {
    let dir = Dir::new();
    write(&dir);
    let said = dir.analyze(&["report", "web-1.parquet", "-o", "nowhere/r.html"]).failure();
    assert!(said.contains("nowhere/r.html"), "{said}");
    let run = dir.analyze(&["report", "--format", "csv", "web-1.parquet"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("html, markdown, json"), "{}", run.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_is_no_place_for_a_page() {
    let dir = Dir::new();
    write(&dir);
    let run = dir.shell("script -qec 'analyze report web-1.parquet' /dev/null");
    if run.code == Some(127) {
        return test_support::skip("a page and a terminal: script(1) is missing");
    }
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("-o report.html"), "{}", run.stdout);
    let run = dir.shell("script -qec 'analyze report --format markdown web-1.parquet' /dev/null");
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}

#[test]
fn the_heading_is_as_typed() {
    let dir = Dir::new();
    write(&dir);
    let heading = |options: &[&str]| {
        let page = dir.analyze(&[&["report", "web-1.parquet"], options].concat()).text();
        let document = Document::read(&page);
        let title = document.named("title").next().expect("a title").text.clone();
        let h1 = document.named("h1").next().expect("a heading").text.clone();
        assert_eq!(title, h1);
        h1
    };
    assert_eq!(heading(&[]), "TCP connects of web-1");
    assert_eq!(heading(&["--title", "INC-42 <b> & \u{202e}x"]), r"INC-42 <b> & \u{202e}x");
}

#[test]
fn nothing_selected_is_a_page_that_says_so() {
    let dir = Dir::new();
    write(&dir);
    let page = dir.analyze(&["report", "--where", "comm = 'none'", "web-1.parquet"]).text();
    let document = Document::read(&page);
    let said: String = document.texts().collect();
    assert!(said.contains("nothing is selected") && said.contains("0 rows: where"), "{said}");
    crate::capture::Capture::of(Vec::new()).write(dir.path("empty.parquet"));
    let page = dir.analyze(&["report", "empty.parquet"]).text();
    assert!(page.contains("no connects were recorded"), "{page}");
}
