//! From a tree to compiled steps.

mod declared;
mod document;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span, closest};
use tollgate_expr::{CompileOptions, EvalState, Limits};

pub use document::{DocumentInfo, compile_document, compile_fragment};

use document::Place;

use crate::ports::Names;
use crate::read::{self, Element};
use crate::{Block, Message, PolicyDef, Ports, Scope, Section, Typed, Value};

/// What documents are compiled against. One for a whole directory.
pub struct CompileEnv<'a> {
    /// The policies that exist.
    pub policies: &'static [PolicyDef],
    /// Policies that Azure has and these do not, each with what to use instead.
    pub unsupported: &'static [(&'static str, &'static str)],
    /// Backends and certificates.
    pub names: &'a dyn Names,
    /// The outside.
    pub ports: &'a Ports,
    /// Fragments by identifier.
    pub fragments: Fragments,
    /// Whether a document is checked alone: names that only a directory defines are warnings.
    pub standalone: bool,
    /// How limits of tokens are kept.
    pub token_limits: TokenLimits,
}

/// How limits of a language model's tokens are kept, as the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenLimits {
    /// As in Azure: a request passes while a token is left, and what it used is charged when that is known.
    #[default]
    Standard,
    /// What a request may use at most is reserved before it passes.
    Strict {
        /// Tokens of a completion for requests that state no bound of their own.
        completion: u64,
    },
}

impl fmt::Debug for CompileEnv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompileEnv").field("standalone", &self.standalone).finish_non_exhaustive()
    }
}

/// Identifier of a fragment, and where it is included.
type FragmentUse = (String, Section, Scope, Place);

/// The fragments of a directory, each compiled once for every section and scope it is included in.
#[derive(Debug, Default)]
pub struct Fragments {
    documents: HashMap<String, Element>,
    compiled: RefCell<HashMap<FragmentUse, Arc<CompiledFragment>>>,
}

/// A fragment at one place.
#[derive(Debug)]
struct CompiledFragment {
    block: Arc<Block>,
    /// Policies in it that may not appear as often as one likes.
    limited: Vec<Limited>,
}

impl Fragments {
    /// Fragments from their documents' roots.
    pub fn new(documents: HashMap<String, Element>) -> Self {
        Self { documents, compiled: RefCell::default() }
    }

    /// The roots of those that nothing has included so far, by identifier.
    pub fn unused(&self) -> Vec<&Element> {
        let compiled = self.compiled.borrow();
        let used: HashSet<&str> = compiled.keys().map(|(id, ..)| id.as_str()).collect();
        let unused = self.documents.iter().filter(|(id, _)| !used.contains(id.as_str()));
        let sorted: BTreeMap<&String, &Element> = unused.collect();
        sorted.into_values().collect()
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().map(String::as_str)
    }
}

/// An occurrence of a policy that may not appear as often as one likes.
#[derive(Debug, Clone, Copy)]
struct Limited {
    def: &'static PolicyDef,
    section: Section,
    /// Inside another policy, where a condition may keep it from running.
    is_nested: bool,
}

/// What a policy compiles with: typed access to its attributes and content, and a place to report.
pub struct CompileCx<'a> {
    env: &'a CompileEnv<'a>,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The policy being compiled.
    def: Option<&'static PolicyDef>,
    section: Section,
    scope: Scope,
    message: Message,
    in_fragment: bool,
    /// Where the fragment is included, if this is one.
    included: Place,
    /// Where the policy being compiled stands.
    place: Place,
    /// Policies seen so far in this document that may not appear as often as one likes, and in which section.
    limited: &'a mut Vec<Limited>,
    /// Template parameters of the operation, when the document belongs to one.
    template_parameters: Option<&'a [String]>,
}

impl fmt::Debug for CompileCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompileCx")
            .field("section", &self.section)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl CompileCx<'_> {
    /// Reports a finding.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        // The declaration and the policy may say the same, and so does a fragment that is compiled again.
        let repeated = |known: &Diagnostic| {
            known.code == diagnostic.code
                && known.primary.span == diagnostic.primary.span
                && known.message == diagnostic.message
        };
        if !self.diagnostics.iter().any(repeated) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// The section being compiled.
    pub fn section(&self) -> Section {
        self.section
    }

    /// The scope of the document.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the policy stands inside another one, and not directly in a section or a fragment there: it is not asked
    /// about requests that no operation is defined for.
    pub fn is_nested(&self) -> bool {
        [self.place, self.included].contains(&Place::Nested)
    }

    /// The message a policy changes here.
    pub fn message(&self) -> Message {
        self.message
    }

    /// The outside.
    pub fn ports(&self) -> &Ports {
        self.env.ports
    }

    /// Backends and certificates.
    pub fn names(&self) -> &dyn Names {
        self.env.names
    }

    /// Whether the document is checked alone.
    pub fn standalone(&self) -> bool {
        self.env.standalone
    }

    /// How limits of tokens are kept.
    pub fn token_limits(&self) -> TokenLimits {
        self.env.token_limits
    }

    /// Template parameters of the operation the document belongs to; `None` for wider scopes.
    pub fn template_parameters(&self) -> Option<&[String]> {
        self.template_parameters
    }

    /// An attribute's value: what is written, else the declared default, else `None`. `None` also when the value is
    /// wrong, which has then been reported.
    pub fn attribute<T: Typed>(&mut self, element: &Element, name: &str) -> Option<Value<T>> {
        if let Some(attribute) = element.attribute(name) {
            let subject = format!("attribute `{name}`");
            return self.value(&attribute.value, &subject);
        }
        let default = self
            .def
            .and_then(|def| declared::attribute(def, &element.name, name))
            .and_then(|a| a.default)?;
        T::parse(default).ok().map(Value::Literal)
    }

    /// An attribute whose declaration allows no expression: its literal value, likewise.
    pub fn literal<T: Typed>(&mut self, element: &Element, name: &str) -> Option<T> {
        match self.attribute(element, name)? {
            Value::Literal(value) => Some(value),
            Value::Expression(_) => None,
        }
    }

    /// The text of an element; `None` when there is none or it is wrong, which has then been reported.
    pub fn text<T: Typed>(&mut self, element: &Element) -> Option<Value<T>> {
        let text = element.text()?;
        let subject = format!("`{}`", element.name);
        self.value(&text, &subject)
    }

    /// The content of an element as it stands, white space and markup included, or its expression; for elements
    /// declared as raw. `None` when there is only white space.
    pub fn raw<T: Typed>(&mut self, element: &Element) -> Option<Value<T>> {
        let subject = format!("`{}`", element.name);
        let text = element.text()?;
        let text = if text.is_expression {
            text
        } else {
            read::Value { text: element.untrimmed_text(), ..text }
        };
        self.value(&text, &subject)
    }

    /// Reads a literal or compiles an expression.
    pub fn value<T: Typed>(&mut self, written: &read::Value, subject: &str) -> Option<Value<T>> {
        let text = &written.text;
        if !written.is_expression {
            return match T::parse(text.as_str()) {
                Ok(value) => Some(Value::Literal(value)),
                // What is not known when a document is checked alone is not judged.
                Err(_) if written.is_opaque => None,
                Err(why) => {
                    self.report(invalid_value(text, subject, &why));
                    None
                }
            };
        }
        if written.is_opaque {
            return None;
        }
        let options = CompileOptions::for_target(T::TARGET);
        let (program, diagnostics) = tollgate_expr::compile(text, &options);
        for diagnostic in diagnostics {
            self.report(diagnostic);
        }
        let program = program?;
        let constant = program.constant().and_then(|value| {
            let state = EvalState::new(Limits::default());
            T::from_value(value, &state).ok()
        });
        Some(constant.map_or(Value::Expression(program), Value::Literal))
    }

    /// The policies inside an element, as a block with a label such as `when[2]`.
    pub fn block(&mut self, element: &Element, label: impl Into<String>) -> Block {
        document::block(self, element, label.into(), Place::Nested)
    }

    /// The policies inside an element, working on a response of their own.
    pub fn reply_block(&mut self, element: &Element) -> Block {
        self.message_block(element, Message::Reply)
    }

    /// The policies inside an element, working on a call of their own; the element's own children are left out.
    pub fn call_block(&mut self, element: &Element) -> Block {
        self.message_block(element, Message::Call)
    }

    fn message_block(&mut self, element: &Element, message: Message) -> Block {
        let outer = std::mem::replace(&mut self.message, message);
        let block = document::block(self, element, String::new(), Place::Message);
        self.message = outer;
        block
    }

    /// Says that a backend does not exist, if it does not.
    pub fn check_backend(&mut self, id: &str, span: Span) -> bool {
        if self.env.names.backend(id).is_some() {
            return true;
        }
        let suggestion = closest(id, self.env.names.backend_ids()).map(str::to_owned);
        self.unresolved(Code::UNKNOWN_BACKEND, "backend", id, span, suggestion.as_deref())
    }

    /// Says that a certificate does not exist, if it does not.
    pub fn check_certificate(&mut self, id: &str, span: Span) -> bool {
        if self.env.names.certificate(id).is_some() {
            return true;
        }
        let suggestion = closest(id, self.env.names.certificate_ids()).map(str::to_owned);
        self.unresolved(Code::UNKNOWN_CERTIFICATE, "certificate", id, span, suggestion.as_deref())
    }

    /// Says that a connection of the credential manager does not exist, if it does not.
    pub fn check_connection(&mut self, provider: &str, id: &str, span: Span) -> bool {
        let authorizations = Arc::clone(&self.env.ports.authorizations);
        if authorizations.connection(provider, id).is_some() {
            return true;
        }
        let known: Vec<String> = authorizations
            .connections()
            .into_iter()
            .map(|(provider, id)| format!("{provider}.{id}"))
            .collect();
        let name = format!("{provider}.{id}");
        let suggestion = closest(&name, known.iter().map(String::as_str));
        self.unresolved(Code::UNKNOWN_CONNECTION, "connection", &name, span, suggestion)
    }

    /// Says that a logger does not exist, if it does not.
    pub fn check_logger(&mut self, id: &str, span: Span) -> bool {
        if self.env.names.logger(id).is_some() {
            return true;
        }
        let suggestion = closest(id, self.env.names.logger_ids()).map(str::to_owned);
        self.unresolved(Code::UNKNOWN_LOGGER, "logger", id, span, suggestion.as_deref())
    }

    /// Says that a schema does not exist, if it does not.
    pub fn check_schema(&mut self, id: &str, span: Span) -> bool {
        if self.env.names.schema(id).is_some() {
            return true;
        }
        let suggestion = closest(id, self.env.names.schema_ids()).map(str::to_owned);
        self.unresolved(Code::UNKNOWN_SCHEMA, "schema", id, span, suggestion.as_deref())
    }

    fn unresolved(
        &mut self,
        code: Code,
        what: &str,
        id: &str,
        span: Span,
        suggestion: Option<&str>,
    ) -> bool {
        let diagnostic = if self.env.standalone {
            Diagnostic::new(Code::UNRESOLVED, format!("{what} `{id}` is not known here"), span)
                .label("resolved when the policy directory is loaded")
        } else {
            Diagnostic::new(code, format!("there is no {what} `{id}`"), span)
                .label("not in the configuration")
                .suggest(suggestion)
        };
        self.report(diagnostic);
        self.env.standalone
    }
}

fn invalid_value(text: &MappedText, subject: &str, why: &str) -> Diagnostic {
    let shown = text.as_str().trim();
    let is_plain = shown.len() <= 60 && !shown.contains(char::is_control);
    let message = if text.as_str().is_empty() {
        format!("{subject} is empty")
    } else if text.has_secret() || !is_plain {
        format!("invalid value for {subject}")
    } else {
        format!("invalid value `{shown}` for {subject}")
    };
    let diagnostic = Diagnostic::new(Code::INVALID_VALUE, message, text.whole()).label(why);
    if shown == "..." {
        return diagnostic
            .help("`...` is a placeholder from documentation; write a value in its place");
    }
    diagnostic
}
