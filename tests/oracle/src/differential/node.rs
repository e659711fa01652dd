//! Expressions as trees that can be made smaller.

use tollgate_expr::reference::Shape;

use super::shown::tells;

/// A piece of text, or an expression in it.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Child(Node),
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) ty: Shape,
    pub(super) parts: Vec<Part>,
    /// The declared member it uses.
    pub(super) member: Option<&'static str>,
}

impl Node {
    pub(super) fn leaf(ty: &Shape, text: impl Into<String>) -> Node {
        Node { ty: ty.clone(), parts: vec![Part::Text(text.into())], member: None }
    }

    /// Text in which each `$` stands for the next child, and `¤` for a dollar of C#.
    pub(super) fn of(ty: &Shape, text: &str, children: Vec<Node>) -> Node {
        let mut parts = Vec::new();
        let mut children = children.into_iter();
        for (index, piece) in text.split('$').enumerate() {
            if index > 0 {
                parts.extend(children.next().map(Part::Child));
            }
            parts.push(Part::Text(piece.replace('¤', "$")));
        }
        Node { ty: ty.clone(), parts, member: None }
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Child(child) => child.write(out),
            }
        }
    }

    /// The members that are used, outermost first.
    pub(super) fn members(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = self.member.into_iter().collect();
        all.extend(self.children().flat_map(Node::members));
        all
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().filter_map(|part| match part {
            Part::Child(child) => Some(child),
            Part::Text(_) => None,
        })
    }

    fn child_mut(&mut self, n: usize) -> Option<&mut Node> {
        let children = self.parts.iter_mut().filter_map(|part| match part {
            Part::Child(child) => Some(child),
            Part::Text(_) => None,
        });
        children.into_iter().nth(n)
    }

    /// Every tree that has one expression replaced by a smaller one: one of its own parts of the same type, or a constant.
    /// The `whole` expression may become one of any type.
    pub(super) fn smaller(
        &self,
        whole: bool,
        constants: &dyn Fn(&Shape) -> Vec<String>,
    ) -> Vec<Node> {
        let mut all = Vec::new();
        let mut inner = Vec::new();
        self.collect(&mut inner);
        for node in inner.into_iter().skip(1) {
            if (whole && tells(&node.ty) || node.ty == self.ty)
                && node.text().len() < self.text().len()
            {
                all.push(node.clone());
            }
        }
        if self.children().next().is_some() {
            all.extend(constants(&self.ty).into_iter().map(|text| Node::leaf(&self.ty, text)));
        } else {
            let len = self.text().len();
            let shorter = constants(&self.ty).into_iter().filter(|text| text.len() < len);
            all.extend(shorter.map(|text| Node::leaf(&self.ty, text)));
        }
        for (n, child) in self.children().enumerate() {
            for smaller in child.smaller(false, constants) {
                let mut changed = self.clone();
                if let Some(place) = changed.child_mut(n) {
                    *place = smaller;
                }
                all.push(changed);
            }
        }
        all
    }

    fn collect<'n>(&'n self, out: &mut Vec<&'n Node>) {
        out.push(self);
        for child in self.children() {
            child.collect(out);
        }
    }
}
