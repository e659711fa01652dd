//! Statements.

use tollgate_diagnostics::Code as ErrorCode;

use super::scope::LocalKind;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Code, Node, Place};
use crate::program::Target;
use crate::syntax::At;
use crate::syntax::ast::{Block, Declaration, Expr, ExprKind, Name, Stmt, StmtKind};
use crate::types::Ty;

impl Checker<'_> {
    /// Statements in a scope of their own.
    pub(super) fn block(&mut self, block: &Block) -> Code {
        self.push_block();
        let code = self.statements(&block.statements);
        self.pop_block();
        code
    }

    pub(super) fn statements(&mut self, statements: &[Stmt]) -> Code {
        self.declare_labels(statements);
        for statement in statements {
            if let StmtKind::Function(function) = &Self::unlabelled(statement).kind {
                self.declare_function(function);
            }
        }
        let codes: Vec<Code> =
            statements.iter().map(|statement| self.statement(statement)).collect();
        self.with_labels(statements, codes)
    }

    pub(super) fn statement(&mut self, statement: &Stmt) -> Code {
        let at = statement.at;
        match &statement.kind {
            StmtKind::Empty => Code::Block(Box::default()),
            StmtKind::Block(block) => self.block(block),
            StmtKind::Declaration(declaration) => self.declaration(declaration),
            StmtKind::Function(function) => {
                self.local_function(function);
                Code::Block(Box::default())
            }
            StmtKind::Expr(expr) => self.expression_statement(expr),
            StmtKind::If(condition, yes, no) => self.if_statement(condition, yes, no.as_deref()),
            StmtKind::While(condition, body) => self.while_statement(condition, body),
            StmtKind::Do(body, condition) => self.do_statement(body, condition),
            StmtKind::For { init, condition, step, body } => {
                self.for_statement(init, condition.as_ref(), step, body)
            }
            StmtKind::Foreach { target, items, body } => self.foreach(target, items, body, at),
            StmtKind::Switch(value, sections) => self.switch(value, sections),
            StmtKind::Try { body, catches, finally } => {
                self.try_statement(body, catches, finally.as_ref())
            }
            StmtKind::Using { declaration, value, body } => {
                self.using(declaration.as_ref(), value.as_ref(), body, at)
            }
            StmtKind::Return(value) => self.return_statement(value.as_ref(), at),
            StmtKind::Throw(value) => self.throw_statement(value.as_ref(), at),
            StmtKind::Break | StmtKind::Continue => {
                let is_break = matches!(statement.kind, StmtKind::Break);
                self.jump(is_break, at);
                if is_break { Code::Break } else { Code::Continue }
            }
            StmtKind::Goto(label) => self.goto_label(label),
            StmtKind::GotoCase(value) => self.goto_case(value.as_ref(), at),
            StmtKind::Label(label, inner) => {
                self.enter_label(label);
                self.statement(inner)
            }
            StmtKind::Checked(checked, block) => {
                let saved = (self.checked, self.unchecked);
                (self.checked, self.unchecked) = (*checked, !*checked);
                let code = self.block(block);
                (self.checked, self.unchecked) = saved;
                code
            }
            StmtKind::Lock(value, body) => self.lock(value, body),
        }
    }

    /// A statement that stands alone as the body of another.
    pub(super) fn body(&mut self, statement: &Stmt) -> Code {
        self.push_block();
        let code = self.statement(statement);
        self.pop_block();
        code
    }

    /// Nothing else runs beside an expression, so `lock` has nothing to keep out.
    fn lock(&mut self, value: &Expr, body: &Stmt) -> Code {
        self.push_block();
        let value = self.bind(value);
        if self.has_value(&value) && !value.ty.is_reference() {
            let message = format!("`lock` needs a reference type, not `{}`", value.ty);
            self.error(ErrorCode::EXPR_TYPE, value.at, message);
        }
        let body = self.body(body);
        self.pop_block();
        Code::Block([Code::Expr(value.node), body].into())
    }

    pub(super) fn declaration(&mut self, declaration: &Declaration) -> Code {
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
            if declaration.constant {
                self.constant(name, declared.as_ref(), value.as_ref(), declaration.ty.at);
                continue;
            }
            self.variable(name, declared.as_ref(), value.as_ref(), &mut codes);
        }
        match codes.len() {
            1 => codes.pop().unwrap_or(Code::Block(Box::default())),
            _ => Code::Block(codes.into()),
        }
    }

    fn variable(
        &mut self,
        name: &Name,
        declared: Option<&Ty>,
        value: Option<&Expr>,
        codes: &mut Vec<Code>,
    ) {
        // The name is in scope, unassigned, in its own value.
        if let Some(ty) = declared.cloned() {
            let place = self.declare_variable(name, ty.clone(), false);
            if let Place::Cell(slot) = place {
                codes.push(Code::NewCell(slot));
            }
            self.mark_unassigned(name.at.start);
            if value.is_none() && matches!(ty, Ty::Record(_)) {
                // Its members can be assigned one by one.
                let start = Node::Const(crate::eval::default_value(&ty));
                codes.push(Code::Expr(Self::write(place, start)));
            }
            if let Some(value) = value {
                let node = self.bind_to(value, &ty);
                self.mark_assigned(name.at.start);
                codes.push(Code::Expr(Self::write(place, node)));
            }
            return;
        }
        let Some(value) = value else {
            self.error(ErrorCode::EXPR_TYPE, name.at, "`var` needs a value to take its type from");
            self.declare_variable(name, Ty::Error, false);
            return;
        };
        let typed = self.inferred(value);
        let place = self.declare_variable(name, typed.ty, false);
        if let Place::Cell(slot) = place {
            codes.push(Code::NewCell(slot));
        }
        codes.push(Code::Expr(Self::write(place, typed.node)));
    }

    fn constant(&mut self, name: &Name, ty: Option<&Ty>, value: Option<&Expr>, at: At) {
        let Some(ty) = ty else {
            self.error(ErrorCode::EXPR_TYPE, at, "a `const` needs a type, not `var`");
            return;
        };
        let Some(value) = value else {
            self.error(ErrorCode::EXPR_SYNTAX, name.at, "a `const` needs a value");
            return;
        };
        let typed = if matches!(value.kind, ExprKind::Default(None)) {
            let node = self.bind_to(value, ty);
            Typed { node, ty: ty.clone(), at: value.at, constant: true }
        } else {
            self.bind(value)
        };
        let failed = typed.ty.is_error();
        let was_constant = typed.constant;
        let node = self.convert(typed, ty);
        let allowed = ty.numeric().is_some()
            || ty.is_enum()
            || *ty == Ty::BOOL
            || *ty == Ty::STRING
            || ty.is_error();
        let null = node.constant().is_some_and(Value::is_null);
        if !failed && !(was_constant && (allowed || null && ty.is_reference())) {
            let message = if allowed {
                "a `const` needs a constant value".to_owned()
            } else {
                format!("a `const` cannot be a `{ty}`")
            };
            self.error(ErrorCode::EXPR_CONSTANT, name.at, message);
        }
        let value = node.constant().cloned().unwrap_or_default();
        self.declare(name, LocalKind::Constant { value, ty: ty.clone() });
    }

    /// The value of a `var`.
    fn inferred(&mut self, value: &Expr) -> Typed {
        if self.source.as_str().get(value.at.range()).is_some_and(|text| text.starts_with('{')) {
            let message = "items in braces need an array type, not `var`";
            return self.fail(ErrorCode::EXPR_TYPE, value.at, message);
        }
        let typed = self.bind(value);
        match &typed.ty {
            Ty::Null => {
                let message = "`null` has no type that `var` could take";
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_TYPE, value.at, message)
                    .help("write the type instead of `var`");
                self.report(diagnostic);
                Typed::error(value.at)
            }
            Ty::Void => {
                self.has_value(&typed);
                Typed::error(value.at)
            }
            ty if ty.is_untyped() => {
                let message = format!("`{ty}` has a member without a type");
                self.fail(ErrorCode::EXPR_TYPE, value.at, message)
            }
            _ => typed,
        }
    }

    pub(super) fn expression_statement(&mut self, expr: &Expr) -> Code {
        let before = self.diagnostics.len();
        let typed = self.bind(expr);
        if self.diagnostics.len() == before {
            self.is_statement(expr);
        }
        Code::Expr(typed.node)
    }

    /// Reports an expression that does nothing and stands as a statement.
    pub(super) fn is_statement(&mut self, expr: &Expr) {
        if !Self::has_effect(expr) {
            let message = "only assignments, calls, `++`, `--` and `new` can be statements";
            self.error(ErrorCode::EXPR_SYNTAX, expr.at, message);
        }
    }

    pub(super) fn has_effect(expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Assign { .. }
            | ExprKind::Step { .. }
            | ExprKind::Call { .. }
            | ExprKind::New { .. } => !expr.bracketed,
            ExprKind::Conditional { rest, .. } => !expr.bracketed && Self::has_effect(rest),
            _ => false,
        }
    }

    fn if_statement(&mut self, condition: &Expr, yes: &Stmt, no: Option<&Stmt>) -> Code {
        let (condition, when_true, when_false) = self.condition_flow(condition);
        self.flow = when_true;
        let yes = self.body(yes);
        let after_yes = std::mem::replace(&mut self.flow, when_false);
        let no = no.map(|no| Box::new(self.body(no)));
        self.flow.join(after_yes);
        Code::If(condition.node, Box::new(yes), no)
    }

    fn throw_statement(&mut self, value: Option<&Expr>, at: At) -> Code {
        let Some(value) = value else {
            if self.catches == 0 {
                self.error(ErrorCode::EXPR_FLOW, at, "`throw;` stands outside a `catch`");
            } else if self.in_finally() {
                let message = "`throw;` stands in a `finally` inside its `catch`";
                self.error(ErrorCode::EXPR_FLOW, at, message);
            }
            self.end_flow();
            return Code::Rethrow;
        };
        let node = self.throw(value, at).node;
        self.end_flow();
        Code::Expr(node)
    }

    fn return_statement(&mut self, value: Option<&Expr>, at: At) -> Code {
        let code = self.return_value(value, at);
        if self.in_finally() {
            self.error(ErrorCode::EXPR_FLOW, at, "nothing can leave the body of a `finally`");
        }
        self.leaves_function(at);
        self.end_flow();
        code
    }

    fn return_value(&mut self, value: Option<&Expr>, at: At) -> Code {
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
        let typed = match result {
            Some(Ty::Void) => {
                self.error(ErrorCode::EXPR_TYPE, value.at, "nothing can be returned here");
                return Code::Return(None);
            }
            Some(result) => {
                let node = self.bind_to(value, &result);
                Typed::new(node, result, value.at)
            }
            None => {
                let typed = self.bind_returned(value);
                if is_root && self.target != Target::Bool {
                    if typed.ty == Ty::Null && self.target != Target::Int {
                        typed
                    } else {
                        let (node, ty) = self.fit_target(typed);
                        Typed::new(node, ty, value.at)
                    }
                } else {
                    self.has_value(&typed);
                    typed
                }
            }
        };
        let node = typed.node.clone();
        if let Some(scope) = self.scopes.last_mut() {
            scope.returns.push(typed);
        }
        Code::Return(Some(node))
    }

    /// A value whose type the place does not say: `default` and what has no type by itself stay null.
    fn bind_returned(&mut self, value: &Expr) -> Typed {
        let is_root = self.scopes.len() == 1;
        match &value.kind {
            ExprKind::Default(None) if is_root => {
                Typed::new(Node::Const(Value::Null), Ty::Null, value.at)
            }
            _ => self.bind(value),
        }
    }
}
