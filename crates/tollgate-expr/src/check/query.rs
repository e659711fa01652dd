//! Queries, as the calls of `Select`, `Where` and the others that C# says they are.
//!
//! Clauses that add a range variable pass all of them on in one hidden variable, whose name no author can write.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Operand;
use super::{Checker, Typed};
use crate::eval::Node;
use crate::syntax::At;
use crate::syntax::ast::{
    Arg, ArgValue, Body, Expr, ExprKind, FromClause, LambdaExpr, Name, Parameter, PassMode, Query,
    QueryBody, QueryClause, QueryEnd, TypeRef,
};
use crate::types::Ty;

impl Checker<'_> {
    pub(super) fn query(&mut self, query: &Query, at: At) -> Typed {
        self.range_variables(query);
        let source = source_of(&query.from);
        let lowered = lower(source, query.from.name.clone(), &query.body);
        let typed = self.bind(&lowered);
        Typed { at, ..typed }
    }

    /// Reports range variables that have the name of a local or of another range variable.
    fn range_variables(&mut self, query: &Query) {
        let mut known: Vec<Arc<str>> = Vec::new();
        let mut names = vec![&query.from.name];
        let mut body = &query.body;
        loop {
            for clause in &body.clauses {
                match clause {
                    QueryClause::From(from) => names.push(&from.name),
                    QueryClause::Let(name, _) => names.push(name),
                    QueryClause::Join { from, into, .. } => {
                        names.push(&from.name);
                        names.extend(into);
                    }
                    QueryClause::Where(_) | QueryClause::OrderBy(_) => {}
                }
            }
            for name in names.drain(..) {
                let hidden = self.hidden().iter().any(|(_, ty)| path_to(ty, &name.text).is_some());
                if known.contains(&name.text) || hidden {
                    let shown = self.shown(name.at, &name.text);
                    let message = format!("a range variable named `{shown}` is already declared");
                    self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
                }
                known.push(name.text.clone());
            }
            let Some((name, next)) = &body.into else { return };
            known.clear();
            names.push(name);
            body = next;
        }
    }

    /// A range variable that a hidden variable holds.
    pub(super) fn range_variable(&mut self, name: &str, at: At) -> Option<Operand> {
        let (hidden, path) = self
            .hidden()
            .into_iter()
            .find_map(|(hidden, ty)| path_to(&ty, name).map(|path| (hidden, path)))?;
        let local = self.local(&hidden)?;
        let mut typed = match self.local_operand(local, at) {
            Operand::Value(typed) => typed,
            other => return Some(other),
        };
        for index in path {
            let Ty::Record(record) = &typed.ty else { return None };
            let (_, ty) = record.members.get(index)?.clone();
            let target = typed.node.boxed();
            typed = Typed::new(Node::Member { target, index, at: at.start }, ty, at);
        }
        Some(Operand::Value(typed))
    }
}

/// Where a name stands in the record that a hidden variable holds.
fn path_to(ty: &Ty, name: &str) -> Option<Vec<usize>> {
    let Ty::Record(record) = ty else { return None };
    let own = record.members.iter().position(|(own, _)| &**own == name);
    if let Some(index) = own {
        return Some(vec![index]);
    }
    record.members.iter().zip(0usize..).find_map(|((own, ty), index)| {
        if !own.starts_with('<') {
            return None;
        }
        let mut path = path_to(ty, name)?;
        path.insert(0, index);
        Some(path)
    })
}

/// `source`, or `source.Cast<T>()` when a type is written.
fn source_of(from: &FromClause) -> Expr {
    match &from.ty {
        None => from.source.clone(),
        Some(ty) if ty.is_var() => from.source.clone(),
        Some(ty) => call(from.source.clone(), "Cast", vec![ty.clone()], Vec::new(), from.at),
    }
}

/// A query over `source` whose range variable, hidden or not, is `variable`.
fn lower(mut source: Expr, mut variable: Name, body: &QueryBody) -> Expr {
    let mut clauses = body.clauses.iter().peekable();
    while let Some(clause) = clauses.next() {
        let last = match (&body.end, clauses.peek()) {
            (QueryEnd::Select(value), None) => Some(value),
            _ => None,
        };
        match clause {
            QueryClause::Where(test) => {
                let test_of = lambda(&[&variable], test.clone(), test.at);
                source = call(source, "Where", Vec::new(), vec![test_of], test.at);
            }
            QueryClause::OrderBy(keys) => source = ordered(source, &variable, keys),
            QueryClause::Let(name, value) => {
                let both = record(&variable, name, Some(value.clone()), value.at);
                let select = lambda(&[&variable], both, value.at);
                source = call(source, "Select", Vec::new(), vec![select], value.at);
                variable = hidden(name.at);
            }
            QueryClause::From(from) => {
                let items = lambda(&[&variable], source_of(from), from.source.at);
                let result = match last {
                    Some(value) => value.clone(),
                    None => record(&variable, &from.name, None, from.at),
                };
                let result = lambda(&[&variable, &from.name], result, from.at);
                source = call(source, "SelectMany", Vec::new(), vec![items, result], from.at);
                if last.is_some() {
                    return continued(source, body);
                }
                variable = hidden(from.at);
            }
            QueryClause::Join { from, left, right, into } => {
                let added = into.as_ref().unwrap_or(&from.name);
                let result = match last {
                    Some(value) => value.clone(),
                    None => record(&variable, added, None, from.at),
                };
                let args = vec![
                    source_of(from),
                    lambda(&[&variable], left.clone(), left.at),
                    lambda(&[&from.name], right.clone(), right.at),
                    lambda(&[&variable, added], result, from.at),
                ];
                let method = if into.is_some() { "GroupJoin" } else { "Join" };
                source = call(source, method, Vec::new(), args, from.at);
                if last.is_some() {
                    return continued(source, body);
                }
                variable = hidden(from.at);
            }
        }
    }
    let source = match &body.end {
        QueryEnd::Select(value) => {
            if body.clauses.is_empty() || !is_name(value, &variable) {
                let select = lambda(&[&variable], value.clone(), value.at);
                call(source, "Select", Vec::new(), vec![select], value.at)
            } else {
                source
            }
        }
        QueryEnd::Group { item, key } => {
            let mut args = vec![lambda(&[&variable], key.clone(), key.at)];
            if !is_name(item, &variable) {
                args.push(lambda(&[&variable], item.clone(), item.at));
            }
            call(source, "GroupBy", Vec::new(), args, key.at)
        }
    };
    continued(source, body)
}

/// What follows `into`.
fn continued(source: Expr, body: &QueryBody) -> Expr {
    match &body.into {
        Some((name, next)) => lower(source, name.clone(), next),
        None => source,
    }
}

fn ordered(mut source: Expr, variable: &Name, keys: &[(Expr, bool)]) -> Expr {
    for (index, (key, descending)) in keys.iter().enumerate() {
        let method = match (index, descending) {
            (0, false) => "OrderBy",
            (0, true) => "OrderByDescending",
            (_, false) => "ThenBy",
            (_, true) => "ThenByDescending",
        };
        let by = lambda(&[variable], key.clone(), key.at);
        source = call(source, method, Vec::new(), vec![by], key.at);
    }
    source
}

/// A name that no author can write.
fn hidden(at: At) -> Name {
    Name { text: format!("<{}>", at.start).into(), at }
}

/// `new { a, b = value }`.
fn record(first: &Name, second: &Name, value: Option<Expr>, at: At) -> Expr {
    let members = vec![
        (Some(first.clone()), named(first)),
        (Some(second.clone()), value.unwrap_or_else(|| named(second))),
    ];
    made(ExprKind::Anonymous(members), at)
}

fn named(name: &Name) -> Expr {
    made(ExprKind::Name(name.text.clone(), Vec::new()), name.at)
}

fn is_name(expr: &Expr, name: &Name) -> bool {
    matches!(&expr.kind, ExprKind::Name(own, types) if types.is_empty() && *own == name.text)
}

fn lambda(parameters: &[&Name], body: Expr, at: At) -> Expr {
    let parameters = parameters.iter().map(|name| Parameter {
        mode: PassMode::Range,
        ty: None,
        name: (*name).clone(),
        default: None,
    });
    let parameters = Some(parameters.collect());
    made(ExprKind::Lambda(LambdaExpr { parameters, body: Body::Expr(Box::new(body)) }), at)
}

fn call(target: Expr, method: &str, types: Vec<TypeRef>, args: Vec<Expr>, at: At) -> Expr {
    let name = Name { text: method.into(), at };
    let whole = target.at.to(at);
    let target = made(ExprKind::Member { target: Box::new(target), name, types }, whole);
    let args = args.into_iter().map(|arg| Arg { name: None, value: ArgValue::Expr(arg) }).collect();
    made(ExprKind::Call { target: Box::new(target), args }, whole)
}

/// The parser has already bounded how deep a query nests.
fn made(kind: ExprKind, at: At) -> Expr {
    Expr { kind, at, depth: 1, bracketed: false }
}
