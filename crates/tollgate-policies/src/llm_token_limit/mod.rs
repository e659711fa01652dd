//! `llm-token-limit`: limits the tokens of whatever a key says, by the minute and over longer periods.

mod output;
mod period;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{Charge, Counter, Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, TokenLimits, Value,
};
use tollgate_llm::Encoding;

use crate::limit::{Amount, Charges, Limited, Limiter, shared_key};
use crate::llm::{ModelCall, needed_body};

use output::Output;
use period::{MINUTE, QuotaPeriod};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "llm-token-limit",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: ATTRIBUTES,
    content: Content::Empty,
    docs: DOCS,
    compile,
};

pub(crate) const ATTRIBUTES: &[AttributeDef] = &[
    AttributeDef {
        name: "counter-key",
        required: true,
        expression: true,
        doc: "What is counted; all policies with the same key share one counter of tokens, and one for each period.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: "tokens-per-minute",
        ty: AttributeType::Int { min: 1, max: i32::MAX as i64 },
        expression: true,
        doc: "Most tokens of prompts and completions within any minute; needed without `token-quota`.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: "token-quota",
        ty: AttributeType::Int { min: 1, max: i64::MAX },
        expression: true,
        doc: "Most tokens within a `token-quota-period`; needed without `tokens-per-minute`.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: PERIOD,
        ty: AttributeType::Word(&["Hourly", "Daily", "Weekly", "Monthly", "Yearly"]),
        expression: true,
        doc: "Period of the quota: the hour, day, week (from Monday), month or year, by UTC.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: ESTIMATE,
        ty: AttributeType::Bool,
        expression: true,
        default: Some("false"),
        doc: "Whether there must be room for the tokens of the prompt, which are then counted before the request is forwarded.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: TOOLKIT_ESTIMATE,
        ty: AttributeType::Bool,
        expression: true,
        doc: "How the policy toolkit spells `estimate-prompt-tokens`; accepted with a warning.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::RETRY_AFTER_HEADER,
        default: Some("Retry-After"),
        doc: "Header of the refusal with the seconds after which to try again.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::RETRY_AFTER_VARIABLE,
        doc: "Variable with the same number, set when a limit is exceeded.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::QUOTA_HEADER,
        doc: "Response header with the tokens that are left of the quota.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::QUOTA_VARIABLE,
        doc: "Variable with the same number.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::RATE_HEADER,
        doc: "Response header with the tokens that are left of the minute.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::RATE_VARIABLE,
        doc: "Variable with the same number.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::CONSUMED_HEADER,
        doc: "Response header with the tokens that the request consumed; only on responses of a backend.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: output::CONSUMED_VARIABLE,
        doc: "Variable with the same number from `outbound` on; before, the tokens of the prompt if they are estimated, else 0.",
        ..AttributeDef::DEFAULT
    },
];

const PERIOD: &str = "token-quota-period";
const ESTIMATE: &str = "estimate-prompt-tokens";
const TOOLKIT_ESTIMATE: &str = "estimate-prompt-token";

const DOCS: &str = r#"Limits the tokens that language models use for the same key: within any minute, over a period, or both. When the minute's
are used up, requests are refused with 429 and `Token limit is exceeded. Try again in N seconds.`; when the quota is, with 403 and
`Token quota is exceeded. Try again in …`. `azure-openai-token-limit` is the same policy.

```xml
<llm-token-limit counter-key="@(context.Request.IpAddress)" tokens-per-minute="5000" token-quota="1000000"
    token-quota-period="Monthly" estimate-prompt-tokens="true" remaining-tokens-header-name="x-remaining-tokens"
    tokens-consumed-header-name="x-consumed-tokens" />
```

A request passes when a token is left, or with `estimate-prompt-tokens="true"` when there is room for its prompt. What it used is
charged when the response is known: what its `usage` says, prompt and completion, reasoning included. Requests that run beside one
another can so go past a limit together, and then later ones wait.

A stream is counted as it passes, by the model's tokenizer, and charged as it goes on; at its end it is charged what its `usage`
says. Chat completions and completions say it only when asked, so the gateway asks (`stream_options.include_usage`) and takes what
it asked for out of the stream again, unless the client has asked too. A stream that breaks off, or that the client leaves, is
charged the prompt and what had passed of the completion. Backends are asked for answers that are not compressed.

Understood are chat completions, completions, embeddings, Responses, images and audio of OpenAI, Azure OpenAI and Azure AI, Messages
of Anthropic, and Google's `generateContent`. A request that is none of these uses no tokens, but is refused like the others.
A WebSocket of the Realtime API is charged what its events say, as they come; it is refused only at its handshake, and nothing is
reserved for it. Its messages are read, so compressing them is not offered to the backend. Forms with recordings or pictures pass
without being held, and count as no tokens until the answer says how many they were.

Estimates use OpenAI's encodings: `cl100k_base` for gpt-3.5, gpt-4 and the embedding models, `o200k_base` for everything else, by the
name of the model or the deployment. An image is 1200 tokens, or what OpenAI documents for low detail.

With `token-limits.mode = "strict"` in `tollgate.toml` a request passes only when there is room for its prompt, which is always
estimated, and for the bound of its completion: the one that it states (lowered to the limit where it is above), or
`token-limits.completion`, which the backend is then told. What was not used is given back when the response is known, and a stream
that goes past its bound is ended as the protocol asks (`finish_reason` `length`). So requests beside one another cannot go past a
limit together. What is reserved counts until the request is over, however long the backend thinks and the stream lasts; what a stream
delivers counts from then on for a minute. An answer that nobody can read is taken for all that was reserved.

Gateways share their counts when `[redis]` is configured; `counters.when-unavailable` says what happens while that server is away.

Differences from Azure:

- Streams are charged what their `usage` says; Azure estimates them. The gateway asks backends for it.
- The minute is a sliding window everywhere, also where Azure has a token bucket. What a response used beyond it is owed: the next
  request passes when the time for it has gone by, which can take several minutes.
- Policies with the same `counter-key` share a counter of the minute, and one for each period of quotas. A request counts once for a
  counter, however many policies name it.
- `Retry-After` of a quota is the end of its period. Weeks begin on Monday.
- The reasons of `context.LastError` are `TokenLimitExceeded` and `TokenQuotaExceeded`, which Azure does not document.
- Of a stream, `tokens-consumed-*` says the tokens of its prompt: the completion is known only when the response was sent. When
  `tokens-consumed-*` is asked for, answers that are no streams are read to their end before `outbound`.
- Responses other than 2xx use no tokens. When a response says no `usage`, prompt and answer are counted by the tokenizer.
- `estimate-prompt-token`, as the policy toolkit writes it, is accepted with a warning.
"#;

#[derive(Debug)]
struct TokenLimit {
    key: Value<Arc<str>>,
    rate: Option<Value<Amount>>,
    quota: Option<(Value<Amount>, Value<QuotaPeriod>)>,
    estimate: Value<bool>,
    output: Output,
    mode: TokenLimits,
}

pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let key = cx.attribute(element, "counter-key");
    let rate = optional(cx, element, "tokens-per-minute");
    let quota = optional(cx, element, "token-quota");
    let period = optional(cx, element, PERIOD);
    let estimate = estimate(cx, element);
    let output = Output::compile(element, cx);
    let (rate, quota, period) = (rate.ok()?, quota.ok()?, period.ok()?);
    let quota = match (quota, period) {
        (Some(quota), Some(period)) => Some((quota, period)),
        (None, None) => None,
        (quota, _) => {
            let missing = if quota.is_some() { PERIOD } else { "token-quota" };
            report_missing(cx, element, &format!("also needs the attribute `{missing}`"));
            return None;
        }
    };
    if rate.is_none() && quota.is_none() {
        let what =
            "needs the attribute `tokens-per-minute`, or `token-quota` and `token-quota-period`";
        report_missing(cx, element, what);
        return None;
    }
    let (key, estimate, output) = (key?, estimate?, output?);
    let mode = cx.token_limits();
    Encoding::read_ahead();
    Some(Box::new(Limited(TokenLimit { key, rate, quota, estimate, output, mode })))
}

fn report_missing(cx: &mut CompileCx<'_>, element: &Element, what: &str) {
    let message = format!("`{}` {what}", element.name);
    cx.report(
        Diagnostic::new(Code::MISSING_ATTRIBUTE, message, element.name_span)
            .label("what is the limit?"),
    );
}

/// An attribute that may be left out; an error when it is wrong, which has been reported.
fn optional<T: tollgate_engine::Typed>(
    cx: &mut CompileCx<'_>,
    element: &Element,
    name: &str,
) -> Result<Option<Value<T>>, ()> {
    let value = cx.attribute(element, name);
    if value.is_none() && element.attribute(name).is_some() { Err(()) } else { Ok(value) }
}

fn estimate(cx: &mut CompileCx<'_>, element: &Element) -> Option<Value<bool>> {
    let Some(written) = element.attribute(TOOLKIT_ESTIMATE) else {
        return cx.attribute(element, ESTIMATE);
    };
    let message = format!("`{TOOLKIT_ESTIMATE}` is how the policy toolkit writes `{ESTIMATE}`");
    cx.report(
        Diagnostic::new(Code::SUSPICIOUS, message, written.name_span)
            .label("Azure does not know it")
            .help(format!("write `{ESTIMATE}`")),
    );
    let name = if element.attribute(ESTIMATE).is_some() { ESTIMATE } else { TOOLKIT_ESTIMATE };
    cx.attribute(element, name)
}

/// What a charge is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rate,
    Quota,
}

/// What is kept until the counters have answered.
struct Asked {
    kinds: SmallVec<[Kind; 2]>,
    call: Arc<ModelCall>,
    /// Tokens of the prompt, when they are estimated.
    prompt: u64,
    /// Tokens that are reserved for the completion.
    completion: Option<u64>,
}

impl Limiter for TokenLimit {
    type Asked = Asked;

    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, Asked)>, PolicyError> {
        let key = self.key.eval(cx)?;
        let estimates = self.estimate.eval(cx)?;
        let mut counters = SmallVec::<[(Kind, Counter, u64); 2]>::new();
        if let Some(rate) = &self.rate {
            let counter = Counter { key: shared_key("tokens", &key), window: MINUTE };
            counters.push((Kind::Rate, counter, rate.eval(cx)?.0));
        }
        if let Some((quota, period)) = &self.quota {
            let window = period.eval(cx)?.window(cx.ports.clock.unix_seconds());
            let counter = Counter { key: shared_key("token-quota", &key), window };
            counters.push((Kind::Quota, counter, quota.eval(cx)?.0));
        }
        let call = ModelCall::of(cx);
        let estimates = estimates || self.mode != TokenLimits::Standard;
        let prompt = if estimates { call.prompt_tokens(&cx.request) } else { 0 };
        let most = counters.iter().map(|(.., limit)| *limit).min().unwrap_or(0);
        let completion = match self.mode {
            TokenLimits::Standard => None,
            // More than the limit itself can never be had, so a bound above it is lowered instead of refused.
            TokenLimits::Strict { completion } => Some(
                call.completion(&cx.request, completion).min(most.saturating_sub(prompt).max(1)),
            ),
        };
        let whole = prompt.saturating_add(completion.unwrap_or(0));
        let charge = |(_, counter, limit): &(Kind, Counter, u64)| {
            let is_new = !cx.counted.has(*counter);
            let (needed, amount) = if is_new { (whole.max(1), whole) } else { (0, 0) };
            Charge { counter: *counter, limit: *limit, needed, amount }
        };
        let charges = counters.iter().map(charge).collect();
        let kinds = counters.iter().map(|(kind, ..)| *kind).collect();
        Ok(Some((charges, Asked { kinds, call, prompt, completion })))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        asked: Asked,
        charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        let Asked { kinds, call, prompt, completion } = asked;
        let all = kinds.iter().zip(charges).zip(&verdict.standings);
        let all: SmallVec<[_; 2]> =
            all.map(|((kind, charge), standing)| (*kind, *charge, *standing)).collect();
        self.output.tell(cx, &all);
        if !verdict.admitted {
            return Err(self.output.refuse(cx, &all));
        }
        for (_, charge, _) in all {
            if !cx.counted.has(charge.counter) {
                cx.counted.add(charge.counter);
                call.open(&charge, verdict.at, prompt);
            }
        }
        if let Some(bound) = completion.filter(|bound| *bound > 0) {
            call.bound(bound);
        }
        self.output.expect_consumption(cx, &call, prompt);
        Ok(())
    }

    fn facts(&self) -> Facts {
        let rate = self.rate.as_ref().map(Value::facts).unwrap_or_default();
        let quota = self.quota.as_ref().map(|(quota, period)| quota.facts().or(period.facts()));
        let quota = quota.unwrap_or_default();
        self.key.facts().or(self.estimate.facts()).or(rate).or(quota)
    }

    fn needs(&self, cx: &RequestCx) -> Facts {
        needed_body(&cx.request)
    }
}

/// How long a window is, in milliseconds, for a limit that has no room even for this request alone.
fn length(window: Window) -> u64 {
    match window {
        Window::Sliding { ms } | Window::Fixed { ms, .. } => ms,
        Window::Forever => 0,
    }
}
