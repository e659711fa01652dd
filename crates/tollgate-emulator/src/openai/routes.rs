//! Which operation a method and path are.

use hyper::Method;

use crate::openai::auth::Keys;
use crate::openai::errors::ApiError;
use crate::openai::versions;
use crate::pairs::Pairs;

/// The style of a path, which decides about `api-version` and about where keys may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `/openai/…` with a dated `api-version`.
    Classic,
    /// `/openai/v1/…`.
    V1,
    /// `/models/…`.
    Inference,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Chat,
    Completions,
    Embeddings,
    /// Create a response.
    Responses,
    /// Get or delete a stored response.
    StoredResponse(&'a str),
    /// List the input of a stored response.
    StoredInput(&'a str),
    Models(Option<&'a str>),
    Realtime,
}

impl Target<'_> {
    /// The operation id that errors name.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Chat => "ChatCompletions_Create",
            Self::Completions => "Completions_Create",
            Self::Embeddings => "Embeddings_Create",
            Self::Responses => "Create_Response",
            Self::StoredResponse(_) => "Get_Response",
            Self::StoredInput(_) => "List_Input_Items",
            Self::Models(_) => "Models_List",
            Self::Realtime => "Realtime_Connect",
        }
    }
}

/// A known operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) style: Style,
    pub(crate) target: Target<'a>,
    /// Named by the path; otherwise the body's `model` names it.
    pub(crate) deployment: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn find(method: &Method, segments: &[&'a str]) -> Option<Self> {
        match segments {
            ["openai", "v1", rest @ ..] => Self::after_base(Style::V1, method, rest),
            ["openai", "deployments", name, rest @ ..] => {
                let target = deployed(method, rest)?;
                Some(Self { style: Style::Classic, target, deployment: Some(name) })
            }
            ["openai", rest @ ..] => {
                let place = Self::after_base(Style::Classic, method, rest)?;
                // Without a deployment the classic style has only these.
                let has = !matches!(
                    place.target,
                    Target::Chat | Target::Completions | Target::Embeddings
                );
                has.then_some(place)
            }
            ["models", rest @ ..] => {
                let target = deployed(method, rest)?;
                Some(Self { style: Style::Inference, target, deployment: None })
            }
            _ => None,
        }
    }

    /// Operations that need no deployment in the path.
    pub(crate) fn after_base(style: Style, method: &Method, rest: &[&'a str]) -> Option<Self> {
        let target = match (method.as_str(), rest) {
            ("POST", ["responses"]) => Target::Responses,
            ("GET" | "DELETE", ["responses", id]) => Target::StoredResponse(id),
            ("GET", ["responses", id, "input_items"]) => Target::StoredInput(id),
            ("GET", ["models"]) => Target::Models(None),
            ("GET", ["models", name]) => Target::Models(Some(name)),
            ("GET", ["realtime"]) => Target::Realtime,
            _ => deployed(method, rest)?,
        };
        Some(Self { style, target, deployment: None })
    }

    /// The request's `api-version`, if it is one that this operation takes.
    pub(crate) fn version(&self, query: &Pairs) -> Result<String, ApiError> {
        match (self.style, self.target) {
            (Style::V1, _) => versions::v1(query),
            (Style::Inference, _) => versions::inference(query),
            (Style::Classic, Target::Realtime) => versions::realtime(query),
            (
                Style::Classic,
                Target::Responses | Target::StoredResponse(_) | Target::StoredInput(_),
            ) => versions::responses(query),
            (Style::Classic, _) => versions::classic(query),
        }
    }

    /// Where keys may be.
    pub(crate) fn keys(&self) -> Keys {
        match (self.style, self.target) {
            (Style::V1, Target::Realtime) => Keys::Anywhere,
            (Style::V1 | Style::Inference, _) => Keys::HeaderOrBearer,
            (Style::Classic, Target::Realtime) => Keys::HeaderOrQuery,
            (Style::Classic, _) => Keys::Header,
        }
    }
}

fn deployed(method: &Method, rest: &[&str]) -> Option<Target<'static>> {
    match (method.as_str(), rest) {
        ("POST", ["chat", "completions"]) => Some(Target::Chat),
        ("POST", ["completions"]) => Some(Target::Completions),
        ("POST", ["embeddings"]) => Some(Target::Embeddings),
        _ => None,
    }
}
