//! What an API description says of one operation: parameters, bodies, responses, with schemas and examples.
//!
//! Neutral of the description's format. Validation checks messages against it, `mock-response` answers from it.

use std::sync::Arc;

use serde_json::Value;

use crate::json_schema::Schema;

/// An operation as described.
#[derive(Debug, Default)]
pub struct Contract {
    /// Parameters in the path, the query, headers and cookies.
    pub parameters: Vec<Parameter>,
    /// What may stand in the body of a request; `None` when no body is described.
    pub request: Option<RequestBody>,
    /// Responses by status.
    pub responses: Vec<DescribedResponse>,
}

/// A parameter of the request, or a header of a response.
#[derive(Debug)]
pub struct Parameter {
    /// Name as written. Headers and query parameters compare without regard to case, as in Azure.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// Whether it must be there.
    pub required: bool,
    /// Whether an empty value (`?a=`) is as good as none.
    pub allow_empty: bool,
    /// How a list or an object is written.
    pub style: Style,
    /// Whether each item or property stands for itself.
    pub explode: bool,
    /// What its value must be.
    pub schema: Option<Schema>,
    /// How the value is written.
    pub encoding: Encoding,
    /// Example values.
    pub examples: Vec<Example>,
}

impl Parameter {
    /// A parameter that must be there, with any value.
    pub fn any(name: &str, location: Location) -> Self {
        Self {
            name: name.to_owned(),
            location,
            required: true,
            allow_empty: false,
            style: match location {
                Location::Path | Location::Header => Style::Simple,
                Location::Query | Location::Cookie => Style::Form,
            },
            explode: false,
            schema: None,
            encoding: Encoding::Styled,
            examples: Vec::new(),
        }
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

/// How the value of a parameter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As text, in its [`Style`].
    Styled,
    /// As JSON, which the description says by giving it a content type.
    Json,
}

/// How a parameter's list or object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `a,b` in a path or header.
    Simple,
    /// `name=a,b`, or `name=a&name=b` when exploded.
    Form,
    /// `a b`.
    SpaceDelimited,
    /// `a|b`.
    PipeDelimited,
    /// `a\tb`, of Swagger 2.0.
    TabDelimited,
    /// `name[property]=value`.
    DeepObject,
    /// `.a.b` in a path.
    Label,
    /// `;name=a,b` in a path.
    Matrix,
}

/// The body of a request.
#[derive(Debug)]
pub struct RequestBody {
    /// Whether there must be one.
    pub required: bool,
    /// By content type.
    pub content: Vec<MediaType>,
}

/// A body of one content type.
#[derive(Debug)]
pub struct MediaType {
    /// The content type or range as written, such as `application/json` or `text/*`.
    pub content_type: String,
    /// What a JSON body must be.
    pub schema: Option<Schema>,
    /// Example bodies, the preferred one first.
    pub examples: Vec<Example>,
}

/// An example.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its name; empty when it has none.
    pub name: String,
    /// JSON for JSON bodies; for others usually a string that is the body itself.
    pub value: Arc<Value>,
}

/// A response.
#[derive(Debug)]
pub struct DescribedResponse {
    /// The status it is for.
    pub status: Statuses,
    /// Headers; [`Location::Header`].
    pub headers: Vec<Parameter>,
    /// By content type.
    pub content: Vec<MediaType>,
}

/// The statuses a response is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// One.
    Code(u16),
    /// All of a class: `4` for `4XX`.
    Class(u16),
    /// Those that no other response is for.
    Default,
}

impl Contract {
    /// The response for a status: its own, else its class's, else the default one.
    pub fn response(&self, status: u16) -> Option<&DescribedResponse> {
        let find = |wanted| self.responses.iter().find(|response| response.status == wanted);
        find(Statuses::Code(status))
            .or_else(|| find(Statuses::Class(status / 100)))
            .or_else(|| find(Statuses::Default))
    }

    /// Every schema of the operation, for work that is to be done at load.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        let headers = self.responses.iter().flat_map(|response| &response.headers);
        let bodies = self.request.iter().flat_map(|body| &body.content);
        let bodies = bodies.chain(self.responses.iter().flat_map(|response| &response.content));
        let parameters = self.parameters.iter().chain(headers).filter_map(|it| it.schema.as_ref());
        parameters.chain(bodies.filter_map(|body| body.schema.as_ref()))
    }
}

/// The described body for a content type (without its parameters): the same type without regard to case, else the
/// narrowest range that has it.
pub fn media_type<'a>(all: &'a [MediaType], content_type: &str) -> Option<&'a MediaType> {
    let wanted = essence(content_type);
    let same = all.iter().find(|body| essence(&body.content_type).eq_ignore_ascii_case(wanted));
    let in_range = |body: &&MediaType| {
        let main = essence(&body.content_type).strip_suffix("/*");
        let wanted = wanted.split_once('/').map(|(main, _)| main);
        main.zip(wanted).is_some_and(|(main, wanted)| main.eq_ignore_ascii_case(wanted))
    };
    same.or_else(|| all.iter().find(in_range))
        .or_else(|| all.iter().find(|body| essence(&body.content_type) == "*/*"))
}

/// A content type without its parameters.
pub fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or(content_type).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content_type: &str) -> MediaType {
        MediaType { content_type: content_type.to_owned(), schema: None, examples: Vec::new() }
    }

    #[test]
    fn content_types_match_exactly_then_by_range() {
        let all = [body("*/*"), body("text/*"), body("Application/JSON; charset=utf-8")];
        let found = |wanted| media_type(&all, wanted).map(|body| body.content_type.as_str());
        assert_eq!(found("application/json"), Some("Application/JSON; charset=utf-8"));
        assert_eq!(found("text/plain;charset=x"), Some("text/*"));
        assert_eq!(found("image/png"), Some("*/*"));
        assert!(media_type(&all[1..], "image/png").is_none());
    }

    #[test]
    fn a_status_finds_its_own_response_first() {
        let response =
            |status| DescribedResponse { status, headers: Vec::new(), content: Vec::new() };
        let all = [Statuses::Default, Statuses::Class(4), Statuses::Code(404)];
        let contract =
            Contract { responses: all.into_iter().map(response).collect(), ..Default::default() };
        let found = |status| contract.response(status).map(|response| response.status);
        assert_eq!(found(404), Some(Statuses::Code(404)));
        assert_eq!(found(400), Some(Statuses::Class(4)));
        assert_eq!(found(200), Some(Statuses::Default));
    }
}
