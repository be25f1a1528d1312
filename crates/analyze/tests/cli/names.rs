//! `--names`: names stand beside addresses, and can be asked for.

use std::fs;

use connlat_schema::Outcome;
use serde_json::{Value, json};

use super::capture::{Capture, Connect, S};
use super::program::Dir;
use super::report::document::Document;

const POD: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

/// A capture of a node, and what `kubectl` says of its cluster.
fn write(dir: &Dir) {
    let row = |n: i64| {
        let mut row = Connect::at(n * S / 20, 100_000 + n * 100);
        row.dst_addr =
            ["10.96.0.10", "10.244.1.5", "192.168.7.1", "203.0.113.9"][n as usize % 4].into();
        row.src_addr = "10.244.1.9".into();
        row.cgroup = match n % 2 {
            0 => format!("/kubepods.slice/kubepods-pod{}.slice/x.scope", POD.replace('-', "_")),
            _ => "/system.slice/sshd.service".into(),
        };
        match n % 4 {
            1 if n > 300 => row.failed(Outcome::Refused, Some(111)),
            _ => row,
        }
    };
    Capture::of((0..400).map(row).collect()).write(dir.path("node.parquet"));
    let pod = |name: &str, uid: &str, ip: &str, host: bool| {
        json!({
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": uid},
            "spec": {"hostNetwork": host},
            "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
        })
    };
    let list = json!({"kind": "List", "items": [
        pod("cart-0", POD, "10.244.1.9", false),
        pod("db-0", "11111111-4b5a-6978-8796-a5b4c3d2e1f0", "10.244.1.5", false),
        pod("proxy", "22222222-4b5a-6978-8796-a5b4c3d2e1f0", "192.168.7.1", true),
        {"kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"clusterIP": "10.96.0.10"}},
    ]});
    fs::write(dir.path("cluster.json"), list.to_string()).expect("a file");
    fs::write(dir.path("hosts"), "203.0.113.9 api.example.com\n").expect("a file");
}

fn asked(dir: &Dir, question: &[&str]) -> Value {
    let names = ["--names", "cluster.json", "--names", "hosts", "--format", "json", "node.parquet"];
    dir.analyze(&[question, &names[..]].concat()).json()
}

fn values(answer: &Value, field: &str) -> Vec<String> {
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter().map(|row| row[field].as_str().expect("text").to_owned()).collect()
}

#[test]
fn names_stand_beside_addresses() {
    let dir = Dir::new();
    write(&dir);
    let destinations = asked(&dir, &["destinations"]);
    let mut named =
        std::iter::zip(values(&destinations, "dst_addr"), values(&destinations, "name"))
            .collect::<Vec<_>>();
    named.sort();
    let expected = [
        ("10.244.1.5", "pod/shop/db-0"),
        ("10.96.0.10", "svc/shop/web"),
        // The node's, whatever runs there.
        ("192.168.7.1", ""),
        ("203.0.113.9", "api.example.com"),
    ];
    assert_eq!(named, expected.map(|(address, name)| (address.to_owned(), name.to_owned())));
    let cgroups = asked(&dir, &["cgroups"]);
    let mut pods = values(&cgroups, "pod");
    pods.sort();
    assert_eq!(pods, ["", "pod/shop/cart-0"]);
    for command in ["events", "slowest"] {
        let rows = asked(&dir, &[command, "--top", "4"]);
        assert!(values(&rows, "name").contains(&"svc/shop/web".to_owned()), "{rows}");
        assert!(values(&rows, "pod").contains(&"pod/shop/cart-0".to_owned()), "{rows}");
    }
    // Without names nothing is added.
    let plain = dir.analyze(&["destinations", "--format", "json", "node.parquet"]).json();
    assert_eq!(plain["rows"][0].get("name"), None);
}

#[test]
fn names_can_be_grouped_by_and_selected() {
    let dir = Dir::new();
    write(&dir);
    let by_name = asked(&dir, &["percentiles", "--by", "name,pod"]);
    let rows = by_name["rows"].as_array().expect("rows").len();
    assert_eq!(rows, 4);
    let sources = asked(&dir, &["percentiles", "--by", "src_name"]);
    assert_eq!(values(&sources, "src_name"), ["pod/shop/cart-0"]);
    let of = |condition: &str| {
        let answer = asked(&dir, &["percentiles", "--where", condition]);
        answer["rows"][0]["connects"].as_i64().expect("a count")
    };
    assert_eq!(of("name = 'svc/shop/web'"), 100);
    assert_eq!(of("name LIKE '%/shop/%' AND pod = ''"), 100);
    assert_eq!(of("name = ''"), 100);
    assert_eq!(of("pod = 'pod/shop/cart-0' AND latency > 1us"), 200);
    assert_eq!(of("upper(name) = 'API.EXAMPLE.COM'"), 100);
}

#[test]
fn findings_name_what_they_are_about() {
    let dir = Dir::new();
    write(&dir);
    let summary = asked(&dir, &["summary"]);
    let finding = &summary["findings"][0];
    let text = finding["text"].as_str().expect("text");
    assert!(text.starts_with("10.244.1.5:443 (pod/shop/db-0) refused all"), "{text}");
    // What programs read stays the address.
    assert_eq!(finding["scope"]["dst_addr"], "10.244.1.5");
    assert_eq!(finding["examples"], json!(["10.244.1.5:443"]));
    assert!(values(&json!({"rows": summary["destinations"]}), "name").contains(&String::new()));
}

#[test]
fn a_page_names_them_where_findings_show_their_rows() {
    let dir = Dir::new();
    write(&dir);
    let names = ["--names", "cluster.json", "--names", "hosts", "node.parquet"];
    dir.analyze(&[&["report", "-o", "page.html"], &names[..]].concat()).text();
    let page = fs::read_to_string(dir.path("page.html")).expect("a page");
    let page = Document::read(&page);
    let rows = page.table("finding-1");
    assert!(!rows.is_empty());
    for row in &rows {
        assert_eq!((&*row["dst_addr"], &*row["name"]), ("10.244.1.5", "pod/shop/db-0"));
    }
    assert!(page.texts().any(|text| text == "10.244.1.5:443 (pod/shop/db-0)"));
}

#[test]
fn what_cannot_be_named_is_said() {
    let dir = Dir::new();
    write(&dir);
    for question in [["percentiles", "--by", "name"], ["percentiles", "--where", "pod = 'x'"]] {
        let run = dir.analyze(&[&question[..], &["node.parquet"]].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("are those of --names"), "{}", run.stderr);
    }
    fs::write(dir.path("other"), "203.0.113.9 other\n").expect("a file");
    let run = ["destinations", "--names", "hosts", "--names", "other", "node.parquet"];
    let text = dir.analyze(&run).text();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "203.0.113.9 is called api.example.com and other, so it gets no name";
    assert!(text.contains(said), "{text}");
    fs::write(dir.path("other"), "x y\n").expect("a file");
    let said = dir.analyze(&["summary", "--names", "other", "node.parquet"]).failure();
    assert!(said.contains("other: line 1: `x` is no address; write ADDRESS NAME"), "{said}");
    let said = dir.analyze(&["summary", "--names", "none", "node.parquet"]).failure();
    assert!(said.contains("none: cannot be read"), "{said}");
}
