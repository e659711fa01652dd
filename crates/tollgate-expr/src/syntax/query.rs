//! Queries: `from x in items where … select …`.

use super::ast::{Expr, ExprKind, FromClause, Query, QueryBody, QueryClause, QueryEnd};
use super::parser::Parser;
use super::type_syntax::PREDEFINED;
use super::{At, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser<'_> {
    /// Whether `from` begins a query here; it is a name elsewhere.
    pub(super) fn starts_query(&self) -> bool {
        if !self.is_word("from") {
            return false;
        }
        let typed = self.word_at(1).is_some_and(|word| PREDEFINED.contains(&word));
        let declares =
            self.is_name_at(1) && !self.is_at(2, ";") && !self.is_at(2, ",") && !self.is_at(2, "=");
        typed || declares
    }

    pub(super) fn query(&mut self, start: At) -> Result<Expr> {
        self.queries += 1;
        let from = self.source_clause()?;
        let body = self.query_body()?;
        self.queries -= 1;
        let depth = from.source.depth.max(body_depth(&body));
        self.make(ExprKind::Query(Box::new(Query { from, body })), start, depth)
    }

    /// `from T x in source`, also after `join`.
    fn source_clause(&mut self) -> Result<FromClause> {
        let at = self.at();
        self.next();
        let plain = self.is_name() && self.word_at(1) == Some("in");
        let ty = if plain { None } else { Some(self.ty()?) };
        let name = self.name("a range variable")?;
        if !self.eat_word("in") {
            return Err(self.unexpected("`in`"));
        }
        Ok(FromClause { at, ty, name, source: self.expression()? })
    }

    fn query_body(&mut self) -> Result<QueryBody> {
        self.enter()?;
        let mut clauses = Vec::new();
        let end = loop {
            match self.word() {
                Some("from") => clauses.push(QueryClause::From(self.source_clause()?)),
                Some("let") => {
                    self.next();
                    let name = self.name("a range variable")?;
                    self.expect("=")?;
                    clauses.push(QueryClause::Let(name, self.expression()?));
                }
                Some("where") => {
                    self.next();
                    clauses.push(QueryClause::Where(self.expression()?));
                }
                Some("join") => clauses.push(self.join_clause()?),
                Some("orderby") => clauses.push(self.order_clause()?),
                Some("select") => {
                    self.next();
                    break QueryEnd::Select(self.expression()?);
                }
                Some("group") => {
                    self.next();
                    let item = self.expression()?;
                    self.expect_word("by")?;
                    break QueryEnd::Group { item, key: self.expression()? };
                }
                _ => {
                    return Err(self
                        .unexpected("`select` or `group`")
                        .help("a query ends with `select …` or `group … by …`"));
                }
            }
        };
        let into = if self.eat_word("into") {
            let name = self.name("a range variable")?;
            Some((name, Box::new(self.query_body()?)))
        } else {
            None
        };
        self.leave();
        Ok(QueryBody { clauses, end, into })
    }

    fn join_clause(&mut self) -> Result<QueryClause> {
        let from = self.source_clause()?;
        self.expect_word("on")?;
        let left = self.expression()?;
        self.expect_word("equals")?;
        let right = self.expression()?;
        let into = if self.eat_word("into") { Some(self.name("a range variable")?) } else { None };
        Ok(QueryClause::Join { from, left, right, into })
    }

    fn order_clause(&mut self) -> Result<QueryClause> {
        self.next();
        let mut keys = Vec::new();
        loop {
            let key = self.expression()?;
            let descending = self.eat_word("descending");
            if !descending {
                self.eat_word("ascending");
            }
            keys.push((key, descending));
            if !self.eat(",") {
                return Ok(QueryClause::OrderBy(keys));
            }
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }
}

/// How deep the lambdas that clauses become nest.
fn body_depth(body: &QueryBody) -> u16 {
    let clause = |clause: &QueryClause| match clause {
        QueryClause::From(from) => from.source.depth,
        QueryClause::Let(_, value) | QueryClause::Where(value) => value.depth,
        QueryClause::Join { from, left, right, .. } => {
            from.source.depth.max(left.depth).max(right.depth)
        }
        QueryClause::OrderBy(keys) => keys.iter().map(|(key, _)| key.depth).max().unwrap_or(0),
    };
    let end = match &body.end {
        QueryEnd::Select(value) => value.depth,
        QueryEnd::Group { item, key } => item.depth.max(key.depth),
    };
    let deepest = body.clauses.iter().map(clause).max().unwrap_or(0).max(end);
    // Each clause is a call around the one before.
    let calls = u16::try_from(body.clauses.len()).unwrap_or(u16::MAX).saturating_mul(2);
    let into = body.into.as_ref().map_or(0, |(_, body)| body_depth(body));
    deepest.saturating_add(calls).saturating_add(into)
}
