//! What a request asks, and which answers it may share.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use tollgate_engine::ports::{CacheKey, CacheKeyBuilder};
use tollgate_engine::{Request, RequestCx, Target};
use tollgate_llm::{Api, LlmRequest, PathInfo, Prompt, Role, SystemMessages};

/// Bytes of a text that are embedded. Models take some thousand tokens, which is less.
const LONGEST_TEXT: usize = 64 << 10;

/// What a policy says of questions.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    /// What becomes of system messages.
    pub(crate) system: SystemMessages,
    /// The most messages of a request that is looked up.
    pub(crate) most_messages: Option<usize>,
    /// What `vary-by` says.
    pub(crate) vary_by: Vec<Arc<str>>,
    /// The backend for embeddings: those of another one mean something else.
    pub(crate) embedder: Arc<str>,
}

/// What a request asks.
#[derive(Debug)]
pub(crate) struct Question {
    /// The text to be embedded.
    pub(crate) text: String,
    /// Where answers to it may come from.
    pub(crate) partition: CacheKey,
    pub(crate) api: Api,
    /// The model or deployment; empty when it is not known.
    pub(crate) model: String,
    /// How the answer is wanted.
    pub(crate) form: Form,
    pub(crate) body: Bytes,
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In one piece.
    Json,
    /// As a stream of events.
    Stream {
        /// Whether the usage is to be in it, where that has to be asked for.
        usage: bool,
    },
}

/// Why a request is not for the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// It is no request to a model for an answer in text.
    NoQuestion,
    /// It has images, sounds or files, which the text says nothing of.
    OtherContent,
    /// It goes on from what the backend keeps, which the text says nothing of.
    Stateful,
    /// It asks for more of an answer than is kept.
    Details,
    /// It has more messages than `max-message-count`.
    TooManyMessages,
    /// There is no text, or more than is embedded.
    Length(usize),
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoQuestion => "it asks no model for an answer in text",
            Self::OtherContent => "it has content that is not text",
            Self::Stateful => "it goes on from a conversation that the backend keeps",
            Self::Details => "it asks for probabilities, or for a stream that is no event stream",
            Self::TooManyMessages => "it has more messages than max-message-count",
            Self::Length(0) => "it has no text",
            Self::Length(length) => {
                return write!(f, "its text has {length} bytes, and {LONGEST_TEXT} are embedded");
            }
        })
    }
}

impl Question {
    /// Reads the request as it stands; its body is at hand.
    pub(crate) fn read(cx: &RequestCx, asking: &Asking) -> Result<Self, Unasked> {
        let request = &cx.request;
        let body = request.body.bytes().filter(|_| !request.consumed && is_call(request));
        let body = body.ok_or(Unasked::NoQuestion)?;
        // What `rewrite-uri` has made of the path is what the backend understands.
        let path = PathInfo::of(&request.uri.path);
        let path = path.or_else(|| PathInfo::of(&request.original_url.path));
        // The body was read within the gateway's own bound, so none is set here.
        let parsed = LlmRequest::parse(path.map(|path| path.api), body, usize::MAX)
            .map_err(|_| Unasked::NoQuestion)?;
        if !has_answers_in_text(parsed.api()) {
            return Err(Unasked::NoQuestion);
        }
        let form = form(&parsed, path, &request.uri.query)?;
        let mut prompt = parsed.prompt();
        if prompt.has_other_content {
            return Err(Unasked::OtherContent);
        }
        if asking.system == SystemMessages::Ignore {
            prompt.messages.retain(|message| message.role != Role::System);
        }
        if asking.most_messages.is_some_and(|most| prompt.messages.len() > most) {
            return Err(Unasked::TooManyMessages);
        }
        let text = prompt.text(SystemMessages::Include);
        if text.trim().is_empty() || text.len() > LONGEST_TEXT {
            let length = if text.trim().is_empty() { 0 } else { text.len() };
            return Err(Unasked::Length(length));
        }
        let mut key = origin(cx, asking);
        parameters(&mut key, &parsed)?;
        shape(&mut key, &prompt);
        key.part(parsed.rest(asking.system));
        let model = path.and_then(|path| path.model).map(str::to_owned);
        let model = model.or_else(|| Some(parsed.model()?.into_owned()));
        Ok(Self {
            text,
            partition: key.finish(),
            api: parsed.api(),
            model: model.unwrap_or_default(),
            form,
            body: body.clone(),
        })
    }
}

/// Whether a request can be one to a model at all.
pub(crate) fn is_call(request: &Request) -> bool {
    request.method == Method::POST && !request.headers.contains_key(http::header::UPGRADE)
}

fn has_answers_in_text(api: Api) -> bool {
    use Api::{ChatCompletions, Completions, GenerateContent, Messages, Responses};
    [ChatCompletions, Completions, Responses, Messages, GenerateContent].contains(&api)
}

fn form(parsed: &LlmRequest<'_>, path: Option<PathInfo<'_>>, query: &str) -> Result<Form, Unasked> {
    let by_path = path.is_some_and(|path| path.stream);
    if by_path && parsed.api() == Api::GenerateContent {
        // Without it Google sends a list that grows, which is no stream of events.
        let is_events = query.split('&').any(|part| part == "alt=sse");
        return if is_events { Ok(Form::Stream { usage: true }) } else { Err(Unasked::Details) };
    }
    if !by_path && !parsed.stream() {
        return Ok(Form::Json);
    }
    Ok(Form::Stream { usage: parsed.include_usage() })
}

/// Where the request is going, by whose policies, and what `vary-by` says.
fn origin(cx: &RequestCx, asking: &Asking) -> CacheKeyBuilder {
    let mut key = CacheKeyBuilder::new("semantic");
    let info = &cx.route.info;
    key.optional(info.workspace.as_ref().map(|workspace| &workspace.id));
    key.optional(info.api.as_ref().map(|api| &api.id));
    key.optional(info.api.as_ref().map(|api| &api.revision));
    key.optional(info.operation.as_ref().map(|operation| &operation.id));
    key.optional(info.product.as_ref().map(|product| &product.id));
    match &cx.request.target {
        None => key.part("none"),
        Some(Target::Backend(id)) => {
            key.part("backend");
            key.part(&**id);
        }
        Some(Target::Url(url)) => {
            key.part("url");
            key.part(format!("{}://{}:{}{}", url.scheme, url.host, url.port, url.path));
        }
    }
    key.part(&cx.request.uri.path);
    key.part(&cx.request.uri.query);
    key.part(&*asking.embedder);
    key.part([u8::from(asking.system == SystemMessages::Ignore)]);
    for value in &asking.vary_by {
        key.optional(Some(&**value));
    }
    key.optional(None::<&str>);
    key
}

/// What the request asks for besides its prompt.
fn parameters(key: &mut CacheKeyBuilder, parsed: &LlmRequest<'_>) -> Result<(), Unasked> {
    key.part(format!("{:?}", parsed.api()));
    for parameter in parsed.parameters() {
        let is_set = !matches!(parameter.value, b"false" | b"null" | b"0");
        match &*parameter.name {
            b"logprobs" if is_set => return Err(Unasked::Details),
            b"previous_response_id" | b"conversation" | b"cachedContent" | b"cached_content"
                if is_set =>
            {
                return Err(Unasked::Stateful);
            }
            _ => {}
        }
        key.optional(Some(&parameter.name));
        key.part(parameter.value);
    }
    key.optional(None::<&str>);
    Ok(())
}

/// Who speaks in which turn: the same words in another order of speakers are another conversation.
fn shape(key: &mut CacheKeyBuilder, prompt: &Prompt<'_>) {
    for message in &prompt.messages {
        key.optional(Some(match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }));
    }
    key.optional(None::<&str>);
}
