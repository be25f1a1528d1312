//! The templates, and how text gets into them: nothing that a capture says can
//! act in a page.
//!
//! Every text that a template prints goes through [`printed`]: characters that
//! reorder or hide others become visible, as on a terminal, and those that HTML
//! gives a meaning are escaped. What is not escaped is made here: charts, the
//! style, the script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, HtmlEscape, Output, State, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use super::error::PageError;
use super::view::View;
use crate::escape;

const PAGE: &str = include_str!("templates/page.html");
const PARTS: &str = include_str!("templates/parts.html");
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// The page.
///
/// # Errors
/// [`PageError`].
pub fn render(view: &View) -> Result<String, PageError> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    templates.set_formatter(printed);
    templates.add_template("parts.html", PARTS)?;
    templates.add_template("page.html", PAGE)?;
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let page = templates.get_template("page.html")?;
    Ok(page.render(context! {
        policy => safe(&policy()),
        style => safe(STYLE),
        script => safe(SCRIPT),
        version => env!("CARGO_PKG_VERSION"),
        ..Value::from(Serde(view)),
    })?)
}

/// How a value is printed.
fn printed(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            write!(out, "{}", HtmlEscape(&escape::terminal(text))).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// What the page may do: have this style and this script, and nothing else.
fn policy() -> String {
    let hash = |text: &str| BASE64.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut templates = Environment::new();
        templates.set_formatter(printed);
        templates.add_template("x.html", "<p title=\"{{ text }}\">{{ text }}").expect("a template");
        let template = templates.get_template("x.html").expect("it");
        template.render(context! { text }).expect("text")
    }

    #[test]
    fn text_is_inert_and_visible() {
        assert_eq!(shown("café 東京"), "<p title=\"café 東京\">café 東京");
        let hostile = shown("</p><script>\"'\u{1b}\u{202e}&");
        assert_eq!(hostile.matches('<').count(), 1, "{hostile}");
        assert_eq!(hostile.matches('"').count(), 2, "{hostile}");
        assert!(hostile.contains(r"\x1b\u{202e}&amp;"), "{hostile}");
    }

    #[test]
    fn style_and_script_cannot_end_their_elements() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
    }
}
