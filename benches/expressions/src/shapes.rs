//! The shapes: the most frequent ones of public policy files, each with an expression of its own.

/// One shape.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What it looks like.
    pub name: &'static str,
    /// Per mille of the 1,739 expressions of 295 public policy files that look like it.
    pub share: u32,
    /// What the place wants of the value.
    pub wants: Wants,
    /// Whether every evaluation makes objects, and so begins with the state of a new request.
    pub fresh: bool,
    /// As a policy says it.
    pub ours: &'static str,
    /// The same in CEL; empty where CEL cannot say it.
    pub cel: &'static str,
    /// The same in Rhai; empty where Rhai cannot say it.
    pub rhai: &'static str,
}

/// What a place wants of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A condition.
    Bool,
    /// Text.
    Text,
    /// Whatever it is, for a variable.
    Any,
}

const fn shape(
    name: &'static str,
    share: u32,
    wants: Wants,
    ours: &'static str,
    cel: &'static str,
    rhai: &'static str,
) -> Shape {
    Shape { name, share, wants, fresh: false, ours, cel, rhai }
}

const fn fresh(mut shape: Shape) -> Shape {
    shape.fresh = true;
    shape
}

use Wants::{Any, Bool, Text};

/// The header comparison that is also written by hand.
pub const HEADER: &str = "header == constant";
/// The text that is also written by hand.
pub const BEARER: &str = "constant + (string)variable";

/// Every shape, most frequent first.
pub const SHAPES: &[Shape] = &[
    shape(
        "int variable == constant",
        86,
        Bool,
        r#"@(context.Variables.GetValueOrDefault<int>("attempt") == 3)"#,
        "vars.attempt == 3",
        "vars.attempt == 3",
    ),
    shape(
        "(string)variable",
        64,
        Text,
        r#"@((string)context.Variables["backend"])"#,
        "vars.backend",
        "vars.backend",
    ),
    shape(
        "interpolated text",
        53,
        Text,
        r#"@($"https://login.example/{context.Variables["tenant"]}/v2.0/{context.Variables["backend"]}")"#,
        "'https://login.example/' + vars.tenant + '/v2.0/' + vars.backend",
        "`https://login.example/${vars.tenant}/v2.0/${vars.backend}`",
    ),
    shape(
        "entity member",
        44,
        Text,
        "@(context.Subscription.Id)",
        "subscription.id",
        "subscription.id",
    ),
    shape(
        "string variable or constant",
        36,
        Text,
        r#"@(context.Variables.GetValueOrDefault<string>("user", "anonymous"))"#,
        "'user' in vars ? vars.user : 'anonymous'",
        r#"vars.user ?? "anonymous""#,
    ),
    shape(
        BEARER,
        35,
        Text,
        r#"@("Bearer " + (string)context.Variables["token"])"#,
        "'Bearer ' + vars.token",
        r#""Bearer " + vars.token"#,
    ),
    shape(
        "string variable == constant",
        28,
        Bool,
        r#"@(context.Variables.GetValueOrDefault<string>("backend") == "openai-east")"#,
        "vars.backend == 'openai-east'",
        r#"vars.backend == "openai-east""#,
    ),
    shape(
        "string variable, typed",
        24,
        Text,
        r#"@(context.Variables.GetValueOrDefault<string>("tenant"))"#,
        "vars.tenant",
        "vars.tenant",
    ),
    shape(
        "conditions joined",
        22,
        Bool,
        r#"@(context.Variables.GetValueOrDefault<string>("backend") == "openai-east" && context.Variables.ContainsKey("tenant"))"#,
        "vars.backend == 'openai-east' && 'tenant' in vars",
        r#"vars.backend == "openai-east" && "tenant" in vars"#,
    ),
    shape(
        "texts joined",
        20,
        Text,
        r#"@(context.Subscription.Id + "-" + context.Variables["backend"] + "-" + context.Api.Id)"#,
        "subscription.id + '-' + vars.backend + '-' + api.id",
        r#"subscription.id + "-" + vars.backend + "-" + api.id"#,
    ),
    shape(
        "header or constant",
        18,
        Text,
        r#"@(context.Request.Headers.GetValueOrDefault("X-End-User", "none"))"#,
        "'x-end-user' in request.headers ? request.headers['x-end-user'] : 'none'",
        r#"request.headers["x-end-user"] ?? "none""#,
    ),
    shape(
        "member of a JObject variable",
        17,
        Text,
        r#"@(((JObject)context.Variables["event"])["kind"].ToString())"#,
        "vars.event.kind",
        "vars.event.kind",
    ),
    shape(
        "status == constant",
        16,
        Bool,
        "@(context.Response.StatusCode == 429)",
        "response.status == 429",
        "response.status == 429",
    ),
    shape(
        "claim of a token",
        16,
        Text,
        r#"@(((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("appid", "none"))"#,
        "'appid' in vars.jwt.claims ? vars.jwt.claims.appid : 'none'",
        r#"vars.jwt.claims.appid ?? "none""#,
    ),
    fresh(shape(
        "new Random(…).Next(…)",
        15,
        Any,
        "@(new Random(context.RequestId.GetHashCode()).Next(1, 101))",
        "",
        "",
    )),
    shape(
        "variable is there",
        14,
        Bool,
        r#"@(!context.Variables.ContainsKey("clusters"))"#,
        "!('clusters' in vars)",
        r#"!("clusters" in vars)"#,
    ),
    shape(
        "entity member ?? constant",
        13,
        Text,
        r#"@(context.Product?.Name ?? "unknown")"#,
        "product.name != null ? product.name : 'unknown'",
        r#"product.name ?? "unknown""#,
    ),
    shape(
        "(int)variable + constant",
        12,
        Any,
        r#"@((int)context.Variables["attempt"] + 1)"#,
        "vars.attempt + 1",
        "vars.attempt + 1",
    ),
    shape(
        "text is not empty",
        12,
        Bool,
        r#"@(!string.IsNullOrEmpty(context.Variables.GetValueOrDefault<string>("tenant", "")))"#,
        "'tenant' in vars && vars.tenant != ''",
        r#"(vars.tenant ?? "") != """#,
    ),
    fresh(shape(
        "part of a split text",
        12,
        Text,
        r#"@(((string)context.Variables["failure"]).Split('|')[1])"#,
        "vars.failure.split('|')[1]",
        r#"vars.failure.split("|")[1]"#,
    )),
    shape(
        "status or status",
        12,
        Bool,
        "@(context.Response.StatusCode == 401 || context.Response.StatusCode >= 500)",
        "response.status == 401 || response.status >= 500",
        "response.status == 401 || response.status >= 500",
    ),
    shape(
        "matched parameter",
        11,
        Text,
        r#"@((string)context.Request.MatchedParameters["deployment-id"])"#,
        "request.matched['deployment-id']",
        r#"request.matched["deployment-id"]"#,
    ),
    shape(
        "status of a response variable",
        10,
        Bool,
        r#"@(((IResponse)context.Variables["answer"]).StatusCode == 200)"#,
        "vars.answer.status == 200",
        "vars.answer.status == 200",
    ),
    fresh(shape(
        "body as text",
        9,
        Text,
        "@(context.Request.Body.As<string>(preserveContent: true))",
        "text(body)",
        "text(body)",
    )),
    shape("client address", 9, Text, "@(context.Request.IpAddress)", "request.ip", "request.ip"),
    shape(
        "member of an item of a JArray variable",
        7,
        Text,
        r#"@(((JObject)((JArray)context.Variables["routes"])[(Int32)context.Variables["route"]]).Value<string>("url"))"#,
        "vars.routes[vars.route].url",
        "vars.routes[vars.route].url",
    ),
    shape(
        "status and variable",
        7,
        Bool,
        r#"@(context.Response.StatusCode == 429 && (context.Variables.GetValueOrDefault<string>("backend") == "openai-east"))"#,
        "response.status == 429 && vars.backend == 'openai-east'",
        r#"response.status == 429 && vars.backend == "openai-east""#,
    ),
    shape(
        "remainder of an int variable",
        7,
        Any,
        r#"@(context.Variables.GetValueOrDefault<int>("attempt") % 10 + 1)"#,
        "vars.attempt % 10 + 1",
        "vars.attempt % 10 + 1",
    ),
    shape(
        "method == constant",
        6,
        Bool,
        r#"@(context.Request.Method == "OPTIONS")"#,
        "request.method == 'OPTIONS'",
        r#"request.method == "OPTIONS""#,
    ),
    shape(
        "query parameter or constant",
        6,
        Text,
        r#"@((string)context.Request.Url.Query.GetValueOrDefault("client_id", "none"))"#,
        "'client_id' in request.query ? request.query.client_id : 'none'",
        r#"request.query.client_id ?? "none""#,
    ),
    fresh(shape(
        "one of some texts",
        5,
        Bool,
        r#"@(new [] { "gpt-4o", "chat", "embedding" }.Contains(context.Request.MatchedParameters["deployment-id"] ?? String.Empty))"#,
        "request.matched['deployment-id'] in ['gpt-4o', 'chat', 'embedding']",
        r#"request.matched["deployment-id"] in ["gpt-4o", "chat", "embedding"]"#,
    )),
    shape(
        "condition ? text : text",
        5,
        Text,
        r#"@((bool)context.Variables["low"] == true ? "low" : "high")"#,
        "vars.low == true ? 'low' : 'high'",
        r#"if vars.low == true { "low" } else { "high" }"#,
    ),
    fresh(shape(
        "member of the body",
        6,
        Text,
        r#"@(context.Request.Body.As<JObject>(true)["model"].ToString())"#,
        "json(body).model",
        "json(body).model",
    )),
    shape(
        HEADER,
        3,
        Bool,
        r#"@(context.Request.Headers.GetValueOrDefault("X-Priority", "") == "high")"#,
        "('x-priority' in request.headers ? request.headers['x-priority'] : '') == 'high'",
        r#"(request.headers["x-priority"] ?? "") == "high""#,
    ),
    fresh(shape(
        "JSON text of a new object",
        3,
        Text,
        r#"@{
            return new JObject(
                new JProperty("id", (string)context.Variables["tenant"]),
                new JProperty("status", context.Response.StatusCode),
                new JProperty("backend", context.Variables.GetValueOrDefault<string>("backend", ""))
            ).ToString();
        }"#,
        "to_json({'id': vars.tenant, 'status': response.status, 'backend': 'backend' in vars ? vars.backend : ''})",
        r#"to_json(#{id: vars.tenant, status: response.status, backend: vars.backend ?? ""})"#,
    )),
    fresh(shape(
        "body read and changed",
        3,
        Text,
        r#"@{
            var body = context.Request.Body.As<JObject>(preserveContent: true);
            body["model"] = (string)context.Variables["backend"];
            return body.ToString();
        }"#,
        "",
        "let tree = json(body); tree.model = vars.backend; to_json(tree)",
    )),
];
