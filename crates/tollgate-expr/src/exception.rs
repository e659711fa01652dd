//! .NET exceptions as values.

use std::fmt;
use std::sync::{Arc, OnceLock};

macro_rules! kinds {
    ($($name:ident = $full:literal : $base:ident;)*) => {
        /// The exception types that expressions can meet, by their .NET names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ExceptionKind {
            /// `System.Exception`, the root.
            Exception,
            $(#[doc = $full] $name,)*
        }

        impl ExceptionKind {
            /// Every kind.
            pub const ALL: &[ExceptionKind] = &[ExceptionKind::Exception, $(ExceptionKind::$name,)*];

            /// The full .NET name.
            pub fn full_name(self) -> &'static str {
                match self {
                    Self::Exception => "System.Exception",
                    $(Self::$name => $full,)*
                }
            }

            /// The kind this one derives from; none for the root.
            pub fn base(self) -> Option<ExceptionKind> {
                match self {
                    Self::Exception => None,
                    $(Self::$name => Some(Self::$base),)*
                }
            }
        }
    };
}

kinds! {
    SystemException = "System.SystemException": Exception;
    Arithmetic = "System.ArithmeticException": SystemException;
    DivideByZero = "System.DivideByZeroException": Arithmetic;
    Overflow = "System.OverflowException": Arithmetic;
    Argument = "System.ArgumentException": SystemException;
    ArgumentNull = "System.ArgumentNullException": Argument;
    ArgumentOutOfRange = "System.ArgumentOutOfRangeException": Argument;
    ArrayTypeMismatch = "System.ArrayTypeMismatchException": SystemException;
    Format = "System.FormatException": SystemException;
    UriFormat = "System.UriFormatException": Format;
    IndexOutOfRange = "System.IndexOutOfRangeException": SystemException;
    InvalidCast = "System.InvalidCastException": SystemException;
    InvalidOperation = "System.InvalidOperationException": SystemException;
    InsufficientExecutionStack = "System.InsufficientExecutionStackException": SystemException;
    KeyNotFound = "System.Collections.Generic.KeyNotFoundException": SystemException;
    NotImplemented = "System.NotImplementedException": SystemException;
    NotSupported = "System.NotSupportedException": SystemException;
    NullReference = "System.NullReferenceException": SystemException;
    OutOfMemory = "System.OutOfMemoryException": SystemException;
    RegexParse = "System.Text.RegularExpressions.RegexParseException": Argument;
    RegexMatchTimeout = "System.Text.RegularExpressions.RegexMatchTimeoutException": Timeout;
    Timeout = "System.TimeoutException": SystemException;
    TimeZoneNotFound = "System.TimeZoneNotFoundException": Exception;
    Cryptographic = "System.Security.Cryptography.CryptographicException": SystemException;
    CryptographicUnexpectedOperation = "System.Security.Cryptography.CryptographicUnexpectedOperationException": Cryptographic;
    ObjectDisposed = "System.ObjectDisposedException": InvalidOperation;
    PlatformNotSupported = "System.PlatformNotSupportedException": NotSupported;
    FileLoad = "System.IO.FileLoadException": SystemException;
    Socket = "System.Net.Sockets.SocketException": SystemException;
    Json = "Newtonsoft.Json.JsonException": Exception;
    JsonReader = "Newtonsoft.Json.JsonReaderException": Json;
    JsonSerialization = "Newtonsoft.Json.JsonSerializationException": Json;
    JsonWriter = "Newtonsoft.Json.JsonWriterException": Json;
    Xml = "System.Xml.XmlException": SystemException;
}

impl ExceptionKind {
    /// Whether a `catch` of `other` takes this kind.
    pub fn is(self, other: ExceptionKind) -> bool {
        let mut kind = Some(self);
        while let Some(this) = kind {
            if this == other {
                return true;
            }
            kind = this.base();
        }
        false
    }
}

/// An exception thrown by an expression. It is an object: its clones are the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception(Arc<Thrown>);

#[derive(Debug, Clone, PartialEq)]
struct Thrown {
    kind: ExceptionKind,
    message: String,
    inner: Option<Exception>,
    bound: bool,
    /// Set when it is thrown, which does not make it another object.
    offset: OnceLock<u32>,
}

impl Exception {
    /// An exception with its .NET message.
    #[cold]
    pub fn new(kind: ExceptionKind, message: impl Into<String>) -> Self {
        Self::of(kind, message.into(), None, false)
    }

    /// A bound of the [`Budget`](crate::Budget) was hit. No `catch` takes it.
    #[cold]
    pub fn bound(message: impl Into<String>) -> Self {
        Self::of(ExceptionKind::OutOfMemory, message.into(), None, true)
    }

    fn of(kind: ExceptionKind, message: String, inner: Option<Exception>, bound: bool) -> Self {
        Self(Arc::new(Thrown { kind, message, inner, bound, offset: OnceLock::new() }))
    }

    /// `NullReferenceException` with its message.
    #[cold]
    pub fn null_reference() -> Self {
        Self::new(
            ExceptionKind::NullReference,
            "Object reference not set to an instance of an object.",
        )
    }

    /// One like it, with the exception that caused it.
    #[must_use]
    pub fn with_inner(self, inner: Exception) -> Self {
        Self::of(self.0.kind, self.0.message.clone(), Some(inner), self.0.bound)
    }

    /// With the byte offset, in the expression's text, of what threw; the innermost caller wins.
    #[must_use]
    pub fn at(self, offset: usize) -> Self {
        if let Ok(offset) = u32::try_from(offset) {
            self.0.offset.get_or_init(|| offset);
        }
        self
    }

    /// Whether both are one object.
    pub(crate) fn is_same(&self, other: &Exception) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where the object is, which tells it from others.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The .NET type.
    pub fn kind(&self) -> ExceptionKind {
        self.0.kind
    }

    /// The .NET message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The exception that caused this one.
    pub fn inner(&self) -> Option<&Exception> {
        self.0.inner.as_ref()
    }

    /// Whether a bound was hit: such an exception cannot be caught.
    pub fn is_bound(&self) -> bool {
        self.0.bound
    }

    /// Where in the expression's text it was thrown.
    pub fn offset(&self) -> Option<usize> {
        self.0.offset.get().map(|offset| *offset as usize)
    }
}

impl fmt::Display for Exception {
    /// As `ToString()` of an exception that was not thrown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().full_name())?;
        if !self.message().is_empty() {
            write!(f, ": {}", self.message())?;
        }
        match self.inner() {
            Some(inner) => {
                write!(f, "\n ---> {inner}\n   --- End of inner exception stack trace ---")
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for Exception {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catching_follows_inheritance() {
        assert!(ExceptionKind::UriFormat.is(ExceptionKind::Format));
        assert!(ExceptionKind::JsonReader.is(ExceptionKind::Exception));
        assert!(!ExceptionKind::Format.is(ExceptionKind::Argument));
    }
}
