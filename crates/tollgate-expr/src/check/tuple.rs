//! Tuples: literals, comparison, and taking apart what has parts.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Operand;
use super::place::Target;
use super::scope::Origin;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{BinaryOp, Designation, Expr, ExprKind, Name, TypeRef};
use crate::types::{RecordTy, Ty, TypeId};

/// Names that members of tuples have already.
const TAKEN: &[&str] = &["CompareTo", "Deconstruct", "Equals", "GetHashCode", "Rest", "ToString"];

/// What a part of a deconstruction goes to.
enum Slot {
    Discard(Option<Ty>),
    /// `var x`: declared with the type of the part.
    Inferred(Name),
    Declared(Name, Ty),
    Place(Target, Ty, Option<u32>),
    Nested(Vec<Slot>, At),
}

impl Checker<'_> {
    pub(super) fn tuple(&mut self, items: &[(Option<Name>, Expr)], at: At) -> Typed {
        let mut members: Vec<(Arc<str>, Ty)> = Vec::new();
        let mut values = Vec::new();
        let inferred: Vec<Option<Arc<str>>> = items
            .iter()
            .map(|(name, item)| if name.is_none() { Self::member_name(item) } else { None })
            .collect();
        for (index, (name, item)) in items.iter().enumerate() {
            let typed = self.bind(item);
            if !self.has_value(&typed) {
                return Typed::error(at);
            }
            let name = if let Some(name) = name {
                self.tuple_name(name, index, &members);
                name.text.clone()
            } else {
                let own = inferred.get(index).cloned().flatten().filter(|own| {
                    let named = items
                        .iter()
                        .any(|(name, _)| name.as_ref().is_some_and(|name| name.text == *own));
                    let twice = inferred.iter().flatten().filter(|other| *other == own);
                    !named
                        && twice.count() == 1
                        && item_number(own).is_none()
                        && !TAKEN.contains(&&**own)
                });
                own.unwrap_or_else(|| format!("Item{}", index + 1).into())
            };
            members.push((name, typed.ty));
            values.push(typed.node);
        }
        let ty = Ty::Record(RecordTy { tuple: true, members }.into());
        Typed::new(Node::Record { ty: ty.clone(), values: values.into() }, ty, at)
    }

    /// Reports a name that a member of a tuple cannot have.
    pub(super) fn tuple_name(&mut self, name: &Name, index: usize, known: &[(Arc<str>, Ty)]) {
        let shown = self.shown(name.at, &name.text);
        let message = if known.iter().any(|(own, _)| *own == name.text) {
            format!("the tuple has two members named `{shown}`")
        } else if item_number(&name.text).is_some_and(|number| number != index + 1) {
            format!("the name `{shown}` belongs to another place of the tuple")
        } else if TAKEN.contains(&&*name.text) {
            format!("a member of a tuple cannot be named `{shown}`")
        } else {
            return;
        };
        self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
    }

    /// Whether a tuple as written has an item that takes its type from the place.
    pub(super) fn is_open_tuple(expr: &Expr) -> bool {
        let ExprKind::Tuple(items) = &expr.kind else { return false };
        items.iter().any(|(_, item)| match &item.kind {
            ExprKind::Lambda(_) | ExprKind::Default(None) => true,
            _ => Self::is_open_tuple(item),
        })
    }

    /// The members of a tuple type of so many.
    pub(super) fn tuple_types(ty: &Ty, n: usize) -> Option<Vec<Ty>> {
        let Ty::Record(record) = ty.strip_nullable() else { return None };
        let fits = record.tuple && record.members.len() == n;
        fits.then(|| record.members.iter().map(|(_, ty)| ty.clone()).collect())
    }

    pub(super) fn tuple_fits(&mut self, expr: &Expr, to: &Ty) -> bool {
        let ExprKind::Tuple(items) = &expr.kind else { return false };
        let Some(types) = Self::tuple_types(to, items.len()) else { return false };
        items.iter().zip(&types).all(|((_, item), to)| match &item.kind {
            ExprKind::Lambda(lambda) => self.lambda_fits(lambda, to, item.at, true),
            ExprKind::Default(None) => true,
            ExprKind::Tuple(_) => self.tuple_fits(item, to),
            _ => {
                let quiet = self.diagnostics.len();
                let typed = self.bind(item);
                self.diagnostics.truncate(quiet);
                Self::implicit(&typed.ty, typed.value(), to).is_some()
            }
        })
    }

    /// A tuple as written, each item as the type of its place.
    pub(super) fn tuple_to(
        &mut self,
        items: &[(Option<Name>, Expr)],
        types: &[Ty],
        to: &Ty,
    ) -> Node {
        let values: Vec<Node> =
            items.iter().zip(types).map(|((_, item), ty)| self.bind_to(item, ty)).collect();
        Node::Record { ty: to.strip_nullable().clone(), values: values.into() }
    }

    /// `==` and `!=` of tuples: member by member.
    pub(super) fn tuple_equality(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        at: At,
    ) -> Option<Typed> {
        let (Ty::Record(a), Ty::Record(b)) = (&left.ty, &right.ty) else { return None };
        if !a.tuple || !b.tuple || !Self::is_equality(op) {
            return None;
        }
        if a.members.len() != b.members.len() {
            let message = format!(
                "tuples of {} and {} members are compared",
                a.members.len(),
                b.members.len()
            );
            return Some(self.fail(ErrorCode::EXPR_TYPE, at, message));
        }
        let (first, second) = (self.temporary(), self.temporary());
        let effects =
            [Self::write(first, left.node.clone()), Self::write(second, right.node.clone())];
        let mut all: Option<Node> = None;
        for (index, ((_, x), (_, y))) in a.members.iter().zip(&b.members).enumerate() {
            let part = |place, ty: &Ty, whole: At| {
                let target = Self::read(place).boxed();
                let node = Node::Member { target, index, at: at.start };
                let node = if *ty == Ty::Null { Node::Const(Value::Null) } else { node };
                Typed::new(node, ty.clone(), whole)
            };
            let (x, y) = (part(first, x, left.at), part(second, y, right.at));
            let equal = self.operation(op, x, y, at);
            let test = self.convert(equal, &Ty::BOOL);
            all = Some(match (all, op) {
                (None, _) => test,
                (Some(before), BinaryOp::Eq) => Node::And(before.boxed(), test.boxed()),
                (Some(before), _) => Node::Or(before.boxed(), test.boxed()),
            });
        }
        let node = Node::Seq(effects.into(), all?.boxed());
        Some(Typed::new(node, Ty::BOOL, at))
    }

    // Deconstruction.

    /// Whether an assignment takes its value apart.
    pub(super) fn is_deconstruction(target: &Expr) -> bool {
        matches!(
            &target.kind,
            ExprKind::Tuple(_) | ExprKind::Declaration(_, Designation::Tuple(..))
        )
    }

    /// `(a, var b) = value`.
    pub(super) fn deconstruct(&mut self, target: &Expr, value: &Expr, at: At) -> Typed {
        let mut effects = Vec::new();
        let Some(Slot::Nested(slots, whole)) = self.slot(target, &mut effects) else {
            self.bind(value);
            return Typed::error(at);
        };
        let mut stores = Vec::new();
        let parts = self.spread(slots, value, whole, &mut effects, &mut stores);
        Self::finish_deconstruction(parts, effects, stores, at)
    }

    /// The same with a value that is there already.
    pub(super) fn deconstruct_value(&mut self, target: &Expr, value: Typed, at: At) -> Typed {
        let mut effects = Vec::new();
        let Some(Slot::Nested(slots, whole)) = self.slot(target, &mut effects) else {
            return Typed::error(at);
        };
        let mut stores = Vec::new();
        let parts = self.take_apart(slots, value, whole, &mut effects, &mut stores);
        Self::finish_deconstruction(parts, effects, stores, at)
    }

    fn finish_deconstruction(
        parts: Option<Vec<Typed>>,
        mut effects: Vec<Node>,
        stores: Vec<Node>,
        at: At,
    ) -> Typed {
        effects.extend(stores);
        let Some(parts) = parts else { return Typed::error(at) };
        let members = parts
            .iter()
            .zip(1..)
            .map(|(part, n): (&Typed, usize)| (Arc::from(format!("Item{n}")), part.ty.clone()));
        let ty = Ty::Record(RecordTy { tuple: true, members: members.collect() }.into());
        let values = parts.into_iter().map(|part| part.node).collect();
        let whole = Node::Record { ty: ty.clone(), values };
        Typed::new(Node::Seq(effects.into(), whole.boxed()), ty, at)
    }

    /// What a part goes to; what it consists of is evaluated first.
    fn slot(&mut self, target: &Expr, effects: &mut Vec<Node>) -> Option<Slot> {
        match &target.kind {
            ExprKind::Tuple(items) => {
                self.one_kind(items, target.at);
                let slots: Option<Vec<Slot>> =
                    items.iter().map(|(_, item)| self.slot(item, effects)).collect();
                Some(Slot::Nested(slots?, target.at))
            }
            ExprKind::Declaration(ty, designation) => self.declared_slot(ty, designation),
            _ if self.is_discard(target) => Some(Slot::Discard(None)),
            ExprKind::Name(name, _) => {
                let (place, ty) = self.variable_place_to_write(target)?;
                let declared = self.local(name).map(|local| local.declared);
                Some(Slot::Place(Target::Variable(place), ty, declared))
            }
            _ => {
                let (place, ty) = self.target(target, effects)?;
                if let Target::Array { .. } = place {
                    // The item is looked for before any value is.
                    effects.push(Self::read_target(&place, target.at));
                }
                Some(Slot::Place(place, ty, None))
            }
        }
    }

    /// C# 7 declares all variables of a tuple or none.
    fn one_kind(&mut self, items: &[(Option<Name>, Expr)], at: At) {
        let declares = |item: &Expr| matches!(item.kind, ExprKind::Declaration(..));
        let n_declared = items.iter().filter(|(_, item)| declares(item)).count();
        let assigned: Vec<&Expr> = items
            .iter()
            .map(|(_, item)| item)
            .filter(|item| !declares(item) && !matches!(item.kind, ExprKind::Tuple(_)))
            .collect();
        let n_assigned = assigned.into_iter().filter(|item| !self.is_discard(item)).count();
        if n_declared > 0 && n_assigned > 0 {
            let message = "declarations and variables cannot be mixed in C# 7";
            self.error(ErrorCode::EXPR_SYNTAX, at, message);
        }
    }

    fn declared_slot(&mut self, ty: &TypeRef, designation: &Designation) -> Option<Slot> {
        match designation {
            Designation::Tuple(items, at) => {
                let slots: Option<Vec<Slot>> =
                    items.iter().map(|item| self.declared_slot(ty, item)).collect();
                Some(Slot::Nested(slots?, *at))
            }
            Designation::Discard if ty.is_var() => Some(Slot::Discard(None)),
            Designation::Discard => Some(Slot::Discard(Some(self.ty(ty)))),
            Designation::Name(name) if ty.is_var() => Some(Slot::Inferred(name.clone())),
            Designation::Name(name) => {
                let ty = self.ty(ty);
                Some(Slot::Declared(name.clone(), ty))
            }
        }
    }

    /// Evaluates a value and gives its parts to slots: tuples as written item by item.
    fn spread(
        &mut self,
        slots: Vec<Slot>,
        value: &Expr,
        at: At,
        effects: &mut Vec<Node>,
        stores: &mut Vec<Node>,
    ) -> Option<Vec<Typed>> {
        let ExprKind::Tuple(items) = &value.kind else {
            let typed = self.bind(value);
            return self.take_apart(slots, typed, at, effects, stores);
        };
        if items.len() != slots.len() {
            return self.wrong_count(slots.len(), items.len(), value.at);
        }
        let mut parts = Vec::new();
        for (slot, (_, item)) in slots.into_iter().zip(items) {
            let part = match slot {
                Slot::Nested(inner, at) => {
                    let inner = self.spread(inner, item, at, effects, stores)?;
                    Self::finish_deconstruction(Some(inner), Vec::new(), Vec::new(), at)
                }
                slot => {
                    let wanted = match &slot {
                        Slot::Place(_, ty, _) | Slot::Declared(_, ty) | Slot::Discard(Some(ty)) => {
                            Some(ty.clone())
                        }
                        _ => None,
                    };
                    let typed = match wanted {
                        Some(ty) => Typed::new(self.bind_to(item, &ty), ty, item.at),
                        None => self.bind(item),
                    };
                    self.fill_slot(slot, typed, effects, stores)?
                }
            };
            parts.push(part);
        }
        Some(parts)
    }

    /// Gives the parts of a value to slots.
    fn take_apart(
        &mut self,
        slots: Vec<Slot>,
        value: Typed,
        at: At,
        effects: &mut Vec<Node>,
        stores: &mut Vec<Node>,
    ) -> Option<Vec<Typed>> {
        if value.ty.is_error() {
            for slot in slots {
                self.fill_slot(slot, Typed::error(at), effects, stores);
            }
            return None;
        }
        let place = self.temporary();
        let held = Typed::new(Self::read(place), value.ty, value.at);
        effects.push(Self::write(place, value.node));
        let values = match &held.ty {
            Ty::Record(record) if record.tuple => Some(
                record
                    .members
                    .iter()
                    .enumerate()
                    .map(|(index, (_, ty))| {
                        let target = held.node.clone().boxed();
                        let node = Node::Member { target, index, at: value.at.start };
                        Typed::new(node, ty.clone(), value.at)
                    })
                    .collect::<Vec<_>>(),
            ),
            ty => self.parts_of(&held, ty, slots.len()),
        };
        let Some(values) = values else {
            let message = format!("`{}` cannot be taken apart", held.ty);
            self.error(ErrorCode::EXPR_TYPE, value.at, message);
            for slot in slots {
                self.fill_slot(slot, Typed::error(at), effects, stores);
            }
            return None;
        };
        if values.len() != slots.len() {
            return self.wrong_count(slots.len(), values.len(), value.at);
        }
        let mut parts = Vec::new();
        for (slot, value) in slots.into_iter().zip(values) {
            let part = match slot {
                Slot::Nested(inner, at) => {
                    let inner = self.take_apart(inner, value, at, effects, stores)?;
                    Self::finish_deconstruction(Some(inner), Vec::new(), Vec::new(), at)
                }
                slot => self.fill_slot(slot, value, effects, stores)?,
            };
            parts.push(part);
        }
        Some(parts)
    }

    /// The parts of a value that is not a tuple but has `Deconstruct`.
    fn parts_of(&mut self, held: &Typed, ty: &Ty, n: usize) -> Option<Vec<Typed>> {
        let names: Vec<String> = if ty.is(TypeId::KeyValuePair) {
            vec!["Key".to_owned(), "Value".to_owned()]
        } else if ty.full_name().starts_with("System.Tuple`") {
            (1..=ty.args().len()).map(|n| format!("Item{n}")).collect()
        } else {
            return None;
        };
        if names.len() != n {
            return None;
        }
        let parts = names.into_iter().map(|name| {
            let name = Name { text: name.into(), at: held.at };
            match self.member_of(held.clone(), &name, &[], Origin::Other, held.at) {
                Operand::Value(typed) => typed,
                _ => Typed::error(held.at),
            }
        });
        Some(parts.collect())
    }

    fn wrong_count<T>(&mut self, wanted: usize, found: usize, at: At) -> Option<T> {
        let message = format!("{found} values cannot be given to {wanted} variables");
        self.error(ErrorCode::EXPR_TYPE, at, message);
        None
    }

    /// Keeps a part in a temporary and stores it when all parts are known.
    fn fill_slot(
        &mut self,
        slot: Slot,
        value: Typed,
        effects: &mut Vec<Node>,
        stores: &mut Vec<Node>,
    ) -> Option<Typed> {
        let at = value.at;
        if !value.ty.is_error() && !self.has_value(&value) {
            return None;
        }
        let wanted = match &slot {
            Slot::Place(_, ty, _) | Slot::Declared(_, ty) | Slot::Discard(Some(ty)) => ty.clone(),
            _ if value.ty == Ty::Null => {
                self.error(ErrorCode::EXPR_TYPE, at, "`null` has no type that `var` could take");
                Ty::Error
            }
            _ => value.ty.clone(),
        };
        let node = self.convert(value, &wanted);
        let held = self.temporary();
        effects.push(Self::write(held, node));
        match slot {
            Slot::Inferred(name) | Slot::Declared(name, _) => {
                let place = self.declare_variable(&name, wanted.clone(), false);
                if let Place::Cell(slot) = place {
                    stores.push(Node::NewCell(slot));
                }
                stores.push(Self::write(place, Self::read(held)));
            }
            Slot::Place(target, ty, declared) => {
                if let Some(declared) = declared {
                    self.mark_assigned(declared);
                }
                let stored = self.store(target, Self::read(held), Vec::new(), ty, at);
                stores.push(stored.node);
            }
            Slot::Discard(_) | Slot::Nested(..) => {}
        }
        Some(Typed::new(Self::read(held), wanted, at))
    }

    /// Whether an expression is `_` where no variable of that name is in sight.
    pub(super) fn is_discard(&mut self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Name(name, types) if &**name == "_" && types.is_empty())
            && self.local("_").is_none()
    }
}

/// `2` of `Item2`.
pub(super) fn item_number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("Item")?;
    let plain = !digits.is_empty()
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}
