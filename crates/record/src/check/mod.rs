//! `record check`: everything a recording needs, each with what to do about it.
//!
//! Facts about the system come first, so that a missing privilege does not
//! hide an old kernel; the last line really attaches the probe.

mod confinement;
mod need;
mod needs;

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use connlat_schema::escape::{json_document, terminal};
use serde_json::json;

pub use need::{Need, Status};
pub use needs::all;

/// Prints the needs; 0 if recording works here, 1 if not.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(as_json: bool, btf: &Path) -> anyhow::Result<u8> {
    let needs = all(btf);
    let works = needs.iter().all(|need| need.status != Status::Missing);
    let text = if as_json { render_json(&needs, works) } else { render_text(&needs, works) };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(error).context("cannot write to stdout");
        }
        _ => {}
    }
    Ok(u8::from(!works))
}

fn render_text(needs: &[Need], works: bool) -> String {
    let mut text = String::new();
    for need in needs {
        let (status, name) = (need.status.as_str(), need.name);
        text.push_str(&format!("{status:<8} {name:<17} {}\n", terminal(&need.detail)));
        if let Some(remedy) = need.remedy {
            text.push_str(&format!("{:<26} {remedy}\n", ""));
        }
    }
    text.push_str(if works { "record works here\n" } else { "record does not work here\n" });
    text
}

fn render_json(needs: &[Need], works: bool) -> String {
    let needs: Vec<_> = needs
        .iter()
        .map(|need| {
            json!({
                "name": need.name,
                "status": need.status.as_str(),
                "detail": need.detail,
                "remedy": need.remedy,
            })
        })
        .collect();
    let object = json!({"works": works, "needs": needs});
    json_document(&format!("{object:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> Vec<Need> {
        vec![
            Need::ok("kernel", "6.1.0".to_owned()),
            Need::limited("cgroup v2", "not available".to_owned(), "mount it"),
            Need::missing("privileges", "no CAP_BPF".to_owned(), "use sudo"),
        ]
    }

    #[test]
    fn a_line_for_each_need_and_one_for_its_remedy() {
        assert_eq!(
            render_text(&needs(), false),
            "\
ok       kernel            6.1.0
limited  cgroup v2         not available
                           mount it
missing  privileges        no CAP_BPF
                           use sudo
record does not work here
"
        );
    }

    #[test]
    fn json_has_the_same_facts() {
        let object: serde_json::Value =
            serde_json::from_str(&render_json(&needs(), false)).expect("JSON");
        assert_eq!(object["works"], false);
        assert_eq!(object["needs"][2]["status"], "missing");
        assert_eq!(object["needs"][2]["remedy"], "use sudo");
        assert_eq!(object["needs"][0]["remedy"], serde_json::Value::Null);
    }
}
