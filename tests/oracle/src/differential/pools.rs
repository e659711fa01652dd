//! Constants worth trying, and what is left out.

use std::collections::HashMap;
use std::sync::LazyLock;

use tollgate_expr::reference::Shape;

/// Members that both cannot agree on: by clock, chance, process or platform, or by a difference that the page of
/// expressions names.
const LEFT_OUT: &[(&str, &str)] = &[
    ("DateTime", "Now"),
    ("DateTime", "UtcNow"),
    ("DateTime", "Today"),
    ("DateTimeOffset", "Now"),
    ("DateTimeOffset", "UtcNow"),
    ("Guid", "NewGuid"),
    ("IContext", "Elapsed"),
    // Hash codes differ from process to process.
    ("*", "GetHashCode"),
    // Boxes have no identity here: what is boxed is compared by value, as differences.txt says.
    ("object", "ReferenceEquals"),
    // Chance is the point of it; a seed gives the same numbers each time, and the constants have one.
    ("Random", "new"),
    ("RandomNumberGenerator", "GetInt32"),
    // Exactly rounded here; there as near as the C library of one platform comes, and Azure's is another.
    ("Math", "Cbrt"),
    // The list of zones of one machine: here those of Windows, which Azure has; there the files of the IANA database.
    ("TimeZoneInfo", "GetSystemTimeZones"),
    ("RNGCryptoServiceProvider", "*"),
    // Fresh keys and initialization vectors.
    ("SymmetricAlgorithm", "GenerateKey"),
    ("SymmetricAlgorithm", "GenerateIV"),
    ("RSA", "Create"),
    ("SymmetricAlgorithm", "Create"),
    ("HMAC", "Create"),
    ("HMACMD5", "new"),
    ("HMACSHA1", "new"),
    ("HMACSHA256", "new"),
    ("HMACSHA384", "new"),
    ("HMACSHA512", "new"),
    ("KeyedHashAlgorithm", "Create"),
    ("AsymmetricAlgorithm", "Create"),
    ("SymmetricAlgorithm", "Key"),
    ("SymmetricAlgorithm", "IV"),
    // What is encrypted, and signed so, holds chance.
    ("RSA", "Encrypt"),
    ("RSASignaturePadding", "Pss"),
    // The capacity that .NET happens to keep is no property of a value.
    ("StringBuilder", "Capacity"),
    ("StringBuilder", "MaxCapacity"),
    ("StringBuilder", "EnsureCapacity"),
    ("List", "Capacity"),
    ("Dictionary", "EnsureCapacity"),
    ("HashSet", "EnsureCapacity"),
    // A token that was parsed has an annotation of a private class of Json.NET.
    ("JToken", "Annotation"),
    ("JToken", "Annotations"),
    // Structs in .NET, objects here: the page of expressions says so.
    ("*", "GetEnumerator"),
    // What the process has interned.
    ("string", "IsInterned"),
    // The bounds of 64-bit memory.
    ("Exception", "StackTrace"),
    ("Exception", "Source"),
    ("Exception", "HResult"),
];

/// Members, by signature, that take a key of chance when none was set.
const FRESH_KEY: &[&str] = &[
    "ICryptoTransform CreateEncryptor()",
    "ICryptoTransform CreateDecryptor()",
    "static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg)",
    "static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg)",
];

/// Members that build as much as a number says: only small numbers for them.
const SIZED: &[(&str, &str)] = &[
    ("string", "PadLeft"),
    ("string", "PadRight"),
    ("string", "new"),
    ("string", "Join"),
    ("StringBuilder", "*"),
    ("Enumerable", "Repeat"),
    ("Enumerable", "Range"),
    ("List", "new"),
    ("Dictionary", "new"),
    ("HashSet", "new"),
    ("Queue", "new"),
    ("Stack", "new"),
    ("Array", "*"),
    ("Encoding", "*"),
    ("JToken", "ToString"),
    ("Math", "Pow"),
];

fn listed(list: &[(&str, &str)], owner: &str, name: &str) -> bool {
    list.iter()
        .any(|(ty, member)| (*ty == "*" || *ty == owner) && (*member == "*" || *member == name))
}

/// Members, by signature, that ask the cryptographic library of the platform: what it says about extensions of a certificate,
/// and which names of identifiers it knows.
const PLATFORM_TEXT: &[&str] =
    &["string ToString(bool fVerbose)", "string ToString(bool verbose)", "new(string oid)"];

/// Whether a member is left out.
pub(super) fn left_out(owner: &str, name: &str, signature: &str) -> bool {
    listed(LEFT_OUT, owner, name)
        || FRESH_KEY.contains(&signature)
        || PLATFORM_TEXT.contains(&signature)
}

/// What makes JSON of any object.
const SERIALIZERS: &[&str] = &["SerializeObject(", "FromObject("];

/// Objects of which JSON shows the private parts that .NET's classes keep, which are others in each version of .NET.
const INSIDES: &[&str] = &[
    "AsymmetricAlgorithm",
    "Certificate",
    "Comparer",
    "Encoding",
    "Enumerator",
    "Exception",
    "Func<",
    "HashAlgorithm",
    "IPAddress",
    "Match",
    "Oid",
    "RSA",
    "Random",
    "Regex",
    "StringReader",
    "StringWriter",
    "SymmetricAlgorithm",
    "TimeZoneInfo",
];

/// Whether an expression makes JSON of what JSON shows the inside of.
pub(super) fn shows_insides(text: &str) -> bool {
    let has = |list: &[&str]| list.iter().any(|name| text.contains(name));
    has(SERIALIZERS) && has(INSIDES)
}

/// Whether numbers for a member must be small.
pub(super) fn sized(owner: &str, name: &str) -> bool {
    listed(SIZED, owner, name)
}

pub(super) const SMALL: &[&str] = &["0", "1", "2", "3", "5", "(-1)", "12", "40"];

/// Constants by what they are for.
const POOLS: &str = include_str!("pools.txt");

static READ: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut all: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut heading = "";
    for line in POOLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("    ") {
            Some(constant) => all.entry(heading).or_default().push(constant),
            None => heading = line,
        }
    }
    all
});

/// The lines below a heading.
pub(super) fn pool(heading: &str) -> &'static [&'static str] {
    READ.get(heading).map_or(&[], Vec::as_slice)
}

/// Constants of a type; none for types without.
pub(super) fn constants(ty: &Shape) -> &'static [&'static str] {
    pool(&format!("type {ty}"))
}

/// Texts for a parameter, by its owner and member and its own name.
pub(super) fn texts(owner: &str, member: &str, param: &str) -> &'static [&'static str] {
    let numeric = matches!(
        owner,
        "int"
            | "long"
            | "short"
            | "byte"
            | "sbyte"
            | "uint"
            | "ulong"
            | "ushort"
            | "double"
            | "float"
            | "decimal"
    );
    let name = match (owner, member, param) {
        ("DateTime" | "DateTimeOffset", _, "format") => "date formats",
        ("DateTime" | "DateTimeOffset", _, _) => "dates",
        ("TimeSpan", _, "format") => "span formats",
        ("TimeSpan", _, _) => "spans",
        ("Guid", _, "format") => "guid formats",
        ("Guid", _, _) => "guids",
        (_, _, "format") if numeric => "number formats",
        (_, "Parse" | "TryParse", _) if numeric => "numbers",
        ("Convert", "FromBase64String", _) => "base64",
        ("Convert", "ToDateTime", _) => "dates",
        ("Convert", _, _) => "numbers",
        ("JObject" | "JArray" | "JToken" | "JValue" | "JRaw" | "JConstructor", "Parse", _)
        | ("JsonConvert", "DeserializeObject", _) => "json",
        (_, "SelectToken" | "SelectTokens", _) => "paths",
        ("JObject" | "JToken" | "JProperty", _, "propertyName" | "name") | (_, _, "key") => "keys",
        ("Regex", _, "pattern") => "patterns",
        ("Regex" | "Match", _, "replacement") => "replacements",
        ("Regex", "Unescape", _) => "escapes",
        ("Uri", _, "relativeUri") => "relative uris",
        ("Uri", _, "uriString" | "uri") => "uris",
        ("IPAddress", _, "ipString") => "addresses",
        ("XElement" | "XDocument", "Parse", _) => "xml",
        (
            "XName"
            | "XElement"
            | "XAttribute"
            | "XNamespace"
            | "XDocumentType"
            | "XProcessingInstruction",
            _,
            "expandedName" | "localName" | "name" | "target",
        ) => "names of xml",
        (_, "Create" | "Encrypt" | "Decrypt", "hashName" | "algName" | "algorithmName" | "alg") => {
            "algorithms"
        }
        ("Encoding", _, "name") => "encodings",
        // Pairs of surrogates only where nothing cuts them: half of one is U+FFFD here, as the page of expressions says.
        ("Uri" | "WebUtility", _, "stringToEscape" | "stringToUnescape" | "value")
        | ("Encoding", "GetBytes" | "GetByteCount", "s") => "whole",
        ("string" | "StringBuilder", "Format" | "AppendFormat", "format") => "composite formats",
        _ => return &[],
    };
    pool(&format!("text {name}"))
}
