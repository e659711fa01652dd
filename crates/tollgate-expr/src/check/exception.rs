//! `new` of exceptions.

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed};
use crate::eval::{Call, Equality, Node};
use crate::syntax::At;
use crate::syntax::ast::{Arg, ArgValue, ExprKind};
use crate::types::{MemberInfo, Run, Ty, TypeId, default_message, info, null_message};
use crate::{ExceptionKind, Value};

/// What the arguments of an exception mean, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Message,
    Parameter,
    Inner,
}

const INNER: Ty = Ty::Thrown(ExceptionKind::Exception);

impl Checker<'_> {
    /// `new SomeException(message, inner)`; those of arguments take the parameter's name too.
    pub(super) fn exception(&mut self, kind: ExceptionKind, args: &[Arg], at: At) -> Typed {
        let Some(parts) = self.exception_parts(kind, args) else {
            let message = "an exception takes a message and an inner exception";
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let (mut message, mut parameter, mut inner) = (None, None, None);
        for (arg, part) in args.iter().zip(parts) {
            let ArgValue::Expr(expr) = &arg.value else {
                return self.fail(ErrorCode::EXPR_TYPE, arg.value.at(), "a value is expected here");
            };
            let ty = if part == Part::Inner { INNER } else { Ty::STRING };
            let node = Some(self.bind_to(expr, &ty));
            match part {
                Part::Message => message = node,
                Part::Parameter => parameter = node,
                Part::Inner => inner = node,
            }
        }
        if parameter.is_none() {
            let of_length = |member: &&&MemberInfo| member.params.len() == args.len();
            self.used.extend(info(TypeId::Exception).constructors.iter().find(of_length));
        }
        let null = || Node::Const(Value::Null);
        let message = match parameter {
            Some(parameter) => self.with_parameter(kind, message, parameter),
            None => message.unwrap_or_else(|| Node::Const(default_message(kind).into())),
        };
        let number = ExceptionKind::ALL.iter().position(|own| *own == kind).unwrap_or(0);
        let number = Value::Int(i32::try_from(number).unwrap_or(0));
        let args = [Node::Const(number), message, inner.unwrap_or_else(null)];
        let node = Node::Call(Box::new(Call {
            run: Run::of(crate::types::new_exception),
            args: args.into(),
            types: Box::default(),
            receiver: false,
            outs: Box::default(),
            set: None,
            at: at.start,
        }));
        Typed::new(node, Ty::Thrown(kind), at)
    }

    /// What the arguments mean; none when there is no such constructor.
    fn exception_parts(&mut self, kind: ExceptionKind, args: &[Arg]) -> Option<Vec<Part>> {
        let of_null =
            matches!(kind, ExceptionKind::ArgumentNull | ExceptionKind::ArgumentOutOfRange);
        let parts = match (kind, args) {
            (_, []) => Vec::new(),
            (_, [_]) if of_null => vec![Part::Parameter],
            (_, [_]) => vec![Part::Message],
            (_, [_, second]) if of_null && self.is_text(second) => {
                vec![Part::Parameter, Part::Message]
            }
            (ExceptionKind::Argument, [_, second]) if self.is_text(second) => {
                vec![Part::Message, Part::Parameter]
            }
            (_, [_, _]) => vec![Part::Message, Part::Inner],
            (ExceptionKind::Argument, [_, _, _]) => {
                vec![Part::Message, Part::Parameter, Part::Inner]
            }
            _ => return None,
        };
        Some(parts)
    }

    fn is_text(&mut self, arg: &Arg) -> bool {
        let ArgValue::Expr(expr) = &arg.value else { return false };
        if let ExprKind::Lambda(_) = expr.kind {
            return false;
        }
        self.quietly(|checker| checker.bind(expr)).ty == Ty::STRING
    }

    /// A message with the name of the parameter after it.
    fn with_parameter(
        &mut self,
        kind: ExceptionKind,
        message: Option<Node>,
        parameter: Node,
    ) -> Node {
        let (text, name) = (self.temporary(), self.temporary());
        let message = match message {
            Some(message) => {
                Node::Coalesce(message.boxed(), Node::Const(null_message(kind).into()).boxed())
            }
            None => Node::Const(default_message(kind).into()),
        };
        let effects = [Self::write(text, message), Self::write(name, parameter)];
        let is = |value: Value| Node::Equal {
            negate: false,
            mode: Equality::Reference,
            left: Self::read(name).boxed(),
            right: Node::Const(value).boxed(),
        };
        let nameless = Node::Or(is(Value::Null).boxed(), is(Value::from("")).boxed());
        let parts = [
            Self::read(text),
            Node::Const(Value::from(" (Parameter '")),
            Self::read(name),
            Node::Const(Value::from("')")),
        ];
        let named = Node::Concat(parts.into());
        let node = Node::If(nameless.boxed(), Self::read(text).boxed(), named.boxed());
        Node::Seq(effects.into(), node.boxed())
    }
}
