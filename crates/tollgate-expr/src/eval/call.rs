//! Running functions.

use std::sync::Arc;

use super::{Code, Function, FunctionBody, Place, Result};
use crate::state::{EvalState, Object, confusion};
use crate::types::Ty;
use crate::{Exception, ExceptionKind, Host, Value};

/// How much of the thread's stack an evaluation may use before it may not call further.
const STACK: usize = 384 << 10;

/// What an evaluation works with.
pub(crate) struct Cx<'a> {
    pub(crate) host: &'a mut dyn Host,
    pub(crate) state: &'a mut EvalState,
    /// The functions of the expression that is running.
    pub(crate) functions: &'a Arc<Vec<Function>>,
    /// Where the slots of the running function begin.
    base: usize,
    /// Where the thread's stack was at the start.
    stack: usize,
    /// What `throw;` throws.
    pub(crate) handled: Vec<Exception>,
}

/// A delegate.
#[derive(Debug)]
pub(crate) struct Closure {
    functions: Arc<Vec<Function>>,
    function: u32,
    cells: Box<[Value]>,
    pub(crate) ty: Ty,
}

fn stack_address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(&here).addr()
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        host: &'a mut dyn Host,
        state: &'a mut EvalState,
        functions: &'a Arc<Vec<Function>>,
    ) -> Self {
        let base = state.stack.len();
        Self { host, state, functions, base, stack: stack_address(), handled: Vec::new() }
    }

    /// Runs the expression: its last function.
    pub(crate) fn run(&mut self) -> Result<Value> {
        let main = self.functions.last().ok_or_else(confusion)?;
        if let (0, FunctionBody::Expr(node)) = (main.n_slots, &main.body) {
            // Nothing of the frame is needed.
            self.step(1)?;
            return self.eval(node);
        }
        let main = u32::try_from(self.functions.len().saturating_sub(1)).unwrap_or_default();
        self.call_function(self.functions, main, &[], &[])
    }

    #[inline]
    pub(crate) fn step(&mut self, n: u64) -> Result<()> {
        self.state.budget.step(n)
    }

    #[inline]
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<()> {
        self.state.budget.memory(bytes)
    }

    /// A new string.
    pub(crate) fn string(&mut self, text: String) -> Result<Value> {
        self.charge(text.len())?;
        Ok(Value::Str(text.into()))
    }

    #[inline]
    pub(crate) fn local(&self, slot: u16) -> &Value {
        const NULL: &Value = &Value::Null;
        self.state.stack.get(self.base + usize::from(slot)).unwrap_or(NULL)
    }

    #[inline]
    pub(crate) fn set_local(&mut self, slot: u16, value: Value) {
        if let Some(place) = self.state.stack.get_mut(self.base + usize::from(slot)) {
            *place = value;
        }
    }

    pub(crate) fn cell(&self, slot: u16) -> Value {
        match self.local(slot) {
            Value::Object(id) => match self.state.object(*id) {
                Object::Cell(value) => value.clone(),
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }

    pub(crate) fn set_cell(&mut self, slot: u16, value: Value) {
        let Value::Object(id) = *self.local(slot) else { return };
        if let Some(Object::Cell(place)) = self.state.object_mut(id) {
            *place = value;
        }
    }

    pub(crate) fn new_cell(&mut self, slot: u16, value: Value) -> Result<()> {
        let cell = self.state.add(Object::Cell(value))?;
        self.set_local(slot, cell);
        Ok(())
    }

    pub(crate) fn set_place(&mut self, place: Place, value: Value) {
        match place {
            Place::Local(slot) => self.set_local(slot, value),
            Place::Cell(slot) => self.set_cell(slot, value),
        }
    }

    /// A delegate of a function of the running expression.
    pub(crate) fn closure(&mut self, function: u32, captures: &[u16], ty: &Ty) -> Result<Value> {
        let cells = captures.iter().map(|slot| self.local(*slot).clone()).collect();
        let functions = self.functions.clone();
        let closure = Closure { functions, function, cells, ty: ty.clone() };
        self.state.add(Object::Function(Arc::new(closure)))
    }

    /// Calls a delegate.
    pub(crate) fn invoke(&mut self, target: &Value, args: &[Value]) -> Result<Value> {
        let Value::Object(id) = target else { return Err(Exception::null_reference()) };
        let Object::Function(closure) = self.state.object(*id) else { return Err(confusion()) };
        let closure = closure.clone();
        self.call_function(&closure.functions, closure.function, &closure.cells, args)
    }

    /// Calls a function: captures first, then parameters.
    pub(crate) fn call_function(
        &mut self,
        functions: &Arc<Vec<Function>>,
        function: u32,
        cells: &[Value],
        args: &[Value],
    ) -> Result<Value> {
        let found = functions.get(function as usize).ok_or_else(confusion)?;
        self.state.budget.enter()?;
        self.step(1)?;
        if self.stack.abs_diff(stack_address()) > STACK {
            self.state.budget.leave();
            return Err(Exception::new(
                ExceptionKind::InsufficientExecutionStack,
                "Insufficient stack to continue executing the program safely.",
            ));
        }
        let base = self.state.stack.len();
        self.state.stack.extend(cells.iter().chain(args).cloned());
        self.state.stack.resize(base + usize::from(found.n_slots), Value::Null);
        let mut inner = Cx {
            host: &mut *self.host,
            state: &mut *self.state,
            functions,
            base,
            stack: self.stack,
            handled: Vec::new(),
        };
        let result = inner.run_body(found);
        self.state.stack.truncate(base);
        self.state.budget.leave();
        result
    }

    fn run_body(&mut self, function: &Function) -> Result<Value> {
        for slot in &function.cells {
            let value = self.local(*slot).clone();
            self.new_cell(*slot, value)?;
        }
        match &function.body {
            FunctionBody::Expr(node) => self.eval(node),
            FunctionBody::Block(code) => self.run_block(code),
        }
    }

    fn run_block(&mut self, code: &Code) -> Result<Value> {
        match self.exec(code)? {
            super::statement::Flow::Return(value) => Ok(value),
            _ => Ok(Value::Null),
        }
    }

    /// Calls a delegate with one argument and takes the result as a condition.
    pub(crate) fn test(&mut self, function: &Value, arg: Value) -> Result<bool> {
        Ok(matches!(self.invoke(function, &[arg])?, Value::Bool(true)))
    }
}
