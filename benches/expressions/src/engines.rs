//! A shape, ready to run in each language.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use rhai::Dynamic;
use tollgate_diagnostics::{MappedText, Sources};
use tollgate_expr::{
    CompileOptions, EvalCx, FixedHost, MessageKind, Program, Target, Value, compile,
};

use crate::shapes::{BEARER, HEADER, Shape, Wants};
use crate::world::{self, BODY};

/// Who runs a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Policy expressions.
    Ours,
    /// The `cel` crate.
    Cel,
    /// Rhai.
    Rhai,
    /// Rust written by hand against the same host.
    Hand,
}

impl Engine {
    /// All, in the order of the table.
    pub const ALL: [Engine; 4] = [Engine::Ours, Engine::Cel, Engine::Rhai, Engine::Hand];

    /// The heading of its column.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Ours => "ours",
            Engine::Cel => "CEL",
            Engine::Rhai => "Rhai",
            Engine::Hand => "by hand",
        }
    }
}

/// The body of a message for CEL and Rhai: bytes as they came, shared.
#[derive(Clone)]
struct Body(Arc<Vec<u8>>);

impl Body {
    fn new() -> Self {
        Self(Arc::new(BODY.as_bytes().to_vec()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Evaluates once.
pub type Runner = Box<dyn FnMut()>;

/// A shape in a language, or none where the language cannot say it. Runs it once and compares the result with ours.
pub fn runner(engine: Engine, shape: &Shape) -> anyhow::Result<Option<Runner>> {
    let expected = Ours::new(shape)?.text()?;
    let (found, runner): (String, Runner) = match engine {
        Engine::Ours => {
            let mut ours = Ours::new(shape)?;
            (ours.text()?, Box::new(move || drop(black_box(ours.value()))))
        }
        Engine::Cel if shape.cel.is_empty() => return Ok(None),
        Engine::Cel => cel_runner(shape)?,
        Engine::Rhai if shape.rhai.is_empty() => return Ok(None),
        Engine::Rhai => rhai_runner(shape)?,
        Engine::Hand => match by_hand(shape.name) {
            Some(hand) => hand,
            None => return Ok(None),
        },
    };
    if !shape.name.contains("JSON") && !shape.name.contains("changed") && found != expected {
        bail!("{} of {}: `{found}` instead of `{expected}`", engine.name(), shape.name);
    }
    Ok(Some(runner))
}

struct Ours {
    program: Program,
    host: FixedHost,
    state: tollgate_expr::EvalState,
    fresh: bool,
}

impl Ours {
    fn new(shape: &Shape) -> anyhow::Result<Self> {
        let file = Sources::default().add("policy.xml", shape.ours);
        let text = MappedText::verbatim(shape.ours, file.span(0..shape.ours.len()));
        let target = match shape.wants {
            Wants::Bool => Target::Bool,
            Wants::Text => Target::Text,
            Wants::Any => Target::Any,
        };
        let (program, found) = compile(&text, &CompileOptions::for_target(target));
        let program = program.ok_or_else(|| anyhow!("{}: {found:?}", shape.name))?;
        let (host, state) = world::host();
        Ok(Self { program, host, state, fresh: shape.fresh })
    }

    fn value(&mut self) -> Result<Value, tollgate_expr::Exception> {
        if self.fresh {
            self.state = world::unbounded();
        }
        self.program.eval(&mut EvalCx { host: &mut self.host, state: &mut self.state })
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let value = self.value().map_err(|exception| anyhow!("{exception}"))?;
        Ok(match value {
            Value::Bool(value) => value.to_string(),
            value => value.to_text(&self.state)?.map(|text| text.to_string()).unwrap_or_default(),
        })
    }
}

fn cel_runner(shape: &Shape) -> anyhow::Result<(String, Runner)> {
    let mut env = cel::Env::stdlib();
    env.add_extension(cel::extensions::strings).map_err(|error| anyhow!("{error:?}"))?;
    let env = Arc::new(env);
    let program = env.compile(shape.cel).map_err(|error| anyhow!("{}: {error}", shape.name))?;
    let mut context = cel::Context::with_env(env);
    if let serde_json::Value::Object(members) = world::maps() {
        for (name, value) in members {
            context.add_variable_from_value(name, world::cel_value(value));
        }
    }
    context.add_variable_from_value("body", cel::Value::Bytes(Body::new().0));
    context.add_function("text", |bytes: Arc<Vec<u8>>| Body(bytes).text())?;
    context.add_function("json", |bytes: Arc<Vec<u8>>| {
        serde_json::from_slice(&bytes).map_or(cel::Value::Null, world::cel_value)
    })?;
    context.add_function("to_json", |value: cel::Value| {
        let json = value.json().unwrap_or_default();
        serde_json::to_string_pretty(&json).unwrap_or_default()
    })?;
    let found = program.execute(&context).with_context(|| shape.name)?;
    let found = match found {
        cel::Value::String(text) => text.to_string(),
        other => other.json().map(|json| json.to_string()).unwrap_or_default(),
    };
    Ok((found, Box::new(move || drop(black_box(program.execute(black_box(&context)))))))
}

fn rhai_runner(shape: &Shape) -> anyhow::Result<(String, Runner)> {
    let mut engine = rhai::Engine::new();
    engine.set_max_call_levels(64);
    engine.register_type::<Body>();
    engine.register_fn("text", |body: &mut Body| body.text());
    engine.register_fn("json", |body: &mut Body| {
        serde_json::from_slice::<Dynamic>(&body.0).unwrap_or(Dynamic::UNIT)
    });
    engine.register_fn("to_json", |map: rhai::Map| {
        serde_json::to_string_pretty(&Dynamic::from_map(map)).unwrap_or_default()
    });
    let mut scope = rhai::Scope::new();
    scope.push_constant("body", Body::new());
    if let serde_json::Value::Object(members) = world::maps() {
        for (name, value) in members {
            let value: Dynamic = serde_json::from_value(value)?;
            scope.push_constant_dynamic(name, value);
        }
    }
    let ast = engine.compile(shape.rhai)?;
    let known = scope.len();
    let found = engine
        .eval_ast_with_scope::<Dynamic>(&mut scope, &ast)
        .map_err(|error| anyhow!("{}: {error}", shape.name))?;
    let run = move || {
        // Each evaluation begins without the variables of the one before.
        scope.rewind(known);
        let value = engine.eval_ast_with_scope::<Dynamic>(black_box(&mut scope), &ast);
        drop(black_box(value));
    };
    Ok((found.to_string(), Box::new(run)))
}

fn by_hand(name: &str) -> Option<(String, Runner)> {
    let (host, _) = world::host();
    if name == HEADER {
        let once = header(&host).to_string();
        return Some((
            once,
            Box::new(move || {
                black_box(header(black_box(&host)));
            }),
        ));
    }
    if name == BEARER {
        let once = bearer(&host)?.to_string();
        return Some((once, Box::new(move || drop(black_box(bearer(black_box(&host)))))));
    }
    None
}

/// `context.Request.Headers.GetValueOrDefault("X-Priority", "") == "high"`.
fn header(host: &dyn tollgate_expr::Host) -> bool {
    host.header(MessageKind::Request, "X-Priority").as_deref().unwrap_or("") == "high"
}

/// `"Bearer " + (string)context.Variables["token"]`, as shared text, which is what a header takes.
fn bearer(host: &dyn tollgate_expr::Host) -> Option<Arc<str>> {
    let token = host.variable("token")?.as_str()?;
    let mut text = String::with_capacity("Bearer ".len() + token.len());
    text.push_str("Bearer ");
    text.push_str(token);
    Some(text.into())
}
