//! Local names.

use std::collections::BTreeSet;
use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::flow::Flow;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, Place};
use crate::syntax::ast::{FunctionDecl, Name};
use crate::types::{ParamInfo, Ty};

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
    pub(super) name: Arc<str>,
    pub(super) params: Vec<ParamInfo>,
    pub(super) result: Ty,
    /// For a generic one, how it is written: it is checked anew for each list of type arguments.
    pub(super) generic: Option<Arc<FunctionDecl>>,
}

/// A block being checked.
#[derive(Debug, Default)]
struct Block {
    locals: Vec<Local>,
    /// Names of blocks inside it that are closed: they cannot be declared here any more.
    inner: BTreeSet<Arc<str>>,
}

/// A function being checked.
#[derive(Debug)]
pub(super) struct FunctionScope {
    blocks: Vec<Block>,
    next: u16,
    /// Declarations captured, in slot order from 0.
    pub(super) captures: Vec<(u32, u16, Local)>,
    /// Where it is declared; none for the expression itself.
    pub(super) declared: Option<u32>,
    /// What it must return.
    pub(super) result: Option<Ty>,
    /// What it returns.
    pub(super) returns: Vec<Typed>,
    /// Its `out` parameters.
    pub(super) outs: Vec<u32>,
    /// Variables of enclosing functions that it has not assigned, when it is a local function.
    pub(super) foreign: BTreeSet<u32>,
    /// What is known where it returns.
    pub(super) end: Flow,
    /// Type parameters in sight.
    pub(super) types: Vec<(Arc<str>, Ty)>,
    /// What `?.` is applied to, innermost last.
    pub(super) receivers: Vec<(u16, Ty, Origin)>,
}

impl FunctionScope {
    pub(super) fn new(result: Option<Ty>) -> Self {
        Self {
            blocks: vec![Block::default()],
            next: 0,
            captures: Vec::new(),
            declared: None,
            result,
            returns: Vec::new(),
            outs: Vec::new(),
            foreign: BTreeSet::new(),
            end: Flow::dead(),
            types: Vec::new(),
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
            .flat_map(|block| block.locals.iter().rev())
            .find(|local| &*local.name == name)
    }

    fn find_declared(&self, declared: u32) -> Option<&Local> {
        let locals = self.blocks.iter().flat_map(|block| &block.locals);
        locals.into_iter().find(|local| local.declared == declared)
    }
}

impl Checker<'_> {
    pub(super) fn push_block(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.blocks.push(Block::default());
        }
    }

    pub(super) fn pop_block(&mut self) {
        if let Some(scope) = self.scopes.last_mut()
            && let Some(closed) = scope.blocks.pop()
            && let Some(outer) = scope.blocks.last_mut()
        {
            outer.inner.extend(closed.inner);
            outer.inner.extend(closed.locals.into_iter().map(|local| local.name));
        }
    }

    pub(super) fn new_slot(&mut self) -> u16 {
        self.scopes.last_mut().map_or(0, FunctionScope::new_slot)
    }

    /// Declares a name; an error when it is taken.
    pub(super) fn declare(&mut self, name: &Name, kind: LocalKind) {
        let inner = self.scopes.last().and_then(|scope| scope.blocks.last());
        let taken = &*name.text == "context"
            || self.scopes.iter().any(|scope| scope.find(&name.text).is_some())
            || inner.is_some_and(|block| block.inner.contains(&name.text));
        if taken {
            let shown = self.shown(name.at, &name.text);
            let message = format!("a local named `{shown}` is already declared in this scope");
            self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
        }
        let local = Local { name: name.text.clone(), declared: name.at.start, kind };
        if let Some(block) = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut()) {
            block.locals.push(local);
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

    /// Enters a function that only calls another: what it holds is named by no one.
    pub(super) fn enter_wrapper(&mut self) {
        self.scopes.push(FunctionScope::new(None));
    }

    /// Leaves a function: its slots and the declarations it captures.
    pub(super) fn leave_function(&mut self) -> FunctionScope {
        let left = self.scopes.pop().unwrap_or_else(|| FunctionScope::new(None));
        if let Some(outer) = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut()) {
            for block in &left.blocks {
                outer.inner.extend(block.inner.iter().cloned());
                outer.inner.extend(block.locals.iter().map(|local| local.name.clone()));
            }
        }
        left
    }

    /// The variables of the innermost block, by where they are declared.
    pub(super) fn block_variables(&self) -> Vec<u32> {
        let block = self.scopes.last().and_then(|scope| scope.blocks.last());
        let locals = block.map(|block| block.locals.as_slice()).unwrap_or_default();
        locals.iter().map(|local| local.declared).collect()
    }

    /// Takes variables of the innermost block out of sight.
    pub(super) fn forget_variables(&mut self, range: std::ops::Range<usize>) {
        let block = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut());
        if let Some(block) = block
            && range.end <= block.locals.len()
        {
            block.locals.drain(range);
        }
    }

    /// Whether a declaration is one of the current function.
    pub(super) fn is_own(&self, declared: u32) -> bool {
        self.scopes.last().is_some_and(|scope| scope.find_declared(declared).is_some())
    }

    /// Whether a declaration is in sight.
    pub(super) fn is_declared(&self, declared: u32) -> bool {
        self.scopes.iter().any(|scope| scope.find_declared(declared).is_some())
    }

    /// The variables of all functions around, by where they are declared.
    pub(super) fn all_variables(&self) -> BTreeSet<u32> {
        let blocks = self.scopes.iter().flat_map(|scope| &scope.blocks);
        let locals = blocks.flat_map(|block| &block.locals);
        let variables = locals.filter(|local| matches!(local.kind, LocalKind::Variable { .. }));
        variables.map(|local| local.declared).collect()
    }

    /// The variable of a `using` cannot be assigned.
    pub(super) fn make_read_only(&mut self, name: &Name) {
        let block = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut());
        let found = block.and_then(|block| {
            block.locals.iter_mut().find(|local| local.declared == name.at.start)
        });
        if let Some(Local { kind: LocalKind::Variable { read_only, .. }, .. }) = found {
            *read_only = true;
        }
    }

    /// The type of a type parameter in sight.
    pub(super) fn type_parameter(&self, name: &str) -> Option<Ty> {
        let types = self.scopes.iter().rev().flat_map(|scope| &scope.types);
        types.into_iter().find(|(own, _)| &**own == name).map(|(_, ty)| ty.clone())
    }

    /// Hidden variables of queries in sight, innermost first, with their types.
    pub(super) fn hidden(&self) -> Vec<(Arc<str>, Ty)> {
        let blocks = self.scopes.iter().rev().flat_map(|scope| scope.blocks.iter().rev());
        let locals = blocks.flat_map(|block| block.locals.iter().rev());
        let hidden = locals.filter(|local| local.name.starts_with('<'));
        hidden
            .filter_map(|local| match &local.kind {
                LocalKind::Variable { ty, .. } => Some((local.name.clone(), ty.clone())),
                _ => None,
            })
            .collect()
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
        let locals =
            self.scopes.iter().flat_map(|scope| scope.blocks.iter().flat_map(|b| &b.locals));
        let names = locals.map(|local| local.name.clone());
        names.filter(|name| !name.starts_with('<')).collect()
    }
}
