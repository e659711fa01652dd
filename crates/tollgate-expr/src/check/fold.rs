//! Calls that can be computed at load.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::Checker;
use crate::eval::{Cx, Node};
use crate::syntax::At;
use crate::types::{MemberInfo, MemberKind, TypeId};
use crate::{EvalState, FixedHost, Limits, Value};

/// What folding may cost.
const LIMITS: Limits = Limits { steps: 1_000, memory: 64 << 10, depth: 4 };

impl Checker<'_> {
    /// Hands the constant arguments of a call to the member's preparation, which may replace them or refuse them.
    pub(super) fn prepare(&mut self, member: &MemberInfo, args: &mut [Node], at: At) {
        let Some(prepare) = member.prepare else { return };
        let mut constants: Vec<Option<Value>> =
            args.iter().map(|arg| arg.constant().cloned()).collect();
        if let Err(message) = prepare(&mut constants) {
            self.error(ErrorCode::EXPR_CONSTANT, at, message);
            self.n_refusals += 1;
            return;
        }
        for (arg, constant) in args.iter_mut().zip(constants) {
            if let (Node::Const(value), Some(constant)) = (arg, constant) {
                *value = constant;
            }
        }
    }

    /// The value of a call of a member that depends on constants alone; the call itself when it throws.
    pub(super) fn fold(member: &MemberInfo, node: Node) -> Node {
        let Node::Call(call) = &node else { return node };
        let constant = member.pure
            && call.outs.is_empty()
            && call.args.iter().all(|arg| arg.constant().is_some_and(Self::is_plain));
        if !constant {
            return node;
        }
        let mut host = FixedHost::default();
        let mut state = EvalState::new(LIMITS);
        let functions = Arc::new(Vec::new());
        let mut cx = Cx::new(&mut host, &mut state, &functions);
        match cx.eval(&node) {
            Ok(value) if Self::is_plain(&value) && !Self::is_anew(member, &value) => {
                Node::Const(value)
            }
            _ => node,
        }
    }

    /// Whether each call makes an object that others can be told from.
    fn is_anew(member: &MemberInfo, value: &Value) -> bool {
        let Value::Native(object) = value else { return false };
        member.kind != MemberKind::Property
            && matches!(object.id(), TypeId::Uri | TypeId::IPAddress)
    }

    /// Whether a value lives outside a request.
    fn is_plain(value: &Value) -> bool {
        !matches!(
            value,
            Value::Json(_)
                | Value::Xml(_)
                | Value::Object(_)
                | Value::Host(_)
                | Value::Bytes(_)
                | Value::Jwt(_)
                | Value::Claims(_)
                | Value::Response(_)
                | Value::ResponsePart(..)
                | Value::Record(_)
                | Value::Exception(_)
        )
    }
}
