//! End tags, comments, CDATA sections, processing instructions and document types.

use super::super::name::{is_char, is_name_char};
use super::declaration;
use super::{Dtd, Reader, Result};

impl Reader<'_, '_> {
    /// Reads an end tag.
    pub(super) fn end_tag(&mut self) -> Result<()> {
        self.cursor.at += 2;
        let start = self.cursor.at;
        let Some(open) = self.open.last() else {
            return Err(self.cursor.fail_at(start, "Unexpected end tag."));
        };
        let (id, name, at, scope) = (open.id, open.name, open.at, open.scope);
        let fits = self.cursor.eat(name)
            && !self.cursor.peek().is_some_and(|c| is_name_char(c) || c == ':');
        if !fits {
            self.cursor.at = start;
            let found = self.cursor.qname()?;
            let (line, column) = self.cursor.position(at);
            let message = format!(
                "The '{name}' start tag on line {line} position {column} does not match the end tag of '{}'.",
                found.whole
            );
            return Err(self.cursor.fail_at(start, &message));
        }
        self.cursor.skip_whitespace();
        if self.cursor.is_end() {
            return Err(self.unclosed());
        }
        if !self.cursor.eat(">") {
            return Err(self.cursor.unexpected(&[">"]));
        }
        if self.heap.last_node(id).is_none() {
            self.heap.set_filled(id, true);
        }
        self.scope.truncate(scope);
        self.open.pop();
        Ok(())
    }

    /// Text up to a closing mark, line ends made one; an exception when the document ends before.
    fn until(&mut self, close: &str, what: &str) -> Result<String> {
        let start = self.cursor.at;
        let Some(len) = self.cursor.rest().find(close) else {
            // Where .NET stands when its buffer ends too early, or in what may be the start of the mark.
            let tail = self.cursor.between(start, self.cursor.end());
            self.legal(tail, start)?;
            let mark = close.chars().next().unwrap_or_default();
            let place = if mark == '?' {
                tail.len()
            } else if tail.chars().nth(2).is_none() {
                0
            } else if let Some(rest) = tail.strip_suffix(mark) {
                rest.strip_suffix(mark).unwrap_or(rest).len()
            } else {
                tail.len()
            };
            let message = format!("Unexpected end of file while parsing {what} has occurred.");
            return Err(self.cursor.fail_at(start + place, &message));
        };
        let text = self.cursor.between(start, start + len);
        self.legal(text, start)?;
        self.cursor.at = start + len + close.len();
        self.budget.memory(text.len())?;
        Ok(if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text.to_owned()
        })
    }

    /// Checks that XML allows every character.
    fn legal(&self, text: &str, at: usize) -> Result<()> {
        match text.char_indices().find(|(_, c)| !is_char(*c)) {
            Some((index, c)) => Err(self.cursor.bad_char_at(at + index, c)),
            None => Ok(()),
        }
    }

    pub(super) fn comment(&mut self) -> Result<()> {
        self.cursor.at += 3;
        if !self.cursor.eat("-") {
            return Err(self.cursor.unexpected(&["-"]));
        }
        let start = self.cursor.at;
        let dashes = self.cursor.rest().find("--");
        if let Some(dashes) = dashes
            && let Some(c) =
                self.cursor.between(start + dashes + 2, self.cursor.end()).chars().next()
            && c != '>'
        {
            self.legal(self.cursor.between(start, start + dashes), start)?;
            let message =
                "An XML comment cannot contain '--', and '-' cannot be the last character.";
            return Err(self.cursor.fail_at(start + dashes, message));
        }
        let text = self.until("-->", "Comment")?;
        let node = self.heap.comment(text.into(), self.budget)?;
        self.add(node);
        Ok(())
    }

    pub(super) fn cdata(&mut self) -> Result<()> {
        self.cursor.at += 3;
        if !self.cursor.eat("CDATA[") {
            return Err(if self.cursor.rest().chars().nth(5).is_none() {
                self.unclosed()
            } else {
                self.cursor.unexpected(&["CDATA["])
            });
        }
        let text = self.until("]]>", "CDATA")?;
        let node = self.heap.cdata(text.into(), self.budget)?;
        self.add(node);
        Ok(())
    }

    pub(super) fn instruction(&mut self) -> Result<()> {
        self.cursor.at += 2;
        let start = self.cursor.at;
        let target = self.cursor.plain_name()?;
        if target == "xml" {
            let message = "Unexpected XML declaration. The XML declaration must be the first node in the document, and no whitespace characters are allowed to appear before it.";
            return Err(self.cursor.fail_at(start, message));
        }
        if target.eq_ignore_ascii_case("xml") {
            let message = format!("'{target}' is an invalid name for processing instructions.");
            return Err(self.cursor.fail_at(start, &message));
        }
        if !self.cursor.skip_whitespace() && !self.cursor.rest().starts_with("?>") {
            return Err(self.cursor.bad_name_char());
        }
        let data = self.until("?>", "PI")?;
        let target = self.interned(target)?;
        let node = self.heap.instruction(target, data.into(), self.budget)?;
        self.add(node);
        Ok(())
    }

    pub(super) fn document_type(&mut self) -> Result<()> {
        let start = self.cursor.at;
        self.cursor.at += 2;
        // .NET wants to see eight characters before it looks at the first.
        if self.cursor.rest().chars().nth(7).is_none() {
            let message = "Unexpected end of file while parsing DOCTYPE has occurred.";
            return Err(self.cursor.fail_at(start + 2, message));
        }
        if self.has_root {
            let message = "DTD must be defined before the document root element.";
            return Err(self.cursor.fail_at(start, message));
        }
        if self.has_type {
            return Err(self.cursor.fail_at(start, "Cannot have multiple DTDs."));
        }
        if self.options.dtd == Dtd::Prohibit && self.cursor.rest().starts_with("DOCTYPE") {
            return Err(declaration::prohibited());
        }
        self.has_type = true;
        let ty = declaration::document_type(&mut self.cursor)?;
        let node = self.heap.document_type(ty, self.budget)?;
        self.add(node);
        Ok(())
    }
}
