//! Local names.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::Checker;
use crate::Value;
use crate::eval::{Node, Place};
use crate::syntax::ast::Name;
use crate::types::Ty;

/// Where a value comes from, as far as bodies are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Other,
    Context,
    Request,
    Response,
    RequestBody,
    ResponseBody,
}

/// A local variable or function.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) name: Arc<str>,
    /// Where it is declared: its identity.
    pub(super) declared: u32,
    pub(super) kind: LocalKind,
}

/// What a local name stands for.
#[derive(Debug, Clone)]
pub(super) enum LocalKind {
    Variable { slot: u16, ty: Ty, cell: bool, read_only: bool },
    Constant { value: Value, ty: Ty },
    Function(Arc<LocalFunction>),
}

/// A local function.
#[derive(Debug)]
pub(super) struct LocalFunction {
    pub(super) index: u32,
    pub(super) declared: u32,
    pub(super) params: Vec<(Arc<str>, Ty, Option<Value>)>,
    pub(super) result: Ty,
}

/// A function being checked.
#[derive(Debug)]
pub(super) struct FunctionScope {
    blocks: Vec<Vec<Local>>,
    next: u16,
    /// Declarations captured, in slot order from 0.
    pub(super) captures: Vec<(u32, u16, Local)>,
    /// Where it is declared; none for the expression itself.
    pub(super) declared: Option<u32>,
    /// What it must return.
    pub(super) result: Option<Ty>,
    /// What it returns.
    pub(super) returns: Vec<Ty>,
    /// What `?.` is applied to, innermost last.
    pub(super) receivers: Vec<(u16, Ty, Origin)>,
}

impl FunctionScope {
    pub(super) fn new(result: Option<Ty>) -> Self {
        Self {
            blocks: vec![Vec::new()],
            next: 0,
            captures: Vec::new(),
            declared: None,
            result,
            returns: Vec::new(),
            receivers: Vec::new(),
        }
    }

    pub(super) fn n_slots(&self) -> u16 {
        self.next
    }

    pub(super) fn new_slot(&mut self) -> u16 {
        let slot = self.next;
        self.next = self.next.saturating_add(1);
        slot
    }

    fn find(&self, name: &str) -> Option<&Local> {
        self.blocks
            .iter()
            .rev()
            .flat_map(|block| block.iter().rev())
            .find(|local| &*local.name == name)
    }

    fn find_declared(&self, declared: u32) -> Option<&Local> {
        self.blocks.iter().flatten().find(|local| local.declared == declared)
    }
}

impl Checker<'_> {
    pub(super) fn push_block(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.blocks.push(Vec::new());
        }
    }

    pub(super) fn pop_block(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.blocks.pop();
        }
    }

    pub(super) fn new_slot(&mut self) -> u16 {
        self.scopes.last_mut().map_or(0, FunctionScope::new_slot)
    }

    /// Declares a name; an error when it is taken.
    pub(super) fn declare(&mut self, name: &Name, kind: LocalKind) {
        let taken =
            &*name.text != "_" && self.scopes.iter().any(|scope| scope.find(&name.text).is_some());
        if taken {
            let shown = self.shown(name.at, &name.text);
            let message = format!("a local named `{shown}` is already declared in this scope");
            self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
        }
        let local = Local { name: name.text.clone(), declared: name.at.start, kind };
        if let Some(block) = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut()) {
            block.push(local);
        }
    }

    /// Declares a variable and gives its place; whether it needs a new cell.
    pub(super) fn declare_variable(&mut self, name: &Name, ty: Ty, read_only: bool) -> Place {
        let slot = self.new_slot();
        let cell = self.known.cells.contains(&name.at.start);
        self.declare(name, LocalKind::Variable { slot, ty, cell, read_only });
        if cell { Place::Cell(slot) } else { Place::Local(slot) }
    }

    /// Finds a local; variables of enclosing functions are captured.
    pub(super) fn local(&mut self, name: &str) -> Option<Local> {
        let depth = self.scopes.iter().rposition(|scope| scope.find(name).is_some())?;
        let local = self.scopes.get(depth)?.find(name)?.clone();
        match local.kind {
            LocalKind::Variable { .. } => self.captured(local, depth),
            _ => Some(local),
        }
    }

    /// A variable declared in the function at `depth`, as the current function sees it.
    fn captured(&mut self, local: Local, depth: usize) -> Option<Local> {
        let current = self.scopes.len().saturating_sub(1);
        let LocalKind::Variable { ty, read_only, .. } = local.kind.clone() else {
            return Some(local);
        };
        if depth == current {
            return Some(local);
        }
        self.found.cells.insert(local.declared);
        let mut slot = 0;
        for index in depth + 1..=current {
            let scope = self.scopes.get_mut(index)?;
            let found =
                scope.captures.iter().position(|(declared, ..)| *declared == local.declared);
            slot = if let Some(position) = found {
                scope.captures.get(position)?.1
            } else {
                let slot = scope.new_slot();
                scope.captures.push((local.declared, slot, local.clone()));
                slot
            };
            if let Some(declared) = scope.declared {
                self.found.of.entry(declared).or_default().insert(local.declared);
            }
        }
        let kind = LocalKind::Variable { slot, ty, cell: true, read_only };
        Some(Local { kind, ..local })
    }

    /// The slot of a captured declaration in the current function; one that holds nothing when it is not in sight.
    pub(super) fn capture_slot(&mut self, declared: u32) -> u16 {
        let depth = self.scopes.iter().rposition(|scope| scope.find_declared(declared).is_some());
        let local = depth.and_then(|depth| {
            Some((depth, self.scopes.get(depth)?.find_declared(declared)?.clone()))
        });
        let Some((depth, local)) = local else { return u16::MAX };
        match self.captured(local, depth).map(|local| local.kind) {
            Some(LocalKind::Variable { slot, .. }) => slot,
            _ => u16::MAX,
        }
    }

    /// Enters a function whose captures, as far as they are known, take the first slots.
    pub(super) fn enter_function(&mut self, declared: u32, result: Option<Ty>) {
        let known = self.known.of.get(&declared).cloned().unwrap_or_default();
        let mut scope = FunctionScope::new(result);
        scope.declared = Some(declared);
        for capture in known {
            let local =
                self.scopes.iter().rev().find_map(|scope| scope.find_declared(capture).cloned());
            let slot = scope.new_slot();
            let placeholder = || Local {
                name: "".into(),
                declared: capture,
                kind: LocalKind::Constant { value: Value::Null, ty: Ty::Error },
            };
            scope.captures.push((capture, slot, local.unwrap_or_else(placeholder)));
        }
        self.scopes.push(scope);
    }

    /// Leaves a function: its slots and the declarations it captures.
    pub(super) fn leave_function(&mut self) -> FunctionScope {
        self.scopes.pop().unwrap_or_else(|| FunctionScope::new(None))
    }

    pub(super) fn read(place: Place) -> Node {
        match place {
            Place::Local(slot) => Node::Local(slot),
            Place::Cell(slot) => Node::Cell(slot),
        }
    }

    pub(super) fn write(place: Place, value: Node) -> Node {
        match place {
            Place::Local(slot) => Node::SetLocal(slot, Box::new(value)),
            Place::Cell(slot) => Node::SetCell(slot, Box::new(value)),
        }
    }

    /// A temporary that holds a value.
    pub(super) fn temporary(&mut self) -> Place {
        Place::Local(self.new_slot())
    }

    /// The names in sight, for suggestions.
    pub(super) fn local_names(&self) -> Vec<Arc<str>> {
        let locals = self.scopes.iter().flat_map(|scope| scope.blocks.iter().flatten());
        locals.map(|local| local.name.clone()).collect()
    }
}
