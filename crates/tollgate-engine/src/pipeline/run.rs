//! Runs the steps of a section, with a stack of its own instead of recursion.

use std::fmt::Write as _;
use std::sync::Arc;

use smallvec::SmallVec;

use super::concurrent;
use super::{Chain, Failed, Place};
use crate::step::StepKind;
use crate::{
    Block, BoxFuture, CompiledStep, Completion, Flow, PolicyError, RequestCx, Resumed, Section,
    Step,
};

/// Where steps run.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    pub(super) chain: &'p Chain,
    pub(super) section: Section,
}

/// How running ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing is left to run.
    Done,
    /// The response stands for the backend's.
    Answered,
    /// The response is the client's.
    Returned,
}

/// How far a stack of blocks got.
pub(super) enum Progress {
    /// To its end.
    Ended(Ended),
    /// To a step that is under way without the request.
    UnderWay(BoxFuture<'static, Completion>),
}

/// What steps are asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Their part; those that wait are awaited in place.
    InPlace,
    /// Their part; those that wait are detached where they can be.
    Detached,
    /// To answer a request that no operation is defined for.
    Unmatched,
}

/// A policy that is running.
#[derive(Clone, Copy)]
struct Policy<'p> {
    compiled: &'p CompiledStep,
    step: &'p dyn Step,
}

/// A row of steps that is running.
struct Frame<'p> {
    steps: &'p [CompiledStep],
    next: usize,
    /// As a path prints the block.
    label: &'p str,
    /// Index of the document in the chain.
    depth: usize,
    entered: Entered<'p>,
}

/// How a row of steps came to run.
enum Entered<'p> {
    /// It is a section of a document.
    Section,
    /// It runs beside others; what stands around it has a stack of its own.
    Branch,
    /// It is the content of a fragment.
    Fragment(&'p CompiledStep),
    /// A policy entered it.
    Policy(Policy<'p>, Within),
}

/// Which of its blocks a policy entered, and with which state.
#[derive(Clone, Copy)]
struct Within {
    block: usize,
    state: u64,
}

/// Rows of steps inside one another, the innermost last.
pub(super) struct Stack<'p> {
    frames: SmallVec<[Frame<'p>; 6]>,
    /// The step that is under way without the request.
    detached: Option<Policy<'p>>,
}

/// Runs a section of the chain's documents.
pub(super) async fn run_section(
    cx: &mut RequestCx,
    chain: &Chain,
    section: Section,
    mode: Mode,
) -> Result<Ended, Box<Failed>> {
    let at = At { chain, section };
    let mut stack = Stack { frames: SmallVec::new(), detached: None };
    stack.push_section(at, 0);
    match stack.run(cx, at, mode).await? {
        Progress::Ended(ended) => Ok(ended),
        // Nothing is detached where steps are awaited in place.
        Progress::UnderWay(_) => Ok(Ended::Done),
    }
}

impl<'p> Stack<'p> {
    /// One step beside others; `depth` is that of its document in the chain.
    pub(super) fn branch(step: &'p CompiledStep, depth: usize) -> Self {
        let frame = Frame {
            steps: std::slice::from_ref(step),
            next: 0,
            label: "",
            depth,
            entered: Entered::Branch,
        };
        Self { frames: SmallVec::from_iter([frame]), detached: None }
    }

    fn push_section(&mut self, at: At<'p>, depth: usize) {
        if let Some(block) = at.chain.block(depth, at.section) {
            let entered = Entered::Section;
            self.frames.push(Frame { steps: &block.steps, next: 0, label: "", depth, entered });
        }
    }

    fn push_block(&mut self, block: &'p Block, policy: Policy<'p>, within: Within) {
        let depth = self.depth();
        let entered = Entered::Policy(policy, within);
        self.frames.push(Frame {
            steps: &block.steps,
            next: 0,
            label: &block.label,
            depth,
            entered,
        });
    }

    fn depth(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.depth)
    }

    /// Goes on after the step that was under way has waited.
    pub(super) async fn complete(
        &mut self,
        cx: &mut RequestCx,
        at: At<'p>,
        completion: Completion,
    ) -> Result<Progress, Box<Failed>> {
        if let Some(policy) = self.detached.take() {
            let flow = completion(cx);
            let ended = self.advance(cx, at, policy, flow).await?;
            if ended != Ended::Done {
                return Ok(Progress::Ended(ended));
            }
        }
        self.run(cx, at, Mode::Detached).await
    }

    /// Runs until nothing is left, the pipeline ends, or a step is under way without the request.
    pub(super) async fn run(
        &mut self,
        cx: &mut RequestCx,
        at: At<'p>,
        mode: Mode,
    ) -> Result<Progress, Box<Failed>> {
        while let Some(frame) = self.frames.last_mut() {
            let Some(compiled) = frame.steps.get(frame.next) else {
                let ended = self.frames.pop();
                if let Some(Frame { entered: Entered::Policy(policy, within), .. }) = ended {
                    let flow = resume(cx, policy, within, Ok(())).await;
                    let ended = self.advance(cx, at, policy, flow).await?;
                    if ended != Ended::Done {
                        return Ok(Progress::Ended(ended));
                    }
                }
                continue;
            };
            frame.next += 1;
            let depth = frame.depth;
            match &compiled.kind {
                StepKind::Base => self.push_section(at, depth + 1),
                StepKind::Fragment(block) => {
                    let entered = Entered::Fragment(compiled);
                    self.frames.push(Frame {
                        steps: &block.steps,
                        next: 0,
                        label: "",
                        depth,
                        entered,
                    });
                }
                StepKind::Policy(step) => {
                    let policy = Policy { compiled, step: &**step };
                    let provided = if mode == Mode::Unmatched || !cx.lacks(compiled.facts) {
                        Ok(())
                    } else {
                        cx.provide(compiled.facts).await
                    };
                    let flow = match provided {
                        Err(error) => Err(error),
                        Ok(()) if mode == Mode::Unmatched => step.unmatched(cx),
                        Ok(()) if mode == Mode::InPlace => step.run(cx),
                        Ok(()) => match step.detach(cx) {
                            Err(error) => Err(error),
                            Ok(None) => step.run(cx),
                            Ok(Some(detached)) => {
                                self.detached = Some(policy);
                                return Ok(Progress::UnderWay(detached.future));
                            }
                        },
                    };
                    // What nearly all steps answer needs no future.
                    if matches!(flow, Ok(Flow::Continue)) {
                        continue;
                    }
                    let ended = self.advance(cx, at, policy, flow).await?;
                    if ended != Ended::Done {
                        return Ok(Progress::Ended(ended));
                    }
                }
            }
        }
        Ok(Progress::Ended(Ended::Done))
    }

    /// Applies what a step answered.
    async fn advance(
        &mut self,
        cx: &mut RequestCx,
        at: At<'p>,
        policy: Policy<'p>,
        flow: Result<Flow, PolicyError>,
    ) -> Result<Ended, Box<Failed>> {
        let (mut policy, mut flow) = (policy, flow);
        if matches!(flow, Ok(Flow::Wait)) {
            flow = policy.step.wait(cx, None).await;
        }
        let mut place = None;
        loop {
            match flow {
                Ok(Flow::Continue) => return Ok(Ended::Done),
                Ok(Flow::Answered) => return Ok(Ended::Answered),
                Ok(Flow::Return) => return Ok(Ended::Returned),
                // A step that waits for nothing, or names a block it does not have, is broken: what it guards stays shut.
                Ok(Flow::Wait) => flow = Err(broken_step()),
                Ok(Flow::Enter { block, state }) => {
                    let Some(inside) = policy.step.blocks().get(block) else {
                        flow = Err(broken_step());
                        continue;
                    };
                    self.push_block(inside, policy, Within { block, state });
                    return Ok(Ended::Done);
                }
                Ok(Flow::Concurrent { block, until }) => {
                    let Some(inside) = policy.step.blocks().get(block) else {
                        flow = Err(broken_step());
                        continue;
                    };
                    let ran = concurrent::run(cx, at, &inside.steps, self.depth(), until).await;
                    let outcome = match ran {
                        Ok(Ended::Done) => Ok(()),
                        Ok(ended) => return Ok(ended),
                        Err(failed) => {
                            let Failed { error, place: inner } = *failed;
                            let path = format!("{}\\{}", self.path_to(policy), inner.path);
                            place = Some(Place { path, ..inner });
                            Err(error)
                        }
                    };
                    flow = resume(cx, policy, Within { block, state: 0 }, outcome).await;
                }
                Err(error) => {
                    let at_fault =
                        place.take().unwrap_or_else(|| self.place_of(at, policy, &error));
                    // Give the steps around it, innermost first, the chance to handle the error.
                    let Some((outer, within)) = self.leave() else {
                        return Err(Box::new(Failed { error, place: at_fault }));
                    };
                    place = Some(at_fault);
                    policy = outer;
                    flow = resume(cx, policy, within, Err(error)).await;
                }
            }
        }
    }

    /// Leaves everything up to the innermost policy that entered a block.
    fn leave(&mut self) -> Option<(Policy<'p>, Within)> {
        while let Some(frame) = self.frames.pop() {
            if let Entered::Policy(policy, within) = frame.entered {
                return Some((policy, within));
            }
        }
        None
    }

    fn place_of(&self, at: At<'_>, policy: Policy<'_>, error: &PolicyError) -> Place {
        let mut path = self.path_to(policy);
        if let Some(inside) = error.inside_part() {
            path.push('\\');
            path.push_str(inside);
        }
        Place {
            source: error.source_name().unwrap_or(policy.compiled.name),
            scope: at.chain.scope(self.depth()),
            section: Some(at.section),
            path,
            id: policy.compiled.id.as_ref().map(Arc::clone),
        }
    }

    /// Where a step of the innermost row stands in its section.
    fn path_to(&self, policy: Policy<'_>) -> String {
        let is_begin = |frame: &Frame<'_>| matches!(frame.entered, Entered::Section);
        let begin = self.frames.iter().rposition(is_begin).unwrap_or(0);
        let mut path = String::new();
        for frame in self.frames.iter().skip(begin) {
            let owner = match &frame.entered {
                Entered::Section | Entered::Branch => continue,
                Entered::Fragment(owner) => owner,
                Entered::Policy(policy, _) => policy.compiled,
            };
            // Writing to a string cannot fail.
            write!(path, "{}[{}]\\", owner.name, owner.index).ok();
            if !frame.label.is_empty() {
                path.push_str(frame.label);
                path.push('\\');
            }
        }
        write!(path, "{}[{}]", policy.compiled.name, policy.compiled.index).ok();
        path
    }
}

/// Tells a policy how its block has ended, and awaits what it does then.
async fn resume(
    cx: &mut RequestCx,
    policy: Policy<'_>,
    Within { block, state }: Within,
    outcome: Result<(), PolicyError>,
) -> Result<Flow, PolicyError> {
    let error = outcome.as_ref().err().cloned();
    let flow = policy.step.resume(cx, Resumed { block, state, error: None }, outcome);
    if !matches!(flow, Ok(Flow::Wait)) {
        return flow;
    }
    match policy.step.wait(cx, Some(Resumed { block, state, error })).await {
        Ok(Flow::Wait) => Err(broken_step()),
        flow => flow,
    }
}

fn broken_step() -> PolicyError {
    PolicyError::internal("InternalError", "the policy gave no way to go on")
}
