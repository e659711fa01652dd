//! The nodes within nodes and statements.

use super::{Code, FunctionBody, Node};

impl Node {
    /// Hands on every node directly within this one, in the order of evaluation.
    pub(crate) fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match self {
            Node::Const(_)
            | Node::Local(_)
            | Node::Cell(_)
            | Node::NewCell(_)
            | Node::Lambda { .. }
            | Node::Read(_)
            | Node::TextIs { .. }
            | Node::TextTest(_) => {}
            Node::SetLocal(_, value)
            | Node::SetCell(_, value)
            | Node::Convert { value, .. }
            | Node::ToEnum(_, value)
            | Node::FromEnum(value)
            | Node::Cast { value, .. }
            | Node::As(_, value)
            | Node::Is(_, value)
            | Node::Not(value)
            | Node::Negate(value, ..)
            | Node::Complement(value)
            | Node::Format { value, .. }
            | Node::NewArray { size: value, .. }
            | Node::Member { target: value, .. }
            | Node::Throw(value, _) => visit(value),
            Node::TokenText(text) => visit(&mut text.plain),
            Node::NewTree(tree) => tree.each(visit),
            Node::TreeText(text) => text.each(visit),
            Node::And(left, right)
            | Node::Or(left, right)
            | Node::Coalesce(left, right)
            | Node::Compare(_, left, right)
            | Node::Equal { left, right, .. }
            | Node::NullConditional { target: left, rest: right, .. }
            | Node::ArrayGet { array: left, index: right, .. } => {
                visit(left);
                visit(right);
            }
            Node::If(condition, yes, no) => {
                for inner in [condition, yes, no] {
                    visit(inner);
                }
            }
            Node::ArraySet { array, index, value, .. } => {
                for inner in [array, index, value] {
                    visit(inner);
                }
            }
            Node::Arith(arith) => {
                visit(&mut arith.left);
                visit(&mut arith.right);
            }
            Node::Call(call) => call.args.iter_mut().for_each(visit),
            Node::Invoke { target, args, .. } => {
                visit(target);
                args.iter_mut().for_each(visit);
            }
            Node::CallFunction { args: nodes, .. }
            | Node::Concat(nodes)
            | Node::Array { items: nodes, .. }
            | Node::Record { values: nodes, .. } => nodes.iter_mut().for_each(visit),
            Node::Seq(effects, value) => {
                effects.iter_mut().for_each(&mut *visit);
                visit(value);
            }
        }
    }
}

impl Code {
    /// Hands on every node directly within this statement or those in it.
    pub(crate) fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match self {
            Code::NewCell(_)
            | Code::Return(None)
            | Code::Rethrow
            | Code::Break
            | Code::Continue
            | Code::Goto(_) => {}
            Code::Expr(node) | Code::Return(Some(node)) => visit(node),
            Code::Block(statements) | Code::Labelled { statements, .. } => {
                statements.iter_mut().for_each(|code| code.each(visit));
            }
            Code::If(condition, yes, no) => {
                visit(condition);
                yes.each(visit);
                if let Some(no) = no {
                    no.each(visit);
                }
            }
            Code::Loop { condition, step, body, .. } => {
                condition.iter_mut().for_each(&mut *visit);
                step.iter_mut().for_each(&mut *visit);
                body.each(visit);
            }
            Code::Foreach { items, convert, body, .. } => {
                visit(items);
                convert.iter_mut().for_each(&mut *visit);
                body.each(visit);
            }
            Code::Switch { value, sections, .. } => {
                visit(value);
                for section in sections {
                    section.tests.iter_mut().for_each(&mut *visit);
                    section.body.each(visit);
                }
            }
            Code::Try { body, catches, finally } => {
                body.each(visit);
                for catch in catches {
                    catch.filter.iter_mut().for_each(&mut *visit);
                    catch.body.each(visit);
                }
                if let Some(finally) = finally {
                    finally.each(visit);
                }
            }
        }
    }
}

impl FunctionBody {
    /// Hands on every node directly within the body.
    pub(crate) fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match self {
            FunctionBody::Expr(node) => visit(node),
            FunctionBody::Block(code) => code.each(visit),
        }
    }
}
