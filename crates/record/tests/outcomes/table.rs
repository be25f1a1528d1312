//! The table a person reads.

use crate::judge::{Line, Verdict};

/// Aligned text, one line per case and one more per difference.
pub fn table(lines: &[Line]) -> String {
    let heads = ["case", "expected", "recorded"];
    let cells = |line: &Line| [line.case.clone(), line.expected.clone(), line.recorded.clone()];
    let mut widths = heads.map(|head| head.chars().count());
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(cells(line)) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [a, b, c] = widths;
    let row = |cells: [&str; 3], verdict: &str| {
        format!("{:a$} | {:b$} | {:c$} | {verdict}\n", cells[0], cells[1], cells[2])
    };
    let mut text = row(heads, "verdict");
    text.push_str(&format!("{:-<a$}-|-{:-<b$}-|-{:-<c$}-|--------\n", "", "", ""));
    for line in lines {
        let [case, expected, recorded] = &cells(line);
        let (verdict, more): (&str, &[String]) = match &line.verdict {
            Verdict::Right => ("right", &[]),
            Verdict::Wrong(differences) => ("WRONG", differences),
            Verdict::Skipped(why) => (&why.to_string(), &[]),
        };
        text.push_str(&row([case, expected, recorded], verdict));
        for difference in more {
            text.push_str(&format!("    {difference}\n"));
        }
    }
    text
}
