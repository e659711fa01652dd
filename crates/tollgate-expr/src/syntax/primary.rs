//! Literals, names, brackets and what else an operand begins with.

use std::sync::Arc;

use super::ast::{Designation, Expr, ExprKind, InterpolatedPart, Literal, Name, TypeKind, TypeRef};
use super::lexer::{Part, TokenKind};
use super::parser::Parser;
use super::type_syntax::PREDEFINED;
use super::{At, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    pub(super) fn primary(&mut self) -> Result<Expr> {
        let start = self.at();
        match self.token(0) {
            Some(TokenKind::Literal(literal)) => {
                self.next();
                self.make(ExprKind::Literal(literal.clone()), start, 0)
            }
            Some(TokenKind::Interpolated(parts)) => {
                self.next();
                self.interpolated(parts, start)
            }
            Some(TokenKind::Punct("(")) => self.parenthesized(start),
            Some(TokenKind::Word(word)) => self.word_expression(word, start),
            Some(TokenKind::Verbatim(name)) => {
                self.next();
                let types = self.generic_arguments();
                self.make(ExprKind::Name(name.clone(), types), start, 0)
            }
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// A literal, as the default of a declared parameter.
    pub(super) fn literal(&mut self) -> Result<Literal> {
        match self.primary()?.kind {
            ExprKind::Literal(literal) => Ok(literal),
            _ => Err(self.unexpected("a literal")),
        }
    }

    fn word_expression(&mut self, word: &'t Arc<str>, start: At) -> Result<Expr> {
        let literal = match &**word {
            "null" => Some(Literal::Null),
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            _ => None,
        };
        if let Some(literal) = literal {
            self.next();
            return self.make(ExprKind::Literal(literal), start, 0);
        }
        match &**word {
            "new" => self.creation(start),
            "typeof" | "sizeof" => {
                let size = &**word == "sizeof";
                self.next();
                self.expect("(")?;
                let ty = self.ty()?;
                self.expect(")")?;
                let kind = if size { ExprKind::SizeOf(ty) } else { ExprKind::TypeOf(ty) };
                self.make(kind, start, 0)
            }
            "default" => {
                self.next();
                let ty = if self.eat("(") {
                    let ty = self.ty()?;
                    self.expect(")")?;
                    Some(ty)
                } else {
                    None
                };
                self.make(ExprKind::Default(ty), start, 0)
            }
            "checked" | "unchecked" => {
                let checked = &**word == "checked";
                self.next();
                self.expect("(")?;
                let inner = self.expression()?;
                self.expect(")")?;
                let depth = inner.depth;
                self.make(ExprKind::Checked(checked, Box::new(inner)), start, depth)
            }
            "nameof" if self.is_at(1, "(") => {
                self.next();
                self.next();
                let inner = self.expression()?;
                self.expect(")")?;
                let depth = inner.depth;
                self.make(ExprKind::NameOf(Box::new(inner)), start, depth)
            }
            "delegate" => self.anonymous_method(start),
            "ref" => {
                Err(SyntaxError::unsupported(start, "references to variables are not supported")
                    .help("`ref` stands before arguments and parameters alone"))
            }
            "stackalloc" => Err(SyntaxError::unsupported(start, "`stackalloc` is not supported")),
            "this" | "base" => {
                let message = format!("`{word}` has no meaning in an expression");
                Err(SyntaxError::new(start, message))
            }
            "var" if self.is_at(1, "(") => match self.attempt(Self::declared_tuple) {
                Some(declared) => Ok(declared),
                None => self.named_expression(start),
            },
            word if PREDEFINED.contains(&word) && word != "void" => {
                let ty = self.ty_in_expression()?;
                self.make(ExprKind::Type(ty), start, 0)
            }
            _ if self.is_name() => self.named_expression(start),
            _ => Err(self.unexpected("an expression")),
        }
    }

    fn named_expression(&mut self, start: At) -> Result<Expr> {
        // `global::` leads to where names are looked up anyway.
        if self.is_word("global") && self.is_at(1, "::") {
            self.next();
            self.next();
        }
        let name = self.any_word()?;
        let types = self.generic_arguments();
        self.make(ExprKind::Name(name.text, types), start, 0)
    }

    fn ty_in_expression(&mut self) -> Result<TypeRef> {
        self.ty_without_ranks()
    }

    fn parenthesized(&mut self, start: At) -> Result<Expr> {
        self.expect("(")?;
        let first = self.tuple_element()?;
        if !self.is(",") {
            if first.0.is_some() || matches!(first.1.kind, ExprKind::Declaration(..)) {
                return Err(self.unexpected("`,`"));
            }
            self.expect(")")?;
            // The brackets belong to the place that diagnostics show.
            let mut inner = first.1;
            inner.at = start.to(self.previous_at());
            inner.bracketed = true;
            return Ok(inner);
        }
        let mut items = vec![first];
        while self.eat(",") {
            items.push(self.tuple_element()?);
        }
        self.expect(")")?;
        let depth = items.iter().map(|(_, item)| item.depth).max().unwrap_or(0);
        self.make(ExprKind::Tuple(items), start, depth)
    }

    fn tuple_element(&mut self) -> Result<(Option<Name>, Expr)> {
        let named = self.is_name() && self.is_at(1, ":");
        let name = if named { Some(self.any_word()?) } else { None };
        if named {
            self.next();
        }
        if name.is_none()
            && let Some(declared) = self.attempt(Self::declared_element)
        {
            return Ok((None, declared));
        }
        Ok((name, self.expression()?))
    }

    /// `T x` in a tuple that is assigned to.
    fn declared_element(&mut self) -> Result<Expr> {
        let start = self.at();
        let ty = self.ty()?;
        let name = self.name("a variable name")?;
        if !self.is(",") && !self.is(")") {
            return Err(self.unexpected("`,`"));
        }
        self.make(ExprKind::Declaration(ty, designation(name)), start, 0)
    }

    /// `var (a, b)`.
    pub(super) fn declared_tuple(&mut self) -> Result<Expr> {
        let start = self.at();
        self.next();
        let ty = TypeRef { kind: TypeKind::Var, at: start };
        let names = self.designations()?;
        let ends = ["=", ",", ")"].iter().any(|punct| self.is(punct)) || self.is_word("in");
        if !ends {
            return Err(self.unexpected("`=`"));
        }
        self.make(ExprKind::Declaration(ty, names), start, 0)
    }

    /// `(a, (b, _))`.
    fn designations(&mut self) -> Result<Designation> {
        self.enter()?;
        let start = self.at();
        self.expect("(")?;
        let mut names = Vec::new();
        loop {
            names.push(if self.is("(") {
                self.designations()?
            } else {
                designation(self.name("a variable name")?)
            });
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        self.leave();
        if names.len() < 2 {
            return Err(self.unexpected("`,`"));
        }
        Ok(Designation::Tuple(names, start.to(self.previous_at())))
    }

    fn interpolated(&mut self, parts: &[Part], start: At) -> Result<Expr> {
        let mut out = Vec::new();
        let mut depth = 0;
        for part in parts {
            match part {
                Part::Text(text) => out.push(InterpolatedPart::Text(text.clone())),
                Part::Hole { tokens, format } => {
                    let mut parser = Parser::new(tokens, self.depth());
                    let value = parser.expression()?;
                    let align = if parser.eat(",") { Some(parser.expression()?) } else { None };
                    parser.end()?;
                    depth = depth.max(value.depth);
                    out.push(InterpolatedPart::Hole { value, align, format: format.clone() });
                }
            }
        }
        self.make(ExprKind::Interpolated(out), start, depth)
    }
}

/// `_` names nothing.
pub(super) fn designation(name: Name) -> Designation {
    if &*name.text == "_" { Designation::Discard } else { Designation::Name(name) }
}
