// Lists the public members of the types that policies may name, as C# signatures: facts of the API, one a line.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

public static class Members
{
    static readonly Dictionary<string, string> Keywords = new Dictionary<string, string>
    {
        { "System.Object", "object" }, { "System.String", "string" }, { "System.Boolean", "bool" }, { "System.Char", "char" },
        { "System.SByte", "sbyte" }, { "System.Byte", "byte" }, { "System.Int16", "short" }, { "System.UInt16", "ushort" },
        { "System.Int32", "int" }, { "System.UInt32", "uint" }, { "System.Int64", "long" }, { "System.UInt64", "ulong" },
        { "System.Single", "float" }, { "System.Double", "double" }, { "System.Decimal", "decimal" }, { "System.Void", "void" },
    };

    static readonly Dictionary<string, string> Operators = new Dictionary<string, string>
    {
        { "op_Addition", "+" }, { "op_Subtraction", "-" }, { "op_Multiply", "*" }, { "op_Division", "/" }, { "op_Modulus", "%" },
        { "op_Equality", "==" }, { "op_Inequality", "!=" }, { "op_LessThan", "<" }, { "op_GreaterThan", ">" },
        { "op_LessThanOrEqual", "<=" }, { "op_GreaterThanOrEqual", ">=" }, { "op_UnaryNegation", "-" }, { "op_UnaryPlus", "+" },
        { "op_Increment", "++" }, { "op_Decrement", "--" }, { "op_OnesComplement", "~" }, { "op_LogicalNot", "!" },
        { "op_BitwiseAnd", "&" }, { "op_BitwiseOr", "|" }, { "op_ExclusiveOr", "^" },
    };

    static HashSet<Type> listed;

    public static void Main()
    {
        var types = Names.SelectMany(Find).Distinct().ToList();
        listed = new HashSet<Type>(types);
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var type in types)
        {
            if (type.IsEnum)
            {
                foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static))
                    lines.Add(Name(type, true) + ": " + field.Name + " = " + Convert.ToInt64(field.GetRawConstantValue()));
                continue;
            }
            const BindingFlags All = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;
            foreach (var member in type.GetMembers(All).Where(member => Own(type, member)))
                foreach (var signature in Signatures(member)) lines.Add(Name(type, true) + ": " + signature);
        }
        foreach (var line in lines) Console.WriteLine(line);
    }

    // A name with every number of type parameters it exists with.
    static IEnumerable<Type> Find(string name)
    {
        var assemblies = new[]
        {
            typeof(object), typeof(Uri), typeof(Enumerable), typeof(HashSet<int>), typeof(Queue<int>), typeof(System.Xml.Linq.XElement), typeof(System.Xml.XmlNodeType),
            typeof(System.Text.RegularExpressions.Regex), typeof(System.Security.Cryptography.SHA256), typeof(System.Security.Cryptography.HMAC),
            typeof(System.Security.Cryptography.HashAlgorithm), typeof(System.Security.Cryptography.Oid), typeof(System.Security.Cryptography.RNGCryptoServiceProvider),
            typeof(System.Security.Cryptography.X509Certificates.X509Certificate2), typeof(System.Net.WebUtility), typeof(System.Net.IPAddress),
            typeof(System.Collections.Generic.ISet<int>), typeof(Newtonsoft.Json.JsonConvert),
        }.Select(type => type.Assembly).Distinct().ToList();
        var found = new[] { name }.Concat(Enumerable.Range(1, 8).Select(n => name + "`" + n))
            .Select(full => assemblies.Select(assembly => assembly.GetType(full)).FirstOrDefault(type => type != null && type.IsPublic))
            .Where(type => type != null).ToList();
        if (found.Count == 0) Console.Error.WriteLine("no type " + name);
        return found;
    }

    // Members of other listed types are listed there; those of `object` are everywhere.
    static bool Own(Type type, MemberInfo member)
    {
        var from = member.DeclaringType;
        if (from == typeof(object)) return false;
        if (from.IsGenericType) from = from.GetGenericTypeDefinition();
        if (from != type && listed.Contains(from)) return false;
        var method = member as MethodInfo;
        return method == null || method.GetBaseDefinition().DeclaringType != typeof(object);
    }

    static IEnumerable<string> Signatures(MemberInfo member)
    {
        var constructor = member as ConstructorInfo;
        var method = member as MethodInfo;
        var property = member as PropertyInfo;
        var field = member as FieldInfo;
        if (constructor != null && !constructor.IsStatic) yield return "new(" + Parameters(constructor.GetParameters()) + ")";
        if (field != null) yield return (field.IsStatic ? "static " : "") + Name(field.FieldType) + " " + field.Name;
        if (property != null)
        {
            var access = property.GetAccessors().First();
            var index = property.GetIndexParameters();
            yield return (access.IsStatic ? "static " : "") + Name(property.PropertyType) + " "
                + (index.Length == 0 ? property.Name : "this[" + Parameters(index) + "]")
                + (property.GetGetMethod() == null ? " { set; }" : property.GetSetMethod() == null ? "" : " { get; set; }");
        }
        if (method == null) yield break;
        if (method.Name == "op_Implicit" || method.Name == "op_Explicit")
        {
            yield return method.Name.Substring(3).ToLowerInvariant() + " " + Name(method.ReturnType) + "(" + Parameters(method.GetParameters()) + ")";
            yield break;
        }
        string symbol;
        if (method.IsSpecialName && Operators.TryGetValue(method.Name, out symbol))
        {
            yield return "operator " + Name(method.ReturnType) + " " + symbol + "(" + Parameters(method.GetParameters()) + ")";
            yield break;
        }
        if (method.IsSpecialName) yield break;
        var extension = method.IsDefined(typeof(System.Runtime.CompilerServices.ExtensionAttribute), false);
        var types = method.IsGenericMethod ? "<" + string.Join(", ", method.GetGenericArguments().Select(type => type.Name)) + ">" : "";
        yield return (method.IsStatic ? "static " : "") + Name(method.ReturnType) + " " + method.Name + types
            + "(" + (extension ? "this " : "") + Parameters(method.GetParameters()) + ")";
    }

    static string Parameters(ParameterInfo[] parameters)
    {
        return string.Join(", ", parameters.Select(parameter =>
        {
            var type = parameter.ParameterType;
            var mode = parameter.IsDefined(typeof(ParamArrayAttribute), false) ? "params "
                : !type.IsByRef ? "" : parameter.IsOut ? "out " : parameter.IsIn ? "in " : "ref ";
            return mode + Name(type.IsByRef ? type.GetElementType() : type) + " " + parameter.Name + (parameter.IsOptional ? " = …" : "");
        }));
    }

    static string Name(Type type, bool full = false)
    {
        if (type.IsArray) return Name(type.GetElementType()) + "[" + new string(',', type.GetArrayRank() - 1) + "]";
        if (type.IsPointer) return Name(type.GetElementType()) + "*";
        if (type.IsByRef) return "ref " + Name(type.GetElementType());
        if (type.IsGenericParameter) return type.Name;
        var nullable = full ? null : Nullable.GetUnderlyingType(type);
        if (nullable != null) return Name(nullable) + "?";
        string word;
        if (!full && Keywords.TryGetValue(type.FullName ?? "", out word)) return word;
        var arguments = type.GetGenericArguments().Select(argument => Name(argument)).ToList();
        var outer = type.DeclaringType == null ? 0 : type.DeclaringType.GetGenericArguments().Length;
        var name = type.Name.Split('`')[0] + (arguments.Count > outer ? "<" + string.Join(", ", arguments.Skip(outer)) + ">" : "");
        if (type.DeclaringType != null) return Name(type.DeclaringType) + "." + name;
        return full ? type.Namespace + "." + name : name;
    }

    static readonly string[] Names = (
        "Newtonsoft.Json.Formatting Newtonsoft.Json.JsonConvert Newtonsoft.Json.Linq.Extensions Newtonsoft.Json.Linq.JArray Newtonsoft.Json.Linq.JConstructor " +
        "Newtonsoft.Json.Linq.JContainer Newtonsoft.Json.Linq.JObject Newtonsoft.Json.Linq.JProperty Newtonsoft.Json.Linq.JRaw Newtonsoft.Json.Linq.JToken " +
        "Newtonsoft.Json.Linq.JTokenType Newtonsoft.Json.Linq.JValue " +
        "System.String System.Boolean System.Int32 System.Int64 System.Double System.Nullable System.Enum System.Guid System.StringComparer " +
        "System.StringComparison System.StringSplitOptions System.Text.Encoding System.Text.StringBuilder System.BitConverter System.Convert System.Math " +
        "System.Random System.Array System.Exception System.Byte System.SByte System.Char System.Int16 System.UInt16 System.UInt32 System.UInt64 System.Single " +
        "System.Decimal System.Tuple System.IO.StringReader System.IO.StringWriter System.MidpointRounding " +
        "System.Collections.Generic.Dictionary System.Collections.Generic.HashSet System.Collections.Generic.ICollection System.Collections.Generic.IDictionary " +
        "System.Collections.Generic.IEnumerable System.Collections.Generic.IEnumerator System.Collections.Generic.IList System.Collections.Generic.IReadOnlyCollection " +
        "System.Collections.Generic.IReadOnlyDictionary System.Collections.Generic.ISet System.Collections.Generic.KeyValuePair System.Collections.Generic.List " +
        "System.Collections.Generic.Queue System.Collections.Generic.Stack System.Linq.Enumerable " +
        "System.DateTime System.DateTimeKind System.DateTimeOffset System.TimeSpan System.TimeZone System.TimeZoneInfo " +
        "System.Net.IPAddress System.Net.WebUtility System.Uri System.UriPartial " +
        "System.Text.RegularExpressions.Capture System.Text.RegularExpressions.CaptureCollection System.Text.RegularExpressions.Group " +
        "System.Text.RegularExpressions.GroupCollection System.Text.RegularExpressions.Match System.Text.RegularExpressions.MatchCollection " +
        "System.Text.RegularExpressions.Regex System.Text.RegularExpressions.RegexOptions " +
        "System.Security.Cryptography.AsymmetricAlgorithm System.Security.Cryptography.CipherMode System.Security.Cryptography.HashAlgorithm " +
        "System.Security.Cryptography.HashAlgorithmName System.Security.Cryptography.HMAC System.Security.Cryptography.HMACMD5 System.Security.Cryptography.HMACSHA1 " +
        "System.Security.Cryptography.HMACSHA256 System.Security.Cryptography.HMACSHA384 System.Security.Cryptography.HMACSHA512 " +
        "System.Security.Cryptography.KeyedHashAlgorithm System.Security.Cryptography.MD5 System.Security.Cryptography.Oid System.Security.Cryptography.PaddingMode " +
        "System.Security.Cryptography.RNGCryptoServiceProvider System.Security.Cryptography.RSA System.Security.Cryptography.RSAEncryptionPadding " +
        "System.Security.Cryptography.RSASignaturePadding System.Security.Cryptography.SHA1 System.Security.Cryptography.SHA1Managed System.Security.Cryptography.SHA256 " +
        "System.Security.Cryptography.SHA256Managed System.Security.Cryptography.SHA384 System.Security.Cryptography.SHA384Managed System.Security.Cryptography.SHA512 " +
        "System.Security.Cryptography.SHA512Managed System.Security.Cryptography.SymmetricAlgorithm System.Security.Cryptography.X509Certificates.PublicKey " +
        "System.Security.Cryptography.X509Certificates.RSACertificateExtensions System.Security.Cryptography.X509Certificates.X500DistinguishedName " +
        "System.Security.Cryptography.X509Certificates.X509Certificate System.Security.Cryptography.X509Certificates.X509Certificate2 " +
        "System.Security.Cryptography.X509Certificates.X509ContentType System.Security.Cryptography.X509Certificates.X509NameType " +
        "System.Xml.Linq.Extensions System.Xml.Linq.XAttribute System.Xml.Linq.XCData System.Xml.Linq.XComment System.Xml.Linq.XContainer System.Xml.Linq.XDeclaration " +
        "System.Xml.Linq.XDocument System.Xml.Linq.XDocumentType System.Xml.Linq.XElement System.Xml.Linq.XName System.Xml.Linq.XNamespace System.Xml.Linq.XNode " +
        "System.Xml.Linq.XNodeDocumentOrderComparer System.Xml.Linq.XNodeEqualityComparer System.Xml.Linq.XObject System.Xml.Linq.XProcessingInstruction " +
        "System.Xml.Linq.XText System.Xml.XmlNodeType").Split(' ');
}
