//! Lowered trees with what they come down to in place of what they say: chains of members of `context` as one look-up,
//! text compared and joined without being copied, constants folded.
//!
//! INVARIANT: a fused tree gives what the tree gave, the same value or exception at the same place, and takes no more
//! steps and memory.

use std::sync::Arc;

use super::read::{Claim, ClaimOf, From, Read, Variable};
use super::tree::{NewTree, TreeText};
use super::{
    Call, Code, Equality, Function, FunctionBody, Node, TextTest, TokenText, default_value,
};
use crate::Value;
use crate::text::Comparison;
use crate::types::{Shortcut, Ty};
use crate::value::HostRef;

/// Fuses functions: lambdas, local functions, and last the expression itself.
pub(crate) fn fuse(functions: &mut [Function]) {
    for function in functions.iter_mut() {
        function.body.each(&mut fuse_node);
        if let FunctionBody::Block(code) = &mut function.body
            && let Some(value) = only_return(code)
        {
            function.body = FunctionBody::Expr(value);
        }
    }
    if let Some(main) = functions.last_mut()
        && let FunctionBody::Expr(node) = &mut main.body
        && main.cells.is_empty()
        && !uses_slots(node)
    {
        main.n_slots = 0;
    }
}

/// The value of a block that does nothing but return it.
fn only_return(code: &mut Code) -> Option<Node> {
    match code {
        Code::Return(value) => value.take(),
        Code::Block(statements) => match &mut **statements {
            [only] => only_return(only),
            _ => None,
        },
        _ => None,
    }
}

fn uses_slots(node: &mut Node) -> bool {
    let own = match node {
        Node::Local(_)
        | Node::SetLocal(..)
        | Node::Cell(_)
        | Node::SetCell(..)
        | Node::NewCell(_)
        | Node::NullConditional { .. } => true,
        Node::Lambda { captures, .. } | Node::CallFunction { captures, .. } => !captures.is_empty(),
        Node::Call(call) => !call.outs.is_empty(),
        Node::Read(read) => reads_slots(read),
        Node::TextIs { text, .. } => reads_slots(text),
        Node::TextTest(test) => reads_slots(&test.text),
        _ => false,
    };
    let mut any = own;
    node.each(&mut |inner| any = any || uses_slots(inner));
    any
}

fn reads_slots(read: &Read) -> bool {
    match &read.from {
        From::Local(_) => true,
        From::Or(first, second) => reads_slots(first) || reads_slots(second),
        From::Claim(claim) => reads_slots(&claim.token),
        _ => false,
    }
}

/// Fuses what is in a node, then the node itself.
fn fuse_node(node: &mut Node) {
    node.each(&mut fuse_node);
    let fused = match node {
        Node::Call(call) => fuse_call(call),
        Node::Cast { ty, value, at } => fuse_cast(ty, value, *at),
        Node::Coalesce(left, right) => fuse_coalesce(left, right),
        Node::NullConditional { slot, target, rest } => fuse_conditional(*slot, target, rest),
        Node::Equal { negate, mode, left, right } => fuse_equal(*negate, *mode, left, right),
        Node::Concat(parts) => fuse_concat(parts),
        Node::Not(value) => {
            value.constant().and_then(Value::as_bool).map(|it| Node::Const((!it).into()))
        }
        Node::And(left, right) => match left.constant().and_then(Value::as_bool) {
            Some(true) => Some(std::mem::replace(&mut **right, NOTHING)),
            Some(false) => Some(Node::Const(false.into())),
            None => None,
        },
        Node::Or(left, right) => match left.constant().and_then(Value::as_bool) {
            Some(false) => Some(std::mem::replace(&mut **right, NOTHING)),
            Some(true) => Some(Node::Const(true.into())),
            None => None,
        },
        Node::If(condition, yes, no) => match condition.constant().and_then(Value::as_bool) {
            Some(true) => Some(std::mem::replace(&mut **yes, NOTHING)),
            Some(false) => Some(std::mem::replace(&mut **no, NOTHING)),
            None => None,
        },
        _ => None,
    };
    if let Some(fused) = fused {
        *node = fused;
    }
}

/// What is left of a node that was taken.
const NOTHING: Node = Node::Const(Value::Null);

fn read(from: From, need: Option<(HostRef, u32)>, at: u32, steps: u32) -> Node {
    Node::Read(Box::new(Read { from, need, at, steps }))
}

/// A part of `context`, what must be there for it, and the steps to it.
type Path = (HostRef, Option<(HostRef, u32)>, u32);

fn part_of(node: &Node) -> Option<Path> {
    match node {
        Node::Const(Value::Host(HostRef::Context)) => Some((HostRef::Context, None, 0)),
        Node::Read(read) => match read.from {
            From::Part(part) => Some((part, read.need, read.steps)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a part of `context` may be missing.
fn may_miss(part: HostRef) -> bool {
    matches!(
        part,
        HostRef::Api
            | HostRef::Operation
            | HostRef::Product
            | HostRef::Subscription
            | HostRef::User
            | HostRef::LastError
            | HostRef::Response
            | HostRef::Body(_)
    )
}

fn text(node: &Node) -> Option<&Arc<str>> {
    match node {
        Node::Const(Value::Str(text)) => Some(text),
        _ => None,
    }
}

/// What is read without evaluating anything.
fn as_read(node: &Node) -> Option<Read> {
    match node {
        Node::Read(read) => Some((**read).clone()),
        Node::Local(slot) => Some(Read { from: From::Local(*slot), need: None, at: 0, steps: 0 }),
        _ => None,
    }
}

fn fuse_call(call: &Call) -> Option<Node> {
    let shortcut = call.run.shortcut?;
    if !call.outs.is_empty() {
        return None;
    }
    if let Shortcut::Test(_) | Shortcut::TestOf(_) = shortcut {
        return fuse_test(call);
    }
    match shortcut {
        Shortcut::JsonText | Shortcut::JsonValue => {
            return TokenText::of(call).map(|text| Node::TokenText(Box::new(text)));
        }
        Shortcut::JsonString | Shortcut::JsonFormatted => {
            let of_tree = TreeText::of(call).map(|text| Node::TreeText(Box::new(text)));
            return of_tree.or_else(|| Some(Node::TokenText(Box::new(TokenText::of(call)?))));
        }
        Shortcut::JsonObject | Shortcut::JsonArray => {
            return NewTree::of(call).map(|tree| Node::NewTree(Box::new(tree)));
        }
        _ => {}
    }
    let (receiver, args) = call.args.split_first()?;
    if let Node::Call(map) = receiver {
        return fuse_claim(call, map, args);
    }
    let (part, mut need, steps) = part_of(receiver)?;
    if may_miss(part) {
        if need.is_some() {
            return None;
        }
        need = Some((part, call.at));
    }
    let from = match (shortcut, args) {
        (Shortcut::Part(to), []) => From::Part(to(part)?),
        (Shortcut::Text(of), []) => From::Text(of, part),
        (Shortcut::Status, []) if part == HostRef::Response => From::Status,
        (_, [key, default @ ..]) => keyed(shortcut, part, text(key)?, default, call)?,
        _ => return None,
    };
    Some(read(from, need, call.at, steps + 1))
}

/// A claim of a token that is read.
fn fuse_claim(call: &Call, map: &Call, args: &[Node]) -> Option<Node> {
    let (Some(Shortcut::Claims), [token], [key, default @ ..]) =
        (map.run.shortcut, &*map.args, args)
    else {
        return None;
    };
    let (token, name) = (as_read(token)?, text(key)?.clone());
    let steps = token.steps + 2;
    let from = match (call.run.shortcut?, default) {
        (Shortcut::Joined, []) => ClaimOf::Text(Value::Null),
        (Shortcut::Joined, [default]) => ClaimOf::Text(default.constant()?.clone()),
        (Shortcut::ContainsKey, []) => ClaimOf::IsThere,
        _ => return None,
    };
    let claim = Claim { token, name, of: from, at: map.at };
    Some(read(From::Claim(Box::new(claim)), None, call.at, steps))
}

/// What a key of a dictionary of `context` comes down to.
fn keyed(
    shortcut: Shortcut,
    part: HostRef,
    key: &Arc<str>,
    default: &[Node],
    call: &Call,
) -> Option<From> {
    let key = key.clone();
    let given = match default {
        [] => None,
        [default] => Some(default.constant()?.clone()),
        _ => return None,
    };
    let variable =
        |missing, cast| From::Variable(Box::new(Variable { name: key.clone(), cast, missing }));
    Some(match (shortcut, part) {
        (Shortcut::Item, HostRef::Variables) => variable(Value::Null, None),
        (Shortcut::Item, HostRef::Matched) => From::Matched(key, None),
        (Shortcut::ContainsKey, HostRef::Variables) => From::HasVariable(key),
        (Shortcut::ContainsKey, HostRef::Headers(kind)) => From::HasHeader(kind, key),
        (Shortcut::Joined, HostRef::Headers(kind)) => {
            From::Header(kind, key, given.unwrap_or_default())
        }
        (Shortcut::Joined, HostRef::Query(_)) => From::Query(part, key, given.unwrap_or_default()),
        (Shortcut::Typed, HostRef::Variables) => {
            let ty = call.types.first().unwrap_or(&Ty::OBJECT);
            let missing = given.unwrap_or_else(|| default_value(ty));
            let cast = (*ty != Ty::OBJECT).then(|| (ty.clone(), call.at));
            variable(missing, cast)
        }
        (Shortcut::ItemOr, HostRef::Matched) => From::Matched(key, Some(given.unwrap_or_default())),
        (Shortcut::ItemOr, HostRef::Variables) => variable(given.unwrap_or_default(), None),
        _ => return None,
    })
}

/// A test of text that is read, with a constant.
fn fuse_test(call: &Call) -> Option<Node> {
    let (test, must) = match call.run.shortcut? {
        Shortcut::Test(test) => (test, false),
        Shortcut::TestOf(test) => (test, true),
        _ => return None,
    };
    let how = match call.args.last()?.constant() {
        Some(Value::Enum(_, number)) if (0..6).contains(number) => Comparison::of(*number),
        Some(Value::Enum(..)) => return None,
        _ => Comparison::Ordinal { any_case: false },
    };
    let args = match &*call.args {
        [args @ .., Node::Const(Value::Enum(..))] | args => args,
    };
    let empty = || Arc::from("");
    let (read, other) = match args {
        [of] if !must => (as_read(of)?, empty()),
        [of, other @ Node::Const(_)] => (as_read(of)?, text(other)?.clone()),
        [other @ Node::Const(_), of] if !must => (as_read(of)?, text(other)?.clone()),
        _ => return None,
    };
    let text = Read { steps: read.steps + 1, ..read };
    let never_null = must.then_some(call.at);
    Some(Node::TextTest(Box::new(TextTest { test, text, other, how, never_null })))
}

fn fuse_cast(ty: &Ty, value: &mut Node, at: u32) -> Option<Node> {
    let Node::Read(found) = value else { return None };
    let From::Variable(variable) = &mut found.from else { return None };
    if variable.cast.is_some() {
        return None;
    }
    variable.cast = Some((ty.clone(), at));
    Some(std::mem::replace(value, NOTHING))
}

fn fuse_coalesce(left: &mut Node, right: &mut Node) -> Option<Node> {
    let Node::Read(first) = left else { return None };
    let second = match right {
        Node::Read(second) => (**second).clone(),
        Node::Const(value) => {
            Read { from: From::Const(value.clone()), need: None, at: first.at, steps: 0 }
        }
        _ => return None,
    };
    let steps = first.steps + second.steps;
    let at = first.at;
    let first = std::mem::replace(&mut **first, second.clone());
    Some(read(From::Or(Box::new(first), Box::new(second)), None, at, steps))
}

/// `part?.Text`.
fn fuse_conditional(slot: u16, target: &Node, rest: &Node) -> Option<Node> {
    let (part, need, steps) = part_of(target)?;
    let Node::Call(call) = rest else { return None };
    let (Some(Shortcut::Text(of)), [Node::Local(own)]) = (call.run.shortcut, &*call.args) else {
        return None;
    };
    (*own == slot).then(|| read(From::TextOrNull(of, part), need, call.at, steps + 1))
}

fn fuse_equal(negate: bool, mode: Equality, left: &mut Node, right: &mut Node) -> Option<Node> {
    if let (Node::Const(left), Node::Const(right), Equality::Value) = (&*left, &*right, mode) {
        return Some(Node::Const((super::equal_values(left, right) != negate).into()));
    }
    let (found, is) = match (&*left, &*right) {
        (found, other @ Node::Const(_)) | (other @ Node::Const(_), found) => {
            (as_read(found)?, text(other)?.clone())
        }
        _ => return None,
    };
    Some(Node::TextIs { text: Box::new(found), is, negate })
}

/// Texts joined: constants that stand side by side are one, and what has no format is text as it is.
fn fuse_concat(parts: &mut Box<[Node]>) -> Option<Node> {
    let mut joined: Vec<Node> = Vec::with_capacity(parts.len());
    for part in parts.iter_mut() {
        let part = match std::mem::replace(part, NOTHING) {
            Node::Format { value, align: 0, format: None } => *value,
            part => part,
        };
        match part {
            Node::Concat(inner) => joined.extend(inner),
            Node::Const(Value::Null) => {}
            Node::Const(Value::Str(more)) => match joined.last_mut() {
                Some(Node::Const(Value::Str(before))) => {
                    *before = format!("{before}{more}").into();
                }
                _ => joined.push(Node::Const(Value::Str(more))),
            },
            Node::Local(slot) => {
                joined.push(read(From::Local(slot), None, 0, 0));
            }
            part => joined.push(part),
        }
    }
    *parts = joined.into();
    match &**parts {
        [] => Some(Node::Const("".into())),
        [Node::Const(value @ Value::Str(_))] => Some(Node::Const(value.clone())),
        _ => None,
    }
}
