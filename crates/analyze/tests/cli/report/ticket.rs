//! The body of a ticket.

use super::write;
use crate::program::Dir;

#[test]
fn a_ticket_has_the_findings_and_the_tables() {
    let dir = Dir::new();
    write(&dir);
    let args = ["report", "--format", "markdown", "--title", "INC-42 *x*", "web-1.parquet"];
    let text = dir.analyze(&args).text();
    assert!(text.starts_with("## INC-42 \\*x\\*\n\n- capture: "), "{text}");
    for heading in
        ["Findings", "Connect latency", "Outcomes", "Every 1s", "Destinations", "Programs"]
    {
        assert!(text.contains(&format!("### {heading}")), "{heading} in {text}");
    }
    let summary = dir.analyze(&["summary", "--format", "markdown", "web-1.parquet"]).text();
    let findings = |text: &str| {
        let from = text.find("### Findings").expect("findings");
        let rest = &text[from..];
        rest[..rest.find("### Connect").expect("the next")].to_owned()
    };
    assert_eq!(findings(&text), findings(&summary));
    assert!(text.chars().count() < 20_000);
    dir.analyze(&["report", "--format", "markdown", "web-1.parquet", "-o", "t.md"]).text();
    let written = std::fs::read_to_string(dir.path("t.md")).expect("a ticket");
    assert!(written.starts_with("## TCP connects of web-1\n"), "{written}");
}
