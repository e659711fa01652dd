//! Compiled policies.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tollgate_diagnostics::Span;

use crate::contract::Contract;
use crate::{PolicyError, RequestCx, Section};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One compiled policy.
///
/// `run` is synchronous, so editing a header costs no future. A step that must wait answers [`Flow::Wait`] and does its
/// work in `wait`. A step that holds other policies offers them as `blocks`, answers [`Flow::Enter`] to have one of them
/// run, and is told how it ended through `resume`; nesting therefore never recurses.
pub trait Step: Send + Sync + fmt::Debug {
    /// Runs the step.
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError>;

    /// Runs the part that waits, after `run` or `resume` answered [`Flow::Wait`]. When the client goes away the future is
    /// dropped at an await point: what it holds must be safe to drop there.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        let _ = (cx, resumed);
        Box::pin(async { Ok(Flow::Continue) })
    }

    /// Starts the step without holding on to the request, so that several can be under way at once: evaluates everything
    /// that needs `cx` now and gives the rest as a future. `None` when the step has nothing to wait for, or cannot; it is
    /// then run as usual. Asked only inside policies that run others concurrently, after the bodies of [`Step::facts`] are
    /// at hand.
    fn detach(&self, cx: &mut RequestCx) -> Result<Option<Detached>, PolicyError> {
        let _ = cx;
        Ok(None)
    }

    /// Answers a request that no operation is defined for, in place of one: a preflight, or a well-known file. Asked
    /// instead of `run`, of the steps that stand directly in `inbound` or in a fragment there. [`Flow::Return`] ends the
    /// request with `cx.response`; a step that only sets it leaves the last word to those after it.
    fn unmatched(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let _ = cx;
        Ok(Flow::Continue)
    }

    /// The blocks of policies inside this one.
    fn blocks(&self) -> &[Block] {
        &[]
    }

    /// A block that this step entered has ended. An error passes on unless the step handles it.
    fn resume(
        &self,
        cx: &mut RequestCx,
        resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        let _ = (cx, resumed);
        outcome.map(|()| Flow::Continue)
    }

    /// Sees, at load, an operation it may run for, so that what does not depend on the request is done by then. Answers
    /// what of the operation's description cannot be used, each in one line.
    fn prepare(&self, contract: &Contract) -> Vec<String> {
        let _ = contract;
        Vec::new()
    }

    /// The policy that it does its part with, when it does nothing alone.
    fn companion(&self) -> Option<Companion> {
        None
    }

    /// What the step itself (not its blocks) needs.
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// A policy in another section that a request must meet as well.
#[derive(Debug, Clone, Copy)]
pub struct Companion {
    /// The section.
    pub section: Section,
    /// Its names, the usual one first.
    pub names: &'static [&'static str],
    /// Where the policy that needs it stands.
    pub span: Span,
}

/// A step that is under way without the request.
pub struct Detached {
    /// The part that waits. It is dropped when its outcome is no longer of interest: when the client goes away, or
    /// another policy beside it has settled the matter.
    pub future: BoxFuture<'static, Completion>,
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Detached")
    }
}

/// What a detached step does to the request once it has waited; what it answers is as from [`Step::run`].
pub type Completion = Box<dyn FnOnce(&mut RequestCx) -> Result<Flow, PolicyError> + Send>;

/// What happens after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next step.
    Continue,
    /// The pipeline ends here; the response that is set goes to the client.
    Return,
    /// The response that is set stands for the backend's: what is left of inbound and backend is skipped, and outbound
    /// runs.
    Answered,
    /// Run `wait`.
    Wait,
    /// Run the step's block of this index, then `resume` with this state.
    Enter {
        /// Index into [`Step::blocks`].
        block: usize,
        /// Given back in [`Resumed`].
        state: u64,
    },
    /// Run the steps of the block of this index all at once, each on its own, then `resume` with state 0. Those that
    /// can be [detached](Step::detach) wait together; the others run in turn.
    Concurrent {
        /// Index into [`Step::blocks`].
        block: usize,
        /// When they are done.
        until: Until,
    },
}

/// When steps that run concurrently are done. What is still under way then is dropped, and what was not begun does not
/// begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When each of them has ended, or the first fails.
    All,
    /// When the first has ended without an error; when all have failed, with the error of the first.
    Any,
}

/// What a step said when it entered a block.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The block.
    pub block: usize,
    /// The state.
    pub state: u64,
    /// In `wait`: the error the block ended with, if it did.
    pub error: Option<PolicyError>,
}

/// What a step needs before it runs, known at load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Reads the body of the request.
    pub reads_request_body: bool,
    /// Reads the body of the response.
    pub reads_response_body: bool,
}

impl Facts {
    /// What either of two steps needs.
    #[must_use]
    pub fn or(self, other: Facts) -> Facts {
        Facts {
            reads_request_body: self.reads_request_body || other.reads_request_body,
            reads_response_body: self.reads_response_body || other.reads_response_body,
        }
    }
}

impl From<tollgate_expr::Facts> for Facts {
    fn from(facts: tollgate_expr::Facts) -> Self {
        Facts {
            reads_request_body: facts.reads_request_body,
            reads_response_body: facts.reads_response_body,
        }
    }
}

/// Policies that run one after the other.
#[derive(Debug, Default)]
pub struct Block {
    /// As a path prints it, such as `when[2]`; empty when the block has no element of its own.
    pub label: String,
    /// The steps.
    pub steps: Vec<CompiledStep>,
}

impl Block {
    /// What the steps need of the bodies.
    pub fn facts(&self) -> Facts {
        self.steps.iter().fold(Facts::default(), |facts, step| facts.or(step.facts))
    }

    /// Runs the steps one after the other, for a policy that is detached and cannot enter the block. Only for steps that
    /// neither wait nor hold blocks; the bodies of [`Block::facts`] must be at hand.
    pub fn run_at_once(&self, cx: &mut RequestCx) -> Result<(), PolicyError> {
        for step in &self.steps {
            let ended = match &step.kind {
                StepKind::Policy(policy) => policy.run(cx),
                StepKind::Base | StepKind::Fragment(_) => Ok(Flow::Wait),
            };
            let ended = match ended {
                Ok(Flow::Continue) => continue,
                Ok(_) => {
                    Err(PolicyError::internal("InternalError", "the policy cannot be detached"))
                }
                Err(error) => Err(error),
            };
            return ended.map_err(|error| {
                let inside = format!("{}[{}]", step.name, step.index);
                error.source(step.name).inside(inside)
            });
        }
        Ok(())
    }

    /// Has each step see an operation it may run for.
    pub(crate) fn prepare(&self, contract: &Contract, found: &mut Vec<String>) {
        for step in &self.steps {
            if let StepKind::Policy(policy) = &step.kind {
                found.extend(policy.prepare(contract));
            }
            step.blocks().iter().for_each(|block| block.prepare(contract, found));
        }
    }
}

/// A step with its place in the document.
#[derive(Debug)]
pub struct CompiledStep {
    /// Name of the policy.
    pub(crate) name: &'static str,
    /// Position among the siblings of the same name, from 1.
    pub(crate) index: usize,
    /// The `id` attribute.
    pub(crate) id: Option<Arc<str>>,
    pub(crate) facts: Facts,
    pub(crate) kind: StepKind,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    /// Goes on with the same section of the next wider scope.
    Base,
    /// Policies of a fragment.
    Fragment(Arc<Block>),
    /// Any other policy.
    Policy(Box<dyn Step>),
}

impl CompiledStep {
    /// Name of the policy.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the step itself needs.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The blocks inside.
    pub fn blocks(&self) -> &[Block] {
        match &self.kind {
            StepKind::Base => &[],
            StepKind::Fragment(block) => std::slice::from_ref(block),
            StepKind::Policy(step) => step.blocks(),
        }
    }
}
