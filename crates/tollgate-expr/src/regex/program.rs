//! Patterns as instructions.
//!
//! The instructions follow .NET's machine: a stack of marks beside the stack of what to try next. Some of what .NET does
//! is only explained by that machine (a lazy loop around nothing leaves its mark behind, so that a group around it begins
//! too late), which is why the same one stands here.

use super::set::{Class, Set};
use super::tree::{Assertion, INFINITE, Node, NodeId, Repeat, Tree};

/// What one unit is tested for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Any,
    One(u16),
    Not(u16),
    Class(Class),
}

impl Test {
    fn of(set: &Set) -> Self {
        match set.ranges() {
            [(first, last)] if first == last => Self::One(*first),
            [(0, u16::MAX)] => Self::Any,
            [(0, before), (after, u16::MAX)] if after - before == 2 => Self::Not(before + 1),
            _ => Self::Class(Class::new(set)),
        }
    }

    #[inline]
    pub(super) fn matches(&self, unit: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(wanted) => unit == *wanted,
            Self::Not(other) => unit != *other,
            Self::Class(class) => class.contains(unit),
        }
    }
}

/// Where an instruction stands.
pub(super) type Pc = u32;

/// An instruction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    /// One unit.
    Unit {
        test: Test,
        back: bool,
    },
    /// So many units, without a stack entry for each.
    Units {
        test: Test,
        back: bool,
        repeat: Repeat,
    },
    /// Text; with `fold`, in lower case.
    Text {
        units: Box<[u16]>,
        fold: bool,
        back: bool,
    },
    /// What a group holds.
    Ref {
        slot: u32,
        fold: bool,
        back: bool,
    },
    Assert(Assertion),
    Fail,
    /// Marks the position.
    Mark,
    /// Marks no position.
    NoMark,
    /// Marks the position and starts a count.
    Count(i32),
    /// Marks no position and starts a count.
    NoCount(i32),
    /// The end of the body of a loop that begins there.
    Loop(Pc),
    LazyLoop(Pc),
    /// The same, with so many repetitions at most beyond the least.
    CountedLoop(Pc, i32),
    LazyCountedLoop(Pc, i32),
    /// Goes on; and there, when that fails.
    Split(Pc),
    Goto(Pc),
    /// Remembers what to try next, to forget it at [`Op::Commit`].
    Save,
    /// Forgets what to try since [`Op::Save`].
    Commit,
    /// Forgets it and fails.
    Abort,
    /// Goes back to the mark.
    Return,
    /// Keeps what was matched since the mark.
    Capture {
        slot: Option<u32>,
        uncapture: Option<u32>,
    },
    /// Fails when the group holds nothing.
    Holds(u32),
    Stop,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) ops: Box<[Op]>,
    pub(super) n_slots: usize,
}

/// What is still to be written.
enum Task {
    Node(NodeId),
    Op(Op),
    /// A jump to a label.
    Jump(fn(Pc) -> Op, usize),
    /// Binds a label.
    Bind(usize),
    /// The end of a loop that begins at a label.
    EndLoop(usize, Repeat),
}

/// Writes the instructions of a pattern.
pub(super) fn write(tree: &Tree, root: NodeId, n_slots: usize) -> Program {
    let mut writer = Writer { tree, ops: Vec::new(), labels: Vec::new(), jumps: Vec::new() };
    writer.write(root);
    writer.ops.push(Op::Stop);
    writer.bind_jumps();
    Program { ops: writer.ops.into(), n_slots }
}

struct Writer<'t> {
    tree: &'t Tree,
    ops: Vec<Op>,
    labels: Vec<Pc>,
    /// Instructions whose target is a label.
    jumps: Vec<usize>,
}

impl Writer<'_> {
    fn here(&self) -> Pc {
        u32::try_from(self.ops.len()).unwrap_or(u32::MAX)
    }

    fn label(&mut self) -> usize {
        self.labels.push(0);
        self.labels.len() - 1
    }

    /// An explicit stack of tasks, last first: a deep pattern needs no deep stack.
    fn write(&mut self, root: NodeId) {
        let mut tasks = vec![Task::Node(root)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Node(id) => {
                    let from = tasks.len();
                    self.node(id, &mut tasks);
                    if let Some(added) = tasks.get_mut(from..) {
                        added.reverse();
                    }
                }
                Task::Op(op) => self.ops.push(op),
                Task::Jump(op, label) => self.jump(op(u32::try_from(label).unwrap_or_default())),
                Task::Bind(label) => {
                    let here = self.here();
                    if let Some(place) = self.labels.get_mut(label) {
                        *place = here;
                    }
                }
                Task::EndLoop(label, repeat) => {
                    let label = u32::try_from(label).unwrap_or_default();
                    let more = repeat.max.saturating_sub(repeat.min);
                    let more = if repeat.max == INFINITE { INFINITE } else { more };
                    self.jump(match (is_counted(repeat), repeat.lazy) {
                        (false, false) => Op::Loop(label),
                        (false, true) => Op::LazyLoop(label),
                        (true, false) => Op::CountedLoop(label, more),
                        (true, true) => Op::LazyCountedLoop(label, more),
                    });
                }
            }
        }
    }

    fn jump(&mut self, op: Op) {
        self.jumps.push(self.ops.len());
        self.ops.push(op);
    }

    fn bind_jumps(&mut self) {
        for at in &self.jumps {
            if let Some(
                Op::Loop(to)
                | Op::LazyLoop(to)
                | Op::CountedLoop(to, _)
                | Op::LazyCountedLoop(to, _)
                | Op::Split(to)
                | Op::Goto(to),
            ) = self.ops.get_mut(*at)
            {
                *to = self.labels.get(*to as usize).copied().unwrap_or_default();
            }
        }
    }

    /// What a node consists of, in order.
    fn node(&mut self, id: NodeId, tasks: &mut Vec<Task>) {
        match self.tree.get(id) {
            Node::Nothing => self.ops.push(Op::Fail),
            Node::Empty => {}
            Node::Text { units, fold, back } => self.ops.push(text(units, *fold, *back)),
            Node::Chars { set, back, .. } => {
                self.ops.push(if set.ranges().is_empty() {
                    Op::Fail
                } else {
                    Op::Unit { test: Test::of(set), back: *back }
                });
            }
            Node::CharLoop { set, back, repeat, .. } => {
                let test = Test::of(set);
                self.ops.push(Op::Units { test, back: *back, repeat: *repeat });
            }
            Node::Ref { slot, fold, back } => {
                self.ops.push(Op::Ref { slot: *slot, fold: *fold, back: *back });
            }
            Node::Assert(assertion) => self.ops.push(Op::Assert(*assertion)),
            Node::Concat(parts) => tasks.extend(parts.iter().copied().map(Task::Node)),
            Node::Alternate(parts) => self.alternate(parts, tasks),
            Node::Loop { body, repeat } => self.repeat(*body, *repeat, tasks),
            Node::Capture { slot, uncapture, body } => {
                self.ops.push(Op::Mark);
                let capture = Op::Capture { slot: *slot, uncapture: *uncapture };
                tasks.extend([Task::Node(*body), Task::Op(capture)]);
            }
            Node::Look { negative, body } => self.look(*negative, *body, tasks),
            Node::Atomic(body) => {
                self.ops.push(Op::Save);
                tasks.extend([Task::Node(*body), Task::Op(Op::Commit)]);
            }
            Node::IfGroup { slot, yes, no } => {
                let (other, end) = (self.label(), self.label());
                self.ops.push(Op::Save);
                tasks.extend([
                    Task::Jump(Op::Split, other),
                    Task::Op(Op::Holds(*slot)),
                    Task::Op(Op::Commit),
                    Task::Node(*yes),
                    Task::Jump(Op::Goto, end),
                    Task::Bind(other),
                    Task::Op(Op::Commit),
                ]);
                tasks.extend(no.map(Task::Node));
                tasks.push(Task::Bind(end));
            }
            Node::IfMatch { test, yes, no } => {
                self.conditional(*test, *yes, *no, tasks);
            }
        }
    }

    fn conditional(
        &mut self,
        test: NodeId,
        yes: NodeId,
        no: Option<NodeId>,
        tasks: &mut Vec<Task>,
    ) {
        let (other, end) = (self.label(), self.label());
        self.ops.extend([Op::Save, Op::Mark]);
        tasks.extend([
            Task::Jump(Op::Split, other),
            Task::Node(test),
            Task::Op(Op::Return),
            Task::Op(Op::Commit),
            Task::Node(yes),
            Task::Jump(Op::Goto, end),
            Task::Bind(other),
            Task::Op(Op::Return),
            Task::Op(Op::Commit),
        ]);
        tasks.extend(no.map(Task::Node));
        tasks.push(Task::Bind(end));
    }

    fn alternate(&mut self, parts: &[NodeId], tasks: &mut Vec<Task>) {
        let end = self.label();
        let Some((last, others)) = parts.split_last() else { return };
        for part in others {
            let next = self.label();
            tasks.extend([
                Task::Jump(Op::Split, next),
                Task::Node(*part),
                Task::Jump(Op::Goto, end),
                Task::Bind(next),
            ]);
        }
        tasks.extend([Task::Node(*last), Task::Bind(end)]);
    }

    fn repeat(&mut self, body: NodeId, repeat: Repeat, tasks: &mut Vec<Task>) {
        let (start, end) = (self.label(), self.label());
        let counted = is_counted(repeat);
        if repeat.min == 0 {
            self.ops.push(if counted { Op::NoCount(0) } else { Op::NoMark });
            tasks.push(Task::Jump(Op::Goto, end));
        } else {
            let first = 1 - repeat.min;
            self.ops.push(if counted { Op::Count(first) } else { Op::Mark });
        }
        tasks.extend([
            Task::Bind(start),
            Task::Node(body),
            Task::Bind(end),
            Task::EndLoop(start, repeat),
        ]);
    }

    fn look(&mut self, negative: bool, body: NodeId, tasks: &mut Vec<Task>) {
        self.ops.push(Op::Save);
        if negative {
            let other = self.label();
            tasks.extend([
                Task::Jump(Op::Split, other),
                Task::Node(body),
                Task::Op(Op::Abort),
                Task::Bind(other),
                Task::Op(Op::Commit),
            ]);
        } else {
            self.ops.push(Op::Mark);
            tasks.extend([Task::Node(body), Task::Op(Op::Return), Task::Op(Op::Commit)]);
        }
    }
}

fn is_counted(repeat: Repeat) -> bool {
    repeat.max < INFINITE || repeat.min > 1
}

fn text(units: &[u16], fold: bool, back: bool) -> Op {
    if let [unit] = units {
        let set = Set::unit(*unit);
        return Op::Unit { test: Test::of(&if fold { set.any_case() } else { set }), back };
    }
    Op::Text { units: units.into(), fold, back }
}
