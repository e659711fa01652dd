//! Text to expressions.

use std::ops::Range;
use std::sync::Arc;

use super::functions::{self, Function};
use super::{Axis, Calculation, Comparison, Expr, Path, Start, Step, Test};
use crate::xsl_transform::tree::Name;

/// Expressions inside one another.
const DEEPEST: usize = 48;

/// Operators of one expression: those in a row are expressions inside one another, too.
const MOST_OPERATORS: usize = 256;

/// Why an expression cannot be read, and where.
#[derive(Debug)]
pub(in crate::xsl_transform) struct Fault {
    pub(in crate::xsl_transform) range: Range<usize>,
    pub(in crate::xsl_transform) message: String,
}

/// What surrounds an expression.
pub(in crate::xsl_transform) trait Surroundings {
    /// The namespace of a prefix.
    fn namespace(&self, prefix: &str) -> Option<Arc<str>>;
    /// Whether there is a variable of this name.
    fn has_variable(&self, name: &Name) -> bool;
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    /// A name, with its prefix.
    Name(Option<&'t str>, &'t str),
    /// `prefix:*`.
    InNamespace(&'t str),
    Variable(Option<&'t str>, &'t str),
    Text(&'t str),
    Number(f64),
    Symbol(&'static str),
    End,
}

/// Symbols, the longer ones first.
const SYMBOLS: [&str; 20] = [
    "::", "..", "//", "!=", "<=", ">=", "(", ")", "[", "]", ".", "@", ",", "/", "|", "+", "-", "=",
    "<", ">",
];

struct Parser<'t, 's> {
    text: &'t str,
    at: usize,
    /// The token that is next, and where it stands.
    token: Token<'t>,
    place: Range<usize>,
    surroundings: &'s dyn Surroundings,
    depth: usize,
    n_operators: usize,
}

type Parsed<T> = Result<T, Fault>;

/// Reads an expression.
pub(in crate::xsl_transform) fn parse(text: &str, surroundings: &dyn Surroundings) -> Parsed<Expr> {
    let (token, place) = (Token::End, 0..0);
    let mut parser = Parser { text, at: 0, token, place, surroundings, depth: 0, n_operators: 0 };
    parser.advance()?;
    let expr = parser.or()?;
    parser.end()?;
    Ok(expr)
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}')
}

impl<'t> Parser<'t, '_> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fault<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Fault { range: self.place.clone(), message: message.into() })
    }

    fn end(&self) -> Parsed<()> {
        if self.token == Token::End {
            Ok(())
        } else {
            self.fault("expected the end of the expression")
        }
    }

    fn name_at(&self, from: usize) -> &'t str {
        let rest = self.text.get(from..).unwrap_or("");
        if !rest.starts_with(is_name_start) {
            return "";
        }
        let length = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
        rest.get(..length).unwrap_or("")
    }

    /// A name with its prefix.
    fn qname(&mut self) -> (Option<&'t str>, &'t str) {
        let first = self.name_at(self.at);
        self.at += first.len();
        let rest = self.rest();
        if rest.starts_with(':') && !rest.starts_with("::") {
            let second = self.name_at(self.at + 1);
            if !second.is_empty() {
                self.at += 1 + second.len();
                return (Some(first), second);
            }
        }
        (None, first)
    }

    /// Reads the next token.
    fn advance(&mut self) -> Parsed<()> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            self.place = start..start;
            self.token = Token::End;
            return Ok(());
        };
        self.place = start..start + first.len_utf8();
        self.token = match first {
            '"' | '\'' => {
                let inside = rest.get(1..).unwrap_or("");
                let Some(length) = inside.find(first) else {
                    return self.fault("a text does not end");
                };
                self.at += length + 2;
                Token::Text(inside.get(..length).unwrap_or(""))
            }
            '$' => {
                self.at += 1;
                let (prefix, local) = self.qname();
                if local.is_empty() {
                    return self.fault("expected the name of a variable");
                }
                Token::Variable(prefix, local)
            }
            c if c.is_ascii_digit()
                || c == '.' && rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit()) =>
            {
                let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let behind = rest.get(whole..).unwrap_or("");
                let fraction = behind.strip_prefix('.').map_or(0, |digits| {
                    1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())
                });
                let length = whole + fraction;
                self.at += length;
                let digits = rest.get(..length).unwrap_or("");
                Token::Number(super::value::number_of(digits))
            }
            c if is_name_start(c) => self.name_token(),
            '*' => {
                self.at += 1;
                Token::Symbol("*")
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Token::Symbol(symbol)
                }
                None => return self.fault(format!("`{first}` does not belong here")),
            },
        };
        self.place = start..self.at;
        Ok(())
    }

    fn name_token(&mut self) -> Token<'t> {
        let (prefix, local) = self.qname();
        if prefix.is_none() && self.rest().starts_with(":*") {
            self.at += 2;
            return Token::InNamespace(local);
        }
        Token::Name(prefix, local)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token, Token::Symbol(own) if own == symbol)
    }

    fn eat(&mut self, symbol: &str) -> Parsed<bool> {
        let fits = self.is(symbol);
        if fits {
            self.advance()?;
        }
        Ok(fits)
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.eat(symbol)? { Ok(()) } else { self.fault(format!("expected `{symbol}`")) }
    }

    fn eat_word(&mut self, word: &str) -> Parsed<bool> {
        let fits = matches!(self.token, Token::Name(None, own) if own == word);
        if fits {
            self.advance()?;
        }
        Ok(fits)
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEEPEST { self.fault("the expression is nested too deep") } else { Ok(()) }
    }

    /// Counts an operator.
    fn operator(&mut self) -> Parsed<()> {
        self.n_operators += 1;
        if self.n_operators > MOST_OPERATORS {
            return self.fault("the expression has too many operators");
        }
        Ok(())
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.enter()?;
        let mut left = self.and()?;
        while self.eat_word("or")? {
            self.operator()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.equality()?;
        while self.eat_word("and")? {
            self.operator()?;
            left = Expr::And(Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Parsed<Expr> {
        const OPERATORS: [(&str, Comparison); 2] =
            [("=", Comparison::Equal), ("!=", Comparison::NotEqual)];
        let mut left = self.relation()?;
        while let Some((symbol, comparison)) = OPERATORS.iter().find(|(symbol, _)| self.is(symbol))
        {
            self.eat(symbol)?;
            self.operator()?;
            left = Expr::Compare(*comparison, Box::new(left), Box::new(self.relation()?));
        }
        Ok(left)
    }

    fn relation(&mut self) -> Parsed<Expr> {
        const OPERATORS: [(&str, Comparison); 4] = [
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        let mut left = self.sum()?;
        while let Some((symbol, comparison)) = OPERATORS.iter().find(|(symbol, _)| self.is(symbol))
        {
            self.eat(symbol)?;
            self.operator()?;
            left = Expr::Compare(*comparison, Box::new(left), Box::new(self.sum()?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let calculation = if self.eat("+")? {
                Calculation::Add
            } else if self.eat("-")? {
                Calculation::Subtract
            } else {
                return Ok(left);
            };
            self.operator()?;
            left = Expr::Calculate(calculation, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let calculation = if self.eat("*")? {
                Calculation::Multiply
            } else if self.eat_word("div")? {
                Calculation::Divide
            } else if self.eat_word("mod")? {
                Calculation::Modulo
            } else {
                return Ok(left);
            };
            self.operator()?;
            left = Expr::Calculate(calculation, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let mut is_negative = false;
        while self.eat("-")? {
            is_negative = !is_negative;
        }
        let value = self.union()?;
        Ok(if is_negative { Expr::Negate(Box::new(value)) } else { value })
    }

    fn union(&mut self) -> Parsed<Expr> {
        let mut left = self.path()?;
        while self.eat("|")? {
            self.operator()?;
            left = Expr::Union(Box::new(left), Box::new(self.path()?));
        }
        Ok(left)
    }

    fn path(&mut self) -> Parsed<Expr> {
        if self.is("/") || self.is("//") {
            let is_deep = self.is("//");
            self.advance()?;
            let mut steps = Vec::new();
            if is_deep {
                steps.push(anywhere());
                self.steps(&mut steps)?;
            } else if self.begins_step() {
                self.steps(&mut steps)?;
            }
            return Ok(Expr::Path(Box::new(Path { start: Start::Root, steps })));
        }
        if self.begins_primary() {
            let primary = self.primary()?;
            let predicates = self.predicates()?;
            let value = if predicates.is_empty() {
                primary
            } else {
                Expr::Filter(Box::new(primary), predicates)
            };
            if !self.is("/") && !self.is("//") {
                return Ok(value);
            }
            let mut steps = Vec::new();
            if self.is("//") {
                steps.push(anywhere());
            }
            self.advance()?;
            self.steps(&mut steps)?;
            return Ok(Expr::Path(Box::new(Path { start: Start::Value(value), steps })));
        }
        let mut steps = Vec::new();
        self.steps(&mut steps)?;
        Ok(Expr::Path(Box::new(Path { start: Start::Context, steps })))
    }

    fn begins_step(&self) -> bool {
        match &self.token {
            Token::Name(..) | Token::InNamespace(_) => true,
            Token::Symbol(symbol) => matches!(*symbol, "." | ".." | "@" | "*"),
            _ => false,
        }
    }

    /// Whether a primary expression begins here, and not a step.
    fn begins_primary(&self) -> bool {
        match &self.token {
            Token::Variable(..) | Token::Text(_) | Token::Number(_) => true,
            Token::Symbol(symbol) => *symbol == "(",
            Token::Name(prefix, name) => {
                let is_node_type =
                    matches!(*name, "text" | "node" | "comment" | "processing-instruction");
                self.rest().trim_start().starts_with('(') && !(prefix.is_none() && is_node_type)
            }
            Token::InNamespace(_) | Token::End => false,
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.token.clone();
        match token {
            Token::Symbol("(") => {
                self.advance()?;
                let inner = self.or()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Text(text) => {
                self.advance()?;
                Ok(Expr::Text(text.into()))
            }
            Token::Number(number) => {
                self.advance()?;
                Ok(Expr::Number(number))
            }
            Token::Variable(prefix, local) => {
                let name = self.expanded(prefix, local)?;
                if !self.surroundings.has_variable(&name) {
                    return self.fault(format!("there is no variable `{local}` here"));
                }
                self.advance()?;
                Ok(Expr::Variable(name))
            }
            Token::Name(prefix, local) => self.call(prefix, local),
            _ => self.fault("expected a value"),
        }
    }

    fn call(&mut self, prefix: Option<&str>, local: &str) -> Parsed<Expr> {
        let place = self.place.clone();
        let name = self.expanded(prefix, local)?;
        let Some(function) = Function::find(&name) else {
            let hint = functions::closest(local).map(|known| format!(", did you mean `{known}`"));
            let message = format!("there is no function `{local}`{}", hint.unwrap_or_default());
            return self.fault(message);
        };
        self.advance()?;
        self.expect("(")?;
        let mut arguments = Vec::new();
        if !self.is(")") {
            arguments.push(self.or()?);
            while self.eat(",")? {
                arguments.push(self.or()?);
            }
        }
        self.expect(")")?;
        if let Some(message) = function.misfit(arguments.len()) {
            return Err(Fault { range: place, message });
        }
        Ok(Expr::Call(function, arguments))
    }

    fn expanded(&self, prefix: Option<&str>, local: &str) -> Parsed<Name> {
        let namespace = match prefix {
            None => Some("".into()),
            Some(prefix) => self.surroundings.namespace(prefix),
        };
        match namespace {
            Some(namespace) => Ok(Name::new(namespace, local)),
            None => self.fault(format!("prefix `{}` is not declared", prefix.unwrap_or(""))),
        }
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            steps.push(self.step()?);
            if self.eat("//")? {
                steps.push(anywhere());
            } else if !self.eat("/")? {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        if self.eat(".")? {
            return Ok(Step { axis: Axis::Itself, test: Test::Node, predicates: Vec::new() });
        }
        if self.eat("..")? {
            return Ok(Step { axis: Axis::Parent, test: Test::Node, predicates: Vec::new() });
        }
        let mut axis = Axis::Child;
        if self.eat("@")? {
            axis = Axis::Attribute;
        } else if let Token::Name(None, name) = self.token
            && self.rest().trim_start().starts_with("::")
        {
            axis = match axis_of(name) {
                Some(axis) => axis,
                None => return self.fault(format!("there is no axis `{name}`")),
            };
            self.advance()?;
            self.expect("::")?;
        }
        let test = self.test()?;
        let predicates = self.predicates()?;
        Ok(Step { axis, test, predicates })
    }

    fn test(&mut self) -> Parsed<Test> {
        let token = self.token.clone();
        let test = match token {
            Token::Symbol("*") => Test::Any,
            Token::InNamespace(prefix) => match self.surroundings.namespace(prefix) {
                Some(namespace) => Test::InNamespace(namespace),
                None => return self.fault(format!("prefix `{prefix}` is not declared")),
            },
            Token::Name(None, kind) if self.rest().trim_start().starts_with('(') => {
                return self.node_type(kind);
            }
            Token::Name(prefix, local) => Test::Name(self.expanded(prefix, local)?),
            _ => return self.fault("expected a step of a path"),
        };
        self.advance()?;
        Ok(test)
    }

    fn node_type(&mut self, kind: &str) -> Parsed<Test> {
        let test = match kind {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            "processing-instruction" => Test::Instruction(None),
            _ => return self.fault(format!("there is no type of nodes `{kind}`")),
        };
        self.advance()?;
        self.expect("(")?;
        let test = match (&test, &self.token) {
            (Test::Instruction(_), Token::Text(name)) => {
                let named = Test::Instruction(Some((*name).into()));
                self.advance()?;
                named
            }
            _ => test,
        };
        self.expect(")")?;
        Ok(test)
    }

    fn predicates(&mut self) -> Parsed<Vec<Expr>> {
        let mut predicates = Vec::new();
        while self.eat("[")? {
            predicates.push(self.or()?);
            self.expect("]")?;
        }
        Ok(predicates)
    }
}

/// `descendant-or-self::node()`.
fn anywhere() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() }
}

fn axis_of(name: &str) -> Option<Axis> {
    Some(match name {
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "parent" => Axis::Parent,
        "ancestor" => Axis::Ancestor,
        "following-sibling" => Axis::FollowingSibling,
        "preceding-sibling" => Axis::PrecedingSibling,
        "following" => Axis::Following,
        "preceding" => Axis::Preceding,
        "attribute" => Axis::Attribute,
        "namespace" => Axis::Namespace,
        "self" => Axis::Itself,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        _ => return None,
    })
}
