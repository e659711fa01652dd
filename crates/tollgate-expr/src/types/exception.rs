//! `System.Exception` and the types that derive from it.

use super::decl::{Kind, TypeDecl, m, refused};
use crate::eval::{Args, Cx};
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

/// The exception among its arguments.
fn thrown<'a>(a: &'a Args<'_>) -> Result<&'a Exception, Exception> {
    match a.get(0) {
        Value::Exception(exception) => Ok(exception),
        _ => Err(confusion()),
    }
}

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Exception",
    kind: Kind::Class,
    bases: &[],
    docs: "What `throw` throws and `catch` catches.",
    members: &[
        m("string Message", "What went wrong.", |_, a| Ok(Value::from(thrown(a)?.message()))),
        m("System.Exception InnerException", "What caused it, or null.", |_, a| {
            Ok(thrown(a)?.inner().cloned().map_or(Value::Null, Value::Exception))
        }),
        m("System.Exception GetBaseException()", "The first cause.", |_, a| {
            let mut exception = thrown(a)?;
            while let Some(inner) = exception.inner() {
                exception = inner;
            }
            Ok(Value::Exception(exception.clone()))
        }),
        m("string StackTrace", "Null before it is thrown, and empty then.", |_, a| {
            Ok(if thrown(a)?.offset().is_some() { Value::from("") } else { Value::Null })
        }),
        m("string Source", "What threw it; null before.", |_, a| {
            let was_thrown = thrown(a)?.offset().is_some();
            Ok(if was_thrown { Value::from("expression") } else { Value::Null })
        }),
        m("int HResult", "A number of the kind of exception.", |_, a| {
            Ok(Value::Int(default(thrown(a)?.kind()).0))
        }),
        m("string ToString()", "The type, the message and what caused it.", |cx, a| {
            let text = thrown(a)?.to_string();
            cx.string(text)
        }),
        m("new()", "With the message of its type.", |_, _| Ok(made(None, None))),
        m("new(string message)", "With a message.", |_, a| Ok(made(a.opt_str(0), None))),
        m("new(string message, System.Exception innerException)", "With a cause.", |_, a| {
            let inner = match a.get(1) {
                Value::Exception(inner) => Some(inner.clone()),
                _ => None,
            };
            Ok(made(a.opt_str(0), inner))
        }),
    ],
    refused: &[
        refused("HelpLink", "exceptions in expressions carry no links"),
        refused("Data", "exceptions in expressions carry no data but their message"),
        refused("TargetSite", "expressions cannot look at methods at run time"),
        refused("GetObjectData", "serialization has no use in a policy"),
    ],
};

/// `new SomeException(message, inner)`: the kind is a number.
#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
pub(crate) fn new_exception(_: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let number = usize::try_from(a.int(0)).unwrap_or_default();
    let kind = ExceptionKind::ALL.get(number).copied().unwrap_or(ExceptionKind::Exception);
    let message = match a.opt_str(1) {
        Some(text) => text.to_owned(),
        None => null_message(kind),
    };
    let exception = Exception::new(kind, message);
    Ok(Value::Exception(match a.get(2) {
        Value::Exception(inner) => exception.with_inner(inner.clone()),
        _ => exception,
    }))
}

/// `new Exception(message, inner)`.
fn made(message: Option<&str>, inner: Option<Exception>) -> Value {
    let kind = ExceptionKind::Exception;
    let message = message.map_or_else(|| default_message(kind), str::to_owned);
    let exception = Exception::new(kind, message);
    Value::Exception(match inner {
        Some(inner) => exception.with_inner(inner),
        None => exception,
    })
}

/// Number and message of a kind; the message that names the type when it is empty.
fn default(kind: ExceptionKind) -> (i32, &'static str) {
    let found = DEFAULTS.iter().find(|(own, ..)| *own == kind);
    found.map_or((-2_146_233_088, ""), |(_, number, message)| (*number, *message))
}

/// The message of an exception that is given none.
pub(crate) fn default_message(kind: ExceptionKind) -> String {
    match default(kind).1 {
        "" => typed_message(kind),
        message => message.to_owned(),
    }
}

/// The message of an exception whose message is null.
pub(crate) fn null_message(kind: ExceptionKind) -> String {
    match kind {
        ExceptionKind::Argument => default_message(kind),
        _ => typed_message(kind),
    }
}

fn typed_message(kind: ExceptionKind) -> String {
    format!("Exception of type '{}' was thrown.", kind.full_name())
}

/// What .NET's exceptions say when they are told nothing.
const DEFAULTS: &[(ExceptionKind, i32, &str)] = &[
    (ExceptionKind::Exception, -2_146_233_088, ""),
    (ExceptionKind::SystemException, -2_146_233_087, "System error."),
    (
        ExceptionKind::Arithmetic,
        -2_147_024_362,
        "Overflow or underflow in the arithmetic operation.",
    ),
    (ExceptionKind::DivideByZero, -2_147_352_558, "Attempted to divide by zero."),
    (ExceptionKind::Overflow, -2_146_233_066, "Arithmetic operation resulted in an overflow."),
    (ExceptionKind::Argument, -2_147_024_809, "Value does not fall within the expected range."),
    (ExceptionKind::ArgumentNull, -2_147_467_261, "Value cannot be null."),
    (
        ExceptionKind::ArgumentOutOfRange,
        -2_146_233_086,
        "Specified argument was out of the range of valid values.",
    ),
    (
        ExceptionKind::ArrayTypeMismatch,
        -2_146_233_085,
        "Attempted to access an element as a type incompatible with the array.",
    ),
    (
        ExceptionKind::Format,
        -2_146_233_033,
        "One of the identified items was in an invalid format.",
    ),
    (
        ExceptionKind::UriFormat,
        -2_146_233_033,
        "One of the identified items was in an invalid format.",
    ),
    (ExceptionKind::IndexOutOfRange, -2_146_233_080, "Index was outside the bounds of the array."),
    (ExceptionKind::InvalidCast, -2_147_467_262, "Specified cast is not valid."),
    (
        ExceptionKind::InvalidOperation,
        -2_146_233_079,
        "Operation is not valid due to the current state of the object.",
    ),
    (
        ExceptionKind::InsufficientExecutionStack,
        -2_146_232_968,
        "Insufficient stack to continue executing the program safely. This can happen from having too many functions on the call stack or function on the stack using too much stack space.",
    ),
    (
        ExceptionKind::KeyNotFound,
        -2_146_232_969,
        "The given key was not present in the dictionary.",
    ),
    (ExceptionKind::NotImplemented, -2_147_467_263, "The method or operation is not implemented."),
    (ExceptionKind::NotSupported, -2_146_233_067, "Specified method is not supported."),
    (
        ExceptionKind::NullReference,
        -2_147_467_261,
        "Object reference not set to an instance of an object.",
    ),
    (
        ExceptionKind::OutOfMemory,
        -2_147_024_882,
        "Insufficient memory to continue the execution of the program.",
    ),
    (ExceptionKind::RegexMatchTimeout, -2_146_233_083, "The operation has timed out."),
    (ExceptionKind::Timeout, -2_146_233_083, "The operation has timed out."),
    (ExceptionKind::TimeZoneNotFound, -2_146_233_088, ""),
    (
        ExceptionKind::Cryptographic,
        -2_146_233_087,
        "Error occurred during a cryptographic operation.",
    ),
    (
        ExceptionKind::CryptographicUnexpectedOperation,
        -2_146_233_087,
        "Error occurred during a cryptographic operation.",
    ),
    (
        ExceptionKind::PlatformNotSupported,
        -2_146_233_031,
        "Operation is not supported on this platform.",
    ),
    (ExceptionKind::Json, -2_146_233_088, ""),
    (ExceptionKind::JsonReader, -2_146_233_088, ""),
    (ExceptionKind::JsonSerialization, -2_146_233_088, ""),
    (ExceptionKind::JsonWriter, -2_146_233_088, ""),
    (ExceptionKind::Xml, -2_146_232_000, "An XML error has occurred."),
];
