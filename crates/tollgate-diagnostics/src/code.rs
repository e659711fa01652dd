//! The index of codes. A code keeps its meaning for ever; its number says which phase found it.

/// What kind of mistake a diagnostic is about, such as `E0203`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// The code as printed.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// One sentence that explains the code, for the error index.
    pub fn explanation(self) -> &'static str {
        ALL_CODES.iter().find(|(code, _)| *code == self).map_or("", |(_, text)| *text)
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        impl Code {
            $(#[doc = $text] pub const $name: Code = Code($code);)*
        }

        /// Every code with its explanation, in order.
        pub const ALL_CODES: &[(Code, &str)] = &[$((Code::$name, $text),)*];
    };
}

codes! {
    // 00xx: files and limits.
    IO = "E0001", "A file could not be read.";
    TOO_LARGE = "E0002", "A document, nesting, attribute list or expression is larger than its limit.";
    NOT_UTF8 = "E0003", "A file is not UTF-8 text.";

    // 01xx: the text and XML of a document.
    XML_SYNTAX = "E0101", "The document is not well-formed XML, expressions aside.";
    DTD = "E0102", "The document has a DTD or refers to an entity other than the five of XML.";
    UNKNOWN_NAMED_VALUE = "E0103", "The document refers to a named value that is not defined.";
    UNTERMINATED_EXPRESSION = "E0104", "An expression begins but its closing bracket is missing.";
    PLACEHOLDER = "E0105", "The text is a placeholder from documentation, such as `...`, not a value.";
    EXPRESSION_IN_TEXT = "W0106", "An expression in the middle of literal text is not evaluated.";
    NAMED_VALUE_VALUE = "E0107", "A named value has no value: its environment variable or file is missing.";

    // 02xx: document model and policies.
    UNKNOWN_ELEMENT = "E0201", "The element is not a policy, section or child known at this place.";
    UNSUPPORTED_POLICY = "E0202", "The policy exists in Azure API Management but is not supported.";
    UNKNOWN_ATTRIBUTE = "E0203", "The element has no attribute of this name.";
    MISSING_ATTRIBUTE = "E0204", "A required attribute is missing.";
    INVALID_VALUE = "E0205", "The value does not fit the attribute or element.";
    MISSING_CHILD = "E0206", "A required child element is missing.";
    REPEATED = "E0207", "An element or attribute that may appear once appears again.";
    WRONG_SECTION = "E0208", "The policy may not be used in this section or scope.";
    UNEXPECTED_TEXT = "E0209", "Text appears where only elements may.";
    EXPRESSION_NOT_ALLOWED = "E0210", "The attribute or element takes a literal, not an expression.";
    CONFLICTING_ATTRIBUTES = "E0211", "Attributes that exclude each other are used together, or none of them is.";
    UNKNOWN_FRAGMENT = "E0212", "The document includes a fragment that does not exist.";
    NESTED_FRAGMENT = "E0213", "A fragment holds a section, `base` or another fragment.";
    UNKNOWN_BACKEND = "E0214", "The policy refers to a backend that is not configured.";
    UNKNOWN_CERTIFICATE = "E0215", "The policy refers to a certificate that is not configured.";
    UNKNOWN_SCHEMA = "E0222", "The policy refers to a schema that is not configured.";
    TOOLKIT_ONLY = "W0216", "Microsoft's documents do not allow the policy here, only the policy toolkit does.";
    SUSPICIOUS = "W0217", "The policy loads but most likely does not do what was meant.";
    INSECURE = "W0218", "The policy loads but weakens a check.";
    UNRESOLVED = "W0219", "A name that only a policy directory defines; checked alone, it stays unresolved.";
    NO_EFFECT = "W0220", "The attribute or element is accepted and has no effect outside Azure.";
    UNKNOWN_CONNECTION = "E0221", "The policy refers to a connection that is not configured.";
    UNKNOWN_LOGGER = "E0223", "The policy refers to a logger that is not configured.";
    MISSING_COMPANION = "E0224", "The policy works only together with another one, which no request meets that meets it.";

    // 03xx: expressions.
    EXPR_SYNTAX = "E0301", "The expression is not C#.";
    EXPR_UNKNOWN_NAME = "E0302", "The name does not exist in this expression.";
    EXPR_UNKNOWN_MEMBER = "E0303", "The type has no such member.";
    EXPR_TYPE = "E0304", "Types do not fit: an operand, argument, cast or result.";
    EXPR_NOT_ALLOWED = "E0305", "The type or member exists in .NET but policies may not use it.";
    EXPR_UNSUPPORTED = "E0306", "The type, member or construct is not supported.";
    EXPR_FLOW = "E0307", "Not all paths return a value, or a variable is used before it is assigned.";
    EXPR_DUPLICATE = "E0308", "The name is already declared in this scope.";
    EXPR_CONSTANT = "E0309", "A constant overflows or divides by zero, or a constant pattern is malformed.";
    EXPR_REFERENCE_EQUALITY = "W0310", "`object == string` compares references in C#; values are compared here.";
    EXPR_SUSPICIOUS = "W0311", "The expression is legal but most likely does not do what was meant.";

    // 04xx: configuration.
    CONFIG_SYNTAX = "E0401", "The configuration file is not valid TOML.";
    CONFIG_UNKNOWN_KEY = "E0402", "The configuration has no such key.";
    CONFIG_VALUE = "E0403", "A configuration value does not fit its key.";
    CONFIG_MISSING = "E0404", "A required configuration key is missing.";
    CONFIG_REFERENCE = "E0405", "The configuration refers to a name that is not defined.";
    CONFIG_CONFLICT = "E0406", "Two parts of the configuration contradict each other.";
    CONFIG_SECRET = "W0407", "A secret stands in the configuration file itself.";
    CONFIG_FILE = "W0408", "A file in the policy directory is not used by the configuration.";
    CONFIG_DOMAIN = "E0409", "The URL cannot work: it points at the wrong domain for its service.";
    CONFIG_EXPIRY = "W0410", "A certificate has expired, is about to, or is not valid yet.";
}
