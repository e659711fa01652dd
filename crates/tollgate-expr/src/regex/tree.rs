//! A parsed pattern.

use super::set::Set;

/// A node of a [`Tree`].
pub(super) type NodeId = u32;

/// No upper bound of repetitions.
pub(super) const INFINITE: i32 = i32::MAX;

/// What holds at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    LineStart,
    LineEnd,
    Start,
    /// Where the search began.
    SearchStart,
    /// The end, or before a last line feed.
    EndOfText,
    End,
    Boundary,
    NoBoundary,
    EcmaBoundary,
    NoEcmaBoundary,
}

/// How often something may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) lazy: bool,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Never matches.
    Nothing,
    Empty,
    /// With `fold`, the units are in lower case and so is what they are compared with.
    Text {
        units: Vec<u16>,
        fold: bool,
        back: bool,
    },
    /// A unit of a set; whether .NET would put the set together with others.
    Chars {
        set: Set,
        merges: bool,
        back: bool,
    },
    CharLoop {
        set: Set,
        merges: bool,
        back: bool,
        repeat: Repeat,
    },
    Ref {
        slot: u32,
        fold: bool,
        back: bool,
    },
    Assert(Assertion),
    Concat(Vec<NodeId>),
    Alternate(Vec<NodeId>),
    Loop {
        body: NodeId,
        repeat: Repeat,
    },
    /// Takes a capture from `uncapture`; keeps what was matched in `slot`.
    Capture {
        slot: Option<u32>,
        uncapture: Option<u32>,
        body: NodeId,
    },
    Look {
        negative: bool,
        body: NodeId,
    },
    Atomic(NodeId),
    IfGroup {
        slot: u32,
        yes: NodeId,
        no: Option<NodeId>,
    },
    IfMatch {
        test: NodeId,
        yes: NodeId,
        no: Option<NodeId>,
    },
}

/// The nodes of a pattern. They refer to each other by number, so that a deep pattern needs no deep stack.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn add(&mut self, node: Node) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(node);
        u32::try_from(id).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&Node::Nothing)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Which nodes `root` consists of, but for those that take no text.
    pub(super) fn used(&self, root: NodeId) -> Vec<bool> {
        let mut used = vec![false; self.nodes.len()];
        let mut todo = vec![root];
        while let Some(id) = todo.pop() {
            if let Some(used) = used.get_mut(id as usize) {
                *used = true;
            }
            match self.get(id) {
                Node::Concat(parts) | Node::Alternate(parts) => todo.extend(parts),
                Node::Loop { body, .. } | Node::Capture { body, .. } | Node::Atomic(body) => {
                    todo.push(*body);
                }
                Node::IfGroup { yes, no, .. } | Node::IfMatch { yes, no, .. } => {
                    todo.push(*yes);
                    todo.extend(no);
                }
                _ => {}
            }
        }
        used
    }

    /// Takes a node that becomes part of another.
    fn take(&mut self, id: NodeId) -> Node {
        match self.nodes.get_mut(id as usize) {
            Some(node) => std::mem::replace(node, Node::Empty),
            None => Node::Nothing,
        }
    }

    /// Parts one after the other: texts are joined, parts that are parts themselves are taken in.
    pub(super) fn concat(&mut self, parts: Vec<NodeId>) -> NodeId {
        let mut out: Vec<NodeId> = Vec::with_capacity(parts.len());
        for id in parts {
            if let Node::Concat(inner) = self.get(id) {
                let inner = inner.clone();
                for id in inner {
                    self.append(&mut out, id);
                }
            } else if !matches!(self.get(id), Node::Empty) {
                self.append(&mut out, id);
            }
        }
        match out.as_slice() {
            [] => self.add(Node::Empty),
            [only] => *only,
            _ => self.add(Node::Concat(out)),
        }
    }

    fn append(&mut self, out: &mut Vec<NodeId>, id: NodeId) {
        if let Some(last) = out.last()
            && let (
                Node::Text { fold, back, .. },
                Node::Text { fold: next_fold, back: next_back, .. },
            ) = (self.get(*last), self.get(id))
            && fold == next_fold
            && back == next_back
        {
            let last = *last;
            if let Node::Text { units: more, back, .. } = self.take(id)
                && let Some(Node::Text { units, .. }) = self.nodes.get_mut(last as usize)
            {
                if back {
                    units.splice(0..0, more);
                } else {
                    units.extend(more);
                }
            }
            return;
        }
        out.push(id);
    }

    /// One of several: single units that follow each other become one set.
    pub(super) fn alternate(&mut self, parts: Vec<NodeId>) -> NodeId {
        let mut out: Vec<NodeId> = Vec::with_capacity(parts.len());
        for id in parts {
            match self.get(id) {
                Node::Nothing => {}
                Node::Alternate(inner) => {
                    let inner = inner.clone();
                    out.extend(inner);
                }
                _ => self.alternative(&mut out, id),
            }
        }
        match out.as_slice() {
            [] => self.add(Node::Nothing),
            [only] => *only,
            _ => self.add(Node::Alternate(out)),
        }
    }

    fn alternative(&mut self, out: &mut Vec<NodeId>, id: NodeId) {
        if let Some(last) = out.last()
            && let (Some((set, true, back)), Some((more, true, next_back))) =
                (self.single(*last), self.single(id))
            && back == next_back
        {
            let set = set.union(&more);
            out.pop();
            out.push(self.add(Node::Chars { set, merges: true, back }));
            return;
        }
        out.push(id);
    }

    /// The units that a node of exactly one unit takes, whether they merge, and its direction.
    fn single(&self, id: NodeId) -> Option<(Set, bool, bool)> {
        match self.get(id) {
            Node::Chars { set, merges, back } => Some((set.clone(), *merges, *back)),
            Node::Text { units, fold, back } => match units.as_slice() {
                [unit] => {
                    let set = Set::unit(*unit);
                    Some((if *fold { set.any_case() } else { set }, true, *back))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A repeated node.
    pub(super) fn repeat(&mut self, body: NodeId, repeat: Repeat) -> NodeId {
        match repeat {
            Repeat { min: 0, max: 0, .. } => self.add(Node::Empty),
            Repeat { min: 1, max: 1, .. } => body,
            _ => match self.single(body) {
                Some((set, merges, back)) => self.add(Node::CharLoop { set, merges, back, repeat }),
                None => self.multiply(body, repeat),
            },
        }
    }

    /// A loop around a loop of the same kind becomes one, by the rules of .NET: they decide in which order numbers of
    /// repetitions are tried.
    fn multiply(&mut self, body: NodeId, repeat: Repeat) -> NodeId {
        let product = |a: i32, b: i32| {
            if (INFINITE - 1) / a < b { INFINITE } else { a.saturating_mul(b) }
        };
        let mut outer = repeat;
        let (mut min, mut max) = (repeat.min, repeat.max);
        let mut at = None;
        let mut next = body;
        while let Some(inner) = self.repeats(next) {
            let lumpy = (outer.min == 0 && inner.min > 1) || inner.max < inner.min.wrapping_mul(2);
            if inner.lazy != repeat.lazy || lumpy {
                break;
            }
            outer = inner;
            if outer.min > 0 {
                min = product(outer.min, min);
                outer.min = min;
            }
            if outer.max > 0 {
                max = product(outer.max, max);
                outer.max = max;
            }
            at = Some(next);
            let Node::Loop { body, .. } = self.get(next) else { break };
            next = *body;
        }
        if min == INFINITE {
            return self.add(Node::Nothing);
        }
        let Some(at) = at else { return self.add(Node::Loop { body, repeat }) };
        let node = match self.get(at).clone() {
            Node::CharLoop { set, merges, back, .. } => {
                Node::CharLoop { set, merges, back, repeat: outer }
            }
            Node::Loop { body, .. } => Node::Loop { body, repeat: outer },
            other => other,
        };
        self.add(node)
    }

    fn repeats(&self, id: NodeId) -> Option<Repeat> {
        match self.get(id) {
            Node::CharLoop { repeat, .. } | Node::Loop { repeat, .. } => Some(*repeat),
            _ => None,
        }
    }
}
