//! What the policies that check messages against the description of an API have in common.

mod value;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode, header};
use tollgate_engine::json_schema::Mismatch;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, PolicyError, RequestCx, Section, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) use value::{Properties, Unreadable, check_parameter, check_properties};

/// Errors that are recorded of one message; a hostile one could have as many as it has headers.
const MOST_ERRORS: usize = 100;

/// What the client reads when the fault is not its own.
const GENERIC: &str =
    "The request could not be processed due to an internal error. Contact the API owner.";

/// The words of an action.
pub(crate) const ACTION: AttributeType = AttributeType::Word(&["ignore", "prevent", "detect"]);

pub(crate) const ERRORS_VARIABLE_NAME: AttributeDef = AttributeDef {
    name: "errors-variable-name",
    doc: "Context variable that gets the errors, as a `JArray` of objects with `Name`, `Type`, `ValidationRule`, `Details` and `Action`; it is set only when there are any.",
    ..AttributeDef::DEFAULT
};

/// What happens when something does not conform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is not looked at.
    Ignore,
    /// It is recorded, and the message is refused.
    Prevent,
    /// It is recorded.
    Detect,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Prevent => "prevent",
            Self::Detect => "detect",
        }
    }
}

impl Typed for Action {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        [Self::Ignore, Self::Prevent, Self::Detect]
            .into_iter()
            .find(|action| action.word() == text.trim())
            .ok_or_else(|| "expected `ignore`, `prevent` or `detect`".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("action: {why}.")))
    }
}

/// The message that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Request,
    Response,
}

impl Subject {
    /// The one that a section is about.
    pub(crate) fn of(section: Section) -> Self {
        match section {
            Section::Inbound | Section::Backend => Self::Request,
            Section::Outbound | Section::OnError => Self::Response,
        }
    }

    /// As sentences begin.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Where an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Body(Subject),
    Path,
    Query,
    Header(Subject),
    StatusCode,
    /// The description itself.
    ApiSchema,
}

impl Place {
    /// `Type` of an error.
    fn name(self) -> &'static str {
        match self {
            Self::Body(Subject::Request) => "RequestBody",
            Self::Body(Subject::Response) => "ResponseBody",
            Self::Path => "PathParameter",
            Self::Query => "QueryParameter",
            Self::Header(Subject::Request) => "RequestHeader",
            Self::Header(Subject::Response) => "ResponseHeader",
            Self::StatusCode => "StatusCode",
            Self::ApiSchema => "ApiSchema",
        }
    }

    /// As sentences call it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Path => "path parameter",
            Self::Query => "query parameter",
            Self::Header(_) => "header",
            Self::Body(_) | Self::StatusCode | Self::ApiSchema => "",
        }
    }
}

/// `ValidationRule` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// None, for errors of the description.
    None,
    SizeLimit,
    Unspecified,
    MissingDefinition,
    IncorrectMessage,
    ValidationException,
    ValidationError,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::SizeLimit => "SizeLimit",
            Self::Unspecified => "Unspecified",
            Self::MissingDefinition => "MissingDefinition",
            Self::IncorrectMessage => "IncorrectMessage",
            Self::ValidationException => "ValidationException",
            Self::ValidationError => "ValidationError",
        }
    }
}

/// What does not conform.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) rule: Rule,
    /// For whoever investigates.
    pub(crate) details: String,
    /// For the client, whose fault it is; `None` when it is nothing the client should know.
    pub(crate) public: Option<String>,
    pub(crate) action: Action,
}

/// The errors of one message.
#[derive(Debug)]
pub(crate) struct Faults {
    subject: Subject,
    all: Vec<Fault>,
}

impl Faults {
    pub(crate) fn of(subject: Subject) -> Self {
        Self { subject, all: Vec::new() }
    }

    /// Records a fault, unless it is one to ignore. What the response does wrong is nothing for the client.
    pub(crate) fn push(&mut self, mut fault: Fault) {
        if fault.action == Action::Ignore {
            return;
        }
        if self.subject == Subject::Response {
            fault.public = None;
        }
        let decides = fault.action == Action::Prevent && !self.prevents();
        if self.all.len() < MOST_ERRORS {
            self.all.push(fault);
        } else if decides {
            // A full list must not hide the one that refuses the message.
            self.all.pop();
            self.all.push(fault);
        }
    }

    /// Whether the message is refused.
    pub(crate) fn prevents(&self) -> bool {
        self.all.iter().any(|fault| fault.action == Action::Prevent)
    }

    /// Sets the variable and refuses the message if it is to be refused.
    pub(crate) fn conclude(
        self,
        cx: &mut RequestCx,
        variable: Option<&Arc<str>>,
    ) -> Result<(), PolicyError> {
        if self.all.is_empty() {
            return Ok(());
        }
        if cx.ports.trace.enabled() {
            for fault in &self.all {
                cx.ports.trace.message(cx.client.request_id, "validation", &fault.details);
            }
        }
        if let Some(name) = variable {
            let errors = cx.eval.json_array(&self.record());
            let errors = errors.map_err(|exception| PolicyError::expression(&exception))?;
            cx.variables.set(name, errors);
        }
        let subject = self.subject;
        match self.all.into_iter().find(|fault| fault.action == Action::Prevent) {
            None => Ok(()),
            Some(fault) => {
                let (reason, status) = match subject {
                    Subject::Request => ("Bad request", StatusCode::BAD_REQUEST),
                    Subject::Response => ("Response not allowed", StatusCode::BAD_GATEWAY),
                };
                let public = fault.public.unwrap_or_else(|| GENERIC.to_owned());
                Err(PolicyError::refused(reason, fault.details, status).client_message(public))
            }
        }
    }

    fn record(&self) -> String {
        let errors = self.all.iter().map(|fault| {
            serde_json::json!({
                "Name": fault.name,
                "Type": fault.place.name(),
                "ValidationRule": fault.rule.name(),
                "Details": fault.details,
                "Action": fault.action.word(),
            })
        });
        errors.collect::<serde_json::Value>().to_string()
    }
}

/// Actions for what the description names and what it does not, with exceptions by name.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) specified: Option<Value<Action>>,
    pub(crate) unspecified: Option<Value<Action>>,
    named: Vec<(String, Value<Action>)>,
}

impl Actions {
    /// Reads the attributes of an element, and the children that are exceptions.
    pub(crate) fn compile(
        element: &Element,
        cx: &mut CompileCx<'_>,
        (specified, unspecified): (&str, &str),
        child: &str,
    ) -> Option<Self> {
        let mut named = Vec::new();
        for exception in element.elements_named(child) {
            let name = cx.literal::<Arc<str>>(exception, "name");
            let action = cx.attribute(exception, "action");
            named.push(name.zip(action).map(|(name, action)| (name.trim().to_owned(), action)));
        }
        let mut action = |name: &str| match element.attribute(name) {
            Some(_) => cx.attribute(element, name).map(Some),
            None => Some(None),
        };
        let specified = action(specified);
        let unspecified = action(unspecified);
        let named = named.into_iter().collect::<Option<_>>()?;
        Some(Self { specified: specified?, unspecified: unspecified?, named })
    }

    /// The exception for a name; names compare without regard to case.
    pub(crate) fn named(&self, name: &str) -> Option<&Value<Action>> {
        let found = self.named.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, action)| action)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value<Action>> {
        let named = self.named.iter().map(|(_, action)| action);
        self.specified.iter().chain(&self.unspecified).chain(named)
    }
}

/// Whether a header of a request is one that the gateway put there.
pub(crate) fn is_from_gateway(name: &HeaderName) -> bool {
    let name = name.as_str();
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "traceparent", "tracestate"]
        .contains(&name)
}

/// Whether a header frames the message instead of saying something that an API would describe.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::DATE,
        header::EXPECT,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ]
    .contains(name)
        || name == "keep-alive"
}

/// All values of a header as text.
pub(crate) fn header_values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// The fault of a value that does not conform.
pub(crate) fn incorrect(name: &str, place: Place, why: &Unreadable, action: Action) -> Fault {
    let what = place.words();
    let mut rule = Rule::IncorrectMessage;
    let mut public = None;
    let details = match why {
        Unreadable::Missing => {
            format!(
                "Value of the {what} {name} does not conform to the definition. A value is required."
            )
        }
        Unreadable::Several => {
            let subject =
                if place == Place::Header(Subject::Response) { "Response" } else { "Request" };
            format!("{subject} cannot contain multiple values for the {what} {name}.")
        }
        Unreadable::Unparsed(why) => {
            public = Some(format!(
                "Value of the {what} {name} couldn't be parsed according to the definition. {why}"
            ));
            format!(
                "Value of the {what} {name} cannot be parsed according to the definition. {why}"
            )
        }
        Unreadable::Mismatch(found) => {
            let Mismatch { message, line, position } = found;
            let text = format!(
                "value of the {what} {name} does not conform to the definition. {message} Line: {line}, Position: {position}"
            );
            public = Some(format!("The {text}"));
            capital(text)
        }
        Unreadable::Schema(fault) => {
            rule = Rule::ValidationError;
            let details = capital(format!("{what} {name} cannot be validated. {fault}"));
            return Fault { name: name.to_owned(), place, rule, details, public: None, action };
        }
    };
    let public = public.unwrap_or_else(|| details.clone());
    Fault { name: name.to_owned(), place, rule, details, public: Some(public), action }
}

/// A sentence with its first letter as sentences have it.
fn capital(mut sentence: String) -> String {
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// The fault of a name that is not described.
pub(crate) fn unspecified(name: &str, place: Place, action: Action) -> Fault {
    let details = format!("Unspecified {} {name} is not allowed.", place.words());
    Fault {
        name: name.to_owned(),
        place,
        rule: Rule::Unspecified,
        public: Some(details.clone()),
        details,
        action,
    }
}

/// The fault of an API without a description.
pub(crate) fn undescribed(action: Action) -> Fault {
    Fault {
        name: String::new(),
        place: Place::ApiSchema,
        rule: Rule::None,
        details: "API's schema does not exist or it could not be resolved.".to_owned(),
        public: None,
        action,
    }
}
