//! The types that policies may use: one declaration each drives checking, evaluation and documentation.

mod assign;
mod bit_converter;
mod boolean;
mod char;
mod collections;
pub(crate) mod context;
mod convert;
mod crypto;
mod decl;
mod deserialize;
mod encoding;
mod enumeration;
mod exception;
mod format_provider;
mod guid;
mod ip_address;
mod json;
mod json_convert;
mod jwt;
mod linq;
mod math;
mod nullable;
mod number;
mod object;
mod random;
mod regex;
mod registry;
mod shortcut;
mod string;
mod string_builder;
mod string_reader;
mod string_writer;
mod time;
mod tuple;
mod ty;
mod uri;
mod web_utility;
mod xml;

pub(crate) use assign::{is_assignable, is_covariant};
pub(crate) use context::charset as header_charset;
pub(crate) use crypto::{certificate, no_hash_name};
pub(crate) use decl::{Kind, Member, Native, Refused, TypeDecl};
pub(crate) use encoding::{decode_as as decode_text, encode_as as encode_text, same_encoding};
pub(crate) use exception::{default_message, new_exception, null_message};
pub(crate) use json::{
    TokenWalk, content_value as json_content, convert_token, insert_content as insert_json_content,
    pairs, scalar_value, tokens_given, unmade_row,
};
pub(crate) use regex::json_path_match;
pub(crate) use registry::{
    Constraint, MemberInfo, ParamInfo, TypeInfo, all, exception_kind, extensions, info,
    is_not_allowed, lookup, short_names, written,
};
pub use registry::{MemberKind, ParamMode};
pub(crate) use shortcut::{Run, Shortcut, TextOf, TextTest};
pub(crate) use string::compare_ordinal;
pub(crate) use tuple::is_tuple;
pub(crate) use ty::{METHOD_PARAM, Numeric, OpaqueTy, RecordTy, Ty};
pub(crate) use uri::{any_uri, original_text};
pub(crate) use web_utility::{html_encode, url_decode, url_encode};
pub(crate) use xml::{XmlSource, decoded as decode_xml, xml_type};

macro_rules! types {
    ($($id:ident = $($decl:ident)::+;)*) => {
        /// A declared type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum TypeId { $($id,)* }

        /// Every declaration, in the order of [`TypeId`].
        pub(super) const ALL: &[(TypeId, &TypeDecl)] = &[$((TypeId::$id, &$($decl)::+),)*];
    };
}
/// The class of an object that is told from others of its type by a number: of an encoding, a comparer.
pub(crate) fn class_of(id: TypeId, number: i32) -> &'static str {
    match id {
        TypeId::Encoding => encoding::class_name(number),
        TypeId::StringComparer => string::comparer_class(number),
        _ => info(id).full,
    }
}

types! {
    Object = object::OBJECT;
    Nullable = nullable::DECL;
    NullableValues = nullable::STATIC;
    Array = collections::array::DECL;
    Func = object::FUNC;
    Action = object::ACTION;
    Predicate = object::PREDICATE;
    Comparison = object::COMPARISON;
    Converter = object::CONVERTER;
    Exception = exception::DECL;
    IDisposable = object::DISPOSABLE;
    Tuple = tuple::DECL;
    Tuple1 = tuple::OF1;
    Tuple2 = tuple::OF2;
    Tuple3 = tuple::OF3;
    Tuple4 = tuple::OF4;
    Tuple5 = tuple::OF5;
    Tuple6 = tuple::OF6;
    Tuple7 = tuple::OF7;
    Tuple8 = tuple::OF8;
    String = string::DECL;
    StringComparison = string::COMPARISON;
    StringComparer = string::COMPARER;
    StringSplitOptions = string::SPLIT_OPTIONS;
    StringBuilder = string_builder::DECL;
    StringReader = string_reader::DECL;
    StringWriter = string_writer::DECL;
    Encoding = encoding::DECL;
    Boolean = boolean::DECL;
    Char = char::DECL;
    Guid = guid::DECL;
    SByte = number::SBYTE;
    Byte = number::BYTE;
    Int16 = number::INT16;
    UInt16 = number::UINT16;
    Int32 = number::INT32;
    UInt32 = number::UINT32;
    Int64 = number::INT64;
    UInt64 = number::UINT64;
    Single = number::SINGLE;
    Double = number::DOUBLE;
    Decimal = number::DECIMAL;
    Convert = convert::DECL;
    Base64FormattingOptions = convert::FORMATTING;
    Math = math::DECL;
    MidpointRounding = math::ROUNDING;
    Random = random::DECL;
    BitConverter = bit_converter::DECL;
    IEnumerable = collections::interfaces::ENUMERABLE0;
    IEnumerable1 = collections::interfaces::ENUMERABLE;
    IEnumerator = collections::enumerator::ENUMERATOR0;
    IEnumerator1 = collections::enumerator::ENUMERATOR;
    IOrderedEnumerable = collections::interfaces::ORDERED;
    IGrouping = collections::interfaces::GROUPING;
    ILookup = collections::interfaces::LOOKUP;
    ICollection = collections::interfaces::COLLECTION;
    IList = collections::interfaces::ILIST;
    IReadOnlyCollection = collections::interfaces::READ_ONLY_COLLECTION;
    IReadOnlyList = collections::interfaces::READ_ONLY_LIST;
    ReadOnlyCollection = collections::interfaces::READ_ONLY_VIEW;
    ISet = collections::interfaces::ISET;
    IDictionary = collections::dictionary::INTERFACE;
    IReadOnlyDictionary = collections::dictionary::READ_ONLY;
    IEqualityComparer = collections::comparers::EQUALITY_COMPARER;
    IComparer = collections::comparers::COMPARER;
    KeyValuePair = collections::key_value_pair::PAIR;
    KeyValuePairs = collections::key_value_pair::CREATOR;
    List = collections::list::LIST;
    Dictionary = collections::dictionary::DECL;
    KeyCollection = collections::dictionary::KEYS;
    ValueCollection = collections::dictionary::VALUES;
    HashSet = collections::hash_set::HASH_SET;
    Queue = collections::line::QUEUE;
    Stack = collections::line::STACK;
    Enumerable = linq::DECL;
    Enum = enumeration::DECL;
    TypeCode = enumeration::TYPE_CODE;
    UnicodeCategory = enumeration::UNICODE_CATEGORY;
    IFormatProvider = format_provider::DECL;
    DateTime = time::DATE_TIME;
    DateTimeKind = time::KIND;
    DayOfWeek = time::DAY_OF_WEEK;
    DateTimeOffset = time::OFFSET;
    TimeSpan = time::SPAN;
    TimeZoneInfo = time::TIME_ZONE_INFO;
    TimeZone = time::TIME_ZONE;
    JToken = json::TOKEN;
    JContainer = json::CONTAINER;
    JObject = json::OBJECT;
    JArray = json::ARRAY;
    JProperty = json::PROPERTY;
    JValue = json::VALUE;
    JRaw = json::RAW;
    JConstructor = json::CONSTRUCTOR;
    JTokenType = json::TOKEN_TYPE;
    Formatting = json::FORMATTING;
    JEnumerable = json::ENUMERABLE;
    IJEnumerable = json::IENUMERABLE;
    JExtensions = json::EXTENSIONS;
    JsonConvert = json_convert::DECL;
    XObject = xml::OBJECT;
    XNode = xml::NODE;
    XContainer = xml::CONTAINER;
    XElement = xml::ELEMENT;
    XAttribute = xml::ATTRIBUTE;
    XDocument = xml::DOCUMENT;
    XDeclaration = xml::DECLARATION;
    XDocumentType = xml::DOCUMENT_TYPE;
    XText = xml::TEXT;
    XCData = xml::CDATA;
    XComment = xml::COMMENT;
    XProcessingInstruction = xml::INSTRUCTION;
    XName = xml::NAME;
    XNamespace = xml::NAMESPACE;
    XNodeDocumentOrderComparer = xml::ORDER_COMPARER;
    XNodeEqualityComparer = xml::EQUALITY_COMPARER;
    XExtensions = xml::EXTENSIONS;
    XmlNodeType = xml::NODE_TYPE;
    SaveOptions = xml::SAVE_OPTIONS;
    LoadOptions = xml::LOAD_OPTIONS;
    ReaderOptions = xml::READER_OPTIONS;
    Regex = regex::REGEX;
    RegexOptions = regex::OPTIONS;
    Capture = regex::CAPTURE;
    CaptureCollection = regex::CAPTURES;
    Group = regex::GROUP;
    GroupCollection = regex::GROUPS;
    Match = regex::MATCH;
    MatchCollection = regex::MATCHES;
    MatchEvaluator = regex::EVALUATOR;
    Uri = uri::DECL;
    UriKind = uri::KIND;
    UriPartial = uri::PARTIAL;
    UriComponents = uri::COMPONENTS;
    UriFormat = uri::FORMAT;
    UriHostNameType = uri::HOST_NAME_TYPE;
    WebUtility = web_utility::DECL;
    IPAddress = ip_address::DECL;
    AddressFamily = ip_address::FAMILY;
    HashAlgorithm = crypto::HASH_ALGORITHM;
    KeyedHashAlgorithm = crypto::KEYED_HASH_ALGORITHM;
    Hmac = crypto::HMAC;
    HMACMD5 = crypto::HMAC_MD5;
    HMACSHA1 = crypto::HMAC_SHA1;
    HMACSHA256 = crypto::HMAC_SHA256;
    HMACSHA384 = crypto::HMAC_SHA384;
    HMACSHA512 = crypto::HMAC_SHA512;
    MD5 = crypto::MD5;
    SHA1 = crypto::SHA1;
    SHA1Managed = crypto::SHA1_MANAGED;
    SHA256 = crypto::SHA256;
    SHA256Managed = crypto::SHA256_MANAGED;
    SHA384 = crypto::SHA384;
    SHA384Managed = crypto::SHA384_MANAGED;
    SHA512 = crypto::SHA512;
    SHA512Managed = crypto::SHA512_MANAGED;
    HashAlgorithmName = crypto::HASH_ALGORITHM_NAME;
    RandomNumberGenerator = crypto::RANDOM_NUMBER_GENERATOR;
    RNGCryptoServiceProvider = crypto::RNG_PROVIDER;
    SymmetricAlgorithm = crypto::SYMMETRIC_ALGORITHM;
    CipherMode = crypto::CIPHER_MODE;
    PaddingMode = crypto::PADDING_MODE;
    KeySizes = crypto::KEY_SIZES;
    ICryptoTransform = crypto::CRYPTO_TRANSFORM;
    AsymmetricAlgorithm = crypto::ASYMMETRIC_ALGORITHM;
    Rsa = crypto::RSA;
    RSASignaturePadding = crypto::RSA_SIGNATURE_PADDING;
    RSASignaturePaddingMode = crypto::RSA_SIGNATURE_PADDING_MODE;
    RSAEncryptionPadding = crypto::RSA_ENCRYPTION_PADDING;
    RSAEncryptionPaddingMode = crypto::RSA_ENCRYPTION_PADDING_MODE;
    Oid = crypto::OID;
    AsnEncodedData = crypto::ASN_ENCODED_DATA;
    X509Certificate = crypto::X509_CERTIFICATE;
    X509Certificate2 = crypto::X509_CERTIFICATE2;
    X509ContentType = crypto::X509_CONTENT_TYPE;
    X509NameType = crypto::X509_NAME_TYPE;
    X509KeyStorageFlags = crypto::X509_KEY_STORAGE;
    X500DistinguishedName = crypto::DISTINGUISHED_NAME;
    PublicKey = crypto::PUBLIC_KEY;
    RSACertificateExtensions = crypto::RSA_EXTENSIONS;
    CertificateExtensions = crypto::CERTIFICATE_EXTENSIONS;
    CryptographyExtensions = crypto::EXTENSIONS;
    IContext = context::CONTEXT;
    IApi = context::API;
    ISubscriptionKeyParameterNames = context::KEY_NAMES;
    IOperation = context::OPERATION;
    IProduct = context::PRODUCT;
    ProductState = context::PRODUCT_STATE;
    ISubscription = context::SUBSCRIPTION;
    IUser = context::USER;
    IGroup = context::GROUP;
    IUserIdentity = context::IDENTITY;
    IWorkspace = context::WORKSPACE;
    IDeployment = context::DEPLOYMENT;
    IGateway = context::GATEWAY;
    IBackend = context::BACKEND;
    BackendType = context::BACKEND_TYPE;
    ISustainabilityInfo = context::SUSTAINABILITY;
    CarbonIntensityCategory = context::CARBON_INTENSITY;
    IGraphQL = context::GRAPHQL;
    IPrivateEndpointConnection = context::PRIVATE_ENDPOINT;
    IAzureVnetInfo = context::VNET;
    IFoundry = context::FOUNDRY;
    ILastError = context::LAST_ERROR;
    IRequest = context::REQUEST;
    IResponse = context::RESPONSE;
    IMessageBody = context::BODY;
    IUrl = context::URL;
    ContextExtensions = context::EXTENSIONS;
    Jwt = jwt::JWT;
    BasicAuthCredentials = jwt::BASIC;
    Authorization = jwt::AUTHORIZATION;
    JwtExtensions = jwt::EXTENSIONS;
}
