//! Statements.

use tollgate_diagnostics::Code as ErrorCode;

use super::scope::LocalKind;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{CatchCode, Code, Node, Place, Section};
use crate::program::Target;
use crate::syntax::At;
use crate::syntax::ast::{
    Block, Catch, Declaration, Expr, ExprKind, Literal, Name, Stmt, StmtKind, SwitchLabel,
    SwitchSection, TypeRef,
};
use crate::types::{Kind, Ty, TypeId, info};

impl Checker<'_> {
    /// Statements; whether their end can be reached.
    pub(super) fn block(&mut self, block: &Block) -> (Code, bool) {
        self.push_block();
        let result = self.statements(&block.statements);
        self.pop_block();
        result
    }

    fn statements(&mut self, statements: &[Stmt]) -> (Code, bool) {
        for statement in statements {
            if let StmtKind::Function { ty, name, parameters, .. } = &statement.kind {
                self.declare_function(ty, name, parameters);
            }
        }
        let mut codes = Vec::new();
        let mut reachable = true;
        for statement in statements {
            let (code, goes_on) = self.statement(statement);
            codes.push(code);
            reachable = reachable && goes_on;
        }
        (Code::Block(codes.into()), reachable)
    }

    fn statement(&mut self, statement: &Stmt) -> (Code, bool) {
        let at = statement.at;
        match &statement.kind {
            StmtKind::Empty => (Code::Block(Box::default()), true),
            StmtKind::Block(block) => self.block(block),
            StmtKind::Declaration(declaration) => (self.declaration(declaration), true),
            StmtKind::Function { name, parameters, body, .. } => {
                self.local_function(name, parameters, body);
                (Code::Block(Box::default()), true)
            }
            StmtKind::Expr(expr) => (self.expression_statement(expr), true),
            StmtKind::If(condition, yes, no) => self.if_statement(condition, yes, no.as_deref()),
            StmtKind::While(condition, body) => self.while_statement(condition, body),
            StmtKind::Do(body, condition) => {
                let (body, goes_on) = self.loop_body(body);
                let condition = self.condition(condition);
                let forever = condition.constant().and_then(Value::as_bool) == Some(true);
                let code = Code::Loop {
                    condition: Some(condition),
                    after: true,
                    step: Box::default(),
                    body: Box::new(body.0),
                };
                (code, !forever && goes_on || body.1)
            }
            StmtKind::For { init, condition, step, body } => {
                self.for_statement(init, condition.as_ref(), step, body)
            }
            StmtKind::Foreach { ty, name, items, body } => self.foreach(ty, name, items, body, at),
            StmtKind::Switch(value, sections) => self.switch(value, sections),
            StmtKind::Try { body, catches, finally } => {
                self.try_statement(body, catches, finally.as_ref())
            }
            StmtKind::Using { declaration, value, body } => {
                self.using(declaration.as_ref(), value.as_ref(), body, at)
            }
            StmtKind::Return(value) => (self.return_statement(value.as_ref(), at), false),
            StmtKind::Throw(Some(value)) => (Code::Expr(self.throw(value, at).node), false),
            StmtKind::Throw(None) => {
                if self.catches == 0 {
                    self.error(ErrorCode::EXPR_FLOW, at, "`throw;` stands outside a `catch`");
                }
                (Code::Rethrow, false)
            }
            StmtKind::Break | StmtKind::Continue => {
                if self.loops == 0 {
                    self.error(ErrorCode::EXPR_FLOW, at, "there is no loop around this");
                }
                let is_break = matches!(statement.kind, StmtKind::Break);
                if is_break {
                    self.broke = true;
                }
                (if is_break { Code::Break } else { Code::Continue }, false)
            }
            StmtKind::Checked(checked, block) => {
                let saved = (self.checked, self.unchecked);
                (self.checked, self.unchecked) = (*checked, !*checked);
                let result = self.block(block);
                (self.checked, self.unchecked) = saved;
                result
            }
            StmtKind::Lock(value, body) => {
                let value = self.bind(value);
                let (body, reachable) = self.statement(body);
                (Code::Block([Code::Expr(value.node), body].into()), reachable)
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration) -> Code {
        let mut codes = Vec::new();
        if declaration.ty.is_var() && declaration.variables.len() > 1 {
            let at = declaration.ty.at;
            self.error(ErrorCode::EXPR_SYNTAX, at, "`var` declares one variable at a time");
        }
        let declared = if declaration.ty.is_var() { None } else { Some(self.ty(&declaration.ty)) };
        if declared == Some(Ty::Void) {
            self.error(ErrorCode::EXPR_TYPE, declaration.ty.at, "a variable cannot be `void`");
        }
        for (name, value) in &declaration.variables {
            let (ty, node, constant) = match (value, &declared) {
                (Some(value), Some(ty)) => {
                    let node = self.bind_to(value, ty);
                    let constant = node.constant().is_some();
                    (ty.clone(), Some(node), constant)
                }
                (Some(value), None) => {
                    let typed = self.inferred(value);
                    (typed.ty, Some(typed.node), typed.constant)
                }
                (None, Some(ty)) => (ty.clone(), None, false),
                (None, None) => {
                    self.error(
                        ErrorCode::EXPR_TYPE,
                        name.at,
                        "`var` needs a value to take its type from",
                    );
                    (Ty::Error, None, false)
                }
            };
            if declaration.constant {
                let value = node.as_ref().and_then(Node::constant).cloned();
                if !constant {
                    self.error(
                        ErrorCode::EXPR_CONSTANT,
                        name.at,
                        "a `const` needs a constant value",
                    );
                }
                let kind = LocalKind::Constant { value: value.unwrap_or_default(), ty };
                self.declare(name, kind);
                continue;
            }
            let place = self.declare_variable(name, ty, false);
            if let Place::Cell(slot) = place {
                codes.push(Code::NewCell(slot));
            }
            match node {
                Some(node) => codes.push(Code::Expr(Self::write(place, node))),
                None => {
                    self.unassigned.insert(name.at.start);
                }
            }
        }
        match codes.len() {
            1 => codes.pop().unwrap_or(Code::Block(Box::default())),
            _ => Code::Block(codes.into()),
        }
    }

    /// The value of `var x = value`.
    fn inferred(&mut self, value: &Expr) -> Typed {
        let typed = self.bind(value);
        match typed.ty {
            Ty::Null => {
                let diagnostic = self
                    .diagnostic(
                        ErrorCode::EXPR_TYPE,
                        value.at,
                        "`null` says nothing about the type",
                    )
                    .help("write the type instead of `var`");
                self.report(diagnostic);
                Typed::error(value.at)
            }
            Ty::Void => {
                self.has_value(&typed);
                Typed::error(value.at)
            }
            _ => typed,
        }
    }

    fn expression_statement(&mut self, expr: &Expr) -> Code {
        let effect = match &expr.kind {
            ExprKind::Assign { .. }
            | ExprKind::Step { .. }
            | ExprKind::Call { .. }
            | ExprKind::New { .. } => true,
            ExprKind::Conditional { rest, .. } => {
                matches!(rest.kind, ExprKind::Call { .. } | ExprKind::Conditional { .. })
            }
            _ => false,
        };
        let before = self.diagnostics.len();
        let typed = self.bind(expr);
        if !effect && self.diagnostics.len() == before {
            let message = "only assignments, calls, `++`, `--` and `new` can be statements";
            self.error(ErrorCode::EXPR_SYNTAX, expr.at, message);
        }
        Code::Expr(typed.node)
    }

    fn if_statement(&mut self, condition: &Expr, yes: &Stmt, no: Option<&Stmt>) -> (Code, bool) {
        let condition = self.condition(condition);
        let known = condition.constant().and_then(Value::as_bool);
        let before = self.unassigned.clone();
        self.push_block();
        let (yes, yes_ends) = self.statement(yes);
        self.pop_block();
        let after_yes = std::mem::replace(&mut self.unassigned, before);
        let (no, no_ends) = match no {
            Some(no) => {
                self.push_block();
                let (no, ends) = self.statement(no);
                self.pop_block();
                (Some(Box::new(no)), ends)
            }
            None => (None, true),
        };
        // A branch that never ends says nothing about what follows.
        match (yes_ends, no_ends) {
            (true, true) => self.unassigned.extend(after_yes),
            (true, false) => self.unassigned = after_yes,
            _ => {}
        }
        let reachable = match known {
            Some(true) => yes_ends,
            Some(false) => no_ends,
            None => yes_ends || no_ends,
        };
        (Code::If(condition, Box::new(yes), no), reachable)
    }

    /// A body with its code and whether a `break` leaves it; whether its end can be reached.
    fn loop_body(&mut self, body: &Stmt) -> ((Code, bool), bool) {
        self.loops += 1;
        let outer = std::mem::take(&mut self.broke);
        self.push_block();
        let (code, goes_on) = self.statement(body);
        self.pop_block();
        self.loops -= 1;
        let broke = std::mem::replace(&mut self.broke, outer);
        ((code, broke), goes_on)
    }

    fn while_statement(&mut self, condition: &Expr, body: &Stmt) -> (Code, bool) {
        let condition = self.condition(condition);
        let forever = condition.constant().and_then(Value::as_bool) == Some(true);
        let before = self.unassigned.clone();
        let ((body, broke), _) = self.loop_body(body);
        if !forever {
            self.unassigned.extend(before);
        }
        let code = Code::Loop {
            condition: Some(condition),
            after: false,
            step: Box::default(),
            body: Box::new(body),
        };
        (code, !forever || broke)
    }

    fn for_statement(
        &mut self,
        init: &[Stmt],
        condition: Option<&Expr>,
        step: &[Expr],
        body: &Stmt,
    ) -> (Code, bool) {
        self.push_block();
        let mut codes: Vec<Code> =
            init.iter().map(|statement| self.statement(statement).0).collect();
        let condition = condition.map(|condition| self.condition(condition));
        let forever = condition
            .as_ref()
            .is_none_or(|condition| condition.constant().and_then(Value::as_bool) == Some(true));
        let before = self.unassigned.clone();
        let ((body, broke), _) = self.loop_body(body);
        let step: Vec<Node> = step.iter().map(|step| self.bind(step).node).collect();
        if !forever {
            self.unassigned.extend(before);
        }
        self.pop_block();
        codes.push(Code::Loop { condition, after: false, step: step.into(), body: Box::new(body) });
        (Code::Block(codes.into()), !forever || broke)
    }

    fn foreach(
        &mut self,
        ty: &TypeRef,
        name: &Name,
        items: &Expr,
        body: &Stmt,
        at: At,
    ) -> (Code, bool) {
        let typed = self.bind(items);
        if typed.ty.is_error() {
            // The body is checked with a variable of unknown type.
            self.push_block();
            self.declare_variable(name, Ty::Error, true);
            self.loop_body(body);
            self.pop_block();
            return (Code::Block(Box::default()), true);
        }
        let pairs = typed.ty.is(TypeId::JObject);
        let item = if pairs {
            Some(Ty::generic(TypeId::KeyValuePair, [Ty::STRING, Ty::JTOKEN]))
        } else {
            typed.ty.item()
        };
        let item = if let Some(item) = item {
            item
        } else {
            let message = format!("`foreach` cannot walk over `{}`", typed.ty);
            self.error(ErrorCode::EXPR_TYPE, items.at, message);
            Ty::Error
        };
        let wanted = if ty.is_var() { item.clone() } else { self.ty(ty) };
        self.push_block();
        let place = self.declare_variable(name, wanted.clone(), true);
        let (Place::Local(slot) | Place::Cell(slot)) = place;
        let convert = self.foreach_conversion(slot, &item, &wanted, ty.at);
        let before = self.unassigned.clone();
        let ((body, _), _) = self.loop_body(body);
        self.unassigned.extend(before);
        self.pop_block();
        let items = if pairs { Self::json_pairs(typed.node, at) } else { typed.node };
        let cell = matches!(place, Place::Cell(_));
        let code = Code::Foreach { items, slot, convert, cell, body: Box::new(body), at: at.start };
        (code, true)
    }

    fn foreach_conversion(&mut self, slot: u16, item: &Ty, wanted: &Ty, at: At) -> Option<Node> {
        if item == wanted || item.is_error() || wanted.is_error() {
            return None;
        }
        let Some(conversion) = Self::explicit(item, None, wanted) else {
            self.error(
                ErrorCode::EXPR_TYPE,
                at,
                format!("`{item}` can never be cast to `{wanted}`"),
            );
            return None;
        };
        Some(self.apply(Node::Local(slot), &conversion, at))
    }

    /// `foreach` over a `JObject` gives pairs.
    fn json_pairs(items: Node, at: At) -> Node {
        Node::Call(Box::new(crate::eval::Call {
            run: crate::types::Run::of(crate::types::json_pairs),
            args: [items].into(),
            types: Box::default(),
            receiver: true,
            outs: Box::default(),
            set: None,
            at: at.start,
        }))
    }

    fn switch(&mut self, value: &Expr, sections: &[SwitchSection]) -> (Code, bool) {
        let typed = self.bind(value);
        let slot = self.new_slot();
        let held = Typed::new(Node::Local(slot), typed.ty, typed.at);
        self.loops += 1;
        let outer = std::mem::take(&mut self.broke);
        let before = self.unassigned.clone();
        let mut after = std::collections::HashSet::new();
        let mut has_default = false;
        let mut codes = Vec::new();
        for section in sections {
            self.unassigned.clone_from(&before);
            self.push_block();
            let (mut tests, mut default) = (Vec::new(), false);
            for label in &section.labels {
                match label {
                    SwitchLabel::Default => default = true,
                    SwitchLabel::Case(pattern, guard) => {
                        let test = self.pattern(&held, pattern);
                        tests.push(match guard {
                            Some(guard) => {
                                let guard = self.condition(guard);
                                Node::And(test.boxed(), guard.boxed())
                            }
                            None => test,
                        });
                    }
                }
            }
            has_default |= default;
            let broke = std::mem::take(&mut self.broke);
            let (body, ends) = self.statements(&section.body);
            let section_broke = std::mem::replace(&mut self.broke, broke);
            self.broke |= section_broke;
            if ends {
                let message = "a section of a `switch` must end with `break`, `return` or `throw`";
                self.error(ErrorCode::EXPR_FLOW, section.at, message);
            }
            if section_broke {
                after.extend(self.unassigned.iter().copied());
            }
            self.pop_block();
            codes.push(Section { tests: tests.into(), default, body });
        }
        self.loops -= 1;
        let broke = std::mem::replace(&mut self.broke, outer);
        if !has_default {
            after.extend(before);
        }
        self.unassigned = after;
        let code = Code::Switch { value: typed.node, slot, sections: codes.into() };
        (code, broke || !has_default)
    }

    fn try_statement(
        &mut self,
        body: &Block,
        catches: &[Catch],
        finally: Option<&Block>,
    ) -> (Code, bool) {
        let before = self.unassigned.clone();
        let (body, mut reachable) = self.block(body);
        let mut after = if reachable { Some(self.unassigned.clone()) } else { None };
        let mut codes = Vec::new();
        for catch in catches {
            self.unassigned.clone_from(&before);
            let (code, ends) = self.catch(catch);
            if ends {
                let known = after.get_or_insert_default();
                known.extend(self.unassigned.iter().copied());
            }
            reachable |= ends;
            codes.push(code);
        }
        self.unassigned = after.unwrap_or_default();
        let mut finally_code = None;
        if let Some(finally) = finally {
            let after = std::mem::replace(&mut self.unassigned, before.clone());
            let (code, ends) = self.block(finally);
            // What `finally` assigns is assigned.
            let assigned: Vec<u32> = before.difference(&self.unassigned).copied().collect();
            self.unassigned = after;
            for declared in assigned {
                self.unassigned.remove(&declared);
            }
            reachable &= ends;
            finally_code = Some(Box::new(code));
        }
        let code = Code::Try { body: Box::new(body), catches: codes.into(), finally: finally_code };
        (code, reachable)
    }

    fn catch(&mut self, catch: &Catch) -> (CatchCode, bool) {
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
        let filter = catch.filter.as_ref().map(|filter| self.condition(filter));
        self.catches += 1;
        let (body, ends) = self.block(&catch.body);
        self.catches -= 1;
        self.pop_block();
        (CatchCode { kind, place, filter, body }, ends)
    }

    fn using(
        &mut self,
        declaration: Option<&Declaration>,
        value: Option<&Expr>,
        body: &Stmt,
        at: At,
    ) -> (Code, bool) {
        self.push_block();
        let mut codes = Vec::new();
        if let Some(declaration) = declaration {
            codes.push(self.declaration(declaration));
            for (name, _) in &declaration.variables {
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
        let (body, reachable) = self.statement(body);
        self.pop_block();
        // Nothing here holds anything that disposing would give back.
        codes.push(body);
        (Code::Block(codes.into()), reachable)
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

    fn return_statement(&mut self, value: Option<&Expr>, at: At) -> Code {
        let is_root = self.scopes.len() == 1;
        let Some(value) = value else {
            let wants = is_root
                || self
                    .scopes
                    .last()
                    .and_then(|scope| scope.result.as_ref())
                    .is_some_and(|ty| *ty != Ty::Void);
            if wants {
                self.error(ErrorCode::EXPR_TYPE, at, "a value must be returned");
            }
            return Code::Return(None);
        };
        let result = self.scopes.last().and_then(|scope| scope.result.clone());
        let (node, ty) = match result {
            Some(Ty::Void) => {
                self.error(ErrorCode::EXPR_TYPE, value.at, "nothing can be returned here");
                return Code::Return(None);
            }
            Some(result) => (self.bind_to(value, &result), result),
            None => {
                let typed = self.bind(value);
                if is_root && self.target != Target::Bool {
                    if typed.ty == Ty::Null && self.target != Target::Int {
                        (typed.node, Ty::Null)
                    } else {
                        self.fit_target(typed)
                    }
                } else {
                    self.has_value(&typed);
                    (typed.node, typed.ty)
                }
            }
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.returns.push(ty);
        }
        Code::Return(Some(node))
    }

    /// Whether an expression is the literal `true`.
    pub(super) fn is_true(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Literal(Literal::Bool(true)))
    }
}
