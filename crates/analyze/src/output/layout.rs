//! Cells as people read them, and columns of text set side by side.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::sink::RenderError;
use crate::answer::{AnswerTable, Cell, Kind};
use crate::units;

/// Space between columns.
const GAP: usize = 2;
/// Longest text in a table that has to fit a width.
const LONGEST_TEXT: usize = 40;

/// A cell for people; text as it stands in the capture.
pub fn shown(cell: &Cell, kind: Kind) -> String {
    match (cell, kind) {
        (Cell::Null, _) => "-".to_owned(),
        (Cell::TooSmall, _) => crate::stats::SMALL_SAMPLE.to_owned(),
        (Cell::Text(text), _) => text.clone(),
        (Cell::Ratio(ratio), Kind::Bar) => bar(*ratio),
        (Cell::Ratio(rate), Kind::Rate) => format!("{rate:.1}"),
        (Cell::Ratio(ratio), _) => units::percent(*ratio),
        (Cell::Integer(value), Kind::Count) => units::count(*value),
        (Cell::Integer(value), Kind::Duration) => units::duration(*value),
        (Cell::Integer(value), Kind::Time(decimals)) => units::time(*value, decimals),
        (Cell::Integer(value), _) => value.to_string(),
    }
}

/// A share as a bar of up to 20 characters, to an eighth of one.
fn bar(share: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * 160.0).ceil().clamp(0.0, 160.0) as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// Whether a column is set flush right: everything that is compared by size.
pub fn is_right(table: &AnswerTable<'_>, column: usize) -> bool {
    match table.columns[column].kind {
        Kind::Time(_) | Kind::Bar => false,
        Kind::Name => !table.rows.is_empty() && !table.rows.is_text(column),
        _ => true,
    }
}

/// Writes the table as lines; returns the titles of the columns left out to fit
/// `width`. Rows are read twice: to find how wide columns are, and to write them.
///
/// # Errors
/// [`RenderError`].
pub fn lines(
    out: &mut dyn Write,
    table: &AnswerTable<'_>,
    width: Option<usize>,
) -> Result<Vec<String>, RenderError> {
    let shorten = width.is_some();
    let titles: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
    let mut widths: Vec<usize> = titles.iter().map(|title| title.width()).collect();
    for row in table.rows.each() {
        for ((cell, column), widest) in row?.iter().zip(&table.columns).zip(&mut widths) {
            *widest = text(cell, column.kind, shorten).width().max(*widest);
        }
    }

    let mut kept: Vec<usize> = (0..titles.len()).collect();
    let mut left_out = Vec::new();
    while width.is_some_and(|width| total(&kept, &widths) > width) {
        let detail = |column: &usize| table.columns[*column].detail;
        let Some(most) = kept.iter().copied().max_by_key(detail).filter(|c| detail(c) > 0) else {
            break;
        };
        kept.retain(|column| *column != most);
        left_out.push(most);
    }
    left_out.sort_unstable();

    let flush_right: Vec<bool> = (0..titles.len()).map(|column| is_right(table, column)).collect();
    let mut line = |text: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for &column in &kept {
            let text = text(column);
            let padding = " ".repeat(widths[column].saturating_sub(text.width()));
            if column != kept[0] {
                line.push_str(&" ".repeat(GAP));
            }
            if flush_right[column] {
                line.push_str(&padding);
                line.push_str(&text);
            } else {
                line.push_str(&text);
                line.push_str(&padding);
            }
        }
        writeln!(out, "{}", line.trim_end())
    };
    line(&|column| titles[column].clone())?;
    for row in table.rows.each() {
        let row = row?;
        line(&|column| text(&row[column], table.columns[column].kind, shorten))?;
    }
    Ok(left_out.into_iter().map(|column| titles[column].clone()).collect())
}

fn total(kept: &[usize], widths: &[usize]) -> usize {
    let text: usize = kept.iter().map(|column| widths[*column]).sum();
    text + GAP * kept.len().saturating_sub(1)
}

/// A cell, safe for a terminal.
fn text(cell: &Cell, kind: Kind, shorten: bool) -> String {
    let text = crate::escape::terminal(&shown(cell, kind));
    if shorten { middle_cut(text) } else { text }
}

/// Long paths differ at their ends, so the middle goes.
fn middle_cut(text: String) -> String {
    if text.width() <= LONGEST_TEXT {
        return text;
    }
    let part = (LONGEST_TEXT - 1) / 2;
    let chars: Vec<char> = text.chars().collect();
    // Counted in characters: wide ones come out a little longer.
    let head: String = chars.iter().take(part).collect();
    let tail: String = chars.iter().skip(chars.len().saturating_sub(part)).collect();
    format!("{head}…{tail}")
}

/// Breaks text at spaces into lines of at most `width`; lines after the first
/// begin with `indent` spaces.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        if used > 0 && used + 1 + word.width() > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += word.width();
    }
    out
}

/// Breaks a command at spaces into lines of at most `width`, continued as a
/// shell and a double-quoted string continue: it can still be copied. What is
/// between single quotes, a name for the shell or text for SQL, stays whole.
pub fn wrap_command(command: &str, width: usize, indent: usize) -> String {
    // Commands are ASCII, so this is in none.
    const KEPT: char = '\u{a0}';
    let margin = " ".repeat(indent);
    if indent + command.width() <= width || command.contains("$'") || command.contains(r"'\''") {
        return format!("{margin}{command}");
    }
    let mut within = false;
    let keep = |c: char| {
        within ^= c == '\'';
        if within && c == ' ' { KEPT } else { c }
    };
    let kept: String = command.chars().map(keep).collect();
    let lines = wrap(&kept, width.saturating_sub(2 * indent + 2).max(20), 0).replace(KEPT, " ");
    let lines: Vec<&str> = lines.lines().collect();
    format!("{margin}{}", lines.join(&format!(" \\\n{margin}{margin}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_fit() {
        let text = wrap("one two three four five", 9, 2);
        assert_eq!(text, "one two\n  three\n  four\n  five");
        assert_eq!(wrap("unbreakable", 4, 2), "unbreakable");
    }

    #[test]
    fn commands_are_not_broken_within_quotes() {
        let text = wrap_command("analyze --where \"comm = 'a b  c' AND pid = 1\" 'x y z'", 30, 0);
        let whole = text.replace(" \\\n", " ");
        assert_eq!(whole, "analyze --where \"comm = 'a b  c' AND pid = 1\" 'x y z'");
        assert!(text.contains('\n') && text.contains("'a b  c'") && text.contains("'x y z'"));
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let cut = middle_cut(format!("{}{}", "a".repeat(60), "b".repeat(60)));
        assert_eq!(cut.width(), 39);
        assert!(cut.starts_with("aaa") && cut.ends_with("bbb"));
    }
}
