//! `XNode.DeepEquals`.

use super::heap::{Body, XmlHeap, XmlId, XmlKind};
use crate::{Budget, Exception};

impl XmlHeap {
    /// Whether two nodes and all under them are equal.
    pub(crate) fn deep_equals(
        &self,
        left: XmlId,
        right: XmlId,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let mut open = vec![(left, right)];
        while let Some((left, right)) = open.pop() {
            budget.step(1)?;
            if left == right {
                continue;
            }
            if !self.equal_here(left, right) {
                return Ok(false);
            }
            let container = matches!(self.kind(left), XmlKind::Element | XmlKind::Document);
            if container && !self.pair_content(left, right, &mut open, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_here(&self, left: XmlId, right: XmlId) -> bool {
        match (self.body(left), self.body(right)) {
            (Some(Body::Element(a)), Some(Body::Element(b))) => {
                let same = |(a, b): (XmlId, XmlId)| {
                    self.name(a) == self.name(b) && self.value(a) == self.value(b)
                };
                a.name == b.name
                    && self.attributes(left).count() == self.attributes(right).count()
                    && self.attributes(left).zip(self.attributes(right)).all(same)
            }
            (Some(Body::Document(_)), Some(Body::Document(_))) => true,
            (Some(Body::Text(a)), Some(Body::Text(b)))
            | (Some(Body::CData(a)), Some(Body::CData(b)))
            | (Some(Body::Comment(a)), Some(Body::Comment(b))) => a == b,
            (Some(Body::Instruction(a)), Some(Body::Instruction(b))) => a == b,
            (Some(Body::DocumentType(a)), Some(Body::DocumentType(b))) => a == b,
            _ => false,
        }
    }

    /// Compares the texts of two containers and leaves the pairs of other nodes to be compared.
    fn pair_content(
        &self,
        left: XmlId,
        right: XmlId,
        open: &mut Vec<(XmlId, XmlId)>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        if self.is_empty(left) || self.is_empty(right) {
            return Ok(self.is_empty(left) && self.is_empty(right));
        }
        let (mut a, mut b) = (self.first_node(left), self.first_node(right));
        loop {
            budget.step(1)?;
            if self.run(&mut a) != self.run(&mut b) {
                return Ok(false);
            }
            match (a, b) {
                (None, None) => return Ok(true),
                (Some(x), Some(y)) => {
                    budget.memory(size_of::<(XmlId, XmlId)>())?;
                    open.push((x, y));
                    (a, b) = (self.next(x), self.next(y));
                }
                _ => return Ok(false),
            }
        }
    }

    /// The text from a node on, up to the next node that is none.
    fn run(&self, at: &mut Option<XmlId>) -> String {
        let mut text = String::new();
        while let Some(node) = *at
            && let Some(Body::Text(value)) = self.body(node)
        {
            text.push_str(value);
            *at = self.next(node);
        }
        text
    }
}
