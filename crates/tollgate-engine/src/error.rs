//! A request that fails.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode};
use tollgate_expr::Exception;

use crate::Section;

/// Why a policy ended the request. Policies fill in what they know; the pipeline adds section, scope, path and id, so
/// that `context.LastError` is complete.
#[derive(Debug, Clone)]
pub struct PolicyError(Box<Failure>);

#[derive(Debug, Clone)]
struct Failure {
    source: Option<&'static str>,
    section: Option<Section>,
    reason: Cow<'static, str>,
    message: String,
    status: StatusCode,
    status_reason: Option<String>,
    client_message: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    keep_response: bool,
    inside: Option<String>,
    detail: Option<String>,
}

impl PolicyError {
    /// A failure the client is told nothing about: 500, `Internal server error`.
    #[cold]
    pub fn internal(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            source: None,
            section: None,
            reason: reason.into(),
            message: message.into(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
            status_reason: None,
            client_message: None,
            headers: Vec::new(),
            keep_response: false,
            inside: None,
            detail: None,
        }))
    }

    /// A refusal: the client gets the status and its message.
    #[cold]
    pub fn refused(
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        status: StatusCode,
    ) -> Self {
        let mut error = Self::internal(reason, message);
        error.0.status = status;
        error.0.client_message = Some(error.0.message.clone());
        error
    }

    /// An expression threw.
    #[cold]
    pub fn expression(exception: &Exception) -> Self {
        Self::unfit_value(exception.message())
    }

    /// An expression gave something that does not fit its place, for this reason: a sentence.
    #[cold]
    pub fn unfit_value(why: impl fmt::Display) -> Self {
        let message = format!("Expression evaluation failed. {why}");
        Self::internal("ExpressionValueEvaluationFailure", message)
    }

    /// What only the operator reads: in the log and in the trace.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the built-in step that failed; otherwise the source is the policy.
    #[must_use]
    pub fn source(mut self, source: &'static str) -> Self {
        self.0.source = Some(source);
        self
    }

    /// Names the section that a built-in step counts to; otherwise it is the policy's.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.0.section = Some(section);
        self
    }

    /// What the client reads, when it differs from the message.
    #[must_use]
    pub fn client_message(mut self, message: impl Into<String>) -> Self {
        self.0.client_message = Some(message.into());
        self
    }

    /// With a status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// With a reason phrase other than the standard one.
    #[must_use]
    pub fn status_reason(mut self, reason: impl Into<String>) -> Self {
        self.0.status_reason = Some(reason.into());
        self
    }

    /// With a header on the response.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Leaves `context.Response` as it is instead of preparing an error response: the backend's answer is the error.
    #[must_use]
    pub fn keep_response(mut self) -> Self {
        self.0.keep_response = true;
        self
    }

    /// Names the part of the policy that failed, such as `when[2]`.
    #[must_use]
    pub fn inside(mut self, part: impl Into<String>) -> Self {
        self.0.inside = Some(part.into());
        self
    }

    /// `context.LastError.Reason`.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// `context.LastError.Message`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The status the client gets.
    pub fn status_code(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn take_detail(&mut self) -> Option<String> {
        self.0.detail.take()
    }

    pub(crate) fn inside_part(&self) -> Option<&str> {
        self.0.inside.as_deref()
    }

    pub(crate) fn source_name(&self) -> Option<&'static str> {
        self.0.source
    }

    pub(crate) fn section_of_step(&self) -> Option<Section> {
        self.0.section
    }

    pub(crate) fn keeps_response(&self) -> bool {
        self.0.keep_response
    }

    pub(crate) fn phrase(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    pub(crate) fn for_client(&self) -> Option<&str> {
        self.0.client_message.as_deref()
    }

    pub(crate) fn response_headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }
}
