//! The nodes of an axis.

use std::cell::Cell;
use std::collections::HashSet;

use super::{Axis, Test};
use crate::xsl_transform::tree::{Kind, Tree};

impl Axis {
    /// Whether positions count against document order.
    pub(super) fn is_reverse(self) -> bool {
        matches!(
            self,
            Self::Ancestor | Self::AncestorOrSelf | Self::Preceding | Self::PrecedingSibling
        )
    }

    /// The nodes of the axis that pass the test, nearest first, and how many were looked at.
    pub(in crate::xsl_transform) fn nodes(
        self,
        tree: &Tree,
        id: u32,
        test: &Test,
    ) -> (Vec<u32>, u64) {
        let visited = Cell::new(0);
        let passes = |id: &u32| {
            visited.set(visited.get() + 1);
            test.passes(tree, *id, self)
        };
        let passes_inside = |id: &u32| passes(id) && !is_attached(tree, *id);
        let nodes = match self {
            Self::Child => tree.children(id).filter(passes).collect(),
            Self::Descendant => below(tree, id).filter(passes_inside).collect(),
            Self::DescendantOrSelf => {
                let own = Some(id).into_iter().filter(passes);
                own.chain(below(tree, id).filter(passes_inside)).collect()
            }
            Self::Parent => tree.parent(id).into_iter().filter(passes).collect(),
            Self::Ancestor => ancestors(tree, id).filter(passes).collect(),
            Self::AncestorOrSelf => {
                std::iter::once(id).chain(ancestors(tree, id)).filter(passes).collect()
            }
            Self::Itself => Some(id).into_iter().filter(passes).collect(),
            Self::Attribute | Self::Namespace => self.attached(tree, id, &passes),
            Self::FollowingSibling | Self::PrecedingSibling => self.siblings(tree, id, &passes),
            Self::Following => {
                // Behind an attribute stands what is inside its element.
                let from = if is_attached(tree, id) { id + 1 } else { tree.end(id) };
                (from..tree.len()).filter(passes_inside).collect()
            }
            // What ends behind the node is around it.
            Self::Preceding => (0..id)
                .rev()
                .filter(|other| passes_inside(other) && tree.end(*other) <= id)
                .collect(),
        };
        (nodes, visited.get())
    }

    fn attached(self, tree: &Tree, id: u32, passes: &dyn Fn(&u32) -> bool) -> Vec<u32> {
        let wanted = if self == Self::Attribute { Kind::Attribute } else { Kind::Namespace };
        if tree.kind(id) != Kind::Element {
            return Vec::new();
        }
        if self == Self::Attribute {
            let own = tree.attached(id).filter(|(id, node)| passes(id) && node.kind == wanted);
            return own.map(|(id, _)| id).collect();
        }
        let mut found: Vec<u32> = Vec::new();
        let mut prefixes: HashSet<&str> = HashSet::new();
        for element in std::iter::once(id).chain(ancestors(tree, id)) {
            for (id, node) in tree.attached(element) {
                let is_one = passes(&id) && !node.value.is_empty();
                // The innermost declaration of a prefix counts, also one that takes it back.
                if node.kind == wanted && prefixes.insert(&node.name.local) && is_one {
                    found.push(id);
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn siblings(self, tree: &Tree, id: u32, passes: &dyn Fn(&u32) -> bool) -> Vec<u32> {
        let Some(parent) = tree.parent(id).filter(|_| !is_attached(tree, id)) else {
            return Vec::new();
        };
        let all = tree.children(parent);
        if self == Self::FollowingSibling {
            return all.filter(|other| *other > id && passes(other)).collect();
        }
        let mut before: Vec<u32> =
            all.take_while(|other| *other < id).filter(|it| passes(it)).collect();
        before.reverse();
        before
    }
}

fn is_attached(tree: &Tree, id: u32) -> bool {
    matches!(tree.kind(id), Kind::Attribute | Kind::Namespace)
}

/// What is inside a node, with the attributes and declarations there.
fn below(tree: &Tree, id: u32) -> std::ops::Range<u32> {
    id + 1..tree.end(id)
}

fn ancestors(tree: &Tree, id: u32) -> impl Iterator<Item = u32> + '_ {
    std::iter::successors(tree.parent(id), |id| tree.parent(*id))
}

impl Test {
    /// Whether a node passes, as part of an axis.
    pub(in crate::xsl_transform) fn passes(&self, tree: &Tree, id: u32, axis: Axis) -> bool {
        let Some(node) = tree.node(id) else { return false };
        let principal = match axis {
            Axis::Attribute => Kind::Attribute,
            Axis::Namespace => Kind::Namespace,
            _ => Kind::Element,
        };
        match self {
            Self::Node => true,
            Self::Any => node.kind == principal,
            Self::InNamespace(namespace) => {
                node.kind == principal && node.name.namespace == *namespace
            }
            Self::Name(name) => node.kind == principal && node.name == *name,
            Self::Text => matches!(node.kind, Kind::Text | Kind::RawText),
            Self::Comment => node.kind == Kind::Comment,
            Self::Instruction(name) => {
                node.kind == Kind::Instruction
                    && name.as_ref().is_none_or(|name| node.name.local == *name)
            }
        }
    }
}
