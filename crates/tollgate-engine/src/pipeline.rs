//! Runs the documents that apply to a request.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use smallvec::SmallVec;
use tollgate_expr::LastError;

use crate::ports::BodyError;
use crate::step::StepKind;
use crate::{
    Block, Body, BufferedBody, CompiledStep, Facts, Flow, PolicyError, RequestCx, Resumed, Scope,
    Section, Step, error_response, finally,
};

/// One compiled policy document.
#[derive(Debug)]
pub struct CompiledDocument {
    pub(crate) scope: Scope,
    pub(crate) sections: [Option<Block>; 4],
}

impl Default for CompiledDocument {
    fn default() -> Self {
        Self { scope: Scope::Global, sections: [None, None, None, None] }
    }
}

impl CompiledDocument {
    /// What the document applies to.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The steps of a section; none when the document does not have it.
    pub fn section(&self, section: Section) -> Option<&Block> {
        self.sections.get(section.index()).and_then(Option::as_ref)
    }
}

/// The documents that apply to a request, from narrow to wide.
///
/// Each document was compiled once. `<base/>` continues with the next one of *this* request's chain, so operations and
/// products never multiply.
#[derive(Debug, Clone, Default)]
pub struct Chain(SmallVec<[Arc<CompiledDocument>; 4]>);

impl Chain {
    /// A chain of documents, from narrow to wide.
    pub fn new(documents: impl IntoIterator<Item = Arc<CompiledDocument>>) -> Self {
        Self(documents.into_iter().collect())
    }

    fn block(&self, depth: usize, section: Section) -> Option<&Block> {
        self.0.get(depth).and_then(|document| document.section(section))
    }

    fn scope(&self, depth: usize) -> Option<Scope> {
        self.0.get(depth).map(|document| document.scope)
    }
}

/// How a request's pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All sections ran.
    Completed,
    /// A policy ended the pipeline with a response of its own.
    Returned,
    /// An error occurred; on-error ran.
    Failed,
}

/// Runs inbound, backend and outbound, and on-error when one of them fails.
///
/// When the returned future is dropped, no further step runs. Afterwards `cx.response` is what the client gets.
pub async fn process(cx: &mut RequestCx, chain: &Chain) -> Outcome {
    let outcome = sections(cx, chain).await;
    finally::responding(cx).await;
    outcome
}

async fn sections(cx: &mut RequestCx, chain: &Chain) -> Outcome {
    for section in [Section::Inbound, Section::Backend, Section::Outbound] {
        match run_section(cx, chain, section).await {
            Ok(Ended::Done) => {}
            Ok(Ended::Returned) => return Outcome::Returned,
            Err(failed) => return fail(cx, chain, *failed).await,
        }
    }
    // Nothing was forwarded and nothing was returned: APIM answers an empty 200.
    cx.response_mut(crate::Message::Response);
    Outcome::Completed
}

/// Ends a request that failed in a built-in step, before any policy ran.
pub async fn process_error(cx: &mut RequestCx, chain: &Chain, error: PolicyError) -> Outcome {
    let place = Place { source: error.source_name().unwrap_or("gateway"), ..Place::default() };
    let outcome = fail(cx, chain, Failed { error, place }).await;
    finally::responding(cx).await;
    outcome
}

async fn fail(cx: &mut RequestCx, chain: &Chain, failed: Failed) -> Outcome {
    prepare_error(cx, failed);
    match run_section(cx, chain, Section::OnError).await {
        Ok(_) => {}
        Err(again) => {
            // A failing on-error must not leave a half-made response: the client gets the default one.
            let error = PolicyError::internal("OnErrorFailed", again.error.message());
            prepare_error(cx, Failed { error, place: again.place });
        }
    }
    Outcome::Failed
}

fn prepare_error(cx: &mut RequestCx, failed: Failed) {
    let Failed { mut error, place } = failed;
    let detail = error.take_detail();
    if !error.keeps_response() || cx.response.is_none() {
        cx.response = Some(error_response(&error, cx.client.request_id));
    }
    cx.reply = None;
    let message = cx.route.names.redact(error.message()).into_owned();
    if cx.ports.trace.enabled() {
        let text = match &detail {
            Some(detail) => Cow::Owned(format!("{message} ({detail})")),
            None => Cow::Borrowed(&*message),
        };
        cx.ports.trace.message(cx.client.request_id, place.source, &text);
    }
    cx.last_error = Some(LastError {
        source: place.source.to_owned(),
        reason: error.reason().to_owned(),
        message,
        scope: place.scope.map_or("", Scope::name).to_owned(),
        section: place.section.map_or("", Section::name).to_owned(),
        path: place.path,
        policy_id: place.id.as_deref().unwrap_or("").to_owned(),
        http_error_code: i32::from(error.status_code().as_u16()),
        detail,
    });
}

/// An error and where it happened.
#[derive(Debug)]
struct Failed {
    error: PolicyError,
    place: Place,
}

#[derive(Debug, Default, Clone)]
struct Place {
    source: &'static str,
    scope: Option<Scope>,
    section: Option<Section>,
    path: String,
    id: Option<Arc<str>>,
}

enum Ended {
    Done,
    Returned,
}

/// A block that is running.
struct Frame<'p> {
    block: &'p Block,
    next: usize,
    /// Index of the document in the chain.
    depth: usize,
    entered: Entered<'p>,
}

/// How a block came to run.
enum Entered<'p> {
    /// It is a section of a document.
    Section,
    /// It is the content of a fragment.
    Fragment(&'p CompiledStep),
    /// A policy entered it.
    Policy { owner: &'p CompiledStep, step: &'p dyn Step, resumed: Resumed },
}

type Stack<'p> = SmallVec<[Frame<'p>; 6]>;

async fn run_section(
    cx: &mut RequestCx,
    chain: &Chain,
    section: Section,
) -> Result<Ended, Box<Failed>> {
    let mut stack: Stack<'_> = SmallVec::new();
    push_section(&mut stack, chain, 0, section);
    while let Some(frame) = stack.last_mut() {
        let Some(compiled) = frame.block.steps.get(frame.next) else {
            let Some(Frame { entered: Entered::Policy { owner, step, resumed }, .. }) = stack.pop()
            else {
                continue;
            };
            let flow = step.resume(cx, resumed, Ok(()));
            if advance(cx, &mut stack, (chain, section), owner, step, Some(resumed), flow).await? {
                return Ok(Ended::Returned);
            }
            continue;
        };
        frame.next += 1;
        let depth = frame.depth;
        match &compiled.kind {
            StepKind::Base => push_section(&mut stack, chain, depth + 1, section),
            StepKind::Fragment(block) => {
                stack.push(Frame { block, next: 0, depth, entered: Entered::Fragment(compiled) });
            }
            StepKind::Policy(step) => {
                let flow = match provide(cx, compiled.facts).await {
                    Ok(()) => step.run(cx),
                    Err(error) => Err(error),
                };
                if advance(cx, &mut stack, (chain, section), compiled, &**step, None, flow).await? {
                    return Ok(Ended::Returned);
                }
            }
        }
    }
    Ok(Ended::Done)
}

fn push_section<'p>(stack: &mut Stack<'p>, chain: &'p Chain, depth: usize, section: Section) {
    if let Some(block) = chain.block(depth, section) {
        stack.push(Frame { block, next: 0, depth, entered: Entered::Section });
    }
}

/// Applies what a step answered. True when the pipeline ends.
async fn advance<'p>(
    cx: &mut RequestCx,
    stack: &mut Stack<'p>,
    at: (&Chain, Section),
    owner: &'p CompiledStep,
    step: &'p dyn Step,
    resumed: Option<Resumed>,
    flow: Result<Flow, PolicyError>,
) -> Result<bool, Box<Failed>> {
    let (mut owner, mut step, mut flow) = (owner, step, flow);
    if matches!(flow, Ok(Flow::Wait)) {
        flow = step.wait(cx, resumed).await;
    }
    let mut place = None;
    loop {
        match flow {
            Ok(Flow::Continue) => return Ok(false),
            Ok(Flow::Return) => return Ok(true),
            // A step that waits for nothing, or names a block it does not have, is broken: what it guards stays shut.
            Ok(Flow::Wait) => flow = Err(broken_step()),
            Ok(Flow::Enter { block, state }) => {
                let depth = stack.last().map_or(0, |frame| frame.depth);
                let resumed = Resumed { block, state };
                let Some(block) = step.blocks().get(block) else {
                    flow = Err(broken_step());
                    continue;
                };
                let entered = Entered::Policy { owner, step, resumed };
                stack.push(Frame { block, next: 0, depth, entered });
                return Ok(false);
            }
            Err(error) => {
                let place = place.get_or_insert_with(|| place_of(stack, at, owner, &error));
                // Give the steps around it, innermost first, the chance to handle the error.
                let outer = loop {
                    match stack.pop() {
                        None => break None,
                        Some(Frame {
                            entered: Entered::Policy { owner, step, resumed }, ..
                        }) => {
                            break Some((owner, step, resumed));
                        }
                        Some(_) => {}
                    }
                };
                let Some((outer, outer_step, resumed)) = outer else {
                    return Err(Box::new(Failed { error, place: std::mem::take(place) }));
                };
                (owner, step) = (outer, outer_step);
                flow = step.resume(cx, resumed, Err(error));
                if matches!(flow, Ok(Flow::Wait)) {
                    flow = step.wait(cx, Some(resumed)).await;
                }
            }
        }
    }
}

fn broken_step() -> PolicyError {
    PolicyError::internal("InternalError", "the policy gave no way to go on")
}

fn place_of(
    stack: &Stack<'_>,
    (chain, section): (&Chain, Section),
    step: &CompiledStep,
    error: &PolicyError,
) -> Place {
    let depth = stack.last().map_or(0, |frame| frame.depth);
    let begin =
        stack.iter().rposition(|frame| matches!(frame.entered, Entered::Section)).unwrap_or(0);
    let mut path = String::new();
    let mut push = |part: &str| {
        if !path.is_empty() {
            path.push('\\');
        }
        path.push_str(part);
    };
    for frame in stack.iter().skip(begin) {
        match &frame.entered {
            Entered::Section => {}
            Entered::Fragment(owner) => push(&format!("{}[{}]", owner.name, owner.index)),
            Entered::Policy { owner, .. } => {
                push(&format!("{}[{}]", owner.name, owner.index));
                if !frame.block.label.is_empty() {
                    push(&frame.block.label);
                }
            }
        }
    }
    push(&format!("{}[{}]", step.name, step.index));
    if let Some(inside) = error.inside_part() {
        push(inside);
    }
    Place {
        source: error.source_name().unwrap_or(step.name),
        scope: chain.scope(depth),
        section: Some(section),
        path,
        id: step.id.clone(),
    }
}

impl RequestCx {
    /// Whether a body that these facts speak of is still on the wire.
    pub fn lacks(&self, facts: Facts) -> bool {
        let response = self.response.as_ref();
        facts.reads_request_body && matches!(self.request.body, Body::Stream)
            || facts.reads_response_body
                && response.is_some_and(|response| matches!(response.body, Body::Stream))
    }

    /// Makes the bodies that these facts speak of available. The pipeline does so for the facts of a step; a step that
    /// may need a body only later asks for it itself, from its `wait`.
    pub async fn provide(&mut self, facts: Facts) -> Result<(), PolicyError> {
        provide(self, facts).await
    }
}

/// Makes the bodies a step reads available, just before it runs.
async fn provide(cx: &mut RequestCx, facts: Facts) -> Result<(), PolicyError> {
    if facts.reads_request_body && matches!(cx.request.body, Body::Stream) {
        let body = cx.wire.read_request_body(&cx.request.headers).await;
        cx.request.body = Body::Buffered(body.map_err(|error| request_body_error(&error))?);
    }
    if facts.reads_response_body
        && let Some(response) = &mut cx.response
        && matches!(response.body, Body::Stream)
    {
        let body: Result<BufferedBody, BodyError> =
            cx.wire.read_response_body(&response.headers).await;
        match body {
            Ok(body) => response.body = Body::Buffered(body),
            Err(error) => {
                response.body = Body::Empty;
                return Err(response_body_error(&error));
            }
        }
    }
    Ok(())
}

fn request_body_error(error: &BodyError) -> PolicyError {
    let message = error.to_string();
    match error {
        BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. } => {
            PolicyError::refused("RequestBodyTooLarge", message, StatusCode::PAYLOAD_TOO_LARGE)
                .client_message("The request body is too large.")
        }
        BodyError::Encoding(_) => {
            PolicyError::refused("RequestBodyInvalid", message, StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .client_message("The content encoding of the request body is not supported.")
        }
        BodyError::MemoryPressure => {
            PolicyError::refused("MemoryPressure", message, StatusCode::SERVICE_UNAVAILABLE)
                .client_message("Service Unavailable")
        }
        BodyError::ClientTimeout => {
            PolicyError::refused("ClientConnectionFailure", message, StatusCode::REQUEST_TIMEOUT)
                .client_message("The request body was not received in time.")
        }
        BodyError::ClientGone | BodyError::Backend(_) => {
            PolicyError::internal("ClientConnectionFailure", message)
        }
    }
}

fn response_body_error(error: &BodyError) -> PolicyError {
    let reason = match error {
        BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. } => "ResponseBodyTooLarge",
        BodyError::Encoding(_) => "ResponseBodyInvalid",
        BodyError::MemoryPressure => "MemoryPressure",
        BodyError::ClientGone | BodyError::ClientTimeout => "ClientConnectionFailure",
        BodyError::Backend(_) => "BackendConnectionFailure",
    };
    PolicyError::internal(reason, error.to_string()).status(StatusCode::BAD_GATEWAY)
}

#[cfg(test)]
mod tests;
