//! Text to steps, with the faults of Json.NET's parser, and its quirks.

use std::sync::Arc;

use super::{Filter, Operator, Query, Side, fault};
use crate::json::Scalar;
use crate::number::{Number, NumberType, Styles, parse as parse_number, try_parse};
use crate::{Budget, Exception, ExceptionKind};

const OPEN_INDEXER: &str = "Path ended with open indexer.";
const OPEN_QUERY: &str = "Path ended with open query.";

/// Parses a whole path.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Result<Vec<Filter>, Exception> {
    budget.step(1 + text.len() as u64 / 8)?;
    budget.memory(4 * text.len())?;
    let mut parser = Parser { chars: text.chars().collect(), at: 0, budget };
    let mut filters = Vec::new();
    let mut start = 0;
    parser.spaces();
    if parser.peek().is_none() {
        return Ok(filters);
    }
    if parser.peek() == Some('$') {
        match parser.chars.get(parser.at + 1) {
            None if parser.at == 0 => return Ok(filters),
            None => return Err(beyond()),
            Some('.' | '[') => {
                parser.at += 1;
                start = parser.at;
            }
            _ => {}
        }
    }
    if !parser.path(&mut filters, start, Place::Top)? {
        let last = parser.at;
        parser.spaces();
        if parser.peek().is_some() {
            let char = parser.chars.get(last).copied().unwrap_or(' ');
            return Err(fault(format!("Unexpected character while parsing path: {char}")));
        }
    }
    Ok(filters)
}

/// Where a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Query,
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    budget: &'a mut Budget,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    /// The character here, or the fault of text that ends.
    fn expect(&self, message: &str) -> Result<char, Exception> {
        self.peek().ok_or_else(|| fault(message))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = token
            .chars()
            .enumerate()
            .all(|(offset, char)| self.chars.get(self.at + offset) == Some(&char));
        if found {
            self.at += token.chars().count();
        }
        found
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or(&[]).iter().collect()
    }

    /// The name between `start` and here; `*` is no name.
    fn member(&self, start: usize) -> Option<Arc<str>> {
        let name = self.text(start, self.at);
        let name = name.trim_end();
        (name != "*").then(|| Arc::from(name))
    }

    /// Parses steps up to the end, or to what cannot belong to them; whether it was the end.
    fn path(
        &mut self,
        filters: &mut Vec<Filter>,
        mut start: usize,
        place: Place,
    ) -> Result<bool, Exception> {
        let mut scan = false;
        let mut after_indexer = false;
        let mut after_dot = false;
        while let Some(char) = self.peek() {
            match char {
                '[' | '(' => {
                    if self.at > start {
                        filters.push(field(self.member(start), scan));
                        scan = false;
                    }
                    // Only a name ends a scan, so `..[0].a` looks for `a` at any depth.
                    let indexer = self.indexer(char, scan)?;
                    filters.push(indexer);
                    self.at += 1;
                    start = self.at;
                    after_indexer = true;
                    after_dot = false;
                }
                ']' | ')' | ' ' => break,
                '.' => {
                    if self.at > start {
                        filters.push(field(self.member(start), scan));
                        scan = false;
                    }
                    if self.chars.get(self.at + 1) == Some(&'.') {
                        scan = true;
                        self.at += 1;
                    }
                    self.at += 1;
                    start = self.at;
                    after_indexer = false;
                    after_dot = true;
                }
                '=' | '<' | '!' | '>' | '|' | '&' if place == Place::Query => break,
                _ if after_indexer => {
                    return Err(fault(format!("Unexpected character following indexer: {char}")));
                }
                _ => self.at += 1,
            }
        }
        let ended = self.peek().is_none();
        if self.at > start {
            filters.push(field(self.member(start), scan));
        } else if after_dot && (ended || place == Place::Query) {
            return Err(fault("Unexpected end while parsing path."));
        }
        Ok(ended)
    }

    fn indexer(&mut self, open: char, scan: bool) -> Result<Filter, Exception> {
        self.at += 1;
        let close = if open == '[' { ']' } else { ')' };
        self.expect(OPEN_INDEXER)?;
        self.spaces();
        match self.peek() {
            None => Err(beyond()),
            Some('\'') => self.quoted_fields(close, scan),
            Some('?') => self.query(close, scan),
            _ => self.array_indexer(close),
        }
    }

    fn integer(&self, from: usize, to: usize) -> Result<i32, Exception> {
        let text = self.text(from, to);
        match parse_number(NumberType::Int32, Some(&text), Styles::INTEGER)? {
            Number::Int32(value) => Ok(value),
            _ => Ok(0),
        }
    }

    /// `0`, `0,1`, `0:2:1` or `*`.
    fn array_indexer(&mut self, close: char) -> Result<Filter, Exception> {
        let mut start = self.at;
        let mut end = None;
        let mut indexes: Option<Vec<i32>> = None;
        let mut slice = [None; 3];
        let mut colons = 0;
        while let Some(char) = self.peek() {
            let stop = end.unwrap_or(self.at);
            match char {
                ' ' => {
                    end = Some(self.at);
                    self.spaces();
                }
                _ if char == close => {
                    if let Some(mut indexes) = indexes {
                        indexes.push(self.expected_index(start, stop)?);
                        return Ok(Filter::Indexes(indexes));
                    }
                    if colons == 0 {
                        return Ok(Filter::Index(Some(self.expected_index(start, stop)?)));
                    }
                    if stop > start {
                        self.slice_part(&mut slice, colons, start, stop)?;
                    }
                    let [start, end, step] = slice;
                    return Ok(Filter::Slice { start, end, step });
                }
                ',' => {
                    let index = self.expected_index(start, stop)?;
                    indexes.get_or_insert_default().push(index);
                    self.at += 1;
                    self.spaces();
                    start = self.at;
                    end = None;
                }
                '*' => {
                    self.at += 1;
                    self.expect(OPEN_INDEXER)?;
                    self.spaces();
                    return match self.peek() {
                        None => Err(beyond()),
                        Some(end) if end == close => Ok(Filter::Index(None)),
                        Some(_) => Err(bad_indexer(char)),
                    };
                }
                ':' => {
                    if stop > start {
                        self.slice_part(&mut slice, colons, start, stop)?;
                    }
                    colons += 1;
                    self.at += 1;
                    self.spaces();
                    start = self.at;
                    end = None;
                }
                _ if (!char.is_numeric() && char != '-') || end.is_some() => {
                    return Err(bad_indexer(char));
                }
                _ => self.at += 1,
            }
        }
        Err(fault(OPEN_INDEXER))
    }

    fn slice_part(
        &self,
        slice: &mut [Option<i32>; 3],
        colons: usize,
        start: usize,
        stop: usize,
    ) -> Result<(), Exception> {
        let value = self.integer(start, stop)?;
        if let Some(part) = slice.get_mut(colons.min(2)) {
            *part = Some(value);
        }
        Ok(())
    }

    fn expected_index(&self, start: usize, stop: usize) -> Result<i32, Exception> {
        if stop <= start {
            return Err(fault("Array index expected."));
        }
        self.integer(start, stop)
    }

    /// `'a'` or `'a','b'`.
    fn quoted_fields(&mut self, close: char, scan: bool) -> Result<Filter, Exception> {
        let mut names: Option<Vec<Arc<str>>> = None;
        while self.peek().is_some() {
            let name: Arc<str> = Arc::from(self.quoted()?);
            self.spaces();
            let char = self.expect(OPEN_INDEXER)?;
            if char == close {
                return Ok(match names {
                    None => field(Some(name), scan),
                    Some(mut names) => {
                        names.push(name);
                        if scan { Filter::ScanFields(names) } else { Filter::Fields(names) }
                    }
                });
            }
            if char != ',' {
                return Err(bad_indexer(char));
            }
            self.at += 1;
            self.spaces();
            names.get_or_insert_default().push(name);
        }
        Err(fault(OPEN_INDEXER))
    }

    /// A quoted text; the quote itself is not looked at.
    fn quoted(&mut self) -> Result<String, Exception> {
        let mut out = String::new();
        self.at += 1;
        while let Some(char) = self.peek() {
            self.at += 1;
            match (char, self.peek()) {
                ('\\', Some(escaped)) => {
                    out.push(match escaped {
                        'b' => '\u{8}',
                        't' => '\t',
                        'n' => '\n',
                        'f' => '\u{c}',
                        'r' => '\r',
                        '\\' | '"' | '\'' | '/' => escaped,
                        _ => return Err(fault(format!("Unknown escape character: \\{escaped}"))),
                    });
                    self.at += 1;
                }
                ('\'', _) => return Ok(out),
                _ => out.push(char),
            }
        }
        Err(fault("Path ended with an open string."))
    }

    /// `?(condition)`.
    fn query(&mut self, close: char, scan: bool) -> Result<Filter, Exception> {
        self.at += 1;
        let char = self.expect(OPEN_INDEXER)?;
        if char != '(' {
            return Err(bad_indexer(char));
        }
        self.at += 1;
        self.budget.enter()?;
        let query = self.condition();
        self.budget.leave();
        let query = query?;
        self.at += 1;
        self.expect(OPEN_INDEXER)?;
        self.spaces();
        match self.peek() {
            Some(char) if char == close => {}
            Some(char) => return Err(bad_indexer(char)),
            None => return Err(beyond()),
        }
        Ok(if scan { Filter::QueryScan(query) } else { Filter::Query(query) })
    }

    /// Comparisons joined by `&&` and `||`. Json.NET knows no precedence: a change of the operator takes everything
    /// behind it into the right operand.
    fn condition(&mut self) -> Result<Query, Exception> {
        let mut open: Vec<(char, Vec<Query>)> = Vec::new();
        let parsed = self.comparisons(&mut open);
        for _ in &open {
            self.budget.leave();
        }
        let mut query = parsed?;
        while let Some((operator, mut operands)) = open.pop() {
            operands.push(query);
            query = if operator == '&' { Query::And(operands) } else { Query::Or(operands) };
        }
        Ok(query)
    }

    /// The last comparison; those before it stand in `open`.
    fn comparisons(&mut self, open: &mut Vec<(char, Vec<Query>)>) -> Result<Query, Exception> {
        while self.peek().is_some() {
            let comparison = self.comparison()?;
            let operator = match self.peek() {
                Some(')') => return Ok(comparison),
                Some(operator @ ('&' | '|')) => operator,
                Some(_) => continue,
                None => break,
            };
            if !self.eat(if operator == '&' { "&&" } else { "||" }) {
                return Err(self.unexpected());
            }
            match open.last_mut() {
                Some((last, operands)) if *last == operator => operands.push(comparison),
                _ => {
                    self.budget.enter()?;
                    open.push((operator, vec![comparison]));
                }
            }
        }
        Err(fault(OPEN_QUERY))
    }

    fn comparison(&mut self) -> Result<Query, Exception> {
        let left = self.side()?;
        if matches!(self.peek(), Some(')' | '|' | '&')) {
            return Ok(Query::Compare { left, operator: Operator::Exists, right: None });
        }
        let operator = self.operator()?;
        let right = Some(self.side()?);
        Ok(Query::Compare { left, operator, right })
    }

    fn operator(&mut self) -> Result<Operator, Exception> {
        if self.at + 1 >= self.chars.len() {
            return Err(fault(OPEN_QUERY));
        }
        for (token, operator) in [
            ("===", Operator::StrictEquals),
            ("==", Operator::Equals),
            ("=~", Operator::Matches),
            ("!==", Operator::StrictNotEquals),
            ("!=", Operator::NotEquals),
            ("<>", Operator::NotEquals),
            ("<=", Operator::LessOrEquals),
            ("<", Operator::Less),
            (">=", Operator::GreaterOrEquals),
            (">", Operator::Greater),
        ] {
            if self.eat(token) {
                return Ok(operator);
            }
        }
        Err(fault("Could not read query operator."))
    }

    fn side(&mut self) -> Result<Side, Exception> {
        self.spaces();
        let side = match self.peek() {
            Some(start @ ('$' | '@')) => {
                let mut filters = match start {
                    '$' => vec![Filter::Root],
                    _ => Vec::new(),
                };
                self.at += 1;
                if self.path(&mut filters, self.at, Place::Query)? {
                    return Err(fault(OPEN_QUERY));
                }
                Side::Path(filters)
            }
            _ => match self.literal()? {
                Some(value) => Side::Value(value),
                None => return Err(self.unexpected()),
            },
        };
        self.spaces();
        self.expect(OPEN_QUERY)?;
        Ok(side)
    }

    fn literal(&mut self) -> Result<Option<Scalar>, Exception> {
        Ok(match self.peek() {
            Some('\'') => Some(Scalar::Str(Arc::from(self.quoted()?))),
            Some('/') => Some(Scalar::Str(Arc::from(self.regex()?))),
            Some('t') if self.eat("true") => Some(Scalar::Bool(true)),
            Some('f') if self.eat("false") => Some(Scalar::Bool(false)),
            Some('n') if self.eat("null") => Some(Scalar::Null),
            Some(char) if char.is_numeric() || char == '-' => self.number(),
            _ => None,
        })
    }

    /// A number up to a space or bracket.
    fn number(&mut self) -> Option<Scalar> {
        let start = self.at;
        while self.peek().is_some_and(|char| !matches!(char, ' ' | ')')) {
            self.at += 1;
        }
        self.peek()?;
        let text = self.text(start, self.at);
        if text.contains(['.', 'E', 'e']) {
            match try_parse(NumberType::Double, Some(&text), Styles::FLOAT_THOUSANDS)? {
                Number::Double(value) => Some(Scalar::Double(value)),
                _ => None,
            }
        } else {
            match try_parse(NumberType::Int64, Some(&text), Styles::INTEGER)? {
                Number::Int64(value) => Some(Scalar::Int(value)),
                _ => None,
            }
        }
    }

    /// `/pattern/options` as it stands.
    fn regex(&mut self) -> Result<String, Exception> {
        let start = self.at;
        self.at += 1;
        while let Some(char) = self.peek() {
            match char {
                '\\' if self.at + 1 < self.chars.len() => self.at += 2,
                '/' => {
                    self.at += 1;
                    while self.peek().is_some_and(char::is_alphabetic) {
                        self.at += 1;
                    }
                    return Ok(self.text(start, self.at));
                }
                _ => self.at += 1,
            }
        }
        Err(fault("Path ended with an open regex."))
    }

    #[cold]
    fn unexpected(&self) -> Exception {
        match self.peek() {
            Some(char) => fault(format!("Unexpected character while parsing path query: {char}")),
            None => beyond(),
        }
    }
}

fn field(name: Option<Arc<str>>, scan: bool) -> Filter {
    if scan { Filter::Scan(name) } else { Filter::Field(name) }
}

/// Json.NET reads beyond the end of the text here.
#[cold]
fn beyond() -> Exception {
    Exception::new(ExceptionKind::IndexOutOfRange, "Index was outside the bounds of the array.")
}

#[cold]
fn bad_indexer(char: char) -> Exception {
    fault(format!("Unexpected character while parsing path indexer: {char}"))
}
