//! Words for a shell: whatever a name or a value holds, what is pasted is that,
//! and nothing in it acts on the shell, the terminal or a page.

/// A word as a POSIX shell reads it; with what does not show itself, as bash, zsh
/// and ksh do.
pub fn quoted(word: &[u8]) -> String {
    let shown = |text: &&str| text.chars().all(is_shown) && !looks_like_a_tag(text);
    let Some(text) = std::str::from_utf8(word).ok().filter(shown) else {
        return escaped(word);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    if !text.contains(['$', '`', '"', '\\', '!']) {
        return format!("\"{text}\"");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether a character can stand as it is: it shows itself.
fn is_shown(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric())
}

/// Whether a page that takes no care could read a tag in it.
fn looks_like_a_tag(text: &str) -> bool {
    let opens = |(at, _): (usize, &str)| {
        text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c))
    };
    text.match_indices('<').any(opens)
}

/// With what does not show itself as its bytes.
fn escaped(word: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => text.extend(['\\', c]),
                c if is_shown(c) && c != '<' => text.push(c),
                c => bytes(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes(&mut text, chunk.invalid());
    }
    text.push('\'');
    text
}

fn bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push_str(&format!("\\x{byte:02x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_little_as_can_be() {
        for (word, quoted_word) in [
            ("a-1.parquet", "a-1.parquet"),
            ("größe.parquet", "'größe.parquet'"),
            ("a b $HOME", "'a b $HOME'"),
            ("it's", "\"it's\""),
            ("comm = 'a'", "\"comm = 'a'\""),
            ("comm = '$(x)'", r"'comm = '\''$(x)'\'''"),
            ("`x`", "'`x`'"),
            ("a < 5", "'a < 5'"),
            ("<script>", r"$'\x3cscript>'"),
            ("a\u{1b}[2J\n", r"$'a\x1b[2J\x0a'"),
            ("a\u{202e}b", r"$'a\xe2\x80\xaeb'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word.as_bytes()), quoted_word);
        }
        assert_eq!(quoted(b"a\xffb"), r"$'a\xffb'");
    }

    #[test]
    fn a_shell_reads_the_same_word() {
        for word in ["it's $HOME", "a`b", "x\ny", "-", "a\\'b!", "é\u{202e}", "\"", "a  b"] {
            let script = format!("printf %s {}", quoted(word.as_bytes()));
            let Ok(run) = std::process::Command::new("bash").args(["-c", &script]).output() else {
                return test_support::skip("there is no bash");
            };
            assert_eq!(String::from_utf8_lossy(&run.stdout), word, "{script}");
        }
    }
}
