//! A page as a browser's tokenizer reads it.

use std::collections::BTreeMap;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// One start tag, with the text up to the next tag of any kind.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub text: String,
}

/// All start tags, in order.
pub struct Document(pub Vec<Element>);

/// A table: its rows, each with the exact value, or else the text, by column.
pub type Rows = Vec<BTreeMap<String, String>>;

impl Document {
    pub fn read(page: &str) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let mut elements: Vec<Element> = Vec::new();
        let mut inside = false;
        let mut emitter = DefaultEmitter::<()>::default();
        // Inside a script, a style or a title other rules hold.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(page, emitter) {
            match token.expect("a string does not fail") {
                Token::StartTag(tag) => {
                    let attributes = tag.attributes.iter();
                    let attributes =
                        attributes.map(|(name, value)| (text(name), text(value))).collect();
                    elements.push(Element {
                        name: text(&tag.name),
                        attributes,
                        text: String::new(),
                    });
                    inside = true;
                }
                Token::EndTag(_) => inside = false,
                Token::String(more) if inside => {
                    if let Some(last) = elements.last_mut() {
                        last.text.push_str(&text(&more));
                    }
                }
                Token::Error(error) => panic!("{error:?} in the page"),
                _ => {}
            }
        }
        Self(elements)
    }

    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.0.iter().filter(move |element| element.name == name)
    }

    pub fn after(&self, id: &str) -> &[Element] {
        let is = |element: &Element| element.attributes.get("id").is_some_and(|of| of == id);
        let start = self.0.iter().position(is).unwrap_or_else(|| panic!("no {id}"));
        &self.0[start..]
    }

    /// A table by its id.
    pub fn table(&self, id: &str) -> Rows {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut columns: Vec<String> = Vec::new();
        for element in &self.after(id)[1..] {
            match element.name.as_str() {
                "tr" => rows.push(Vec::new()),
                "th" if element.attributes.contains_key("data-name") => {
                    columns.push(element.attributes["data-name"].clone());
                }
                "th" | "td" => rows.last_mut().expect("a row").push(element.text.clone()),
                "data" => {
                    let cell = rows.last_mut().and_then(|row| row.last_mut());
                    if let Some(cell) = cell {
                        *cell = element.attributes["value"].clone();
                    }
                }
                "caption" | "thead" | "tbody" => {}
                _ => break,
            }
        }
        // The first is the heading.
        let rows = rows.into_iter().skip(1);
        rows.map(|row| columns.iter().cloned().zip(row).collect()).collect()
    }

    /// The figures at the top, by their names in JSON.
    pub fn figures(&self) -> BTreeMap<String, String> {
        let pairs = self.0.windows(2).filter(|pair| pair[0].name == "dd");
        let pairs = pairs.filter_map(|pair| {
            let name = pair[0].attributes.get("data-name")?;
            Some((name.clone(), pair[1].attributes.get("value")?.clone()))
        });
        pairs.collect()
    }

    /// All text that is shown or read out.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let shown = |element: &&Element| !["style", "script"].contains(&element.name.as_str());
        self.0.iter().filter(shown).map(|element| element.text.as_str())
    }
}
