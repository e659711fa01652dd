//! Signatures of declared members, written as in C#.

use std::sync::Arc;

use super::SyntaxError;
use super::ast::{Literal, TypeRef};
use super::lexer::lex;
use super::parser::Parser;

type Result<T> = std::result::Result<T, SyntaxError>;

/// What a signature declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureKind {
    Property,
    Method,
    Constructor,
    Indexer,
    Implicit,
    Explicit,
    Operator(&'static str),
}

/// A parameter of a signature.
#[derive(Debug)]
pub(crate) struct SignatureParam {
    pub(crate) ty: TypeRef,
    pub(crate) name: Arc<str>,
    pub(crate) is_out: bool,
    pub(crate) is_ref: bool,
    pub(crate) is_params: bool,
    pub(crate) default: Option<Literal>,
}

/// A signature.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) kind: SignatureKind,
    pub(crate) is_static: bool,
    pub(crate) is_extension: bool,
    pub(crate) name: Arc<str>,
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) params: Vec<SignatureParam>,
    /// None for constructors.
    pub(crate) result: Option<TypeRef>,
}

const OPERATORS: &[&str] = &["==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "!", "~"];

/// Reads a signature.
pub(crate) fn parse_signature(text: &str) -> Result<Signature> {
    let tokens = lex(text, 0, text.len())?;
    Parser::new(&tokens, 0).signature()
}

impl Parser<'_> {
    fn signature(&mut self) -> Result<Signature> {
        let mut signature = Signature {
            kind: SignatureKind::Property,
            is_static: self.eat_word("static"),
            is_extension: false,
            name: "".into(),
            types: Vec::new(),
            params: Vec::new(),
            result: None,
        };
        if self.eat_word("new") {
            signature.kind = SignatureKind::Constructor;
            self.signature_params(&mut signature, "(", ")")?;
            return Ok(signature);
        }
        for (word, kind) in
            [("implicit", SignatureKind::Implicit), ("explicit", SignatureKind::Explicit)]
        {
            if self.eat_word(word) {
                signature.kind = kind;
                signature.is_static = true;
                signature.result = Some(self.ty()?);
                self.signature_params(&mut signature, "(", ")")?;
                return Ok(signature);
            }
        }
        if self.eat_word("operator") {
            signature.is_static = true;
            signature.result = Some(self.ty()?);
            let operator = OPERATORS.iter().find(|op| self.is(op));
            let Some(operator) = operator else { return Err(self.unexpected("an operator")) };
            self.next();
            signature.kind = SignatureKind::Operator(operator);
            self.signature_params(&mut signature, "(", ")")?;
            return Ok(signature);
        }
        signature.result = Some(self.ty()?);
        if self.eat_word("this") {
            signature.kind = SignatureKind::Indexer;
            self.signature_params(&mut signature, "[", "]")?;
            return Ok(signature);
        }
        signature.name = self.any_word()?.text;
        if self.eat("<") {
            loop {
                signature.types.push(self.any_word()?.text);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(">")?;
        }
        if self.is("(") {
            signature.kind = SignatureKind::Method;
            self.signature_params(&mut signature, "(", ")")?;
        }
        Ok(signature)
    }

    fn signature_params(
        &mut self,
        signature: &mut Signature,
        open: &str,
        close: &str,
    ) -> Result<()> {
        self.expect(open)?;
        if self.eat(close) {
            return Ok(());
        }
        loop {
            signature.is_extension |= self.eat_word("this");
            let is_out = self.eat_word("out");
            let is_ref = self.eat_word("ref");
            let is_params = self.eat_word("params");
            let ty = self.ty()?;
            let name = self.any_word()?.text;
            let default = if self.eat("=") { Some(self.literal()?) } else { None };
            signature.params.push(SignatureParam { ty, name, is_out, is_ref, is_params, default });
            if !self.eat(",") {
                return self.expect(close);
            }
        }
    }
}
