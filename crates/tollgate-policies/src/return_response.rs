//! `return-response`: ends the pipeline with a response of its own.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, Body, CompileCx, Content, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Response, Resumed, Scope, Section, Step,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "return-response",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[AttributeDef {
        name: "response-variable-name",
        ty: AttributeType::Filled,
        doc: "Context variable that holds the response to begin with.",
        ..AttributeDef::DEFAULT
    }],
    content: Content::Response { once: &["set-status", "set-body"], many: &["set-header"] },
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Ends the pipeline: the client gets a response made of the policies inside, applied to an empty `200 OK` or to the
response in a context variable. No further policy runs, in no section.

```xml
<return-response>
    <set-status code="401" reason="Unauthorized" />
    <set-header name="WWW-Authenticate" exists-action="override">
        <value>Bearer error="invalid_token"</value>
    </set-header>
    <set-body>{ "error": "invalid_token" }</set-body>
</return-response>
```

Differences from Azure:

- The response begins empty, as Azure documents, and not as a copy of the backend's.
- A `response-variable-name` that does not exist or holds no response is an error of the request (500, reason
  `ResponseVariableInvalid`).
- The body of that response is sent also when an expression has read it without `preserveContent`. Headers of the
  connection it came over stay behind.
- The policies inside may stand in any order.
"#;

#[derive(Debug)]
struct ReturnResponse {
    variable: Option<Arc<str>>,
    block: [Block; 1],
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let variable = cx.literal(element, "response-variable-name");
    let block = [cx.reply_block(element)];
    if variable.is_none() && element.attribute("response-variable-name").is_some() {
        return None;
    }
    Some(Box::new(ReturnResponse { variable, block }))
}

impl Step for ReturnResponse {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let response = match &self.variable {
            None => Response::new(StatusCode::OK),
            Some(name) => cx
                .variables
                .get(name)
                .and_then(|value| value.as_response())
                .and_then(copy)
                .ok_or_else(|| {
                    let message = format!("Context variable {name} does not hold a response.");
                    PolicyError::internal("ResponseVariableInvalid", message)
                })?,
        };
        cx.reply = Some(response);
        Ok(Flow::Enter { block: 0, state: 0 })
    }

    fn blocks(&self) -> &[Block] {
        &self.block
    }

    fn resume(
        &self,
        cx: &mut RequestCx,
        _resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        let reply = cx.reply.take();
        outcome?;
        cx.response = reply;
        Ok(Flow::Return)
    }
}

/// The response of a policy's own request as one for the client. What described how it travelled stays behind.
fn copy(source: &tollgate_expr::Response) -> Option<Response> {
    const TRAVEL: [&str; 7] = [
        "connection",
        "content-encoding",
        "content-length",
        "content-md5",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
    ];
    let status =
        u16::try_from(source.status).ok().and_then(|code| StatusCode::from_u16(code).ok())?;
    let mut response = Response::new(status);
    response.reason = Some(source.reason.as_str())
        .filter(|reason| Some(*reason) != status.canonical_reason() && !reason.is_empty())
        .map(Into::into);
    for (name, values) in &source.headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        if TRAVEL.contains(&name.as_str()) {
            continue;
        }
        for value in
            values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok())
        {
            response.headers.append(&name, value);
        }
    }
    response.body = source.body.clone().map_or(Body::Empty, Body::Replaced);
    Some(response)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tollgate_engine::{Outcome, Scope};

    use crate::testing::{Case, Run};

    fn shown(run: &Run) -> String {
        let response = run.cx.response.as_ref().unwrap();
        let headers: Vec<_> = response
            .headers
            .iter()
            .map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()))
            .collect();
        let body = response.body.bytes().map_or("-".into(), |body| String::from_utf8_lossy(body));
        format!("{} {}{} {body}", response.status.as_u16(), response.phrase(), headers.concat())
    }

    #[test]
    fn a_fresh_response_ends_the_pipeline() {
        let check = |inside: &str, expected: &str| {
            let policy = format!(
                r#"<return-response>{inside}</return-response><set-variable name="after" value="1" />"#
            );
            for case in [
                Case::inbound(&policy),
                Case::outbound(&policy).header("x", "old".parse().unwrap()),
            ] {
                let run = case.run();
                assert_eq!(shown(&run), expected, "{inside}");
                assert_eq!(run.outcome, Outcome::Returned);
                assert!(run.cx.variables.get("after").is_none() && run.cx.reply.is_none());
            }
        };
        check("", "200 OK -");
        check(r#"<set-status code="418" reason="Teapot" />"#, "418 Teapot -");
        check(r#"<set-body>b</set-body><set-status code="299" />"#, "299  b");
        check(
            r#"<set-status code="401" /><set-header name="X"><value>1</value></set-header>
               <set-header name="X" exists-action="append"><value>2</value></set-header><set-body>b</set-body>"#,
            "401 Unauthorized x=1,2 b",
        );
    }

    #[test]
    fn expressions_inside_see_the_backend_s_response() {
        let policy = r#"<return-response>
            <set-status code="@(context.Response.StatusCode + 1)" /></return-response>"#;
        assert_eq!(shown(&Case::outbound(policy).run()), "201 Created -");
    }

    #[test]
    fn a_response_from_a_variable() {
        let source = tollgate_expr::Response {
            status: 404,
            reason: "Gone missing".to_owned(),
            headers: vec![
                ("X-A".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
                ("Transfer-Encoding".to_owned(), vec!["chunked".to_owned()]),
                ("bad name".to_owned(), vec!["x".to_owned()]),
            ],
            body: Some(Bytes::from_static(b"body")),
        };
        let policy = r#"<return-response response-variable-name="r">
            <set-header name="X-A" exists-action="append"><value>3</value></set-header></return-response>"#;
        let run = Case::inbound(policy).variable("r", tollgate_expr::Value::response(source)).run();
        assert_eq!(shown(&run), "404 Gone missing x-a=1,2,3 body");
    }

    #[test]
    fn variables_that_hold_no_response() {
        let policy = r#"<return-response response-variable-name="r" />"#;
        for case in [Case::inbound(policy), Case::inbound(policy).variable("r", "text".into())] {
            let run = case.run();
            assert_eq!((run.status(), run.reason()), (500, "ResponseVariableInvalid"));
        }
    }

    #[test]
    fn an_error_inside_leaves_no_half_made_response() {
        let policy = r#"<return-response><set-status code="200" />
            <set-body>@(((string)context.Variables["absent"]).Trim())</set-body></return-response>"#;
        let run = Case::inbound(policy).run();
        assert_eq!((run.status(), run.reason()), (500, "ExpressionValueEvaluationFailure"));
        assert_eq!(run.cx.last_error.unwrap().path, r"return-response[1]\set-body[1]");
    }

    #[test]
    fn only_three_policies_may_stand_inside() {
        let refused = |inside: &str, why: &str| {
            Case::inbound(&format!("<return-response>{inside}</return-response>")).refused(why);
        };
        refused(r#"<set-status code="200" /><set-status code="200" />"#, "appears twice");
        refused("<set-method>GET</set-method>", "not allowed in `return-response`");
        refused("text", "text is not allowed");
        refused("<set-hedder />", "did you mean `set-header`");
    }

    #[test]
    fn on_error_may_return() {
        let on_error =
            r#"<on-error><return-response><set-status code="299" /></return-response></on-error>"#;
        let policy =
            r#"<set-variable name="x" value="@(((string)context.Variables["absent"]).Trim())" />"#;
        let run = Case::inbound(policy).wider(Scope::Global, "").on_error(on_error).run();
        assert_eq!(run.cx.response.unwrap().status, 299);
    }
}
