//! Tokens.

use std::str::FromStr;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::ast::Literal;
use super::{At, SyntaxError};

/// How deep interpolated strings may nest in each other.
const MAX_HOLES: u16 = 16;

/// A token with its place.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) at: At,
}

/// The forms of tokens.
#[derive(Debug, Clone)]
pub(crate) enum TokenKind {
    Word(Arc<str>),
    /// `@word`: never a keyword.
    Verbatim(Arc<str>),
    Literal(Literal),
    Interpolated(Vec<Part>),
    Punct(&'static str),
    End,
}

/// A part of an interpolated string.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(Arc<str>),
    Hole { tokens: Vec<Token>, format: Option<Arc<str>> },
}

/// Longest first. `>` is always alone so that generic arguments close; shifts are put together by the parser.
const PUNCTUATION: &[&str] = &[
    "<<=", "??", "=>", "==", "!=", "<=", ">=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", "<<", "::", "(", ")", "[", "]", "{", "}", ".", ",", ";", ":", "?", "<",
    ">", "=", "+", "-", "*", "/", "%", "!", "&", "|", "^", "~",
];

/// The tokens of `text` from `start` to `end`, ending with [`TokenKind::End`].
pub(crate) fn lex(text: &str, start: usize, end: usize) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text: text.get(..end).unwrap_or(text), pos: start, holes: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let done = matches!(token.kind, TokenKind::End);
        tokens.push(token);
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    holes: u16,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.pos += text.len();
        }
        found
    }

    fn from(&self, start: usize) -> At {
        At::new(start, self.pos)
    }

    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let start = self.pos;
            if self.eat("//") {
                while self.peek().is_some_and(|c| !is_line_end(c)) {
                    self.bump();
                }
            } else if self.eat("/*") {
                if let Some(length) = self.rest().find("*/") {
                    self.pos += length + 2;
                } else {
                    let at = At::new(start, start + 2);
                    return Err(SyntaxError::new(at, "the comment is not closed"));
                }
            } else if self.peek().is_some_and(|c| c.is_whitespace() || c == '\u{feff}') {
                self.bump();
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blank()?;
        let start = self.pos;
        let kind = self.kind()?;
        Ok(Token { kind, at: self.from(start) })
    }

    fn kind(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.pos;
        let Some(c) = self.peek() else { return Ok(TokenKind::End) };
        if self.eat("$@\"") || self.eat("@$\"") {
            return self.interpolated(start, true);
        }
        if self.eat("$\"") {
            return self.interpolated(start, false);
        }
        if self.eat("@\"") {
            return self.verbatim_string(start);
        }
        if self.eat("\"") {
            return self.string(start);
        }
        if self.eat("'") {
            return self.character(start);
        }
        let after = self.rest().chars().nth(1);
        if c.is_ascii_digit() || (c == '.' && after.is_some_and(|d| d.is_ascii_digit())) {
            return self.number(start);
        }
        if self.letter().is_some_and(|(c, _)| is_word_start(c)) {
            // What is written with an escape is never a keyword.
            let word = self.word();
            return Ok(if word.len() == self.pos - start {
                TokenKind::Word(word.into())
            } else {
                TokenKind::Verbatim(word.into())
            });
        }
        if c == '@' && after.is_some_and(|c| is_word_start(c) || c == '\\') {
            self.bump();
            return Ok(TokenKind::Verbatim(self.word().into()));
        }
        for punct in PUNCTUATION {
            if self.eat(punct) {
                return Ok(TokenKind::Punct(punct));
            }
        }
        self.bump();
        if c == '#' {
            let error = SyntaxError::unsupported(
                self.from(start),
                "directives for the preprocessor are not supported",
            );
            return Err(error.help("write comments: `// …`"));
        }
        Err(SyntaxError::new(self.from(start), format!("unexpected character `{c}`")))
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some((c, length)) = self.letter() {
            if !is_word_part(c) {
                break;
            }
            word.push(c);
            self.pos += length;
        }
        word
    }

    /// The next character of a name, perhaps written as an escape, and its length in the text.
    fn letter(&self) -> Option<(char, usize)> {
        let c = self.peek()?;
        let n_digits = match self.rest().get(..2) {
            Some("\\u") => 4,
            Some("\\U") => 8,
            _ => return Some((c, c.len_utf8())),
        };
        let digits = self.rest().get(2..2 + n_digits)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        Some((char::from_u32(code)?, 2 + n_digits))
    }

    fn string(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        let mut out = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return Ok(TokenKind::Literal(Literal::Str(out.into())));
                }
                Some('\\') => self.escape_into(&mut out)?,
                Some(c) if !is_line_end(c) => {
                    out.push(c);
                    self.bump();
                }
                _ => return Err(self.open_string(start)),
            }
        }
    }

    fn open_string(&self, start: usize) -> SyntaxError {
        SyntaxError::new(self.from(start), "the string is not closed")
    }

    fn verbatim_string(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        let mut out = String::new();
        loop {
            if self.eat("\"\"") {
                out.push('"');
            } else if self.eat("\"") {
                return Ok(TokenKind::Literal(Literal::Str(out.into())));
            } else if let Some(c) = self.bump() {
                out.push(c);
            } else {
                return Err(self.open_string(start));
            }
        }
    }

    fn character(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        let unit = match self.peek() {
            Some('\\') => {
                let unit = self.escape()?;
                u16::try_from(unit).map_err(|_| self.bad_character(start))?
            }
            Some('\'') => {
                self.bump();
                return Err(SyntaxError::new(self.from(start), "the character literal is empty"));
            }
            Some(c) if !is_line_end(c) => {
                self.bump();
                let unit = u16::try_from(u32::from(c));
                unit.map_err(|_| self.bad_character(start))?
            }
            _ => return Err(self.bad_character(start)),
        };
        if self.eat("'") {
            return Ok(TokenKind::Literal(Literal::Char(unit)));
        }
        while self.peek().is_some_and(|c| c != '\'' && !is_line_end(c)) {
            self.bump();
        }
        self.eat("'");
        Err(self.bad_character(start))
    }

    fn bad_character(&self, start: usize) -> SyntaxError {
        SyntaxError::new(self.from(start), "too many characters in a character literal")
            .help("strings stand in double quotes")
    }

    fn escape_into(&mut self, out: &mut String) -> Result<(), SyntaxError> {
        let start = self.pos;
        let unit = self.escape()?;
        // A surrogate pair may be written as two escapes.
        if (0xD800..0xDC00).contains(&unit) && self.rest().starts_with("\\u") {
            let low = self.escape()?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            return Err(SyntaxError::new(self.from(start), "half of a surrogate pair"));
        }
        let c = char::from_u32(unit);
        out.push(c.ok_or_else(|| SyntaxError::new(self.from(start), "half of a surrogate pair"))?);
        Ok(())
    }

    /// One escape, from its backslash.
    fn escape(&mut self) -> Result<u32, SyntaxError> {
        let start = self.pos;
        self.bump();
        let simple = match self.bump() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('v') => '\x0b',
            Some(c @ ('\\' | '\'' | '"')) => c,
            Some('u') => return self.hex(start, 4, 4),
            Some('U') => return self.hex(start, 8, 8),
            Some('x') => return self.hex(start, 1, 4),
            _ => {
                let error = SyntaxError::new(self.from(start), "unrecognized escape sequence");
                return Err(error.help("write `\\\\` for a backslash, or use a verbatim string"));
            }
        };
        Ok(u32::from(simple))
    }

    fn hex(&mut self, start: usize, least: usize, most: usize) -> Result<u32, SyntaxError> {
        let mut value = 0;
        let mut count = 0;
        while count < most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else { break };
            value = value << 4 | digit;
            count += 1;
            self.bump();
        }
        if count < least {
            return Err(SyntaxError::new(self.from(start), "unrecognized escape sequence"));
        }
        Ok(value)
    }

    fn number(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)] {
            if self.eat(prefix) {
                let digits = self.digits(start, radix)?;
                let value = u64::from_str_radix(&digits, radix);
                let value = value.map_err(|_| self.too_large(start))?;
                return self.whole(start, value);
            }
        }
        let mut digits = self.digits(start, 10)?;
        let mut real = false;
        let mut ahead = self.rest().chars();
        if ahead.next() == Some('.') && ahead.next().is_some_and(|c| c.is_ascii_digit()) {
            real = true;
            self.bump();
            digits.push('.');
            digits.push_str(&self.digits(start, 10)?);
        }
        if self.exponent_follows() {
            real = true;
            digits.push('e');
            self.bump();
            if let Some(sign) = self.peek().filter(|c| matches!(c, '+' | '-')) {
                digits.push(sign);
                self.bump();
            }
            digits.push_str(&self.digits(start, 10)?);
        }
        let suffix = self.peek().map(|c| c.to_ascii_lowercase());
        if real || matches!(suffix, Some('d' | 'f' | 'm')) {
            return self.real(start, &digits, suffix);
        }
        let value = digits.parse().map_err(|_| self.too_large(start))?;
        self.whole(start, value)
    }

    fn exponent_follows(&self) -> bool {
        let mut ahead = self.rest().chars();
        let is_exponent = matches!(ahead.next(), Some('e' | 'E'));
        let next = match ahead.next() {
            Some('+' | '-') => ahead.next(),
            other => other,
        };
        is_exponent && next.is_some_and(|c| c.is_ascii_digit())
    }

    /// Digits, with `_` between them.
    fn digits(&mut self, start: usize, radix: u32) -> Result<String, SyntaxError> {
        let mut out = String::new();
        let mut last = '0';
        while let Some(c) = self.peek().filter(|c| c.is_digit(radix) || *c == '_') {
            if c != '_' {
                out.push(c);
            }
            last = c;
            self.bump();
        }
        if last == '_' {
            return Err(SyntaxError::new(self.from(start), "a number cannot end with `_`"));
        }
        Ok(out)
    }

    fn too_large(&self, start: usize) -> SyntaxError {
        SyntaxError::new(self.from(start), "the number is too large")
    }

    fn whole(&mut self, start: usize, value: u64) -> Result<TokenKind, SyntaxError> {
        let (mut unsigned, mut long) = (false, false);
        while let Some(c) = self.peek() {
            match c {
                'u' | 'U' if !unsigned => unsigned = true,
                'l' | 'L' if !long => long = true,
                _ => break,
            }
            self.bump();
        }
        self.no_word_follows(start)?;
        Ok(TokenKind::Literal(Literal::Int { value, unsigned, long }))
    }

    fn real(
        &mut self,
        start: usize,
        digits: &str,
        suffix: Option<char>,
    ) -> Result<TokenKind, SyntaxError> {
        if matches!(suffix, Some('d' | 'f' | 'm')) {
            self.bump();
        }
        self.no_word_follows(start)?;
        let literal = match suffix {
            Some('f') => {
                let value = digits.parse().ok().filter(|value: &f32| value.is_finite());
                value.map(Literal::Float)
            }
            Some('m') => Decimal::from_str(digits)
                .or_else(|_| Decimal::from_scientific(digits))
                .ok()
                .map(Literal::Decimal),
            _ => {
                let value = digits.parse().ok().filter(|value: &f64| value.is_finite());
                value.map(Literal::Double)
            }
        };
        literal.map(TokenKind::Literal).ok_or_else(|| self.too_large(start))
    }

    fn no_word_follows(&mut self, start: usize) -> Result<(), SyntaxError> {
        if self.peek().is_some_and(is_word_start) {
            self.word();
            return Err(SyntaxError::new(self.from(start), "not a number"));
        }
        Ok(())
    }

    fn interpolated(&mut self, start: usize, verbatim: bool) -> Result<TokenKind, SyntaxError> {
        self.holes += 1;
        if self.holes > MAX_HOLES {
            return Err(SyntaxError::too_deep(self.from(start)));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            if self.eat("{{") {
                text.push('{');
            } else if self.eat("}}") {
                text.push('}');
            } else if verbatim && self.eat("\"\"") {
                text.push('"');
            } else if self.eat("\"") {
                break;
            } else if self.eat("{") {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.push(self.hole(start, verbatim)?);
            } else {
                match self.peek() {
                    Some('}') => {
                        let at = At::new(self.pos, self.pos + 1);
                        return Err(SyntaxError::new(at, "a `}` in an interpolated string")
                            .help("write `}}` for a brace"));
                    }
                    Some('\\') if !verbatim => self.escape_into(&mut text)?,
                    Some(c) if verbatim || !is_line_end(c) => {
                        text.push(c);
                        self.bump();
                    }
                    _ => return Err(self.open_string(start)),
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        self.holes -= 1;
        Ok(TokenKind::Interpolated(parts))
    }

    fn hole(&mut self, start: usize, verbatim: bool) -> Result<Part, SyntaxError> {
        let (tokens, stop) = self.hole_tokens(start)?;
        let format = if stop == ":" { Some(self.hole_format(start, verbatim)?) } else { None };
        Ok(Part::Hole { tokens, format })
    }

    /// Tokens up to a `:` or `}` outside brackets. A comma may be one of `<…>`, so where the alignment begins is for the
    /// parser to say.
    fn hole_tokens(&mut self, start: usize) -> Result<(Vec<Token>, &'static str), SyntaxError> {
        let mut tokens = Vec::new();
        let mut depth = 0usize;
        loop {
            let token = self.token()?;
            match token.kind {
                TokenKind::End => return Err(self.open_string(start)),
                TokenKind::Punct(punct @ (":" | "}")) if depth == 0 => {
                    tokens.push(Token { kind: TokenKind::End, at: token.at });
                    return Ok((tokens, punct));
                }
                TokenKind::Punct("(" | "[" | "{") => depth += 1,
                TokenKind::Punct(")" | "]" | "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            tokens.push(token);
        }
    }

    fn hole_format(&mut self, start: usize, verbatim: bool) -> Result<Arc<str>, SyntaxError> {
        let mut format = String::new();
        loop {
            match self.peek() {
                Some('}') => {
                    if format.is_empty() {
                        return Err(SyntaxError::new(self.from(start), "the format is empty"));
                    }
                    self.bump();
                    return Ok(format.into());
                }
                Some('\\') if !verbatim => self.escape_into(&mut format)?,
                Some(c) if c != '"' && !is_line_end(c) => {
                    format.push(c);
                    self.bump();
                }
                _ => return Err(self.open_string(start)),
            }
        }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_alphanumeric()
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
