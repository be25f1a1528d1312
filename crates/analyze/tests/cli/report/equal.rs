//! Every figure of the page is that of `--format json`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::{Document, Rows};
use super::write;
use crate::program::Dir;

/// A cell of JSON as the page's exact values are written.
fn exact(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => match chrono(text) {
            Some(us) => us.to_string(),
            None => text.clone(),
        },
        other => other.to_string(),
    }
}

/// A time of JSON in µs.
fn chrono(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: &str| text.parse::<i64>().ok();
    let [year, month, day] = date.split('-').map(number).collect::<Option<Vec<_>>>()?[..] else {
        return None;
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = clock.split(':').map(number).collect::<Option<Vec<_>>>()?[..]
    else {
        return None;
    };
    // Days from civil, by Howard Hinnant.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_era = y.rem_euclid(400);
    let of_year = (153 * m + 2) / 5 + day - 1;
    let days =
        y.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let us = number(&format!("{fraction:0<6}"))?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + us)
}

/// Each row of the page is the row of JSON, as far as the page has columns.
fn same(page: &Rows, json: &Value) {
    let json = json.as_array().expect("rows");
    assert_eq!(page.len(), json.len());
    for (shown, row) in page.iter().zip(json) {
        assert!(shown.len() >= 2, "{shown:?}");
        for (name, value) in shown {
            let expected = exact(&row[name.as_str()]);
            // What the sample is too small for is null in JSON.
            let value = if value == "n/a*" { "-" } else { value };
            if let Value::Number(number) = &row[name.as_str()]
                && number.is_f64()
            {
                // serde_json reads fractions less exactly than they are written.
                let shown: f64 = value.parse().expect("a number");
                assert!((shown - number.as_f64().expect("it")).abs() < 1e-12, "{name} of {row}");
                continue;
            }
            assert_eq!(value, expected, "{name} of {row}");
        }
    }
}

fn page(dir: &Dir, options: &[&str]) -> Document {
    Document::read(&dir.analyze(&[&["report"], options, &["web-1.parquet"]].concat()).text())
}

fn json(dir: &Dir, question: &[&str], options: &[&str]) -> Value {
    let format = ["--format", "json", "web-1.parquet"];
    dir.analyze(&[question, options, &format].concat()).json()
}

const SELECTIONS: [&[&str]; 4] =
    [&[], &["--from", "+20s", "--to", "+45s"], &["--where", "dst_port <> 443"], &["--established"]];

#[test]
fn tables_are_those_of_the_report_as_json() {
    let dir = Dir::new();
    write(&dir);
    for options in SELECTIONS {
        let (page, json) = (page(&dir, options), json(&dir, &["report"], options));
        for table in [
            "rows",
            "outcomes",
            "timeseries",
            "outcomes_over_time",
            "destinations",
            "processes",
            "slowest",
        ] {
            same(&page.table(table), &json[table]);
        }
        let whole = &json["rows"][0];
        for (name, value) in page.figures() {
            let expected =
                if name == "lost_total" { &json["capture"][&name] } else { &whole[&name] };
            assert_eq!(value, exact(expected), "{name}");
        }
    }
}

#[test]
fn figures_are_those_of_the_other_questions() {
    let dir = Dir::new();
    write(&dir);
    for options in SELECTIONS {
        let report = json(&dir, &["report"], options);
        let summary = json(&dir, &["summary"], options);
        for key in ["rows", "outcomes", "capture"] {
            assert_eq!(report[key], summary[key], "{key}");
        }
        // Besides, those of the report have a picture.
        let (ours, theirs) = (report["findings"].as_array(), summary["findings"].as_array());
        let (ours, theirs) = (ours.expect("findings"), theirs.expect("findings"));
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            for (name, value) in theirs.as_object().expect("a finding") {
                assert_eq!(&ours[name], value, "{name}");
            }
        }
        let every = format!("{}us", every(&report));
        let series = json(&dir, &["timeseries", "--every", &every], options);
        assert_eq!(report["timeseries"], series["rows"]);
        let heatmap = json(&dir, &["heatmap", "--every", &every], options);
        assert_eq!(report["heatmap"], heatmap["rows"]);
        for command in ["destinations", "processes", "slowest"] {
            assert_eq!(report[command], json(&dir, &[command], options)["rows"], "{command}");
        }
        if !options.contains(&"--established") {
            let failed = json(&dir, &["slowest", "--failed"], options);
            assert_eq!(report["failed"], failed["rows"]);
        }
        assert_eq!(report["captures"], json(&dir, &["info"], &[])["rows"]);
    }
}

/// Width of the intervals, µs.
fn every(report: &Value) -> i64 {
    let start = |row: usize| chrono(report["timeseries"][row]["time"].as_str().expect("a time"));
    start(1).zip(start(0)).map(|(b, a)| b - a).expect("times")
}

#[test]
fn quantiles_are_those_of_percentiles() {
    let dir = Dir::new();
    write(&dir);
    let report = json(&dir, &["report"], &[]);
    let rows = report["distribution"].as_array().expect("rows");
    let mut quantiles: Vec<String> = rows.iter().map(|row| row["quantile"].to_string()).collect();
    quantiles.sort();
    quantiles.dedup();
    assert!(quantiles.len() > 15, "{quantiles:?}");
    let question = ["percentiles", "--top", "0", "--quantiles", &quantiles.join(",")];
    let whole = json(&dir, &question, &[]);
    let by = json(&dir, &[&question[..], &["--by", "dst_addr,dst_port"]].concat(), &[]);
    let mut destinations = 0;
    for row in rows {
        let same = |known: &&Value| {
            known["dst_addr"] == row["dst_addr"] && known["dst_port"] == row["dst_port"]
        };
        let expected = match &row["dst_addr"] {
            Value::Null => &whole["rows"][0],
            _ => by["rows"].as_array().and_then(|rows| rows.iter().find(same)).expect("a row"),
        };
        destinations += usize::from(!row["dst_addr"].is_null());
        let name = row["quantile"].to_string();
        let column = format!("p{:0<2}_ns", name.strip_prefix("0.").expect("a fraction"));
        assert_eq!(row["latency_ns"], expected[&column], "{row}");
    }
    assert!(destinations > 30, "{destinations}");
    // On the page a column for each.
    let page = page(&dir, &[]).table("distribution");
    let on_page: Vec<&String> = page.iter().map(|row| &row["quantile"]).collect();
    assert_eq!(on_page.len(), quantiles.len());
}

#[test]
fn outcomes_over_time_add_up() {
    let dir = Dir::new();
    write(&dir);
    let report = json(&dir, &["report"], &[]);
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let over_time = report["outcomes_over_time"].as_array().expect("rows");
    for (row, figures) in over_time.iter().zip(report["timeseries"].as_array().expect("rows")) {
        assert_eq!(row["time"], figures["time"]);
        let counts = row.as_object().expect("a row").iter().filter(|(name, _)| *name != "time");
        let mut all = 0;
        for (outcome, count) in counts {
            let count = count.as_i64().expect("a count");
            *sums.entry(outcome.clone()).or_default() += count;
            all += count;
        }
        assert_eq!(figures["connects"], all);
        assert_eq!(figures["established"], row["established"]);
    }
    assert!(sums.len() >= 3, "{sums:?}");
    for row in report["outcomes"].as_array().expect("rows") {
        assert_eq!(row["connects"], sums[row["outcome"].as_str().expect("a word")]);
    }
}

/// What is drawn is what is counted: each cell of the heatmap, and each bar of
/// a finding.
#[test]
fn charts_draw_what_is_counted() {
    let dir = Dir::new();
    write(&dir);
    let (page, report) = (page(&dir, &[]), json(&dir, &["report"], &[]));
    let charts = page.named("div").find(|div| div.attributes.contains_key("data-cells"));
    let charts = &charts.expect("charts").attributes;
    let bins: Vec<&str> = charts["data-bins"].split(',').collect();
    let times = page.table("timeseries");
    let drawn = charts["data-cells"].split(' ').map(|cell| {
        let numbers: Vec<usize> = cell.split(',').map(|n| n.parse().expect("a number")).collect();
        (times[numbers[0]]["time"].clone(), bins[numbers[1]].to_owned(), numbers[2].to_string())
    });
    let counted = report["heatmap"].as_array().expect("rows").iter();
    let counted =
        counted.map(|row| (exact(&row["time"]), exact(&row["from_ns"]), exact(&row["connects"])));
    assert_eq!(drawn.collect::<Vec<_>>(), counted.collect::<Vec<_>>());

    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.is_empty());
    for (place, finding) in findings.iter().enumerate() {
        let bars = finding["over_time"].as_array().expect("intervals");
        let sum: u64 = bars.iter().map(|bar| bar["connects"].as_u64().expect("a count")).sum();
        assert_eq!(finding["connects"], sum);
        let rows = page.table(&format!("finding-{}", place + 1));
        same(&rows, &finding["rows"]);
        let picture = page.after(&format!("when-{}", place + 1));
        let path = picture.iter().find(|element| element.name == "path").expect("bars");
        let drawn = path.attributes["d"].matches('M').count();
        assert_eq!((path.attributes["class"].as_str(), drawn), ("f-bad", bars.len()));
    }
}
