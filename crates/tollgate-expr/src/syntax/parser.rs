//! Expressions.

use tollgate_diagnostics::Code;

use super::ast::{
    BinaryOp, Block, Expr, ExprKind, Literal, Name, Pattern, TypeKind, TypeRef, UnaryOp,
};
use super::keywords::{KEYWORDS, QUERY_WORDS};
use super::lexer::{Token, TokenKind};
use super::type_syntax::PREDEFINED;
use super::{At, MAX_NESTING, SyntaxError};

type Result<T> = std::result::Result<T, SyntaxError>;

/// Parses the tokens of `@( … )`.
pub(crate) fn parse_expression(tokens: &[Token]) -> Result<Expr> {
    let mut parser = Parser::new(tokens, 0);
    let expr = parser.expression().map_err(|error| parser.unsupported.take().unwrap_or(error))?;
    if parser.is(";") {
        let error = SyntaxError::new(parser.at(), "unexpected `;` after the expression");
        return Err(error.help("an expression in `@(…)` has no `;`; write statements in `@{…}`"));
    }
    parser.end()?;
    Ok(expr)
}

/// Parses the tokens of `@{ … }`.
pub(crate) fn parse_block(tokens: &[Token], at: At) -> Result<Block> {
    let mut parser = Parser::new(tokens, 0);
    let mut statements = Vec::new();
    while !parser.is_end() {
        let statement = parser.statement();
        statements.push(statement.map_err(|error| parser.unsupported.take().unwrap_or(error))?);
    }
    Ok(Block { statements, at })
}

pub(super) struct Parser<'t> {
    tokens: &'t [Token],
    pos: usize,
    depth: u16,
    /// How many queries are open: some names are keywords in them.
    pub(super) queries: u16,
    /// A construct that is not supported, met while something was tried.
    unsupported: Option<SyntaxError>,
}

/// Binary operators, loosest first.
const LEVELS: &[&[(&str, BinaryOp)]] = &[
    &[("||", BinaryOp::Or)],
    &[("&&", BinaryOp::And)],
    &[("|", BinaryOp::BitOr)],
    &[("^", BinaryOp::BitXor)],
    &[("&", BinaryOp::BitAnd)],
    &[("==", BinaryOp::Eq), ("!=", BinaryOp::Ne)],
    &[("<=", BinaryOp::Le), (">=", BinaryOp::Ge), ("<", BinaryOp::Lt), (">", BinaryOp::Gt)],
    &[("<<", BinaryOp::Shl), (">>", BinaryOp::Shr)],
    &[("+", BinaryOp::Add), ("-", BinaryOp::Sub)],
    &[("*", BinaryOp::Mul), ("/", BinaryOp::Div), ("%", BinaryOp::Rem)],
];
const RELATIONAL: usize = 6;
const SHIFT: usize = 7;

impl<'t> Parser<'t> {
    pub(super) fn new(tokens: &'t [Token], depth: u16) -> Self {
        Self { tokens, pos: 0, depth, queries: 0, unsupported: None }
    }

    // Tokens.

    pub(super) fn token(&self, ahead: usize) -> Option<&'t TokenKind> {
        self.tokens.get(self.pos + ahead).map(|token| &token.kind)
    }

    pub(super) fn at(&self) -> At {
        let token = self.tokens.get(self.pos).or_else(|| self.tokens.last());
        token.map(|token| token.at).unwrap_or_default()
    }

    pub(super) fn previous_at(&self) -> At {
        let token = self.pos.checked_sub(1).and_then(|pos| self.tokens.get(pos));
        token.map_or_else(|| self.at(), |token| token.at)
    }

    pub(super) fn next(&mut self) {
        self.pos = (self.pos + 1).min(self.tokens.len());
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self.token(0), None | Some(TokenKind::End))
    }

    pub(super) fn is(&self, punct: &str) -> bool {
        self.is_at(0, punct)
    }

    pub(super) fn is_at(&self, ahead: usize, punct: &str) -> bool {
        matches!(self.token(ahead), Some(TokenKind::Punct(found)) if *found == punct)
    }

    pub(super) fn eat(&mut self, punct: &str) -> bool {
        let found = self.is(punct);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn word(&self) -> Option<&'t str> {
        self.word_at(0)
    }

    pub(super) fn word_at(&self, ahead: usize) -> Option<&'t str> {
        match self.token(ahead) {
            Some(TokenKind::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn is_name(&self) -> bool {
        self.is_name_at(0)
    }

    pub(super) fn is_name_at(&self, ahead: usize) -> bool {
        match self.token(ahead) {
            Some(TokenKind::Verbatim(_)) => true,
            Some(TokenKind::Word(word)) => !KEYWORDS.contains(&&**word),
            _ => false,
        }
    }

    pub(super) fn any_word(&mut self) -> Result<Name> {
        let at = self.at();
        match self.token(0) {
            Some(TokenKind::Word(text) | TokenKind::Verbatim(text)) => {
                let name = Name { text: text.clone(), at };
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    pub(super) fn name(&mut self, what: &str) -> Result<Name> {
        if self.is_name() { self.any_word() } else { Err(self.unexpected(what)) }
    }

    pub(super) fn expect(&mut self, punct: &str) -> Result<()> {
        if self.eat(punct) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{punct}`")))
    }

    pub(super) fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match self.token(0) {
            None | Some(TokenKind::End) => "the end".to_owned(),
            Some(TokenKind::Word(word) | TokenKind::Verbatim(word)) => format!("`{word}`"),
            Some(TokenKind::Punct(punct)) => format!("`{punct}`"),
            Some(TokenKind::Literal(Literal::Str(_)) | TokenKind::Interpolated(_)) => {
                "a string".to_owned()
            }
            Some(TokenKind::Literal(_)) => "a literal".to_owned(),
        };
        SyntaxError::new(self.at(), format!("expected {wanted}, found {found}"))
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.is_end() { Ok(()) } else { Err(self.unexpected("the end of the expression")) }
    }

    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_NESTING { Err(SyntaxError::too_deep(self.at())) } else { Ok(()) }
    }

    pub(super) fn depth(&self) -> u16 {
        self.depth
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Tries to parse; goes back when it does not fit.
    pub(super) fn attempt<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        let (pos, depth, queries) = (self.pos, self.depth, self.queries);
        let result = match parse(self) {
            Ok(value) => Some(value),
            Err(error) => {
                if error.code == Code::EXPR_UNSUPPORTED {
                    self.unsupported.get_or_insert(error);
                }
                None
            }
        };
        if result.is_none() {
            (self.pos, self.depth, self.queries) = (pos, depth, queries);
        }
        result
    }

    pub(super) fn make(&self, kind: ExprKind, start: At, inner: u16) -> Result<Expr> {
        let at = start.to(self.previous_at());
        let depth = inner + 1;
        if depth > MAX_NESTING {
            return Err(SyntaxError::too_deep(at));
        }
        Ok(Expr { kind, at, depth, bracketed: false })
    }

    // Expressions, loosest first.

    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.enter()?;
        let result = self.assignment();
        self.leave();
        result
    }

    fn assignment(&mut self) -> Result<Expr> {
        let start = self.at();
        if let Some(lambda) = self.lambda()? {
            return Ok(lambda);
        }
        if self.is_word("throw") {
            let error = SyntaxError::new(start, "a `throw` cannot stand here");
            return Err(error.help("it may follow `??`, `=>`, or `?` and `:`"));
        }
        if self.starts_query() {
            return self.query(start);
        }
        let left = self.conditional()?;
        let Some(op) = self.assignment_operator() else { return Ok(left) };
        let value = self.expression()?;
        let depth = left.depth.max(value.depth);
        let kind = ExprKind::Assign { target: Box::new(left), op, value: Box::new(value) };
        self.make(kind, start, depth)
    }

    #[expect(clippy::option_option, reason = "no assignment, plain, or with an operator")]
    fn assignment_operator(&mut self) -> Option<Option<BinaryOp>> {
        const OPERATORS: &[(&str, Option<BinaryOp>)] = &[
            ("=", None),
            ("+=", Some(BinaryOp::Add)),
            ("-=", Some(BinaryOp::Sub)),
            ("*=", Some(BinaryOp::Mul)),
            ("/=", Some(BinaryOp::Div)),
            ("%=", Some(BinaryOp::Rem)),
            ("&=", Some(BinaryOp::BitAnd)),
            ("|=", Some(BinaryOp::BitOr)),
            ("^=", Some(BinaryOp::BitXor)),
            ("<<=", Some(BinaryOp::Shl)),
        ];
        if self.is(">") && self.is_at(1, ">=") && self.adjacent(0) {
            self.next();
            self.next();
            return Some(Some(BinaryOp::Shr));
        }
        let (_, op) = OPERATORS.iter().find(|(text, _)| self.is(text))?;
        self.next();
        Some(*op)
    }

    /// Whether the token at `ahead` touches the one after it.
    fn adjacent(&self, ahead: usize) -> bool {
        let pair = (self.tokens.get(self.pos + ahead), self.tokens.get(self.pos + ahead + 1));
        matches!(pair, (Some(a), Some(b)) if a.at.end == b.at.start)
    }

    fn conditional(&mut self) -> Result<Expr> {
        let start = self.at();
        let condition = self.coalesce()?;
        if !self.is("?") {
            return Ok(condition);
        }
        self.next();
        let yes = self.thrown_or_expression()?;
        self.expect(":")?;
        let no = self.thrown_or_expression()?;
        let depth = condition.depth.max(yes.depth).max(no.depth);
        let kind = ExprKind::Ternary(Box::new(condition), Box::new(yes), Box::new(no));
        self.make(kind, start, depth)
    }

    /// An expression, or `throw e` where one may stand for a value.
    pub(super) fn thrown_or_expression(&mut self) -> Result<Expr> {
        let start = self.at();
        if !self.eat_word("throw") {
            return self.expression();
        }
        self.enter()?;
        let value = self.coalesce()?;
        self.leave();
        let depth = value.depth;
        self.make(ExprKind::Throw(Box::new(value)), start, depth)
    }

    fn coalesce(&mut self) -> Result<Expr> {
        let start = self.at();
        let left = self.binary(0)?;
        if !self.eat("??") {
            return Ok(left);
        }
        self.enter()?;
        let right = if self.is_word("throw") {
            self.thrown_or_expression()?
        } else if let Some(lambda) = self.lambda()? {
            lambda
        } else {
            self.coalesce()?
        };
        self.leave();
        let depth = left.depth.max(right.depth);
        let kind = ExprKind::Binary(BinaryOp::Coalesce, Box::new(left), Box::new(right));
        self.make(kind, start, depth)
    }

    /// Operators of a level and tighter ones, without a frame of the stack for each level.
    fn binary(&mut self, least: usize) -> Result<Expr> {
        let start = self.at();
        let mut left = self.unary()?;
        loop {
            if least <= RELATIONAL && (self.is_word("is") || self.is_word("as")) {
                left = self.type_test(left, start)?;
                continue;
            }
            let Some((level, op)) = self.next_operator(least) else { return Ok(left) };
            let right = self.binary(level + 1)?;
            let depth = left.depth.max(right.depth);
            let kind = ExprKind::Binary(op, Box::new(left), Box::new(right));
            left = self.make(kind, start, depth)?;
        }
    }

    /// Takes the operator that comes next, if it is of a level or tighter.
    fn next_operator(&mut self, least: usize) -> Option<(usize, BinaryOp)> {
        let levels = LEVELS.iter().enumerate().skip(least);
        levels
            .into_iter()
            .find_map(|(level, operators)| self.operator(level, operators).map(|op| (level, op)))
    }

    fn operator(&mut self, level: usize, operators: &[(&str, BinaryOp)]) -> Option<BinaryOp> {
        let shift = self.is(">") && self.adjacent(0) && (self.is_at(1, ">") || self.is_at(1, ">="));
        if shift {
            if level != SHIFT || self.is_at(1, ">=") {
                return None;
            }
            self.next();
            self.next();
            return Some(BinaryOp::Shr);
        }
        let (_, op) = operators.iter().find(|(text, _)| self.is(text))?;
        self.next();
        Some(*op)
    }

    fn type_test(&mut self, value: Expr, start: At) -> Result<Expr> {
        let depth = value.depth;
        let is = self.is_word("is");
        self.next();
        let kind = if is {
            ExprKind::Is(Box::new(value), Box::new(self.pattern()?))
        } else {
            let ty = self.test_type()?;
            ExprKind::As(Box::new(value), ty)
        };
        self.make(kind, start, depth)
    }

    /// A type after `is` or `as`: a `?` belongs to it unless a ternary follows.
    fn test_type(&mut self) -> Result<TypeRef> {
        let nullable = self.attempt(|parser| {
            let ty = parser.ty()?;
            let ternary = matches!(ty.kind, TypeKind::Nullable(_)) && parser.starts_operand();
            if ternary { Err(parser.unexpected("a type")) } else { Ok(ty) }
        });
        if let Some(ty) = nullable {
            Ok(ty)
        } else {
            let start = self.at();
            let mut ty = self.ty_without_ranks()?;
            while self.is("[") && self.is_at(1, "]") {
                self.next();
                self.next();
                let at = start.to(self.previous_at());
                ty = TypeRef { kind: TypeKind::Array(Box::new(ty)), at };
            }
            Ok(ty)
        }
    }

    fn starts_operand(&self) -> bool {
        match self.token(0) {
            Some(TokenKind::Word(word)) => self.word_starts_operand(word),
            Some(TokenKind::Verbatim(_) | TokenKind::Literal(_) | TokenKind::Interpolated(_)) => {
                true
            }
            Some(TokenKind::Punct(punct)) => {
                matches!(*punct, "(" | "!" | "~" | "-" | "+" | "++" | "--")
            }
            Some(TokenKind::End) | None => false,
        }
    }

    fn word_starts_operand(&self, word: &str) -> bool {
        !matches!(word, "is" | "as" | "in" | "when") && !self.is_query_word(word)
    }

    /// Whether a word is a keyword of the query that is open.
    fn is_query_word(&self, word: &str) -> bool {
        self.queries > 0 && QUERY_WORDS.contains(&word)
    }

    pub(super) fn pattern(&mut self) -> Result<Pattern> {
        if self.is_word("var") && self.is_name_at(1) {
            self.next();
            let name = self.name("a name")?;
            return Ok(Pattern::Var((&*name.text != "_").then_some(name)));
        }
        let typed = self.attempt(|parser| {
            let ty = parser.test_type()?;
            if matches!(ty.kind, TypeKind::Tuple(_)) {
                return Err(parser.unexpected("a pattern"));
            }
            let named = parser.is_name()
                && !parser.is_word("when")
                && !parser.word().is_some_and(|word| parser.is_query_word(word));
            let name = if named { Some(parser.any_word()?) } else { None };
            let ends = parser.is_end()
                || [")", ":", "&&", "||", "?", ";", ",", "]", "}", "??", "==", "!="]
                    .iter()
                    .any(|p| parser.is(p))
                || parser.is_word("when")
                || parser.word().is_some_and(|word| parser.is_query_word(word));
            if ends { Ok((ty, name)) } else { Err(parser.unexpected("a pattern")) }
        });
        match typed {
            Some((ty, name @ Some(_))) => Ok(Pattern::Type(ty, name)),
            // A bare name may be a constant; the checker knows.
            Some((TypeRef { kind: TypeKind::Named(path), at }, None))
                if path.iter().all(|(name, types)| {
                    types.is_empty() && !PREDEFINED.contains(&&*name.text)
                }) =>
            {
                Ok(Pattern::Constant(path_expression(path, at)))
            }
            Some((ty, None)) => Ok(Pattern::Type(ty, None)),
            None => Ok(Pattern::Constant(self.binary(SHIFT)?)),
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        self.enter()?;
        let result = self.unary_inner();
        self.leave();
        result
    }

    fn unary_inner(&mut self) -> Result<Expr> {
        const OPERATORS: &[(&str, UnaryOp)] = &[
            ("!", UnaryOp::Not),
            ("-", UnaryOp::Neg),
            ("+", UnaryOp::Plus),
            ("~", UnaryOp::Complement),
        ];
        let start = self.at();
        for prefix in ["++", "--"] {
            if self.eat(prefix) {
                let target = self.unary()?;
                let depth = target.depth;
                let up = prefix == "++";
                let kind = ExprKind::Step { target: Box::new(target), up, prefix: true };
                return self.make(kind, start, depth);
            }
        }
        if let Some((_, op)) = OPERATORS.iter().find(|(text, _)| self.is(text)) {
            self.next();
            let operand = self.unary()?;
            let depth = operand.depth;
            return self.make(ExprKind::Unary(*op, Box::new(operand)), start, depth);
        }
        if self.is_word("await") && self.is_name_at(1) {
            return Err(SyntaxError::unsupported(start, "`await` is not supported")
                .help("policies wait for nothing: expressions run to their end"));
        }
        if self.is("(")
            && let Some(ty) = self.attempt(Self::cast_type)
        {
            let operand = self.unary()?;
            let depth = operand.depth;
            return self.make(ExprKind::Cast(ty, Box::new(operand)), start, depth);
        }
        self.postfix()
    }

    /// `(T)` when an operand follows it.
    fn cast_type(&mut self) -> Result<TypeRef> {
        self.expect("(")?;
        let ty = self.ty()?;
        self.expect(")")?;
        let certain = match &ty.kind {
            TypeKind::Var => return Err(self.unexpected("an operand")),
            TypeKind::Named(path) => path
                .iter()
                .any(|(name, types)| !types.is_empty() || PREDEFINED.contains(&&*name.text)),
            TypeKind::Array(_) | TypeKind::Nullable(_) => true,
            TypeKind::Tuple(_) => false,
        };
        let operand = match self.token(0) {
            Some(TokenKind::Word(word)) => self.word_starts_operand(word),
            Some(TokenKind::Verbatim(_) | TokenKind::Literal(_) | TokenKind::Interpolated(_)) => {
                true
            }
            Some(TokenKind::Punct(punct)) => {
                matches!(*punct, "(" | "!" | "~")
                    || (certain && matches!(*punct, "-" | "+" | "++" | "--"))
            }
            Some(TokenKind::End) | None => false,
        };
        if operand { Ok(ty) } else { Err(self.unexpected("an operand")) }
    }
}

fn path_expression(path: Vec<(Name, Vec<TypeRef>)>, at: At) -> Expr {
    let mut parts = path.into_iter().map(|(name, _)| name);
    let first = parts.next();
    let (text, first_at) = first.map_or_else(|| ("".into(), at), |name| (name.text, name.at));
    let first =
        Expr { kind: ExprKind::Name(text, Vec::new()), at: first_at, depth: 1, bracketed: false };
    parts.fold(first, |target, name| Expr {
        at: target.at.to(name.at),
        depth: target.depth.saturating_add(1),
        bracketed: false,
        kind: ExprKind::Member { target: Box::new(target), name, types: Vec::new() },
    })
}
