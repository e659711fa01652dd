//! The types that policies may use: one declaration each drives checking, evaluation and documentation.

mod assign;
mod collections;
pub(crate) mod context;
mod convert;
mod decl;
mod encoding;
mod json;
mod json_convert;
mod jwt;
mod linq;
mod math;
mod net;
mod number;
mod object;
mod registry;
mod scalar;
mod string;
mod string_builder;
mod time;
mod ty;

pub(crate) use assign::is_assignable;
pub(crate) use decl::{Kind, Member, Native, Refused, TypeDecl};
pub(crate) use json::json_pairs;
pub(crate) use object::new_exception;
pub(crate) use registry::{
    Absent, MemberInfo, MemberKind, ParamInfo, ParamMode, allowed_but_missing, exception_kind,
    extensions, info, lookup, short_names,
};
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
    Array = collections::array::DECL;
    Func = object::FUNC;
    Action = object::ACTION;
    Predicate = object::PREDICATE;
    Comparison = object::COMPARISON;
    Converter = object::CONVERTER;
    Exception = object::EXCEPTION;
    IDisposable = object::DISPOSABLE;
    Tuple2 = object::TUPLE2;
    Tuple3 = object::TUPLE3;
    String = string::DECL;
    StringComparison = string::COMPARISON;
    StringComparer = string::COMPARER;
    StringSplitOptions = string::SPLIT_OPTIONS;
    StringBuilder = string_builder::DECL;
    Encoding = encoding::DECL;
    Boolean = scalar::BOOLEAN;
    Char = scalar::CHAR;
    Guid = scalar::GUID;
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
    Math = math::DECL;
    MidpointRounding = math::ROUNDING;
    Random = math::RANDOM;
    BitConverter = convert::BIT_CONVERTER;
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
    HashSet = collections::hash_set::HASH_SET;
    Queue = collections::queue::QUEUE;
    Stack = collections::stack::STACK;
    Enumerable = linq::DECL;
    DateTime = time::DATE_TIME;
    DateTimeKind = time::KIND;
    DayOfWeek = time::DAY_OF_WEEK;
    DateTimeOffset = time::OFFSET;
    TimeSpan = time::SPAN;
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
