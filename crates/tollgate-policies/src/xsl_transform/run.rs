//! Runs stylesheets.

mod keys;
mod make;
mod sort;

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_engine::PolicyError;

use super::style::{Apply, Avt, AvtPart, Binding, Bound, Instr, Stylesheet};
use super::tree::{Builder, Kind, Name, Tree};
use super::xpath::eval::Focus;
use super::xpath::{Expr, NodeRef, Value};
use crate::message_body::{LIMITS, LONGEST, too_large};

pub(super) type Result<T> = std::result::Result<T, PolicyError>;

/// Instructions, nodes found, in eights nodes looked at and, in sixty-fours, bytes made or read.
const MOST_STEPS: u64 = 3_000_000;

/// Bytes of the result and of the trees that variables hold, nodes and texts.
const MOST_MEMORY: u64 = LIMITS.memory;

/// Templates and loops inside one another.
const MOST_FRAMES: usize = 3000;

/// Values whose content is instructions, inside one another.
const MOST_CAPTURES: usize = 40;

/// Nesting of the result.
const DEEPEST_RESULT: usize = 512;

/// What a transformation works on.
pub(super) struct World<'s> {
    pub(super) style: &'s Stylesheet,
    /// The source, then the trees that variables hold.
    pub(super) trees: Vec<Arc<Tree>>,
    /// Variables of the templates that run; those of the innermost one begin at `base`.
    variables: Vec<(Name, Value)>,
    base: usize,
    globals: Vec<GlobalState>,
    parameters: Vec<(Name, Value)>,
    keys: HashMap<(usize, u32), Arc<Index>>,
    steps: u64,
    /// Bytes of the trees that were made for variables.
    kept: u64,
    captures: usize,
    /// Expressions that are being evaluated.
    pub(super) evaluations: usize,
}

/// Nodes by the values of a key.
type Index = HashMap<Arc<str>, Vec<NodeRef>>;

#[derive(Debug, Clone)]
enum GlobalState {
    Unknown,
    /// It is being worked out: a circle when it is asked for.
    Busy,
    Known(Value),
}

/// Instructions that run.
struct Frame<'s> {
    body: &'s [Instr],
    at: usize,
    focus: Focus,
    mode: Option<&'s Name>,
    /// What is put back at the end.
    variables: usize,
    base: usize,
    /// What the template was given.
    given: Arc<[(Name, Value)]>,
    end: End<'s>,
}

/// What happens at the end of a frame.
enum End<'s> {
    Nothing,
    /// The element that it made ends.
    Close,
    Each(Each<'s>),
    Apply(Applying<'s>),
}

/// A loop that goes on.
struct Each<'s> {
    nodes: Arc<[NodeRef]>,
    next: usize,
    body: &'s [Instr],
}

/// Templates that are applied.
struct Applying<'s> {
    nodes: Arc<[NodeRef]>,
    next: usize,
    mode: Option<&'s Name>,
    given: Arc<[(Name, Value)]>,
}

/// Applies a stylesheet to a tree.
pub(super) fn transform(
    style: &Stylesheet,
    source: Tree,
    parameters: Vec<(Name, Value)>,
) -> Result<Tree> {
    let mut world = World {
        style,
        trees: vec![Arc::new(source)],
        variables: Vec::new(),
        base: 0,
        globals: vec![GlobalState::Unknown; style.globals.len()],
        parameters,
        keys: HashMap::new(),
        steps: MOST_STEPS,
        kept: 0,
        captures: 0,
        evaluations: 0,
    };
    let root = NodeRef { tree: 0, node: 0 };
    let mut out = Builder::new();
    let applying = Applying { nodes: [root].into(), next: 0, mode: None, given: [].into() };
    let mut stack = Vec::new();
    world.apply_next(applying, &mut stack, &mut out)?;
    world.drive(&mut stack, &mut out)?;
    Ok(out.finish())
}

impl<'s> World<'s> {
    pub(super) fn step(&mut self, n: u64) -> Result<()> {
        match self.steps.checked_sub(n) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(self.fault("the transformation takes too many steps")),
        }
    }

    /// Pays for text that is made.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        if bytes > LONGEST { Err(too_large()) } else { self.step(1 + bytes as u64 / 64) }
    }

    /// Whether there is room for what has been made.
    fn check_memory(&self, out: &Builder) -> Result<()> {
        if self.kept + out.size as u64 > MOST_MEMORY { Err(too_large()) } else { Ok(()) }
    }

    /// Why the transformation fails.
    #[expect(clippy::unused_self, reason = "read as what happens to this transformation")]
    pub(super) fn fault(&self, message: impl Into<String>) -> PolicyError {
        PolicyError::internal("TransformationFailed", message)
    }

    pub(super) fn too_deep(&self) -> PolicyError {
        self.fault("the transformation is nested too deep")
    }

    fn drive(&mut self, stack: &mut Vec<Frame<'s>>, out: &mut Builder) -> Result<()> {
        while let Some(frame) = stack.last_mut() {
            if let Some(instr) = frame.body.get(frame.at) {
                frame.at += 1;
                let (focus, mode) = (frame.focus, frame.mode);
                self.step(1)?;
                self.instr(instr, focus, mode, stack, out)?;
                if stack.len() > MOST_FRAMES || out.depth() > DEEPEST_RESULT {
                    return Err(self.too_deep());
                }
                self.check_memory(out)?;
                continue;
            }
            let Some(frame) = stack.pop() else { break };
            self.variables.truncate(frame.variables);
            self.base = frame.base;
            match frame.end {
                End::Nothing => {}
                End::Close => out.end(),
                End::Each(each) => self.each_next(each, &frame.given, frame.mode, stack)?,
                End::Apply(applying) => self.apply_next(applying, stack, out)?,
            }
        }
        Ok(())
    }

    /// Runs instructions to their end, apart from the frames that run.
    fn run(
        &mut self,
        body: &'s [Instr],
        focus: Focus,
        mode: Option<&'s Name>,
        out: &mut Builder,
    ) -> Result<()> {
        let mut stack = vec![self.frame(body, focus, mode, [].into(), End::Nothing)];
        self.drive(&mut stack, out)
    }

    fn frame(
        &self,
        body: &'s [Instr],
        focus: Focus,
        mode: Option<&'s Name>,
        given: Arc<[(Name, Value)]>,
        end: End<'s>,
    ) -> Frame<'s> {
        let (variables, base) = (self.variables.len(), self.base);
        Frame { body, at: 0, focus, mode, variables, base, given, end }
    }

    /// What instructions make, as a tree of its own.
    fn captured(
        &mut self,
        body: &'s [Instr],
        focus: Focus,
        mode: Option<&'s Name>,
    ) -> Result<Tree> {
        self.captures += 1;
        if self.captures > MOST_CAPTURES {
            return Err(self.too_deep());
        }
        let mut out = Builder::new();
        self.run(body, focus, mode, &mut out)?;
        self.captures -= 1;
        self.kept += out.size as u64;
        self.step(1 + out.size as u64 / 64)?;
        Ok(out.finish())
    }

    fn captured_text(
        &mut self,
        body: &'s [Instr],
        focus: Focus,
        mode: Option<&'s Name>,
    ) -> Result<Arc<str>> {
        // Most are a single value.
        match body {
            [] => return Ok("".into()),
            [Instr::Text { text, .. }] => return Ok(text.clone()),
            [Instr::ValueOf { select, .. }] => return self.text_at(select, &focus),
            _ => {}
        }
        Ok(self.captured(body, focus, mode)?.text(0))
    }

    fn instr(
        &mut self,
        instr: &'s Instr,
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        match instr {
            Instr::Text { text, is_raw } => self.write(text, *is_raw, out),
            Instr::ValueOf { select, is_raw } => {
                let text = self.text_at(select, &focus)?;
                self.write(&text, *is_raw, out)
            }
            Instr::Number(numbering) => {
                let text = self.numbered(numbering, &focus)?;
                self.write(&text, false, out)
            }
            Instr::Literal(literal) => self.literal(literal, focus, mode, stack, out),
            Instr::Element(made) => self.element(made, focus, mode, stack, out),
            Instr::Attribute(made) => self.attribute(made, focus, mode, out),
            Instr::Comment(body) => {
                let text = self.captured_text(body, focus, mode)?;
                out.leaf(Kind::Comment, "", make::comment(&text));
                Ok(())
            }
            Instr::Instruction(name, body) => self.instruction(name, body, focus, mode, out),
            Instr::Copy(sets, body) => self.copy_one((sets, body), focus, mode, stack, out),
            Instr::CopyOf(select) => self.copy_of(select, &focus, out),
            Instr::Apply(apply) => self.apply(apply, focus, mode, stack, out),
            Instr::Call(template, parameters) => {
                let given = self.bound_all(parameters, focus, mode)?;
                if let Some(body) = self.style.templates.get(*template) {
                    stack.push(self.frame(body, focus, mode, given, End::Nothing));
                    self.base = self.variables.len();
                }
                Ok(())
            }
            Instr::ForEach(select, sorts, body) => {
                let nodes = self.nodes_at(select, &focus)?;
                let nodes = self.sorted(nodes, sorts, &focus)?;
                self.each_next(Each { nodes, next: 0, body }, &given(stack), mode, stack)
            }
            Instr::If(test, body) => {
                if self.truth(test, &focus)? {
                    stack.push(self.frame(body, focus, mode, given(stack), End::Nothing));
                }
                Ok(())
            }
            Instr::Choose(branches) => self.choose(branches, focus, mode, stack),
            Instr::Variable(binding) => {
                let value = self.bound(binding, focus, mode)?;
                self.variables.push((binding.name.clone(), value));
                Ok(())
            }
            Instr::Parameter(binding) => {
                let given = given(stack);
                let known = given.iter().find(|(name, _)| *name == binding.name);
                let value = match known {
                    Some((_, value)) => value.clone(),
                    None => self.bound(binding, focus, mode)?,
                };
                self.variables.push((binding.name.clone(), value));
                Ok(())
            }
            Instr::Message { body, terminates } => {
                let text = self.captured_text(body, focus, mode)?;
                if *terminates {
                    return Err(self.fault(format!("the stylesheet ended with a message: {text}")));
                }
                Ok(())
            }
        }
    }

    fn apply(
        &mut self,
        apply: &'s Apply,
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        let nodes = match &apply.select {
            Some(select) => self.nodes_at(select, &focus)?,
            None => self.children(focus.node)?,
        };
        let nodes = self.sorted(nodes, &apply.sorts, &focus)?;
        let given = self.bound_all(&apply.parameters, focus, mode)?;
        let applying = Applying { nodes, next: 0, mode: apply.mode.as_ref(), given };
        self.apply_next(applying, stack, out)
    }

    fn choose(
        &mut self,
        branches: &'s [(Option<Expr>, Vec<Instr>)],
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
    ) -> Result<()> {
        for (test, body) in branches {
            let holds = match test {
                Some(test) => self.truth(test, &focus)?,
                None => true,
            };
            if holds {
                stack.push(self.frame(body, focus, mode, given(stack), End::Nothing));
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, text: &str, is_raw: bool, out: &mut Builder) -> Result<()> {
        self.charge(text.len())?;
        out.text(text, if is_raw { Kind::RawText } else { Kind::Text });
        Ok(())
    }

    fn each_next(
        &mut self,
        mut each: Each<'s>,
        given: &Arc<[(Name, Value)]>,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
    ) -> Result<()> {
        self.step(1)?;
        if let Some(node) = each.nodes.get(each.next).copied() {
            each.next += 1;
            let focus = Focus::on(node, each.next, each.nodes.len());
            let body = each.body;
            stack.push(self.frame(body, focus, mode, given.clone(), End::Each(each)));
        }
        Ok(())
    }

    /// Goes on with the next node that has a template; what the built-in ones do is done here.
    fn apply_next(
        &mut self,
        mut applying: Applying<'s>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        while let Some(node) = applying.nodes.get(applying.next).copied() {
            self.step(1)?;
            applying.next += 1;
            let focus = Focus::on(node, applying.next, applying.nodes.len());
            let (mode, given) = (applying.mode, applying.given.clone());
            if let Some(body) = self.template_for(node, mode)? {
                stack.push(self.frame(body, focus, mode, given, End::Apply(applying)));
                self.base = self.variables.len();
                return Ok(());
            }
            let kind = self.tree(node.tree)?.kind(node.node);
            match kind {
                Kind::Root | Kind::Element => {
                    let nodes = self.children(node)?;
                    let end = End::Apply(applying);
                    stack.push(self.frame(&[], focus, mode, [].into(), end));
                    if stack.len() > MOST_FRAMES {
                        return Err(self.too_deep());
                    }
                    applying = Applying { nodes, next: 0, mode, given: [].into() };
                }
                Kind::Text | Kind::RawText | Kind::Attribute => {
                    let text = self.node_text(node)?;
                    self.write(&text, false, out)?;
                }
                Kind::Comment | Kind::Instruction | Kind::Namespace => {}
            }
        }
        Ok(())
    }

    fn template_for(
        &mut self,
        node: NodeRef,
        mode: Option<&'s Name>,
    ) -> Result<Option<&'s [Instr]>> {
        let style = self.style;
        for rule in style.rules.iter().filter(|rule| rule.mode.as_ref() == mode) {
            if self.fits_one(&rule.pattern, node)? {
                return Ok(style.templates.get(rule.template).map(Vec::as_slice));
            }
        }
        Ok(None)
    }

    fn children(&mut self, node: NodeRef) -> Result<Arc<[NodeRef]>> {
        let tree = self.tree(node.tree)?;
        let children: Arc<[NodeRef]> =
            tree.children(node.node).map(|id| NodeRef { node: id, ..node }).collect();
        self.step(children.len() as u64)?;
        Ok(children)
    }

    fn bound_all(
        &mut self,
        bindings: &'s [Binding],
        focus: Focus,
        mode: Option<&'s Name>,
    ) -> Result<Arc<[(Name, Value)]>> {
        let mut all = Vec::with_capacity(bindings.len());
        for binding in bindings {
            all.push((binding.name.clone(), self.bound(binding, focus, mode)?));
        }
        Ok(all.into())
    }

    fn bound(
        &mut self,
        binding: &'s Binding,
        focus: Focus,
        mode: Option<&'s Name>,
    ) -> Result<Value> {
        match &binding.value {
            Bound::Nothing => Ok(Value::text("")),
            Bound::Select(select) => self.eval(select, &focus),
            Bound::Body(body) => {
                let tree = self.captured(body, focus, mode)?;
                let id = u32::try_from(self.trees.len()).unwrap_or(u32::MAX);
                self.trees.push(Arc::new(tree));
                Ok(Value::Fragment(id))
            }
        }
    }

    /// The value of a variable; whether there is one was checked at load.
    pub(super) fn variable(&mut self, name: &Name) -> Result<Value> {
        let own = self.variables.get(self.base..).unwrap_or_default();
        if let Some((_, value)) = own.iter().rev().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        let style = self.style;
        let globals = &style.globals;
        let Some(index) = globals.iter().position(|global| global.binding.name == *name) else {
            return Err(self.fault(format!("there is no variable `{}`", name.local)));
        };
        match self.globals.get(index) {
            Some(GlobalState::Known(value)) => return Ok(value.clone()),
            Some(GlobalState::Busy) => {
                return Err(self.fault(format!("variable `{}` needs itself", name.local)));
            }
            _ => {}
        }
        let Some(global) = globals.get(index) else { return Ok(Value::text("")) };
        let given = self.parameters.iter().find(|(known, _)| known == name);
        let value = match given {
            Some((_, value)) if global.is_parameter => value.clone(),
            _ => self.global(index, &global.binding)?,
        };
        if let Some(state) = self.globals.get_mut(index) {
            *state = GlobalState::Known(value.clone());
        }
        Ok(value)
    }

    fn global(&mut self, index: usize, binding: &'s Binding) -> Result<Value> {
        if let Some(state) = self.globals.get_mut(index) {
            *state = GlobalState::Busy;
        }
        self.captures += 1;
        if self.captures > MOST_CAPTURES {
            return Err(self.too_deep());
        }
        let base = std::mem::replace(&mut self.base, self.variables.len());
        let value = self.bound(binding, Focus::on(NodeRef { tree: 0, node: 0 }, 1, 1), None);
        self.base = base;
        self.captures -= 1;
        value
    }

    /// Text with the values of its expressions.
    pub(super) fn avt(&mut self, avt: &Avt, focus: &Focus) -> Result<Arc<str>> {
        match avt.0.as_slice() {
            [] => return Ok("".into()),
            [AvtPart::Text(text)] => return Ok(text.clone()),
            _ => {}
        }
        let mut text = String::new();
        for part in &avt.0 {
            match part {
                AvtPart::Text(part) => text.push_str(part),
                AvtPart::Expr(expr) => text.push_str(&self.text_at(expr, focus)?),
            }
            self.charge(text.len())?;
        }
        Ok(text.into())
    }
}

/// What the innermost frame was given.
fn given(stack: &[Frame<'_>]) -> Arc<[(Name, Value)]> {
    stack.last().map_or_else(|| [].into(), |frame| frame.given.clone())
}

/// Whether a text is a name without a prefix.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(':') && tollgate_expr::xml_name(text) == text
}

/// An expression that selects the node itself.
pub(super) fn itself() -> Expr {
    use super::xpath::{Axis, Path, Start, Step, Test};
    let step = Step { axis: Axis::Itself, test: Test::Node, predicates: Vec::new() };
    Expr::Path(Box::new(Path { start: Start::Context, steps: vec![step] }))
}
