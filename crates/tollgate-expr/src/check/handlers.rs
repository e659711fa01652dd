//! `try`, `catch`, `finally` and `using`.

use tollgate_diagnostics::Code as ErrorCode;

use super::Checker;
use super::flow::FrameKind;
use super::scope::LocalKind;
use crate::eval::{CatchCode, Code};
use crate::syntax::At;
use crate::syntax::ast::{Block, Catch, Declaration, Expr, Stmt};
use crate::types::{Kind, Ty, TypeId, info};

impl Checker<'_> {
    pub(super) fn try_statement(
        &mut self,
        body: &Block,
        catches: &[Catch],
        finally: Option<&Block>,
    ) -> Code {
        let before = self.flow.clone();
        let body = self.block(body);
        let mut after = self.end_flow();
        let mut codes = Vec::new();
        let mut caught: Vec<crate::ExceptionKind> = Vec::new();
        for (index, catch) in catches.iter().enumerate() {
            if catch.ty.is_none() && index + 1 < catches.len() && catch.filter.is_none() {
                let message = "a `catch` without a type must be the last";
                self.error(ErrorCode::EXPR_FLOW, catch.body.at, message);
            }
            self.flow = before.clone();
            let code = self.catch(catch);
            if let Some(ty) = &catch.ty {
                if caught.iter().any(|known| code.kind.is(*known)) {
                    let message = "an earlier `catch` already catches this exception";
                    self.error(ErrorCode::EXPR_FLOW, ty.at, message);
                }
                if catch.filter.is_none() {
                    caught.push(code.kind);
                }
            }
            after.join(self.end_flow());
            codes.push(code);
        }
        self.flow = after;
        let finally = finally.map(|finally| Box::new(self.finally(finally, &before)));
        Code::Try { body: Box::new(body), catches: codes.into(), finally }
    }

    fn finally(&mut self, body: &Block, before: &super::flow::Flow) -> Code {
        let after = std::mem::replace(&mut self.flow, before.clone());
        self.push_frame(FrameKind::Finally);
        let code = self.block(body);
        self.pop_frame();
        let end = self.end_flow();
        if end.reachable {
            self.flow = after;
            // What `finally` assigns is assigned.
            for declared in before.unassigned.difference(&end.unassigned) {
                self.flow.unassigned.remove(declared);
            }
        }
        code
    }

    fn catch(&mut self, catch: &Catch) -> CatchCode {
        let kind = match catch.ty.as_ref().map(|ty| (self.ty(ty), ty.at)) {
            None => crate::ExceptionKind::Exception,
            Some((Ty::Thrown(kind), _)) => kind,
            Some((ty, at)) => {
                if !ty.is_error() {
                    self.error(ErrorCode::EXPR_TYPE, at, format!("`{ty}` is not an exception"));
                }
                crate::ExceptionKind::Exception
            }
        };
        self.push_block();
        let place =
            catch.name.as_ref().map(|name| self.declare_variable(name, Ty::Thrown(kind), false));
        let filter = catch.filter.as_ref().map(|filter| {
            let (condition, when_true, _) = self.condition_flow(filter);
            self.flow = when_true;
            condition.node
        });
        self.catches += 1;
        let body = self.block(&catch.body);
        self.catches -= 1;
        self.pop_block();
        CatchCode { kind, place, filter, body }
    }

    pub(super) fn using(
        &mut self,
        declaration: Option<&Declaration>,
        value: Option<&Expr>,
        body: &Stmt,
        at: At,
    ) -> Code {
        self.push_block();
        let mut codes = Vec::new();
        if let Some(declaration) = declaration {
            codes.push(self.declaration(declaration));
            for (name, value) in &declaration.variables {
                if value.is_none() {
                    let message = "a variable of `using` needs a value";
                    self.error(ErrorCode::EXPR_SYNTAX, name.at, message);
                }
                self.make_read_only(name);
                let ty = self.local(&name.text).and_then(|local| match local.kind {
                    LocalKind::Variable { ty, .. } => Some(ty),
                    _ => None,
                });
                self.disposable(&ty.unwrap_or(Ty::Error), at);
            }
        }
        if let Some(value) = value {
            let typed = self.bind(value);
            self.disposable(&typed.ty, typed.at);
            codes.push(Code::Expr(typed.node));
        }
        let body = self.body(body);
        self.pop_block();
        // Nothing here holds anything that disposing would give back.
        codes.push(body);
        Code::Block(codes.into())
    }

    fn disposable(&mut self, ty: &Ty, at: At) {
        let interface = ty.id().is_some_and(|id| matches!(info(id).decl.kind, Kind::Interface));
        let disposes = ty.is_error()
            || matches!(ty, Ty::Null)
            || interface
            || ty.as_instance_of(TypeId::IDisposable).is_some();
        if !disposes {
            self.error(ErrorCode::EXPR_TYPE, at, format!("`{ty}` is not disposable"));
        }
    }
}
