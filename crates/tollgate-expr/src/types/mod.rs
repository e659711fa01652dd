//! The types that policies may use: one declaration each drives checking, evaluation and documentation.

mod array;
mod assign;
mod bit_converter;
mod boolean;
mod char;
mod collections;
pub(crate) mod context;
mod convert;
mod decl;
mod dictionary;
mod encoding;
mod enumeration;
mod format_provider;
mod guid;
mod json;
mod json_convert;
mod jwt;
mod linq;
mod math;
mod net;
mod number;
mod object;
mod random;
mod registry;
mod string;
mod string_builder;
mod time;
mod tuple;
mod ty;

pub(crate) use assign::is_assignable;
pub(crate) use decl::{Kind, Member, Native, Refused, TypeDecl};
pub(crate) use json::json_pairs;
pub(crate) use object::new_exception;
pub(crate) use registry::{
    Absent, MemberInfo, MemberKind, ParamInfo, ParamMode, allowed_but_missing, exception_kind,
    extensions, info, lookup, short_names,
};
pub(crate) use tuple::is_tuple;
pub(crate) use ty::{METHOD_PARAM, Numeric, RecordTy, Ty};

macro_rules! types {
    ($($id:ident = $($decl:ident)::+;)*) => {
        /// A declared type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum TypeId { $($id,)* }

        /// Every declaration, in the order of [`TypeId`].
        pub(super) const ALL: &[(TypeId, &TypeDecl)] = &[$((TypeId::$id, &$($decl)::+),)*];
    };
}
types! {
    Object = object::OBJECT;
    Nullable = object::NULLABLE;
    Array = array::DECL;
    Func = object::FUNC;
    Action = object::ACTION;
    Predicate = object::PREDICATE;
    Comparison = object::COMPARISON;
    Converter = object::CONVERTER;
    Exception = object::EXCEPTION;
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
    IEnumerable = collections::ENUMERABLE0;
    IEnumerable1 = collections::ENUMERABLE;
    IOrderedEnumerable = collections::ORDERED;
    IGrouping = collections::GROUPING;
    ICollection = collections::COLLECTION;
    IList = collections::ILIST;
    IReadOnlyCollection = collections::READ_ONLY_COLLECTION;
    IReadOnlyList = collections::READ_ONLY_LIST;
    ISet = collections::ISET;
    IDictionary = dictionary::INTERFACE;
    IReadOnlyDictionary = dictionary::READ_ONLY;
    IEqualityComparer = collections::EQUALITY_COMPARER;
    KeyValuePair = dictionary::PAIR;
    List = collections::LIST;
    Dictionary = dictionary::DECL;
    HashSet = collections::HASH_SET;
    Queue = collections::QUEUE;
    Stack = collections::STACK;
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
    JExtensions = json::EXTENSIONS;
    JsonConvert = json_convert::DECL;
    Uri = net::URI;
    WebUtility = net::WEB_UTILITY;
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
