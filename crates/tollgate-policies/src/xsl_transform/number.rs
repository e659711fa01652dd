//! `xsl:number`.

use super::run::{Result, World};
use super::style::{Avt, Level, Numbering};
use super::tree::Kind;
use super::xpath::NodeRef;
use super::xpath::eval::Focus;
use super::xpath::value::{number_text, round};

impl World<'_> {
    pub(super) fn numbered(&mut self, this: &Numbering, focus: &Focus) -> Result<String> {
        let numbers = match &this.value {
            Some(value) => {
                let number = round(self.number_at(value, focus)?);
                if !(1.0..=1e15).contains(&number) {
                    return Ok(number_text(number));
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is whole and within bounds"
                )]
                let whole = number as u64;
                vec![whole]
            }
            None => self.counted(this, focus.node)?,
        };
        let mut text = |avt: &Option<Avt>| match avt {
            Some(avt) => self.avt(avt, focus).map(|text| text.to_string()),
            None => Ok(String::new()),
        };
        let (format, separator) = (text(&this.format)?, text(&this.separator)?);
        let group = text(&this.group)?.parse().unwrap_or(0);
        Ok(formatted(&numbers, &format, &separator, group))
    }

    fn counted(&mut self, this: &Numbering, node: NodeRef) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        if this.level == Level::Any {
            let number = self.counted_any(this, node)?;
            return Ok(Some(number).filter(|number| *number > 0).into_iter().collect());
        }
        let tree = self.tree(node.tree)?;
        let mut at = Some(node.node);
        while let Some(id) = at {
            self.step(1)?;
            let here = NodeRef { node: id, ..node };
            if id != node.node && self.is_start(this, here)? {
                break;
            }
            if self.is_counted(this, here, node)? {
                let mut number = 1;
                if let Some(parent) = tree.parent(id) {
                    for sibling in tree.children(parent).take_while(|other| *other < id) {
                        let sibling = NodeRef { node: sibling, ..node };
                        number += u64::from(self.is_counted(this, sibling, node)?);
                    }
                }
                numbers.push(number);
                if this.level == Level::Single {
                    break;
                }
            }
            at = tree.parent(id);
        }
        numbers.reverse();
        Ok(numbers)
    }

    fn counted_any(&mut self, this: &Numbering, node: NodeRef) -> Result<u64> {
        let tree = self.tree(node.tree)?;
        let mut number = 0;
        for id in 0..=node.node {
            self.step(1)?;
            let is_attached = matches!(tree.kind(id), Kind::Attribute | Kind::Namespace);
            if is_attached && id != node.node {
                continue;
            }
            let here = NodeRef { node: id, ..node };
            if self.is_start(this, here)? {
                number = 0;
            }
            number += u64::from(self.is_counted(this, here, node)?);
        }
        Ok(number)
    }

    fn is_start(&mut self, this: &Numbering, node: NodeRef) -> Result<bool> {
        match &this.from {
            Some(patterns) => self.fits(patterns, node),
            None => Ok(false),
        }
    }

    /// Whether a node counts: by the pattern, or because it is like the one that is numbered.
    fn is_counted(&mut self, this: &Numbering, node: NodeRef, like: NodeRef) -> Result<bool> {
        if let Some(patterns) = &this.count {
            return self.fits(patterns, node);
        }
        let tree = self.tree(node.tree)?;
        let (Some(own), Some(other)) = (tree.node(node.node), tree.node(like.node)) else {
            return Ok(false);
        };
        self.step(1)?;
        Ok(own.kind == other.kind && own.name == other.name)
    }
}

/// Numbers by a format such as `1.1` or `A)`.
fn formatted(numbers: &[u64], format: &str, separator: &str, group: usize) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        let is_word = rest.starts_with(char::is_alphanumeric);
        let length = rest.find(|c: char| c.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (part, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        parts.push(part);
        rest = behind;
    }
    let is_word = |part: &&str| part.starts_with(char::is_alphanumeric);
    let prefix = parts.first().filter(|part| !is_word(part)).copied().unwrap_or("");
    let words: Vec<&str> = parts.iter().filter(|part| is_word(part)).copied().collect();
    let suffix = if words.is_empty() {
        ""
    } else {
        parts.last().filter(|part| !is_word(part)).copied().unwrap_or("")
    };
    // The separators stand between the words.
    let first_word = parts.iter().position(is_word).unwrap_or(0);
    let between: Vec<&str> =
        parts.iter().skip(first_word + 1).filter(|it| !is_word(it)).copied().collect();
    let mut out = prefix.to_owned();
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            let place = (index - 1).min(words.len().saturating_sub(2));
            let joint = if words.len() > 1 { between.get(place).copied() } else { None };
            out.push_str(joint.unwrap_or("."));
        }
        let word = words.get(index).or(words.last()).copied().unwrap_or("1");
        out.push_str(&one(*number, word, separator, group));
    }
    out.push_str(suffix);
    out
}

fn one(number: u64, word: &str, separator: &str, group: usize) -> String {
    match word {
        "a" => letters(number).to_lowercase(),
        "A" => letters(number),
        "i" => roman(number).to_lowercase(),
        "I" => roman(number),
        word => {
            let width = if word.ends_with('1') { word.chars().count().min(100) } else { 1 };
            let digits = format!("{number:0width$}");
            if group == 0 || separator.is_empty() {
                return digits;
            }
            let mut out = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(group) {
                    out.push_str(separator);
                }
                out.push(digit);
            }
            out
        }
    }
}

fn letters(number: u64) -> String {
    let mut left = number;
    let mut out = Vec::new();
    while left > 0 {
        left -= 1;
        out.push(b'A' + u8::try_from(left % 26).unwrap_or(0));
        left /= 26;
    }
    out.reverse();
    String::from_utf8(out).unwrap_or_default()
}

fn roman(number: u64) -> String {
    const PARTS: [(u64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number == 0 || number > 4999 {
        return number.to_string();
    }
    let mut left = number;
    let mut out = String::new();
    for (value, sign) in PARTS {
        while left >= value {
            out.push_str(sign);
            left -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::formatted;

    #[test]
    fn numbers_by_formats() {
        for (numbers, format, expected) in [
            (&[1_u64, 2, 3][..], "1.1", "1.2.3"),
            (&[4], "001", "004"),
            (&[28], "a", "ab"),
            (&[26], "A", "Z"),
            (&[1994], "I", "MCMXCIV"),
            (&[4], "(i)", "(iv)"),
            (&[2, 3], "1-A)", "2-C)"),
            (&[7], "", "7"),
            (&[], "1.", "."),
        ] {
            assert_eq!(formatted(numbers, format, "", 0), expected, "{numbers:?} {format}");
        }
        assert_eq!(formatted(&[1_234_567], "1", ",", 3), "1,234,567");
    }
}
