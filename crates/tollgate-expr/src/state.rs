//! What lives as long as a request: its objects and its budget.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::collections::{Dictionary, Set};
use crate::cryptography::Certificate;
use crate::eval::{Closure, Sequence, Source};
use crate::json::{DateParse, JsonHeap, JsonId, JsonType};
use crate::native::Native;
use crate::types::{RecordTy, Ty, TypeId, info, xml_type};
use crate::value::{HostRef, Record, ResponsePart, guid_text};
use crate::xml::{SaveOptions, XmlHeap};
use crate::{Budget, Exception, Host, Limits, Response, Value};

/// An object of a request. It belongs to the [`EvalState`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId(u32);

/// An object that can change or has identity.
#[derive(Debug)]
pub(crate) enum Object {
    Array {
        item: Ty,
        items: Vec<Value>,
    },
    List {
        item: Ty,
        items: Vec<Value>,
        version: u32,
        /// What `Capacity` says.
        capacity: usize,
    },
    Dictionary(Box<Dictionary>),
    Set(Box<Set>),
    /// A `Queue<T>` or `Stack<T>`, the item that is next first.
    Line {
        id: TypeId,
        item: Ty,
        items: VecDeque<Value>,
        version: u32,
    },
    Sequence(Arc<Sequence>),
    Function(Arc<Closure>),
    /// A captured variable.
    Cell(Value),
    /// An object of a type with data of its own.
    Native(Box<dyn Native>),
    /// Taken out while it is worked on.
    Busy,
}

/// What .NET has one empty object of for each type of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// `Array.Empty<T>()`.
    Array,
    /// What `List<T>.ToArray()` gives of none.
    ListArray,
    /// `Enumerable.Empty<T>()`.
    Sequence,
}

/// The objects and the budget of one request's expressions.
pub struct EvalState {
    pub(crate) budget: Budget,
    pub(crate) json: JsonHeap,
    pub(crate) xml: XmlHeap,
    objects: Vec<Object>,
    /// Byte arrays that were written to, with what they hold now.
    changed: Vec<(Arc<[u8]>, Vec<u8>)>,
    /// Responses whose body was consumed.
    pub(crate) consumed: Vec<Arc<Response>>,
    /// Certificates of the host with their objects.
    pub(crate) certificates: Vec<(Certificate, Value)>,
    /// Notes that were added to tokens.
    pub(crate) annotations: Vec<(JsonId, Value)>,
    /// Slots of the functions that are running.
    pub(crate) stack: Vec<Value>,
    /// The body last read as text and kept, with its character set: most policies that read a body read it often.
    pub(crate) body_text: Option<(bytes::Bytes, Option<String>, Arc<str>)>,
    /// Empty arrays and sequences of which there is one for each type.
    shared: Vec<(Shared, Ty, Value)>,
    /// A buffer for joining texts.
    pub(crate) scratch: String,
}

impl std::fmt::Debug for EvalState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What objects hold may be secret.
        f.debug_struct("EvalState").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// What every object costs beside its content.
const OBJECT_COST: usize = 48;
/// What a slot of a collection costs.
pub(crate) const SLOT_COST: usize = size_of::<Value>();

impl EvalState {
    /// A `JArray` from JSON text, in which what looks like a date stays text.
    pub fn json_array(&mut self, text: &str) -> Result<Value, Exception> {
        self.json.parse_array(text, DateParse::None, &mut self.budget).map(Value::Json)
    }

    /// The state of a new request.
    pub fn new(limits: Limits) -> Self {
        Self {
            budget: Budget::new(limits),
            json: JsonHeap::with_regex(crate::types::json_path_match),
            xml: XmlHeap::new(),
            objects: Vec::new(),
            changed: Vec::new(),
            consumed: Vec::new(),
            certificates: Vec::new(),
            annotations: Vec::new(),
            stack: Vec::new(),
            body_text: None,
            shared: Vec::new(),
            scratch: String::new(),
        }
    }

    /// What is left of the limits.
    pub fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// A new object.
    pub(crate) fn add(&mut self, object: Object) -> Result<Value, Exception> {
        self.budget.memory(OBJECT_COST)?;
        let id = u32::try_from(self.objects.len());
        let id = id.map_err(|_| Exception::bound("the expression makes too many objects"))?;
        self.objects.push(object);
        Ok(Value::Object(ObjectId(id)))
    }

    /// The number of a new object that has nothing but its identity; above 0.
    pub(crate) fn identity(&mut self) -> Result<i32, Exception> {
        self.add(Object::Cell(Value::Null))?;
        i32::try_from(self.objects.len())
            .map_err(|_| Exception::bound("the expression makes too many objects"))
    }

    /// A new array; byte arrays are bytes.
    pub(crate) fn array(&mut self, item: Ty, items: Vec<Value>) -> Result<Value, Exception> {
        self.budget.memory(items.len().saturating_mul(SLOT_COST))?;
        if item == Ty::BYTE {
            let byte = |value: &Value| if let Value::Byte(byte) = value { *byte } else { 0 };
            return Ok(Value::Bytes(items.iter().map(byte).collect()));
        }
        self.add(Object::Array { item, items })
    }

    /// An array that is a new one unless it is empty.
    pub(crate) fn array_or_shared(
        &mut self,
        shared: Shared,
        item: Ty,
        items: Vec<Value>,
    ) -> Result<Value, Exception> {
        if items.is_empty() { self.shared(shared, &item) } else { self.array(item, items) }
    }

    /// The one empty object of a type of items.
    pub(crate) fn shared(&mut self, shared: Shared, item: &Ty) -> Result<Value, Exception> {
        let known = self.shared.iter().find(|(own, ty, _)| *own == shared && ty == item);
        if let Some((_, _, value)) = known {
            return Ok(value.clone());
        }
        let made = match shared {
            Shared::Array | Shared::ListArray => self.array(item.clone(), Vec::new())?,
            Shared::Sequence => {
                let ty = Ty::enumerable(item.clone());
                let source = Source::Items(Vec::new());
                self.add(Object::Sequence(Arc::new(Sequence { ty, source })))?
            }
        };
        self.shared.push((shared, item.clone(), made.clone()));
        Ok(made)
    }

    /// Whether a sequence is the one empty sequence of its type.
    pub(crate) fn is_shared_sequence(&self, sequence: &Value) -> bool {
        let Value::Object(id) = sequence else { return false };
        let is_it = |value: &Value| matches!(value, Value::Object(own) if own == id);
        self.shared.iter().any(|(shared, _, value)| *shared == Shared::Sequence && is_it(value))
    }

    /// A new list.
    pub(crate) fn list(&mut self, item: Ty, items: Vec<Value>) -> Result<Value, Exception> {
        self.budget.memory(items.len().saturating_mul(SLOT_COST))?;
        let capacity = items.len();
        self.add(Object::List { item, items, version: 0, capacity })
    }

    pub(crate) fn object(&self, id: ObjectId) -> &Object {
        self.objects.get(id.0 as usize).unwrap_or(&Object::Busy)
    }

    /// A new object of a type with data of its own.
    pub(crate) fn add_native(&mut self, object: impl Native) -> Result<Value, Exception> {
        self.add(Object::Native(Box::new(object)))
    }

    /// The data of an object, when it is of the type.
    pub(crate) fn native<'a, T: Native>(&'a self, value: &'a Value) -> Option<&'a T> {
        match value {
            Value::Object(id) => match self.object(*id) {
                Object::Native(object) => object.get(),
                _ => None,
            },
            Value::Native(object) => object.get(),
            _ => None,
        }
    }

    /// The data of an object, to change, when it is of the type.
    pub(crate) fn native_mut<T: Native>(&mut self, value: &Value) -> Option<&mut T> {
        let Value::Object(id) = value else { return None };
        match self.object_mut(*id) {
            Some(Object::Native(object)) => object.get_mut(),
            _ => None,
        }
    }

    pub(crate) fn object_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        self.objects.get_mut(id.0 as usize)
    }

    /// What a byte array holds now, when it was written to.
    pub(crate) fn promoted(&self, bytes: &Arc<[u8]>) -> Option<&[u8]> {
        let found = self.changed.iter().find(|(original, _)| Arc::ptr_eq(original, bytes));
        found.map(|(_, now)| now.as_slice())
    }

    /// A byte array, to write to.
    pub(crate) fn bytes_mut(&mut self, bytes: &Arc<[u8]>) -> Result<&mut [u8], Exception> {
        let found = self.changed.iter().position(|(original, _)| Arc::ptr_eq(original, bytes));
        if found.is_none() {
            self.budget.memory(bytes.len() + OBJECT_COST)?;
            self.changed.push((bytes.clone(), bytes.to_vec()));
        }
        let index = found.unwrap_or(self.changed.len() - 1);
        self.changed.get_mut(index).map(|(_, now)| now.as_mut_slice()).ok_or_else(confusion)
    }

    /// The run-time type of a value.
    pub(crate) fn type_of(&self, value: &Value) -> Ty {
        match value {
            Value::Null => Ty::Null,
            Value::Bool(_) => Ty::BOOL,
            Value::Char(_) => Ty::CHAR,
            Value::SByte(_) => Ty::SBYTE,
            Value::Byte(_) => Ty::BYTE,
            Value::Short(_) => Ty::SHORT,
            Value::UShort(_) => Ty::USHORT,
            Value::Int(_) => Ty::INT,
            Value::UInt(_) => Ty::UINT,
            Value::Long(_) => Ty::LONG,
            Value::ULong(_) => Ty::ULONG,
            Value::Float(_) => Ty::FLOAT,
            Value::Double(_) => Ty::DOUBLE,
            Value::Decimal(_) => Ty::DECIMAL,
            Value::Str(_) => Ty::STRING,
            Value::Bytes(_) => Ty::array(Ty::BYTE),
            Value::DateTime(_) => Ty::DATE_TIME,
            Value::DateTimeOffset(_) => Ty::Named(TypeId::DateTimeOffset),
            Value::TimeSpan(_) => Ty::Named(TypeId::TimeSpan),
            Value::Guid(_) => Ty::Named(TypeId::Guid),
            Value::Enum(id, _) => Ty::Named(*id),
            Value::Json(id) => Ty::Named(json_type(self.json.token_type(*id))),
            Value::Xml(id) => Ty::Named(xml_type(self.xml.kind(*id))),
            Value::Object(id) => self.object_type(*id),
            Value::Host(part) => host_type(*part),
            Value::Jwt(_) => Ty::Named(TypeId::Jwt),
            Value::Claims(_) | Value::ResponsePart(_, ResponsePart::Headers) => strings_map(),
            Value::Response(_) => Ty::Named(TypeId::IResponse),
            Value::ResponsePart(_, ResponsePart::Body) => Ty::Named(TypeId::IMessageBody),
            Value::Record(record) => record.ty.clone(),
            Value::Exception(exception) => Ty::Thrown(exception.kind()),
            Value::Native(object) => object.ty(),
        }
    }

    fn object_type(&self, id: ObjectId) -> Ty {
        let one = |id: TypeId, item: &Ty| Ty::generic(id, [item.clone()]);
        match self.object(id) {
            Object::Array { item, .. } => Ty::array(item.clone()),
            Object::List { item, .. } => one(TypeId::List, item),
            Object::Dictionary(map) => {
                Ty::generic(TypeId::Dictionary, [map.key.clone(), map.value.clone()])
            }
            Object::Set(set) => one(TypeId::HashSet, &set.item),
            Object::Line { id, item, .. } => one(*id, item),
            Object::Sequence(sequence) => sequence.ty.clone(),
            Object::Function(closure) => closure.ty.clone(),
            Object::Native(object) => object.ty(),
            Object::Cell(_) | Object::Busy => Ty::OBJECT,
        }
    }
}

fn json_type(kind: JsonType) -> TypeId {
    match kind {
        JsonType::Object => TypeId::JObject,
        JsonType::Array => TypeId::JArray,
        JsonType::Property => TypeId::JProperty,
        JsonType::Constructor => TypeId::JConstructor,
        JsonType::Raw => TypeId::JRaw,
        _ => TypeId::JValue,
    }
}

fn strings_map() -> Ty {
    Ty::generic(TypeId::IReadOnlyDictionary, [Ty::STRING, Ty::array(Ty::STRING)])
}

fn host_type(part: HostRef) -> Ty {
    let id = match part {
        HostRef::Context => TypeId::IContext,
        HostRef::Api | HostRef::ProductApi(_) => TypeId::IApi,
        HostRef::ServiceUrl | HostRef::Url(_) => TypeId::IUrl,
        HostRef::KeyNames => TypeId::ISubscriptionKeyParameterNames,
        HostRef::Operation => TypeId::IOperation,
        HostRef::Product => TypeId::IProduct,
        HostRef::ProductGroup(_) | HostRef::UserGroup(_) => TypeId::IGroup,
        HostRef::Subscription => TypeId::ISubscription,
        HostRef::User => TypeId::IUser,
        HostRef::UserIdentity(_) => TypeId::IUserIdentity,
        HostRef::Workspace => TypeId::IWorkspace,
        HostRef::Deployment => TypeId::IDeployment,
        HostRef::Backend => TypeId::IBackend,
        HostRef::Sustainability => TypeId::ISustainabilityInfo,
        HostRef::Gateway => TypeId::IGateway,
        HostRef::LastError => TypeId::ILastError,
        HostRef::Request => TypeId::IRequest,
        HostRef::Response => TypeId::IResponse,
        HostRef::Body(_) => TypeId::IMessageBody,
        HostRef::Headers(_) | HostRef::Query(_) | HostRef::ServiceQuery => return strings_map(),
        HostRef::Certificates => {
            let certificate = Ty::Named(TypeId::X509Certificate2);
            return Ty::generic(TypeId::IReadOnlyDictionary, [Ty::STRING, certificate]);
        }
        HostRef::Matched => {
            return Ty::generic(TypeId::IReadOnlyDictionary, [Ty::STRING, Ty::STRING]);
        }
        HostRef::Variables => {
            return Ty::generic(TypeId::IReadOnlyDictionary, [Ty::STRING, Ty::OBJECT]);
        }
    };
    Ty::Named(id)
}

/// A value met where the types say that it cannot be.
#[cold]
pub(crate) fn confusion() -> Exception {
    Exception::new(crate::ExceptionKind::InvalidCast, "Specified cast is not valid.")
}

/// `ToString()`; none for null.
pub(crate) fn text_of(
    value: &Value,
    state: &EvalState,
    budget: &mut Budget,
) -> Result<Option<Arc<str>>, Exception> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Str(text) => return Ok(Some(text.clone())),
        Value::Json(id) => return state.json.to_text(*id, budget).map(Some),
        Value::Xml(id) => {
            return state.xml.to_text(*id, SaveOptions::NONE, budget).map(|text| Some(text.into()));
        }
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Char(unit) => String::from_utf16_lossy(&[*unit]),
        Value::DateTime(value) => value.text(),
        Value::DateTimeOffset(value) => value.text(),
        Value::TimeSpan(value) => value.text(),
        Value::Guid(guid) => guid_text(*guid),
        Value::Enum(id, number) => enum_text(*id, *number),
        Value::Record(record) => record_text(record, state, budget)?,
        Value::Exception(exception) => exception.to_string(),
        Value::Object(id) => match state.object(*id) {
            Object::Native(object) => native_text(state, &**object),
            _ => state.type_of(value).full_name(),
        },
        Value::Native(object) => native_text(state, &**object),
        other => match other.number() {
            Some(number) => number.text(),
            None => state.type_of(value).full_name(),
        },
    };
    budget.memory(text.len())?;
    Ok(Some(text.into()))
}

fn native_text(state: &EvalState, object: &dyn Native) -> String {
    let text = match object.text_of() {
        Some(Value::Object(id)) => match state.object(*id) {
            Object::Native(other) => other.text(),
            _ => None,
        },
        Some(Value::Native(other)) => other.text(),
        _ => object.text(),
    };
    text.unwrap_or_else(|| object.ty().full_name())
}

/// The name of a constant, or its number; sets of flags are joined.
pub(crate) fn enum_text(id: TypeId, number: i32) -> String {
    let info = info(id);
    if let Some((name, _)) = info.constants().iter().find(|(_, value)| *value == number) {
        return (*name).to_owned();
    }
    if !info.is_enum() {
        return crate::types::class_of(id, number).to_owned();
    }
    let set: Vec<(&str, i32)> = info
        .constants()
        .iter()
        .copied()
        .filter(|(_, value)| *value != 0 && number & value == *value)
        .collect();
    let covered = set.iter().fold(0, |all, (_, value)| all | value);
    let flags = matches!(info.decl.kind, crate::types::Kind::Flags(_));
    if flags && covered == number && !set.is_empty() {
        return set.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    }
    number.to_string()
}

fn record_text(
    record: &Record,
    state: &EvalState,
    budget: &mut Budget,
) -> Result<String, Exception> {
    let mut texts = Vec::new();
    for value in &record.values {
        budget.enter()?;
        let text = text_of(value, state, budget);
        budget.leave();
        texts.push(text?.map(|text| text.to_string()).unwrap_or_default());
    }
    Ok(match &record.ty {
        Ty::Record(shape) if shape.tuple => format!("({})", texts.join(", ")),
        Ty::Record(shape) => anonymous_text(shape, &texts),
        Ty::Generic(TypeId::KeyValuePair, _) => format!("[{}]", texts.join(", ")),
        Ty::Generic(id, _) if crate::types::is_tuple(*id) => {
            if *id == TypeId::Tuple8
                && let Some(rest) = texts.last_mut()
            {
                *rest = rest.trim_start_matches('(').trim_end_matches(')').to_owned();
            }
            format!("({})", texts.join(", "))
        }
        other => other.full_name(),
    })
}

fn anonymous_text(shape: &RecordTy, texts: &[String]) -> String {
    if texts.is_empty() {
        return "{ }".to_owned();
    }
    let members = shape.members.iter().zip(texts);
    let members: Vec<String> =
        members.map(|((name, _), text)| format!("{name} = {text}")).collect();
    format!("{{ {} }}", members.join(", "))
}

/// What an evaluation works on.
pub struct EvalCx<'a> {
    /// The request's world.
    pub host: &'a mut dyn Host,
    /// The request's objects and budget.
    pub state: &'a mut EvalState,
}

impl EvalCx<'_> {
    /// `ToString()` of a value, with the host's URLs in it; none for null.
    pub fn text(&mut self, value: &Value) -> Result<Option<Arc<str>>, Exception> {
        crate::eval::Cx::new(self.host, self.state, &Arc::default()).text(value)
    }
}

impl std::fmt::Debug for EvalCx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvalCx").field("state", &self.state).finish_non_exhaustive()
    }
}
