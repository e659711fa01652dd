//! Operators that types declare.

use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Equality, Node};
use crate::syntax::At;
use crate::types::{MemberInfo, MemberKind, Ty, TypeId, info};

impl Checker<'_> {
    /// A declared operator that would take a string operand otherwise joined.
    pub(super) fn declared_operand(left: &Typed, right: &Typed) -> Option<&'static MemberInfo> {
        let own = |ty: &Ty| ty.id().filter(|id| *id != TypeId::String).map(info);
        [own(&left.ty), own(&right.ty)].into_iter().flatten().find_map(|info| {
            info.operators.iter().copied().find(|member| {
                member.kind == MemberKind::Operator("+")
                    && member.params.len() == 2
                    && member.params.iter().zip([left, right]).all(|(param, typed)| {
                        Self::implicit(&typed.ty, typed.value(), &param.ty).is_some()
                    })
            })
        })
    }

    /// An operator declared by the type of an operand; lifted when an operand is nullable.
    pub(super) fn declared_operator(
        &mut self,
        op: &str,
        operands: Vec<Typed>,
        at: At,
    ) -> Option<Typed> {
        let owners = operands.iter().filter_map(|typed| typed.ty.strip_nullable().id());
        let members: Vec<&'static MemberInfo> = owners
            .flat_map(|id| info(id).operators.iter().copied())
            .filter(|member| {
                matches!(member.kind, MemberKind::Operator(own) if own == op)
                    && member.params.len() == operands.len()
            })
            .collect();
        // `null` is a missing value where an operator takes a value type.
        let missing = |typed: &Typed, param: &Ty| typed.ty == Ty::Null && param.is_value_type();
        let standard = |member: &&&'static MemberInfo| {
            member.params.iter().zip(&operands).all(|(param, typed)| {
                let ty = typed.ty.strip_nullable();
                missing(typed, &param.ty) || Self::standard(ty, typed.value(), &param.ty).is_some()
            })
        };
        let declared = |member: &&&'static MemberInfo| {
            member.params.iter().zip(&operands).all(|(param, typed)| {
                Self::implicit(typed.ty.strip_nullable(), typed.value(), &param.ty).is_some()
            })
        };
        let mut fitting = members.iter().filter(standard);
        let member = fitting.next().or_else(|| members.iter().find(declared))?;
        let with_null =
            member.params.iter().zip(&operands).any(|(param, typed)| missing(typed, &param.ty));
        if with_null && fitting.next().is_some() {
            return None;
        }
        let lifted = with_null || operands.iter().any(|typed| typed.ty.nullable_inner().is_some());
        self.used.push(member);
        let mut effects = Vec::new();
        let mut args = Vec::new();
        for (typed, param) in operands.into_iter().zip(&member.params) {
            if !lifted {
                args.push(self.convert(typed, &param.ty));
                continue;
            }
            let place = self.temporary();
            let operand = Ty::nullable(param.ty.clone());
            let value = self.convert(typed, &operand);
            effects.push(Self::write(place, value));
            args.push(Self::read(place));
        }
        let reads = args.clone();
        let call = Node::Call(Box::new(Call {
            run: member.run,
            args: args.into(),
            types: Box::default(),
            receiver: false,
            outs: Box::default(),
            set: None,
            at: at.start,
        }));
        if !lifted {
            return Some(Typed::new(call, member.result.clone(), at));
        }
        let compares = member.result == Ty::BOOL;
        let missing = match reads.as_slice() {
            // Two missing values are equal.
            [left, right] if compares && matches!(op, "==" | "!=") => Node::Equal {
                negate: op == "!=",
                mode: Equality::Reference,
                left: left.clone().boxed(),
                right: right.clone().boxed(),
            },
            _ if compares => Node::Const(Value::Bool(false)),
            _ => Node::Const(Value::Null),
        };
        let is_null = reads.into_iter().map(|read| Node::Equal {
            negate: false,
            mode: Equality::Reference,
            left: read.boxed(),
            right: Node::Const(Value::Null).boxed(),
        });
        let any_null = is_null
            .reduce(|a, b| Node::Or(a.boxed(), b.boxed()))
            .unwrap_or(Node::Const(Value::Bool(false)));
        let node = Node::If(any_null.boxed(), missing.boxed(), call.boxed());
        let ty = if compares { Ty::BOOL } else { Ty::nullable(member.result.clone()) };
        Some(Typed::new(Node::Seq(effects.into(), node.boxed()), ty, at))
    }
}
