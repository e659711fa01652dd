//! Types in expressions.

use super::SyntaxError;
use super::ast::{Name, TypeKind, TypeRef};
use super::parser::Parser;

type Result<T> = std::result::Result<T, SyntaxError>;

pub(super) const PREDEFINED: &[&str] = &[
    "bool", "byte", "char", "decimal", "double", "float", "int", "long", "object", "sbyte",
    "short", "string", "uint", "ulong", "ushort", "void",
];

impl Parser<'_> {
    /// A type with its `?` and `[]`.
    pub(super) fn ty(&mut self) -> Result<TypeRef> {
        self.enter()?;
        let result = self.ty_inner(true);
        self.leave();
        result
    }

    /// A type without `?` and `[]`, as after `new`.
    pub(super) fn ty_without_ranks(&mut self) -> Result<TypeRef> {
        self.enter()?;
        let result = self.ty_inner(false);
        self.leave();
        result
    }

    fn ty_inner(&mut self, suffixes: bool) -> Result<TypeRef> {
        let start = self.at();
        let mut ty = if self.is("(") { self.tuple_type()? } else { self.named_type()? };
        if !suffixes {
            return Ok(ty);
        }
        let mut ranks = 0;
        loop {
            let twice = matches!(ty.kind, TypeKind::Nullable(_));
            let nullable = self.is("?") && !twice;
            if nullable {
                self.next();
            } else if self.is("[") && self.is_at(1, "]") {
                self.next();
                self.next();
            } else if self.is("[") && self.is_at(1, ",") {
                let at = start.to(self.at());
                return Err(SyntaxError::unsupported(
                    at,
                    "arrays of several dimensions are not supported",
                )
                .help("use an array of arrays: `T[][]`"));
            } else {
                return Ok(ty);
            }
            ranks += 1;
            let at = start.to(self.previous_at());
            if ranks > 8 {
                return Err(SyntaxError::too_deep(at));
            }
            let inner = Box::new(ty);
            let kind = if nullable { TypeKind::Nullable(inner) } else { TypeKind::Array(inner) };
            ty = TypeRef { kind, at };
        }
    }

    fn tuple_type(&mut self) -> Result<TypeRef> {
        let start = self.at();
        self.expect("(")?;
        let mut items = vec![self.tuple_item()?];
        while self.eat(",") {
            items.push(self.tuple_item()?);
        }
        self.expect(")")?;
        if items.len() < 2 {
            return Err(self.unexpected("`,`"));
        }
        Ok(TypeRef { kind: TypeKind::Tuple(items), at: start.to(self.previous_at()) })
    }

    fn tuple_item(&mut self) -> Result<(TypeRef, Option<Name>)> {
        let ty = self.ty()?;
        let name = if self.is_name() { Some(self.any_word()?) } else { None };
        Ok((ty, name))
    }

    fn named_type(&mut self) -> Result<TypeRef> {
        let start = self.at();
        if self.word().is_some_and(|word| PREDEFINED.contains(&word)) {
            let name = self.any_word()?;
            return Ok(TypeRef { at: name.at, kind: TypeKind::Named(vec![(name, Vec::new())]) });
        }
        if self.is_word("var") && !self.is_at(1, ".") && !self.is_at(1, "<") {
            self.next();
            return Ok(TypeRef { kind: TypeKind::Var, at: start });
        }
        if self.is_word("global") && self.is_at(1, "::") {
            self.next();
            self.next();
        }
        let mut path: Vec<(Name, Vec<TypeRef>)> = Vec::new();
        loop {
            let name = self.name("a type")?;
            let types = if self.is("<") { self.type_arguments()? } else { Vec::new() };
            path.push((name, types));
            if !(self.is(".") && self.is_name_at(1)) {
                break;
            }
            self.next();
        }
        Ok(TypeRef { kind: TypeKind::Named(path), at: start.to(self.previous_at()) })
    }

    /// `<A, B>`.
    pub(super) fn type_arguments(&mut self) -> Result<Vec<TypeRef>> {
        self.expect("<")?;
        let mut types = vec![self.ty()?];
        while self.eat(",") {
            types.push(self.ty()?);
        }
        self.expect(">")?;
        Ok(types)
    }
}
