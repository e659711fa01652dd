//! Makes nodes of the result.

use std::sync::Arc;

use super::{End, Frame, Result, World, given, is_name};
use crate::xsl_transform::style::{Avt, Instr, Literal, MadeAttribute, MadeElement};
use crate::xsl_transform::tree::{Builder, Kind, Name, Tree};
use crate::xsl_transform::xpath::eval::Focus;
use crate::xsl_transform::xpath::{Expr, NodeRef, Value};

impl<'s> World<'s> {
    pub(super) fn literal(
        &mut self,
        literal: &'s Literal,
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        out.start(literal.prefix.clone(), literal.name.clone());
        literal.namespaces.iter().for_each(|(prefix, own)| out.declare(prefix, own));
        self.use_sets(&literal.sets, focus, mode, out, 0)?;
        for (prefix, name, value) in &literal.attributes {
            let value = self.avt(value, &focus)?;
            out.attribute(prefix.clone(), name.clone(), value);
        }
        stack.push(self.frame(&literal.body, focus, mode, given(stack), End::Close));
        Ok(())
    }

    pub(super) fn element(
        &mut self,
        made: &'s MadeElement,
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        let namespace = made.namespace.as_ref();
        let (prefix, name) = self.made_name(&made.name, namespace, &made.scope, &focus, true)?;
        out.start(prefix, name);
        self.use_sets(&made.sets, focus, mode, out, 0)?;
        stack.push(self.frame(&made.body, focus, mode, given(stack), End::Close));
        Ok(())
    }

    pub(super) fn attribute(
        &mut self,
        made: &'s MadeAttribute,
        focus: Focus,
        mode: Option<&'s Name>,
        out: &mut Builder,
    ) -> Result<()> {
        let namespace = made.namespace.as_ref();
        let (prefix, name) = self.made_name(&made.name, namespace, &made.scope, &focus, false)?;
        let value = self.captured_text(&made.body, focus, mode)?;
        // An attribute behind content is left out, as XSLT allows.
        if out.takes_attributes() {
            self.step(out.n_attached() / 16)?;
            out.attribute(prefix, name, value);
        }
        Ok(())
    }

    pub(super) fn instruction(
        &mut self,
        name: &'s Avt,
        body: &'s [Instr],
        focus: Focus,
        mode: Option<&'s Name>,
        out: &mut Builder,
    ) -> Result<()> {
        let name = self.avt(name, &focus)?;
        let text = self.captured_text(body, focus, mode)?.replace("?>", "? >");
        if name.is_empty() || name.eq_ignore_ascii_case("xml") || !is_name(&name) {
            return Err(self.fault(format!("`{name}` is not the name of an instruction")));
        }
        out.leaf(Kind::Instruction, &name, text);
        Ok(())
    }

    /// `xsl:copy`: the node alone; instructions make what is inside an element.
    pub(super) fn copy_one(
        &mut self,
        (sets, body): (&'s [Name], &'s [Instr]),
        focus: Focus,
        mode: Option<&'s Name>,
        stack: &mut Vec<Frame<'s>>,
        out: &mut Builder,
    ) -> Result<()> {
        let tree = self.tree(focus.node.tree)?;
        let Some(node) = tree.node(focus.node.node) else { return Ok(()) };
        match node.kind {
            Kind::Root => stack.push(self.frame(body, focus, mode, given(stack), End::Nothing)),
            Kind::Element => {
                out.start(node.prefix.clone(), node.name.clone());
                self.declare_all(&tree, focus.node.node, out)?;
                self.use_sets(sets, focus, mode, out, 0)?;
                stack.push(self.frame(body, focus, mode, given(stack), End::Close));
            }
            _ => self.copy(focus.node, out)?,
        }
        Ok(())
    }

    pub(super) fn copy_of(
        &mut self,
        select: &Expr,
        focus: &Focus,
        out: &mut Builder,
    ) -> Result<()> {
        match self.eval(select, focus)? {
            Value::Nodes(nodes) => nodes.iter().try_for_each(|node| self.copy(*node, out)),
            Value::Fragment(tree) => self.copy(NodeRef { tree, node: 0 }, out),
            other => {
                let text = self.text(&other)?;
                self.write(&text, false, out)
            }
        }
    }

    /// The prefix and name of an element or attribute whose name is computed.
    fn made_name(
        &mut self,
        name: &Avt,
        namespace: Option<&Avt>,
        scope: &[(Arc<str>, Arc<str>)],
        focus: &Focus,
        is_element: bool,
    ) -> Result<(Arc<str>, Name)> {
        let written = self.avt(name, focus)?;
        let (prefix, local) = written.split_once(':').unwrap_or(("", &written));
        let is_right = is_name(local) && (prefix.is_empty() || is_name(prefix));
        if !is_right || !is_element && &*written == "xmlns" {
            return Err(self.fault(format!("`{written}` is not a name")));
        }
        let namespace = match namespace {
            Some(namespace) => self.avt(namespace, focus)?,
            None if prefix.is_empty() && !is_element => "".into(),
            None if prefix == "xml" => "http://www.w3.org/XML/1998/namespace".into(),
            None => {
                let found = scope.iter().rev().find(|(own, _)| **own == *prefix);
                match found {
                    Some((_, namespace)) => namespace.clone(),
                    None if prefix.is_empty() => "".into(),
                    None => return Err(self.fault(format!("prefix `{prefix}` is not declared"))),
                }
            }
        };
        let prefix = if namespace.is_empty() || prefix == "xmlns" { "" } else { prefix };
        Ok((prefix.into(), Name::new(namespace, local)))
    }

    /// Sets the attributes of sets; sets may use others, but not without end.
    fn use_sets(
        &mut self,
        names: &'s [Name],
        focus: Focus,
        mode: Option<&'s Name>,
        out: &mut Builder,
        depth: usize,
    ) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        if depth > 20 {
            return Err(self.fault("an attribute set uses itself"));
        }
        let style = self.style;
        for name in names {
            for set in style.attribute_sets.iter().filter(|set| set.name == *name) {
                self.use_sets(&set.uses, focus, mode, out, depth + 1)?;
                // Only global variables are seen in it.
                let base = std::mem::replace(&mut self.base, self.variables.len());
                self.run(&set.attributes, focus, mode, out)?;
                self.base = base;
            }
        }
        Ok(())
    }

    /// The namespaces in scope at a node become declarations.
    fn declare_all(&mut self, tree: &Tree, id: u32, out: &mut Builder) -> Result<()> {
        let mut at = Some(id);
        while let Some(id) = at {
            for (_, node) in tree.attached(id).filter(|(_, node)| node.kind == Kind::Namespace) {
                self.step(1 + out.n_attached() / 16)?;
                out.declare(&node.name.local, &node.value);
            }
            at = tree.parent(id);
        }
        Ok(())
    }

    /// Copies a node with all inside it.
    fn copy(&mut self, node: NodeRef, out: &mut Builder) -> Result<()> {
        let tree = self.tree(node.tree)?;
        let Some(top) = tree.node(node.node) else { return Ok(()) };
        self.step(u64::from(top.end.saturating_sub(node.node)))?;
        let mut open: Vec<u32> = Vec::new();
        for id in node.node..top.end {
            while open.last().is_some_and(|end| *end <= id) {
                open.pop();
                out.end();
            }
            let Some(own) = tree.node(id) else { break };
            match own.kind {
                Kind::Root => {}
                Kind::Element => {
                    out.start(own.prefix.clone(), own.name.clone());
                    open.push(own.end);
                    if id == node.node {
                        self.declare_all(&tree, id, out)?;
                    }
                }
                Kind::Attribute => {
                    if out.takes_attributes() {
                        self.step(out.n_attached() / 16)?;
                        out.attribute(own.prefix.clone(), own.name.clone(), own.value.clone());
                    }
                }
                Kind::Namespace => {
                    if out.takes_attributes() {
                        self.step(out.n_attached() / 16)?;
                        out.declare(&own.name.local, &own.value);
                    }
                }
                Kind::Text | Kind::RawText => {
                    self.charge(own.value.len())?;
                    out.text(&own.value, own.kind);
                }
                Kind::Comment | Kind::Instruction => {
                    self.charge(own.value.len())?;
                    out.leaf(own.kind, &own.name.local, own.value.clone());
                }
            }
            self.check_memory(out)?;
        }
        for _ in open {
            out.end();
        }
        Ok(())
    }
}

/// Text as a comment may hold it: no two hyphens side by side, and none at the end.
pub(super) fn comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '-' && chars.peek().is_none_or(|next| *next == '-') {
            out.push(' ');
        }
    }
    out
}
