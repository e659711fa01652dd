//! Text and names of XML that is written.

/// Whether XML may hold a character.
pub(crate) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Appends text as the content of an element; what XML cannot hold is left out.
pub(crate) fn push_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c if is_char(c) => out.push(c),
            _ => {}
        }
    }
}

/// Appends text as the value of an attribute in double quotes; what XML cannot hold is left out.
pub(crate) fn push_attribute(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c if is_char(c) => out.push(c),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let (mut text, mut attribute) = (String::new(), String::new());
        push_text("a<b>&\"\r\n\u{1}\u{fffe}é", &mut text);
        push_attribute("a<b>&\"\r\n\t\u{1}é", &mut attribute);
        assert_eq!(text, "a&lt;b&gt;&amp;\"&#xD;\né");
        assert_eq!(attribute, "a&lt;b&gt;&amp;&quot;&#xD;&#xA;&#x9;é");
    }
}
