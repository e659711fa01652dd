//! Members, calls, indexers and `?.` after an expression, and arguments.

use super::ast::{Arg, ArgValue, Expr, ExprKind, TypeRef};
use super::parser::Parser;
use super::{At, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Result<Expr> {
        let start = self.at();
        let primary = self.primary()?;
        let bare_array =
            matches!(primary.kind, ExprKind::NewArray { init: None, .. }) && !primary.bracketed;
        if bare_array && self.is("[") {
            let error = SyntaxError::new(self.at(), "a new array cannot be indexed at once");
            return Err(error.help("put `new …` in brackets"));
        }
        self.postfix_of(primary, start)
    }

    fn postfix_of(&mut self, mut expr: Expr, start: At) -> Result<Expr> {
        loop {
            if self.eat(".") {
                expr = self.member(expr, start)?;
            } else if self.is("?") && self.is_at(1, ".") && self.is_name_at(2) {
                self.next();
                let receiver = self.make(ExprKind::Receiver, self.at(), 0)?;
                self.enter()?;
                let rest_start = self.at();
                self.next();
                let first = self.member(receiver, rest_start)?;
                let rest = self.postfix_of(first, rest_start)?;
                self.leave();
                return self.conditional_access(expr, rest, start);
            } else if self.is("?") && self.is_at(1, "[") {
                let Some(rest) = self.attempt(Self::conditional_index) else { return Ok(expr) };
                return self.conditional_access(expr, rest, start);
            } else if self.is("[") {
                self.next();
                let args = self.arguments("]")?;
                let depth = args_depth(&args).max(expr.depth);
                expr = self.make(ExprKind::Index { target: Box::new(expr), args }, start, depth)?;
            } else if self.is("(") {
                self.next();
                let args = self.arguments(")")?;
                let depth = args_depth(&args).max(expr.depth);
                expr = self.make(ExprKind::Call { target: Box::new(expr), args }, start, depth)?;
            } else if self.is("++") || self.is("--") {
                let up = self.is("++");
                self.next();
                let depth = expr.depth;
                let kind = ExprKind::Step { target: Box::new(expr), up, prefix: false };
                expr = self.make(kind, start, depth)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn conditional_access(&mut self, target: Expr, rest: Expr, start: At) -> Result<Expr> {
        let depth = target.depth.max(rest.depth);
        let kind = ExprKind::Conditional { target: Box::new(target), rest: Box::new(rest) };
        self.make(kind, start, depth)
    }

    /// `?[i]…`; fails when it is the ternary `a ? [..` (which C# 7 does not have) or lacks a bracket.
    fn conditional_index(&mut self) -> Result<Expr> {
        self.expect("?")?;
        let start = self.at();
        let receiver = self.make(ExprKind::Receiver, start, 0)?;
        self.expect("[")?;
        let args = self.arguments("]")?;
        let depth = args_depth(&args);
        let kind = ExprKind::Index { target: Box::new(receiver), args };
        let first = self.make(kind, start, depth)?;
        self.enter()?;
        let rest = self.postfix_of(first, start)?;
        self.leave();
        Ok(rest)
    }

    fn member(&mut self, target: Expr, start: At) -> Result<Expr> {
        let name = self.name("a member name")?;
        let types = self.generic_arguments();
        let depth = target.depth;
        self.make(ExprKind::Member { target: Box::new(target), name, types }, start, depth)
    }

    /// Type arguments after a name, when what follows shows that they are not a comparison.
    pub(super) fn generic_arguments(&mut self) -> Vec<TypeRef> {
        const FOLLOWERS: &[&str] = &[
            "(", ")", "]", ":", ";", ",", ".", "?", "==", "!=", "}", "|", "^", "&&", "||", "[", ">",
        ];
        if !self.is("<") {
            return Vec::new();
        }
        let arguments = self.attempt(|parser| {
            let types = parser.type_arguments()?;
            let follows = parser.is_end() || FOLLOWERS.iter().any(|punct| parser.is(punct));
            if follows { Ok(types) } else { Err(parser.unexpected("`(`")) }
        });
        arguments.unwrap_or_default()
    }

    pub(super) fn arguments(&mut self, close: &str) -> Result<Vec<Arg>> {
        let mut args = Vec::new();
        if self.eat(close) {
            return Ok(args);
        }
        loop {
            args.push(self.argument()?);
            if !self.eat(",") {
                self.expect(close)?;
                return Ok(args);
            }
        }
    }

    fn argument(&mut self) -> Result<Arg> {
        let named = self.is_name() && self.is_at(1, ":");
        let name = if named { Some(self.any_word()?) } else { None };
        if named {
            self.next();
        }
        if self.eat_word("ref") {
            return Ok(Arg { name, value: ArgValue::Ref(self.expression()?) });
        }
        if self.eat_word("out") {
            if let Some((ty, variable)) =
                self.attempt(|parser| Ok((parser.ty()?, parser.name("a name")?)))
            {
                return Ok(Arg { name, value: ArgValue::OutVar(ty, variable) });
            }
            return Ok(Arg { name, value: ArgValue::Out(self.expression()?) });
        }
        // What is passed by `in` cannot be told from a value.
        self.eat_word("in");
        Ok(Arg { name, value: ArgValue::Expr(self.expression()?) })
    }
}

pub(super) fn args_depth(args: &[Arg]) -> u16 {
    let depth = |arg: &Arg| match &arg.value {
        ArgValue::Expr(expr) | ArgValue::Out(expr) | ArgValue::Ref(expr) => expr.depth,
        ArgValue::OutVar(..) => 0,
    };
    args.iter().map(depth).max().unwrap_or(0)
}
