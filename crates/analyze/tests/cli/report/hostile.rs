//! Whatever names a capture has and however many: the page is inert and small.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use connlat_schema::Outcome;
use sha2::{Digest, Sha256};

use super::document::Document;
use super::write;
use crate::capture::{Capture, Connect, S};
use crate::program::{Dir, in_crate};

/// Bytes that a page has less of, and characters that a ticket has.
const PAGE: usize = 500_000;
const TICKET: usize = 60_000;

/// Names that would act somewhere.
const NAMES: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "<!--",
    "{{ 7 * 7 }}{% raw %}",
    "a\u{202e}gpj.exe\u{200b}",
    "\u{1b}]0;x\u{7}\r\n",
    "]]>&lt;svg/onload=alert(1)>",
];

/// Elements that the page is made of.
const ELEMENTS: [&str; 47] = [
    "a",
    "body",
    "button",
    "caption",
    "code",
    "data",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "header",
    "html",
    "li",
    "main",
    "meta",
    "nav",
    "ol",
    "p",
    "path",
    "pre",
    "rect",
    "script",
    "section",
    "small",
    "span",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// Checks a page, and keeps it for `.ci/report-check` where that wants it.
fn check(name: &str, page: &str) -> Document {
    if let Some(directory) = std::env::var_os("CONNLAT_PAGES") {
        std::fs::write(Path::new(&directory).join(format!("{name}.html")), page).expect("a page");
    }
    let document = Document::read(page);
    for element in &document.0 {
        assert!(ELEMENTS.contains(&element.name.as_str()), "{element:?}");
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on") && name != "style", "{element:?}");
            let local = value.starts_with('#');
            assert!(
                !["src", "href", "xlink:href"].contains(&name.as_str()) || local,
                "{element:?}"
            );
            assert!(!value.chars().any(acts), "{element:?}");
        }
    }
    for name in ["script", "style", "title", "h1", "body"] {
        // A chart has a title, too.
        let count = document.named(name).count();
        assert!(count == 1 || (name == "title" && count > 1), "{count} of {name}");
    }
    for text in document.texts() {
        assert!(!text.chars().any(|c| c != '\n' && acts(c)), "{text:?}");
    }
    assert!(page.len() < PAGE, "{} bytes", page.len());
    document
}

fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
}

#[test]
fn the_page_allows_itself_one_style_and_one_script() {
    let dir = Dir::new();
    write(&dir);
    let page = dir.analyze(&["report", "web-1.parquet"]).text();
    let document = check("usual", &page);
    let is_policy = |name: &str| name == "Content-Security-Policy";
    let policy = document
        .named("meta")
        .find(|meta| meta.attributes.get("http-equiv").is_some_and(|n| is_policy(n)));
    let policy = &policy.expect("a policy").attributes["content"];
    let hash = |name: &str| {
        let text = &document.named(name).next().expect("it").text;
        format!("'sha256-{}'", BASE64.encode(Sha256::digest(text.as_bytes())))
    };
    let expected = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash("style"),
        hash("script")
    );
    assert_eq!(*policy, expected);
}

#[test]
fn names_do_not_act() {
    let dir = Dir::new();
    let mut rows = Vec::new();
    for n in 0..800_i64 {
        let name = NAMES[n as usize % NAMES.len()];
        let mut row = Connect::at(n * 70_000, 200_000 + n).to(name, 443);
        (row.comm, row.cgroup) = (name.into(), format!("/{name}"));
        if n % 3 == 0 {
            row = row.failed(Outcome::Refused, Some(111));
        }
        if n % 97 == 0 {
            row.outcome = name.into();
        }
        rows.push(row);
    }
    let mut capture = Capture::of(rows);
    let info = &mut capture.info;
    (info.host, info.kernel_release, info.arch) =
        (NAMES[0].into(), NAMES[1].into(), NAMES[5].into());
    info.command_line = NAMES.map(str::to_owned).to_vec();
    info.unavailable = NAMES.map(str::to_owned).to_vec();
    info.filters.insert(NAMES[3].into(), vec![NAMES[0].into()]);
    capture.write(dir.path("web-1.parquet"));
    let document = check("hostile", &dir.analyze(&["report", "web-1.parquet"]).text());
    // Shown, as they are.
    let addresses: Vec<String> = document
        .table("destinations")
        .into_iter()
        .map(|mut row| row.remove("dst_addr").expect("it"))
        .collect();
    for name in [NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4], NAMES[7]] {
        assert!(addresses.iter().any(|address| address == name), "{name} in {addresses:?}");
    }
    assert!(
        addresses.iter().any(|address| address == r"a\u{202e}gpj.exe\u{200b}"),
        "{addresses:?}"
    );
    let ticket = dir.analyze(&["report", "--format", "markdown", "web-1.parquet"]).text();
    assert!(!ticket.contains("<script>") && !ticket.contains("<img"), "{ticket}");
    assert!(!ticket.chars().any(|c| c != '\n' && acts(c)), "{ticket}");
}

/// As many and as long names as a capture can hold, in all that is shown.
#[test]
fn the_page_and_the_ticket_stay_small() {
    let dir = Dir::new();
    let long: String = ['"', '&', '\u{202e}', '\u{1f980}'].iter().cycle().take(6_000).collect();
    let mut rows = Vec::new();
    for n in 0..3_000_i64 {
        let place = n % 200;
        let mut row =
            Connect::at(n * 20_000, 100_000 + n * 1_000).to(&format!("{place}{long}"), 443);
        (row.comm, row.cgroup) = (format!("{place}{long}"), format!("/{place}{long}"));
        // Each place fails for a time of its own.
        if place < 60 && n / 200 % 2 == 1 {
            row.syn_retransmits = 2;
            row = row.failed(Outcome::TimedOut, Some(110));
        }
        if n % 11 == 0 {
            row.outcome = format!("{n}{long}");
        }
        rows.push(row);
    }
    let mut capture = Capture::of(rows);
    capture.row_group = 200;
    // A footer holds less.
    let shorter: String = long.chars().take(2_000).collect();
    capture.info.host = shorter.clone();
    capture.info.command_line = vec![shorter.clone(); 3];
    capture.info.unavailable = vec![shorter; 3];
    capture.write(dir.path("web-1.parquet"));
    check("long", &dir.analyze(&["report", "web-1.parquet", "--title", &long]).text());
    let ticket = dir.analyze(&["report", "--format", "markdown", "web-1.parquet"]).text();
    let characters = ticket.chars().count();
    assert!(characters < TICKET, "{characters}");
    assert!(ticket.contains("rows shown, to keep this small"), "{ticket}");
}

/// Captures by the hundred, and more incidents than a page has room for.
#[test]
fn many_findings_and_captures_are_cut_and_counted() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("many")).expect("a directory");
    for host in 0..120_i64 {
        let mut rows = Vec::new();
        for n in 0..60_i64 {
            let port = 1_000 + i32::try_from(host).expect("small");
            let address = format!("10.{}.{}.7", host % 7, host);
            rows.push(Connect::at(n * S, 300_000).to(&address, port));
        }
        let mut capture = Capture::of(rows);
        capture.info.host = format!("host-{host}");
        capture.info.boot_id = format!("boot-{host}");
        capture.write(dir.path(&format!("many/{host}.parquet")));
    }
    let page = dir.analyze(&["report", "many"]).text();
    let document = check("many", &page);
    let said: String = document.texts().collect();
    assert!(said.contains("10 of 120 captures shown"), "{said}");
    assert!(said.contains("of 120 destinations shown"), "{said}");
    // Recorded incidents at once: all would take long.
    let fixtures = in_crate("../../fixtures/[fglnopr]*.parquet");
    let fixtures = fixtures.to_str().expect("UTF-8");
    let document = check("incidents", &dir.analyze(&["report", fixtures]).text());
    let json = dir.analyze(&["report", "--format", "json", fixtures]).json();
    let all = json["findings"].as_array().expect("findings").len();
    let shown = document.named("h3").count();
    assert_eq!(shown, 20);
    assert!(shown < all, "{all} findings");
    let said: String = document.texts().collect();
    assert!(said.contains(&format!("and {} more", all - shown)), "{all} {shown}");
}
