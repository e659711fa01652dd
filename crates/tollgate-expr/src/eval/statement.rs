//! Statements.

use super::{CatchCode, Code, Cx, Node, Result, Section};
use crate::state::Object;
use crate::{Exception, Value};

/// What follows a statement.
#[derive(Debug)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Goto(u32),
    Return(Value),
}

impl Cx<'_> {
    pub(crate) fn exec(&mut self, code: &Code) -> Result<Flow> {
        match code {
            Code::Expr(node) => {
                self.step(1)?;
                self.eval(node)?;
                Ok(Flow::Next)
            }
            Code::Block(statements) => {
                for statement in statements {
                    match self.exec(statement)? {
                        Flow::Next => {}
                        other => return Ok(other),
                    }
                }
                Ok(Flow::Next)
            }
            Code::If(condition, yes, no) => {
                if self.truth(condition)? {
                    self.exec(yes)
                } else {
                    no.as_ref().map_or(Ok(Flow::Next), |no| self.exec(no))
                }
            }
            Code::Return(value) => match value {
                Some(node) => Ok(Flow::Return(self.eval(node)?)),
                None => Ok(Flow::Return(Value::Null)),
            },
            Code::Loop { condition, after, step, body } => {
                self.exec_loop(condition.as_ref(), *after, step, body)
            }
            Code::Foreach { .. } => self.exec_foreach(code),
            Code::Switch { value, slot, sections } => self.exec_switch(value, *slot, sections),
            Code::Try { body, catches, finally } => {
                self.exec_try(body, catches, finally.as_deref())
            }
            Code::NewCell(slot) => {
                self.new_cell(*slot, Value::Null)?;
                Ok(Flow::Next)
            }
            Code::Rethrow => {
                Err(self.handled.last().cloned().unwrap_or_else(Exception::null_reference))
            }
            Code::Break => Ok(Flow::Break),
            Code::Continue => Ok(Flow::Continue),
            Code::Goto(label) => Ok(Flow::Goto(*label)),
            Code::Labelled { labels, statements } => self.exec_labelled(labels, statements),
        }
    }

    fn exec_labelled(&mut self, labels: &[(u32, usize)], statements: &[Code]) -> Result<Flow> {
        let mut next = 0;
        while let Some(statement) = statements.get(next) {
            next += 1;
            match self.exec(statement)? {
                Flow::Next => {}
                Flow::Goto(label) => {
                    self.step(1)?;
                    match labels.iter().find(|(own, _)| *own == label) {
                        Some((_, index)) => next = *index,
                        None => return Ok(Flow::Goto(label)),
                    }
                }
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn exec_loop(
        &mut self,
        condition: Option<&Node>,
        after: bool,
        step: &[Node],
        body: &Code,
    ) -> Result<Flow> {
        let mut first = after;
        loop {
            self.step(1)?;
            if let Some(condition) = condition
                && !first
                && !self.truth(condition)?
            {
                return Ok(Flow::Next);
            }
            first = false;
            match self.exec(body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Next | Flow::Continue => {}
                other => return Ok(other),
            }
            for node in step {
                self.eval(node)?;
            }
        }
    }

    fn exec_foreach(&mut self, code: &Code) -> Result<Flow> {
        let Code::Foreach { items, slot, convert, cell, body, at } = code else {
            return Ok(Flow::Next);
        };
        let items = self.eval(items)?;
        if items.is_null() {
            return Err(Exception::null_reference().at(*at as usize));
        }
        let mut flow = Flow::Next;
        self.each(&items, &mut |cx, item| {
            cx.step(1)?;
            cx.set_local(*slot, item);
            if let Some(convert) = convert {
                let converted = cx.eval(convert)?;
                cx.set_local(*slot, converted);
            }
            if *cell {
                let value = cx.local(*slot).clone();
                cx.new_cell(*slot, value)?;
            }
            match cx.exec(body)? {
                Flow::Break => Ok(false),
                Flow::Next | Flow::Continue => Ok(true),
                other => {
                    flow = other;
                    Ok(false)
                }
            }
        })?;
        Ok(flow)
    }

    fn exec_switch(&mut self, value: &Node, slot: u16, sections: &[Section]) -> Result<Flow> {
        let value = self.eval(value)?;
        self.set_local(slot, value);
        let mut chosen = None;
        for section in sections {
            for test in &section.tests {
                if self.truth(test)? {
                    chosen = Some(section);
                    break;
                }
            }
            if chosen.is_some() {
                break;
            }
        }
        let chosen = chosen.or_else(|| sections.iter().find(|section| section.default));
        let Some(mut section) = chosen else { return Ok(Flow::Next) };
        loop {
            match self.exec(&section.body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Goto(label) => {
                    self.step(1)?;
                    match sections.iter().find(|other| other.label == label) {
                        Some(other) => section = other,
                        None => return Ok(Flow::Goto(label)),
                    }
                }
                other => return Ok(other),
            }
        }
    }

    fn exec_try(
        &mut self,
        body: &Code,
        catches: &[CatchCode],
        finally: Option<&Code>,
    ) -> Result<Flow> {
        let mut result = self.exec(body);
        if let Err(exception) = &result
            && !exception.is_bound()
        {
            let exception = exception.clone();
            if let Some(catch) = self.matching(catches, &exception)? {
                self.handled.push(exception);
                result = self.exec(&catch.body);
                self.handled.pop();
            }
        }
        let bound = matches!(&result, Err(exception) if exception.is_bound());
        if let Some(finally) = finally
            && !bound
        {
            match self.exec(finally)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        result
    }

    fn matching<'c>(
        &mut self,
        catches: &'c [CatchCode],
        exception: &Exception,
    ) -> Result<Option<&'c CatchCode>> {
        for catch in catches.iter().filter(|catch| exception.kind().is(catch.kind)) {
            if let Some(place) = catch.place {
                let value = Value::Exception(exception.clone());
                match place {
                    super::Place::Local(slot) => self.set_local(slot, value),
                    super::Place::Cell(slot) => self.new_cell(slot, value)?,
                }
            }
            let Some(filter) = &catch.filter else { return Ok(Some(catch)) };
            // A filter that throws does not hold.
            match self.truth(filter) {
                Ok(true) => return Ok(Some(catch)),
                Err(failed) if failed.is_bound() => return Err(failed),
                Ok(false) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// An object's place in the request, when it is one.
    pub(crate) fn object_of(&self, value: &Value) -> Option<&Object> {
        match value {
            Value::Object(id) => Some(self.state.object(*id)),
            _ => None,
        }
    }
}
