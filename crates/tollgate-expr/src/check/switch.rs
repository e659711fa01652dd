//! `switch`, labels and `goto`.

use tollgate_diagnostics::Code as ErrorCode;

use super::flow::{Flow, FrameKind};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Code, Node, Section, equal_values};
use crate::syntax::At;
use crate::syntax::ast::{Expr, Name, Pattern, Stmt, StmtKind, SwitchLabel, SwitchSection};
use crate::types::Ty;

/// A `switch` being checked: what its labels lead to.
#[derive(Debug)]
pub(super) struct SwitchScope {
    ty: Ty,
    /// Constants with their sections; none for `default`.
    labels: Vec<(Option<Value>, u32)>,
    /// What labels before have taken whole.
    taken: Vec<Taken>,
    /// The value, when it is a constant.
    value: Option<Value>,
}

/// What a label without a condition takes.
#[derive(Debug)]
enum Taken {
    All,
    Type(Ty),
    Constant { value: Value, guarded: bool },
}

/// A label of a block being checked.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: std::sync::Arc<str>,
    at: u32,
    /// How many frames were open around it.
    frames: usize,
    used: bool,
}

impl SwitchScope {
    /// Whether the labels take null and everything else.
    fn takes_all(&self) -> bool {
        let null = self.labels.iter().any(|(label, _)| label.as_ref().is_some_and(Value::is_null));
        null && self.taken.iter().any(|taken| match taken {
            Taken::All => true,
            Taken::Type(ty) => crate::types::is_assignable(self.ty.strip_nullable(), ty),
            Taken::Constant { .. } => false,
        })
    }

    /// The one section that a constant leads to, when nothing but constants decides.
    fn chosen(&self, sections: &[SwitchSection]) -> Option<u32> {
        let value = self.value.as_ref()?;
        let plain = sections.iter().flat_map(|section| &section.labels).all(|label| {
            matches!(label, SwitchLabel::Default | SwitchLabel::Case(Pattern::Constant(_), None))
        });
        if !plain {
            return None;
        }
        let exact = self
            .labels
            .iter()
            .find(|(known, _)| known.as_ref().is_some_and(|known| same_constant(known, value)));
        let other = || self.labels.iter().find(|(known, _)| known.is_none());
        exact.or_else(other).map(|(_, section)| *section)
    }
}

impl Checker<'_> {
    pub(super) fn switch(&mut self, value: &Expr, sections: &[SwitchSection]) -> Code {
        self.push_block();
        let typed = self.bind(value);
        self.has_value(&typed);
        if typed.ty.is_untyped() {
            let message = format!("`{}` alone is nothing to switch on", typed.ty);
            self.error(ErrorCode::EXPR_TYPE, typed.at, message);
        }
        let slot = self.new_slot();
        let held = Typed::new(Node::Local(slot), typed.ty, typed.at);
        let mut scope = self.switch_labels(&held, sections);
        scope.value = if typed.constant { typed.node.constant().cloned() } else { None };
        let constant = scope.chosen(sections);
        self.jumps.switches.push(scope);
        self.push_frame(FrameKind::Switch);
        let before = self.flow.clone();
        let mut all = false;
        let mut codes = Vec::new();
        // All sections see each other's names, as one block.
        self.push_block();
        for section in sections {
            // Of a constant's sections one alone is reached.
            let reached = constant.is_none_or(|chosen| chosen == section.at.start);
            let entry = if reached { before.clone() } else { Flow::dead() };
            let (code, always) = self.section(&held, section, &entry);
            all |= always || constant.is_some();
            codes.push(code);
        }
        self.pop_block();
        let frame = self.pop_frame();
        if let Some(scope) = self.jumps.switches.pop() {
            all |= scope.takes_all();
        }
        self.pop_block();
        self.flow = if all { Flow::dead() } else { before };
        self.flow.join(frame.breaks);
        Code::Switch { value: typed.node, slot, sections: codes.into() }
    }

    /// The constants of all labels; an error when one occurs twice.
    fn switch_labels(&mut self, held: &Typed, sections: &[SwitchSection]) -> SwitchScope {
        let mut scope =
            SwitchScope { ty: held.ty.clone(), labels: Vec::new(), taken: Vec::new(), value: None };
        for section in sections {
            for label in &section.labels {
                let (value, at) = match label {
                    SwitchLabel::Default => (None, section.at),
                    SwitchLabel::Case(Pattern::Constant(expr), None) => {
                        let Some(value) = self.label_value(expr, &held.ty) else { continue };
                        (Some(value), expr.at)
                    }
                    SwitchLabel::Case(..) => continue,
                };
                let twice = scope.labels.iter().any(|(known, _)| match (known, &value) {
                    (None, None) => true,
                    (Some(a), Some(b)) => same_constant(a, b),
                    _ => false,
                });
                if twice {
                    let message = "the `switch` has this label twice";
                    self.error(ErrorCode::EXPR_DUPLICATE, at, message);
                }
                scope.labels.push((value, section.at.start));
            }
        }
        scope
    }

    /// The value of a constant label, converted to the type that is switched on.
    fn label_value(&mut self, expr: &Expr, ty: &Ty) -> Option<Value> {
        let before = self.diagnostics.len();
        if let super::expression::Operand::Type(..) = self.operand(expr) {
            self.diagnostics.truncate(before);
            return None;
        }
        let typed = self.pattern_constant(expr, ty);
        let value = typed.value().cloned();
        let node = if *ty == Ty::OBJECT || typed.ty.is_error() || ty.is_error() {
            typed.node
        } else {
            self.convert(typed, ty)
        };
        // The pattern is checked again, and reported, with its section.
        self.diagnostics.truncate(before);
        value?;
        node.constant().cloned()
    }

    /// A section; whether one of its labels takes everything.
    fn section(&mut self, held: &Typed, section: &SwitchSection, before: &Flow) -> (Section, bool) {
        let mut before = before.clone();
        self.without_new(&mut before, 0);
        let known = self.n_variables();
        let mut entry = Flow::dead();
        let (mut tests, mut default, mut always) = (Vec::new(), false, false);
        for label in &section.labels {
            self.flow = before.clone();
            match label {
                SwitchLabel::Default => default = true,
                SwitchLabel::Case(pattern, guard) => {
                    let (test, takes_all) = self.label_test(held, pattern, guard.as_ref());
                    always |= takes_all;
                    tests.push(test);
                }
            }
            entry.join(std::mem::replace(&mut self.flow, Flow::dead()));
        }
        let pattern_names = section.labels.len() > 1;
        self.flow = entry;
        if pattern_names {
            // Which label led here is not known, so none of their variables is assigned.
            let mut entry = self.flow.clone();
            self.without_new(&mut entry, known);
            self.flow = entry;
        }
        let with_patterns = self.n_variables();
        let body = self.statements(&section.body);
        if self.flow.reachable {
            let message = "a section of a `switch` must end with `break`, `return` or `throw`";
            self.error(ErrorCode::EXPR_FLOW, section.at, message);
        }
        self.end_flow();
        self.forget_variables(known..with_patterns);
        let section = Section { tests: tests.into(), default, label: section.at.start, body };
        (section, always || default)
    }

    fn label_test(
        &mut self,
        held: &Typed,
        pattern: &Pattern,
        guard: Option<&Expr>,
    ) -> (Node, bool) {
        let tested = self.pattern_type(pattern);
        let constant = match pattern {
            Pattern::Constant(expr) => self.label_value(expr, &held.ty),
            _ => None,
        };
        self.handled(held, pattern, tested.as_ref(), (constant.as_ref(), guard.is_some()));
        let test = self.pattern(held, pattern);
        self.split = None;
        let irrefutable = match (&tested, pattern) {
            (_, Pattern::Var(_)) => true,
            (_, Pattern::Type(ty, _)) if ty.is_var() => true,
            (Some(ty), _) => held.ty.is_value_type() && *ty == held.ty,
            _ => false,
        };
        let (test, holds) = match guard {
            None => (test, true),
            Some(guard) => {
                let (guard, when_true, _) = self.condition_flow(guard);
                self.flow = when_true;
                let holds = guard.value().and_then(Value::as_bool) == Some(true);
                (Node::And(test.boxed(), guard.node.boxed()), holds)
            }
        };
        let taken = match tested {
            _ if !holds => None,
            _ if irrefutable => Some(Taken::All),
            Some(ty) => Some(Taken::Type(ty)),
            None => constant.map(|value| Taken::Constant { value, guarded: guard.is_some() }),
        };
        if let Some(scope) = self.jumps.switches.last_mut() {
            scope.taken.extend(taken);
        }
        (test, irrefutable && holds)
    }

    /// The type that a pattern tests for; an error when it has no name, which `case` wants.
    fn pattern_type(&mut self, pattern: &Pattern) -> Option<Ty> {
        match pattern {
            Pattern::Type(ty, name) => {
                if name.is_none() {
                    let message = "a type in a `case` needs a name or `_` after it";
                    self.error(ErrorCode::EXPR_SYNTAX, ty.at, message);
                }
                if ty.is_var() { None } else { Some(self.quietly(|checker| checker.ty(ty))) }
            }
            Pattern::Constant(expr) => {
                let operand = self.quietly(|checker| checker.operand(expr));
                if let super::expression::Operand::Type(..) = operand {
                    let message = "a type in a `case` needs a name or `_` after it";
                    self.error(ErrorCode::EXPR_SYNTAX, expr.at, message);
                }
                None
            }
            Pattern::Var(_) => None,
        }
    }

    /// Reports a label whose values labels before have taken already.
    fn handled(
        &mut self,
        held: &Typed,
        pattern: &Pattern,
        tested: Option<&Ty>,
        (constant, has_guard): (Option<&Value>, bool),
    ) {
        let (at, ty) = match (pattern, tested) {
            (Pattern::Type(written, _), Some(ty)) => (written.at, Some(ty.clone())),
            (Pattern::Constant(expr), _) => {
                let typed = self.quietly(|checker| checker.bind(expr));
                let ty = match &typed.ty {
                    Ty::Null => None,
                    ty if held.ty == Ty::OBJECT => Some(ty.clone()),
                    _ => Some(held.ty.strip_nullable().clone()),
                };
                (expr.at, ty)
            }
            _ => (held.at, None),
        };
        let taken = self.jumps.switches.last().map(|scope| scope.taken.as_slice());
        let handled = taken.unwrap_or_default().iter().any(|taken| match (taken, &ty) {
            (Taken::All, _) => true,
            (Taken::Type(known), Some(ty)) => crate::types::is_assignable(ty, known),
            (Taken::Type(_), None) => false,
            // Of two without a guard it has been reported that the label is there twice.
            (Taken::Constant { value, guarded }, _) => {
                (*guarded || has_guard)
                    && constant.is_some_and(|constant| same_constant(value, constant))
            }
        });
        if handled {
            let message = "labels before have already taken what this one takes";
            self.error(ErrorCode::EXPR_FLOW, at, message);
        }
    }

    /// `goto case value` or `goto default`.
    pub(super) fn goto_case(&mut self, value: Option<&Expr>, at: At) -> Code {
        let Some(ty) = self.jumps.switches.last().map(|scope| scope.ty.clone()) else {
            let message = "there is no `switch` around this";
            self.error(ErrorCode::EXPR_FLOW, at, message);
            return Code::Block(Box::default());
        };
        let wanted = match value {
            None => None,
            Some(expr) => {
                let typed = self.bind(expr);
                let constant = typed.value().is_some();
                let failed = typed.ty.is_error();
                let node = if ty == Ty::OBJECT { typed.node } else { self.convert(typed, &ty) };
                if !constant && !failed {
                    let message = "`goto case` needs a constant";
                    self.error(ErrorCode::EXPR_CONSTANT, expr.at, message);
                }
                if let Some(value) = node.constant() {
                    Some(value.clone())
                } else {
                    self.end_flow();
                    return Code::Block(Box::default());
                }
            }
        };
        self.end_flow();
        let labels = self.jumps.switches.last().map(|scope| scope.labels.as_slice());
        let found = labels.unwrap_or_default().iter().find(|(known, _)| match (known, &wanted) {
            (None, None) => true,
            (Some(a), Some(b)) => same_constant(a, b),
            _ => false,
        });
        if let Some((_, section)) = found {
            return Code::Goto(*section);
        }
        let message = "the `switch` has no such label";
        self.error(ErrorCode::EXPR_FLOW, at, message);
        Code::Block(Box::default())
    }

    // Labels.

    /// The statement behind labels.
    pub(super) fn unlabelled(statement: &Stmt) -> &Stmt {
        let mut inner = statement;
        while let StmtKind::Label(_, next) = &inner.kind {
            inner = next;
        }
        inner
    }

    fn labels_of(statement: &Stmt) -> Vec<&Name> {
        let mut labels = Vec::new();
        let mut inner = statement;
        while let StmtKind::Label(name, next) = &inner.kind {
            labels.push(name);
            inner = next;
        }
        labels
    }

    /// Declares the labels of a block, so that what stands before them can go to them.
    pub(super) fn declare_labels(&mut self, statements: &[Stmt]) {
        let frames = self.frames.len();
        let mut block = Vec::new();
        for name in statements.iter().flat_map(Self::labels_of) {
            let taken = self.jumps.labels.iter().flatten().chain(&block).map(|label| &label.name);
            if taken.chain(&self.jumps.around).any(|taken| *taken == name.text) {
                let shown = self.shown(name.at, &name.text);
                let message = format!("a label named `{shown}` is already declared in this scope");
                self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
            }
            let label = Label { name: name.text.clone(), at: name.at.start, frames, used: false };
            block.push(label);
        }
        self.jumps.labels.push(block);
    }

    /// The statements of a block with its labels, which end here.
    pub(super) fn with_labels(&mut self, statements: &[Stmt], codes: Vec<Code>) -> Code {
        let block = self.jumps.labels.pop().unwrap_or_default();
        if block.iter().all(|label| !label.used) {
            return Code::Block(codes.into());
        }
        let places = statements.iter().zip(0usize..).flat_map(|(statement, index)| {
            Self::labels_of(statement).into_iter().map(move |name| (name.at.start, index))
        });
        Code::Labelled { labels: places.collect(), statements: codes.into() }
    }

    pub(super) fn enter_label(&mut self, label: &Name) {
        if let Some(known) = self.known.labels.get(&label.at.start) {
            self.flow.join(known.clone());
        }
    }

    pub(super) fn goto_label(&mut self, name: &Name) -> Code {
        let flow = self.end_flow();
        let labels = self.jumps.labels.iter_mut().rev().flatten();
        let found = labels.into_iter().find(|label| label.name == name.text).map(|label| {
            label.used = true;
            (label.at, label.frames)
        });
        let Some((at, frames)) = found else {
            let shown = self.shown(name.at, &name.text);
            let message = format!("there is no label `{shown}` in sight");
            self.error(ErrorCode::EXPR_UNKNOWN_NAME, name.at, message);
            return Code::Block(Box::default());
        };
        let leaves = self.frames.iter().skip(frames);
        if leaves.into_iter().any(|frame| frame.kind == FrameKind::Finally) {
            let message = "nothing can leave the body of a `finally`";
            self.error(ErrorCode::EXPR_FLOW, name.at, message);
        }
        self.found.labels.entry(at).or_insert_with(Flow::dead).join(flow);
        Code::Goto(at)
    }
}

fn same_constant(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && equal_values(a, b),
    }
}
