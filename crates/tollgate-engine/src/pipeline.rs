//! Runs the documents that apply to a request.

mod bodies;
mod companions;
mod concurrent;
mod run;

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_expr::LastError;

use crate::contract::Contract;
use crate::{Block, PolicyError, RequestCx, Scope, Section, error_response, finally};
pub use bodies::UnreadBody;
pub use companions::unpaired;
use run::{Ended, Mode, run_section};

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

    /// Whether a section is missing or empty: nothing runs in it, and nothing of wider scopes either.
    pub fn cuts_off(&self, section: Section) -> bool {
        self.section(section).is_none_or(|block| block.steps.is_empty())
    }
}

/// The documents that apply to a request, from narrow to wide.
///
/// Each document was compiled once. `<base/>` continues with the next one of *this* request's chain, so operations and
/// products never multiply.
#[derive(Debug, Clone, Default)]
pub struct Chain(SmallVec<[Arc<CompiledDocument>; 5]>);

impl Chain {
    /// A chain of documents, from narrow to wide.
    pub fn new(documents: impl IntoIterator<Item = Arc<CompiledDocument>>) -> Self {
        Self(documents.into_iter().collect())
    }

    /// Has each step see the operation that the chain is for, at load. Answers what of its description cannot be used.
    pub fn prepare(&self, contract: &Contract) -> Vec<String> {
        let mut found = Vec::new();
        for document in &self.0 {
            let blocks = Section::ALL.into_iter().filter_map(|section| document.section(section));
            blocks.for_each(|block| block.prepare(contract, &mut found));
        }
        found
    }

    /// Adds a document of a scope that the chain does not have yet, at its place: whose product a request belongs to is
    /// known only when its key is.
    pub fn insert(&mut self, document: Arc<CompiledDocument>) {
        let place = self.0.iter().position(|known| known.scope < document.scope);
        self.0.insert(place.unwrap_or(self.0.len()), document);
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
    let mut answered = false;
    for section in [Section::Inbound, Section::Backend, Section::Outbound] {
        if answered && section == Section::Backend {
            continue;
        }
        match run_section(cx, chain, section, Mode::InPlace).await {
            Ok(Ended::Done) => {}
            Ok(Ended::Answered) => {
                cx.counted.leave_since(0);
                answered = true;
            }
            Ok(Ended::Returned) => return Outcome::Returned,
            Err(failed) => return fail(cx, chain, *failed).await,
        }
    }
    // Nothing was forwarded and nothing was returned: APIM answers an empty 200.
    cx.response_mut(crate::Message::Response);
    Outcome::Completed
}

/// Asks the steps of inbound to answer a request that no operation is defined for, as [`Step::unmatched`] says. `None`
/// when none of them has an answer; then nothing has happened.
///
/// [`Step::unmatched`]: crate::Step::unmatched
pub async fn process_unmatched(cx: &mut RequestCx, chain: &Chain) -> Option<Outcome> {
    let outcome = match run_section(cx, chain, Section::Inbound, Mode::Unmatched).await {
        Ok(_) if cx.response.is_none() => return None,
        Ok(_) => Outcome::Returned,
        Err(failed) => fail(cx, chain, *failed).await,
    };
    finally::responding(cx).await;
    Some(outcome)
}

/// Ends a request that failed in a built-in step, before any policy ran.
pub async fn process_error(cx: &mut RequestCx, chain: &Chain, error: PolicyError) -> Outcome {
    let place = Place {
        source: error.source_name().unwrap_or("gateway"),
        section: error.section_of_step(),
        ..Place::default()
    };
    let outcome = fail(cx, chain, Failed { error, place }).await;
    finally::responding(cx).await;
    outcome
}

async fn fail(cx: &mut RequestCx, chain: &Chain, failed: Failed) -> Outcome {
    prepare_error(cx, failed);
    let prepared = cx.response.clone();
    match run_section(cx, chain, Section::OnError, Mode::InPlace).await {
        Ok(_) => {}
        Err(again) => {
            // A failing on-error must not leave a half-made response: the client gets what was prepared for the first
            // error if nothing of it was changed, else the default one.
            let untouched = prepared
                .filter(|prepared| cx.response.as_ref().is_some_and(|it| it.is_same(prepared)));
            let error = PolicyError::internal("OnErrorFailed", again.error.message());
            prepare_error(cx, Failed { error, place: again.place });
            if untouched.is_some() {
                cx.response = untouched;
            }
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
    cx.call = None;
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

#[cfg(test)]
mod tests;
