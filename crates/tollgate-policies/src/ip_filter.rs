//! `ip-filter`: lets requests pass by the address of the client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::StatusCode;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "ip-filter",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[AttributeDef {
        name: "action",
        ty: AttributeType::Word(&["allow", "forbid"]),
        required: true,
        expression: true,
        doc: "Whether only these addresses pass, or all others.",
        ..AttributeDef::DEFAULT
    }],
    content: Content::Children(&[
        ChildDef {
            name: "address",
            content: Content::Text(TextDef {
                ty: AttributeType::Text,
                required: true,
                expression: true,
            }),
            doc: "One IPv4 or IPv6 address.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "address-range",
            attributes: &[
                AttributeDef {
                    name: "from",
                    required: true,
                    expression: true,
                    doc: "First address of the range.",
                    ..AttributeDef::DEFAULT
                },
                AttributeDef {
                    name: "to",
                    required: true,
                    expression: true,
                    doc: "Last address of the range; it is part of it.",
                    ..AttributeDef::DEFAULT
                },
            ],
            doc: "All addresses from one to another, of the same family.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Refuses requests by the address of the client, `context.Request.IpAddress`, with 403. With `allow` only the listed
addresses pass, with `forbid` all others. Filters of several scopes must all be passed.

```xml
<ip-filter action="allow">
    <address>203.0.113.7</address>
    <address-range from="10.0.0.0" to="10.255.255.255" />
    <address-range from="2001:db8::" to="2001:db8::ffff" />
</ip-filter>
```

`context.LastError.Reason` is `CallerIpNotAllowed` or `CallerIpBlocked`. Which address is the client's is a matter of
`listen.trusted-proxies`.

Differences from Azure:

- Addresses compare within their family, as numbers; an IPv4 address that is written as an IPv6 one (`::ffff:10.0.0.1`)
  counts as IPv4.
- `10.0.0.0/8` is an error at load that says how to write the range.
- A range whose end comes before its beginning is an error at load, and holds no address when it is an expression's.
- An address from an expression that cannot be read is an evaluation error (500): a filter that lost a line would let
  requests through.
"#;

#[derive(Debug)]
struct IpFilter {
    action: Value<Action>,
    ranges: Vec<Range>,
}

/// What happens with the addresses that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Forbid,
}

/// From one address to another, both included.
#[derive(Debug)]
struct Range {
    from: Value<Address>,
    to: Value<Address>,
}

/// An address; IPv4 in IPv6 is IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address(IpAddr);

impl Typed for Action {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "allow" => Ok(Self::Allow),
            "forbid" => Ok(Self::Forbid),
            _ => Err("expected `allow` or `forbid`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("action: {why}.")))
    }
}

impl Typed for Address {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical()));
        }
        Err(range_of(text).unwrap_or_else(|| "expected an IPv4 or IPv6 address".to_owned()))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|_| PolicyError::unfit_value("The value is not an IP address."))
    }
}

/// How to write a network such as `10.0.0.0/8`.
fn range_of(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse::<u32>().ok()?);
    let (from, to): (IpAddr, IpAddr) = match address {
        IpAddr::V4(address) if length <= 32 => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            let bits = u32::from(address);
            (Ipv4Addr::from(bits & !rest).into(), Ipv4Addr::from(bits | rest).into())
        }
        IpAddr::V6(address) if length <= 128 => {
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = u128::from(address);
            (Ipv6Addr::from(bits & !rest).into(), Ipv6Addr::from(bits | rest).into())
        }
        _ => return None,
    };
    Some(format!(
        "networks are not understood; write `<address-range from=\"{from}\" to=\"{to}\" />`"
    ))
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let action = cx.attribute(element, "action");
    let mut ranges = Vec::new();
    for child in element.elements() {
        ranges.push(match child.name.as_str() {
            "address" => {
                cx.text::<Address>(child).map(|from| Range { from: from.clone(), to: from })
            }
            _ => range(child, cx),
        });
    }
    if ranges.is_empty() {
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                "`ip-filter` needs an `address` or `address-range` element",
                element.name_span,
            )
            .label("no address is listed"),
        );
        return None;
    }
    Some(Box::new(IpFilter { action: action?, ranges: ranges.into_iter().collect::<Option<_>>()? }))
}

fn range(element: &Element, cx: &mut CompileCx<'_>) -> Option<Range> {
    let from: Option<Value<Address>> = cx.attribute(element, "from");
    let to: Option<Value<Address>> = cx.attribute(element, "to");
    let (from, to) = (from?, to?);
    if let (Some(Address(first)), Some(Address(last))) = (from.literal(), to.literal())
        && (first.is_ipv4() != last.is_ipv4() || first > last)
        && let Some(attribute) = element.attribute("to")
    {
        let why = if first.is_ipv4() == last.is_ipv4() {
            "comes before `from`"
        } else {
            "is of another family than `from`"
        };
        cx.report(
            Diagnostic::new(
                Code::INVALID_VALUE,
                "the range holds no address",
                attribute.value.span(),
            )
            .label(why),
        );
        return None;
    }
    Some(Range { from, to })
}

impl IpFilter {
    /// Whether the address is one of those listed.
    fn lists(&self, cx: &mut RequestCx, caller: IpAddr) -> Result<bool, PolicyError> {
        for range in &self.ranges {
            let Address(from) = range.from.eval(cx)?;
            let Address(to) = range.to.eval(cx)?;
            // Addresses of one family compare as numbers.
            let same_family =
                from.is_ipv4() == caller.is_ipv4() && to.is_ipv4() == caller.is_ipv4();
            if same_family && from <= caller && caller <= to {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Step for IpFilter {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let action = self.action.eval(cx)?;
        let Some(caller) = cx.client.ip.map(|ip| ip.to_canonical()) else {
            let message = "Failed to establish IP address for the caller. Access denied.";
            return Err(forbidden("FailedToParseCallerIP", message));
        };
        match (action, self.lists(cx, caller)?) {
            (Action::Allow, true) | (Action::Forbid, false) => Ok(Flow::Continue),
            (Action::Allow, false) => {
                let message = format!("Caller IP address {caller} is not allowed. Access denied.");
                Err(forbidden("CallerIpNotAllowed", &message))
            }
            (Action::Forbid, true) => {
                Err(forbidden("CallerIpBlocked", "Caller IP address is blocked. Access denied."))
            }
        }
    }

    fn facts(&self) -> Facts {
        self.ranges.iter().fold(self.action.facts(), |facts, range| {
            facts.or(range.from.facts()).or(range.to.facts())
        })
    }
}

fn forbidden(reason: &'static str, message: &str) -> PolicyError {
    PolicyError::refused(reason, message, StatusCode::FORBIDDEN).client_message("Forbidden")
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    const LISTED: &str = r#"<address>203.0.113.7</address><address>@("2001:db8::" + "1")</address>
        <address-range from="10.0.0.9" to="10.0.0.10" /><address-range from="2001:db8::9" to="2001:db8::10" />"#;

    fn check(action: &str, ip: &str, reason: &str) {
        let policy = format!(r#"<ip-filter action="{action}">{LISTED}</ip-filter>"#);
        let run = Case::inbound(&policy).ip(ip).run();
        assert_eq!(run.reason(), reason, "{action} {ip}");
        if !reason.is_empty() {
            assert_eq!(run.body(), r#"{ "statusCode": 403, "message": "Forbidden" }"#);
        }
    }

    #[test]
    fn addresses_and_ranges() {
        for ip in [
            "203.0.113.7",
            "::ffff:203.0.113.7",
            "10.0.0.9",
            "10.0.0.10",
            "2001:db8::1",
            "2001:db8::9",
            "2001:db8::f",
            "2001:db8::10",
        ] {
            check("allow", ip, "");
            check("forbid", ip, "CallerIpBlocked");
        }
        for ip in ["203.0.113.8", "10.0.0.8", "10.0.0.11", "10.0.0.100", "2001:db8::11", "::1"] {
            check("allow", ip, "CallerIpNotAllowed");
            check("forbid", ip, "");
        }
    }

    #[test]
    fn a_caller_without_an_address_is_refused() {
        for action in ["allow", "forbid"] {
            let policy = format!(r#"<ip-filter action="{action}">{LISTED}</ip-filter>"#);
            let run = Case::inbound(&policy).run();
            assert_eq!((run.status(), run.reason()), (403, "FailedToParseCallerIP"));
            let message = "Failed to establish IP address for the caller. Access denied.";
            assert_eq!(run.message(), message);
            assert_eq!(run.body(), r#"{ "statusCode": 403, "message": "Forbidden" }"#);
        }
    }

    #[test]
    fn expressions_fail_closed() {
        for policy in [
            r#"<ip-filter action="@("al" + "low")"><address>@("10.0.0" + "/8")</address></ip-filter>"#,
            r#"<ip-filter action="@("deny" + "")"><address>::1</address></ip-filter>"#,
            r#"<ip-filter action="forbid"><address-range from="::" to="@((string)null)" /></ip-filter>"#,
        ] {
            let run = Case::inbound(policy).ip("10.1.1.1").run();
            assert_eq!(run.reason(), "ExpressionValueEvaluationFailure", "{policy}");
        }
    }

    #[test]
    fn what_can_be_known_is_said_at_load() {
        Case::inbound(r#"<ip-filter action="allow" />"#).refused("no address is listed");
        Case::inbound(r#"<ip-filter action="deny"><address>::1</address></ip-filter>"#)
            .refused("expected one of `allow`, `forbid`");
        let address =
            |text: &str| Case::inbound(&format!(r#"<ip-filter action="allow">{text}</ip-filter>"#));
        address("<address>10.0.0.0/8</address>")
            .refused(r#"write `<address-range from="10.0.0.0" to="10.255.255.255" />`"#);
        address("<address>fe80::/10</address>").refused(r#"from="fe80::" to="febf:ffff:"#);
        address("<address>localhost</address>").refused("expected an IPv4 or IPv6 address");
        address(r#"<address-range from="10.0.0.2" to="10.0.0.1" />"#).refused("comes before");
        address(r#"<address-range from="10.0.0.2" to="::1" />"#).refused("another family");
        address(r#"<address-range from="10.0.0.2" />"#).refused("`to` is missing");
    }
}
