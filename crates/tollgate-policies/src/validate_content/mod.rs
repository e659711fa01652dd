//! `validate-content`: checks size and content of a body.

mod docs;
mod rules;
#[cfg(test)]
mod tests;
mod xml;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use tollgate_engine::contract::{Contract, MediaType, essence, media_type};
use tollgate_engine::json_schema::{Instance, Schema};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, UnreadBody, Value,
};

use crate::validation::{
    ACTION, Action, ERRORS_VARIABLE_NAME, Fault, Faults, Place, Rule, Subject, undescribed,
};
use rules::{ContentRule, Engine, TypeMap};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-content",
    sections: &[Section::Inbound, Section::Outbound, Section::OnError],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "unspecified-content-type-action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when the operation describes no body of the message's content type.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "max-size",
            ty: AttributeType::Int { min: 0, max: i64::MAX },
            required: true,
            expression: true,
            doc: "Bytes that the body may have, decompressed.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "size-exceeded-action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when the body is larger.",
            ..AttributeDef::DEFAULT
        },
        ERRORS_VARIABLE_NAME,
    ],
    content: Content::Children(&[rules::CONTENT_TYPE_MAP, rules::CONTENT]),
    docs: docs::DOCS,
    compile,
};

#[derive(Debug)]
struct ValidateContent {
    subject: Subject,
    unspecified: Value<Action>,
    max_size: Value<i64>,
    size_exceeded: Value<Action>,
    variable: Option<Arc<str>>,
    types: TypeMap,
    rules: Vec<ContentRule>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let subject = Subject::of(cx.section());
    let unspecified = cx.attribute(element, "unspecified-content-type-action");
    let max_size = cx.attribute(element, "max-size");
    let size_exceeded = cx.attribute(element, "size-exceeded-action");
    let types = TypeMap::compile(element, cx);
    let rules: Vec<_> =
        element.elements_named("content").map(|rule| ContentRule::compile(rule, cx)).collect();
    Some(Box::new(ValidateContent {
        subject,
        unspecified: unspecified?,
        max_size: max_size?,
        size_exceeded: size_exceeded?,
        variable: cx.literal(element, "errors-variable-name"),
        types: types?,
        rules: rules.into_iter().collect::<Option<_>>()?,
    }))
}

/// What is to be checked of a message, known before its body is.
#[derive(Debug, Default)]
struct Plan<'a> {
    /// Bytes it may have, and what happens when it has more.
    size: Option<(usize, Action)>,
    content: Option<Check<'a>>,
}

#[derive(Debug)]
struct Check<'a> {
    content_type: String,
    rule: &'a ContentRule,
    action: Action,
}

impl ValidateContent {
    fn headers<'c>(&self, cx: &'c RequestCx) -> Option<&'c HeaderMap> {
        match self.subject {
            Subject::Request => Some(&cx.request.headers),
            Subject::Response => cx.response.as_ref().map(|response| &response.headers),
        }
    }

    fn body<'c>(&self, cx: &'c RequestCx) -> Option<&'c Body> {
        match self.subject {
            Subject::Request => Some(&cx.request.body),
            Subject::Response if cx.request.method == Method::HEAD => None,
            Subject::Response => cx.response.as_ref().map(|response| &response.body),
        }
    }

    fn reads(&self) -> Facts {
        Facts {
            reads_request_body: self.subject == Subject::Request,
            reads_response_body: self.subject == Subject::Response,
        }
    }

    /// Decides what is to be checked; reports what headers alone say.
    fn plan(&self, cx: &mut RequestCx, faults: &mut Faults) -> Result<Plan<'_>, PolicyError> {
        let mut plan = Plan::default();
        match self.body(cx) {
            None | Some(Body::Sent) => return Ok(plan),
            Some(Body::Empty) => {
                self.missing(cx, faults)?;
                return Ok(plan);
            }
            Some(Body::Stream | Body::Buffered(_) | Body::Replaced(_)) => {}
        }
        self.size(cx, &mut plan, faults)?;
        if !faults.prevents() {
            self.content(cx, &mut plan, faults)?;
        }
        Ok(plan)
    }

    /// The size, by the header if it says what the body has without being read.
    fn size(
        &self,
        cx: &mut RequestCx,
        plan: &mut Plan<'_>,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        let action = self.size_exceeded.eval(cx)?;
        if action == Action::Ignore {
            return Ok(());
        }
        let max = usize::try_from(self.max_size.eval(cx)?).unwrap_or(0);
        let Some(headers) = self.headers(cx) else { return Ok(()) };
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        let announced = announced.and_then(|it| it.parse::<usize>().ok());
        let is_stream = matches!(self.body(cx), Some(Body::Stream));
        match announced.filter(|_| is_stream && !headers.contains_key(header::CONTENT_ENCODING)) {
            Some(size) if size > max => faults.push(self.too_large(size, max, action)),
            Some(_) => {}
            // An event stream has no size, and must not wait for its end.
            None if is_event_stream(headers) => {}
            None => plan.size = Some((max, action)),
        }
        Ok(())
    }

    fn too_large(&self, size: impl fmt::Display, max: usize, action: Action) -> Fault {
        let whose = match self.subject {
            Subject::Request => "Request's",
            Subject::Response => "Response's",
        };
        let text = |configured: &str| {
            format!(
                "{whose} body is {size} bytes long and it exceeds the {configured}limit of {max} bytes."
            )
        };
        Fault {
            name: String::new(),
            place: Place::Body(self.subject),
            rule: Rule::SizeLimit,
            details: text("configured "),
            public: Some(text("")),
            action,
        }
    }

    /// The fault of a body that is longer than what may be read and than what the policy allows.
    fn too_long(&self, plan: &Plan<'_>, unread: &UnreadBody) -> Option<Fault> {
        let ((max, action), longer) = (plan.size?, unread.exceeds()?);
        let size = format_args!("more than {longer}");
        (longer >= max).then(|| self.too_large(size, max, action))
    }

    /// Finds what applies to the content type.
    fn content<'a>(
        &'a self,
        cx: &mut RequestCx,
        plan: &mut Plan<'a>,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        let content_type = self.content_type(cx)?;
        let contract = cx.route.info.contract.clone();
        let described = contract.as_deref().map(|contract| self.described(cx, contract));
        let is_described = described.is_some_and(|all| media_type(all, &content_type).is_some());
        let rule = self.rules.iter().find(|rule| rule.applies(&content_type, is_described));
        let is_known = is_described || rule.is_some_and(ContentRule::has_own_schema);
        // What nothing describes is not passed unseen: a rule of its own says that the description is missing.
        if !is_known && (contract.is_some() || rule.is_none()) {
            let action = self.unspecified.eval(cx)?;
            let text = format!("Unspecified content type {content_type} is not allowed.");
            faults.push(Fault {
                name: content_type,
                place: Place::Body(self.subject),
                rule: Rule::Unspecified,
                public: Some(text.clone()),
                details: text,
                action,
            });
            return Ok(());
        }
        if let Some(rule) = rule {
            let action = rule.action.eval(cx)?;
            if action != Action::Ignore {
                plan.content = Some(Check { content_type, rule, action });
            }
        }
        Ok(())
    }

    /// The message's content type, as the policy maps it.
    fn content_type(&self, cx: &mut RequestCx) -> Result<String, PolicyError> {
        let values = self.headers(cx).map(|it| it.get_all(header::CONTENT_TYPE)).into_iter();
        // Two headers are no content type that any description knows.
        let values: Vec<_> = values
            .flatten()
            .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
            .collect();
        self.types.map(cx, essence(&values.join(", ")))
    }

    /// The bodies that are described for the message.
    fn described<'c>(&self, cx: &RequestCx, contract: &'c Contract) -> &'c [MediaType] {
        let content = match self.subject {
            Subject::Request => contract.request.as_ref().map(|body| &body.content),
            Subject::Response => {
                let status = cx.response.as_ref().map(|response| response.status.as_u16());
                status.and_then(|status| contract.response(status)).map(|it| &it.content)
            }
        };
        content.map(Vec::as_slice).unwrap_or_default()
    }

    /// There is no body: a fault when there must be one.
    fn missing(&self, cx: &mut RequestCx, faults: &mut Faults) -> Result<(), PolicyError> {
        let Some(contract) = cx.route.info.contract.clone() else { return Ok(()) };
        let required = contract.request.as_ref().is_some_and(|body| body.required);
        if self.subject == Subject::Response || !required {
            return Ok(());
        }
        let content_type = self.content_type(cx)?;
        let described = media_type(self.described(cx, &contract), &content_type).is_some();
        // Without a content type, any of the rules would have had a body to check.
        let applies =
            |rule: &&ContentRule| content_type.is_empty() || rule.applies(&content_type, described);
        let Some(rule) = self.rules.iter().find(applies) else { return Ok(()) };
        let action = rule.action.eval(cx)?;
        let text = "Body of the request is required.".to_owned();
        faults.push(Fault {
            name: content_type,
            place: Place::Body(self.subject),
            rule: Rule::IncorrectMessage,
            public: Some(text.clone()),
            details: text,
            action,
        });
        Ok(())
    }

    /// Checks the body that is at hand now.
    fn judge(
        &self,
        cx: &mut RequestCx,
        plan: &Plan<'_>,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        let Some(body) = self.body(cx).and_then(Body::bytes).cloned() else { return Ok(()) };
        if body.is_empty() {
            return self.missing(cx, faults);
        }
        if let Some((max, action)) = plan.size
            && body.len() > max
        {
            faults.push(self.too_large(body.len(), max, action));
        }
        if let Some(check) = &plan.content
            && !faults.prevents()
            && let Some(fault) = self.check(cx, check, &body)
        {
            faults.push(fault);
        }
        Ok(())
    }

    fn check(&self, cx: &RequestCx, check: &Check<'_>, body: &Bytes) -> Option<Fault> {
        match &check.rule.engine {
            Engine::Xml => xml::well_formed(body).err().map(|why| self.unreadable(check, &why)),
            Engine::Soap => xml::soap(body).err().map(|why| self.unreadable(check, &why)),
            Engine::Json(None) => {
                let Some(contract) = &cx.route.info.contract else {
                    return Some(undescribed(check.action));
                };
                let described = media_type(self.described(cx, contract), &check.content_type);
                self.json(check, described.and_then(|it| it.schema.as_ref()), body)
            }
            Engine::Json(Some(schema)) => self.json(check, Some(schema), body),
        }
    }

    fn json(&self, check: &Check<'_>, schema: Option<&Schema>, body: &[u8]) -> Option<Fault> {
        let overrides = check.rule.overrides;
        let instance = match Instance::parse(body, check.rule.names) {
            Ok(instance) => instance,
            Err(why) => return Some(self.unreadable(check, &why.to_string())),
        };
        // A body of any JSON.
        let schema = schema?;
        let content_type = &check.content_type;
        match schema.validate(&instance, overrides) {
            Ok(Ok(())) => None,
            Ok(Err(found)) => {
                let details = format!(
                    "Body of the {} does not conform to the definition {}, which is associated with the content type {content_type}. {} Line: {}, Position: {}",
                    self.subject.word(),
                    schema.name(),
                    found.message,
                    found.line,
                    found.position,
                );
                Some(Fault {
                    name: content_type.clone(),
                    place: Place::Body(self.subject),
                    rule: Rule::IncorrectMessage,
                    public: Some(details.clone()),
                    details,
                    action: check.action,
                })
            }
            Err(fault) => Some(Fault {
                name: content_type.clone(),
                place: Place::Body(self.subject),
                rule: Rule::MissingDefinition,
                details: format!(
                    "API's schema does not contain definition {}, which is associated with the content type {content_type}. {fault}",
                    schema.name()
                ),
                public: None,
                action: check.action,
            }),
        }
    }

    fn unreadable(&self, check: &Check<'_>, why: &str) -> Fault {
        Fault {
            name: check.content_type.clone(),
            place: Place::Body(self.subject),
            rule: Rule::ValidationException,
            details: format!(
                "Body of the {} cannot be validated for the content type {}. {why}",
                self.subject.word(),
                check.content_type
            ),
            public: None,
            action: check.action,
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|it| essence(it).eq_ignore_ascii_case("text/event-stream"))
}

impl Step for ValidateContent {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let mut faults = Faults::of(self.subject);
        let plan = self.plan(cx, &mut faults)?;
        let needs_body = plan.size.is_some() || plan.content.is_some();
        if needs_body && !faults.prevents() {
            if cx.lacks(self.reads()) {
                return Ok(Flow::Wait);
            }
            self.judge(cx, &plan, &mut faults)?;
        }
        faults.conclude(cx, self.variable.as_ref())?;
        Ok(Flow::Continue)
    }

    /// Dropping the future abandons the body with the request.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let mut faults = Faults::of(self.subject);
            let plan = self.plan(cx, &mut faults)?;
            if let Err(unread) = cx.read(self.reads()).await {
                if let Some(fault) = self.too_long(&plan, &unread) {
                    faults.push(fault);
                }
                faults.conclude(cx, self.variable.as_ref())?;
                return Err(unread.into());
            }
            self.judge(cx, &plan, &mut faults)?;
            faults.conclude(cx, self.variable.as_ref())?;
            Ok(Flow::Continue)
        })
    }

    fn prepare(&self, contract: &Contract) -> Vec<String> {
        let content: Vec<&MediaType> = match self.subject {
            Subject::Request => contract.request.iter().flat_map(|body| &body.content).collect(),
            Subject::Response => {
                contract.responses.iter().flat_map(|response| &response.content).collect()
            }
        };
        let mut found = Vec::new();
        for body in content {
            let Some(schema) = &body.schema else { continue };
            let rule = self.rules.iter().find(|rule| rule.applies(&body.content_type, true));
            if let Some(rule) = rule.filter(|rule| matches!(rule.engine, Engine::Json(None))) {
                found.extend(schema.prepare(rule.overrides).err().map(|fault| fault.to_string()));
            }
        }
        found
    }

    /// Whether the body is read depends on the message, so it is asked for only then.
    fn facts(&self) -> Facts {
        let own = self.unspecified.facts().or(self.max_size.facts()).or(self.size_exceeded.facts());
        let rules = self.rules.iter().map(|rule| rule.action.facts());
        rules.fold(own.or(self.types.facts()), Facts::or)
    }
}
