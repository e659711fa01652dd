// The stand-in for APIM's `context`: interfaces under their documented names, in the global namespace as expressions see them.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Xml.Linq;
using Newtonsoft.Json.Linq;

public interface IContext
{
    IApi Api { get; }
    IBackend Backend { get; }
    IGraphQL GraphQL { get; }
    IDeployment Deployment { get; }
    TimeSpan Elapsed { get; }
    ILastError LastError { get; }
    IOperation Operation { get; }
    IProduct Product { get; }
    IRequest Request { get; }
    Guid RequestId { get; }
    IResponse Response { get; }
    ISubscription Subscription { get; }
    DateTime Timestamp { get; }
    bool Tracing { get; }
    IUser User { get; }
    IReadOnlyDictionary<string, object> Variables { get; }
    IWorkspace Workspace { get; }
    void Trace(string message);
}

public interface ISubscriptionKeyParameterNames { string Header { get; } string Query { get; } }

public interface IApi
{
    string Id { get; }
    string Name { get; }
    string Path { get; }
    string Revision { get; }
    string Version { get; }
    bool IsCurrentRevision { get; }
    IUrl ServiceUrl { get; }
    IEnumerable<string> Protocols { get; }
    ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get; }
}

public enum BackendType { Single, Pool }

public interface IBackend { string Id { get; } string AzureRegion { get; } BackendType Type { get; } }

public enum CarbonIntensityCategory { NotAvailable, VeryLow, Low, Medium, High, VeryHigh }

public interface ISustainabilityInfo { CarbonIntensityCategory CurrentCarbonIntensity { get; } }

public interface IGraphQL { JObject Arguments { get; } JObject GraphQLArguments { get; } JObject Parent { get; } }

public interface IPrivateEndpointConnection { string Name { get; } string GroupId { get; } string MemberName { get; } }

public interface IAzureVnetInfo { }

public interface IFoundry { string Deployment { get; } }

public interface IGateway { string Id { get; } string InstanceId { get; } bool IsManaged { get; } }

public interface IDeployment
{
    IGateway Gateway { get; }
    string GatewayId { get; }
    string Region { get; }
    string ServiceId { get; }
    string ServiceName { get; }
    ISustainabilityInfo SustainabilityInfo { get; }
    IReadOnlyDictionary<string, System.Security.Cryptography.X509Certificates.X509Certificate2> Certificates { get; }
}

public interface ILastError
{
    string Source { get; }
    string Reason { get; }
    string Message { get; }
    string Scope { get; }
    string Section { get; }
    string Path { get; }
    string PolicyId { get; }
    int HttpErrorCode { get; }
}

public interface IOperation { string Id { get; } string Method { get; } string Name { get; } string UrlTemplate { get; } }

public interface IGroup { string Id { get; } string Name { get; } }

public enum ProductState { NotPublished, Published }

public interface IProduct
{
    IEnumerable<IApi> Apis { get; }
    bool ApprovalRequired { get; }
    IEnumerable<IGroup> Groups { get; }
    string Id { get; }
    string Name { get; }
    ProductState State { get; }
    int? SubscriptionsLimit { get; }
    int? SubscriptionLimit { get; }
    bool SubscriptionRequired { get; }
}

public interface IMessageBody
{
    T As<T>(bool preserveContent = false);
    IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false);
}

public interface IUrl
{
    string Scheme { get; }
    string Host { get; }
    int Port { get; }
    string Path { get; }
    string QueryString { get; }
    IReadOnlyDictionary<string, string[]> Query { get; }
    Uri ToUri();
}

public interface IRequest
{
    IMessageBody Body { get; }
    System.Security.Cryptography.X509Certificates.X509Certificate2 Certificate { get; }
    IReadOnlyDictionary<string, string[]> Headers { get; }
    string IpAddress { get; }
    IReadOnlyDictionary<string, string> MatchedParameters { get; }
    string Method { get; }
    IUrl OriginalUrl { get; }
    IUrl Url { get; }
    IPrivateEndpointConnection PrivateEndpointConnection { get; }
    IAzureVnetInfo AzureVnetInfo { get; }
    IFoundry Foundry { get; }
}

public interface IResponse
{
    IMessageBody Body { get; }
    IReadOnlyDictionary<string, string[]> Headers { get; }
    int StatusCode { get; }
    string StatusReason { get; }
}

public interface ISubscription
{
    DateTime CreatedDate { get; }
    DateTime CreatedTime { get; }
    DateTime? StartDate { get; }
    DateTime? EndDate { get; }
    string Id { get; }
    string Key { get; }
    string Name { get; }
    string PrimaryKey { get; }
    string SecondaryKey { get; }
}

public interface IUserIdentity { string Id { get; } string Provider { get; } }

public interface IUser
{
    string Email { get; }
    string FirstName { get; }
    IEnumerable<IGroup> Groups { get; }
    string Id { get; }
    IEnumerable<IUserIdentity> Identities { get; }
    string LastName { get; }
    string Note { get; }
    DateTime RegistrationDate { get; }
}

public interface IWorkspace { string Id { get; } string Name { get; } }

public sealed class Authorization
{
    public string AccessToken { get; set; }
    public IReadOnlyDictionary<string, object> Claims { get; set; }
}

public sealed class BasicAuthCredentials
{
    public string UserId { get; set; }
    public string Username { get { return UserId; } }
    public string Password { get; set; }
}

public sealed class Jwt
{
    internal JObject header, payload;
    Dictionary<string, string[]> claims = new Dictionary<string, string[]>();

    internal static Jwt Parse(string text)
    {
        if (text == null) return null;
        text = text.Trim();
        if (text.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) text = text.Substring(7).Trim();
        var parts = text.Split('.');
        if (parts.Length != 3) return null;
        try
        {
            Decode(parts[2]);
            var jwt = new Jwt { header = Object(parts[0]), payload = Object(parts[1]) };
            foreach (var claim in jwt.payload) jwt.claims[claim.Key] = Values(claim.Value);
            return jwt;
        }
        catch (Exception) { return null; }
    }

    static byte[] Decode(string part)
    {
        part = part.TrimEnd('=').Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(part + new string('=', (4 - part.Length % 4) % 4));
    }

    static JObject Object(string part)
    {
        var reader = new Newtonsoft.Json.JsonTextReader(new System.IO.StringReader(Encoding.UTF8.GetString(Decode(part))));
        reader.DateParseHandling = Newtonsoft.Json.DateParseHandling.None;
        return JObject.Load(reader);
    }

    static string[] Values(JToken value)
    {
        if (value is JArray) return ((JArray)value).Select(Text).ToArray();
        return value.Type == JTokenType.Null ? new string[0] : new[] { Text(value) };
    }

    static string Text(JToken value)
    {
        return value.Type == JTokenType.String ? (string)value : value.ToString(Newtonsoft.Json.Formatting.None);
    }

    string First(string name)
    {
        string[] values;
        return claims.TryGetValue(name, out values) && values.Length > 0 ? values[0] : null;
    }

    DateTime? Time(string name)
    {
        var value = payload[name];
        if (value == null || value.Type == JTokenType.Null) return null;
        return DateTimeOffset.FromUnixTimeSeconds((long)value).UtcDateTime;
    }

    public string Algorithm { get { return (string)header["alg"]; } }
    public string Type { get { return (string)header["typ"]; } }
    public string Id { get { return First("jti"); } }
    public string Issuer { get { return First("iss"); } }
    public string Subject { get { return First("sub"); } }
    public IEnumerable<string> Audiences
    {
        get { string[] values; return claims.TryGetValue("aud", out values) ? values : new string[0]; }
    }
    public IReadOnlyDictionary<string, string[]> Claims { get { return claims; } }
    public DateTime? ExpirationTime { get { return Time("exp"); } }
    public DateTime? IssuedAt { get { return Time("iat"); } }
    public DateTime? NotBefore { get { return Time("nbf"); } }
}

public static class CredentialExtensions
{
    public static Jwt AsJwt(this string input) { return Jwt.Parse(input); }

    public static bool TryParseJwt(this string input, out Jwt result)
    {
        result = Jwt.Parse(input);
        return result != null;
    }

    public static BasicAuthCredentials AsBasic(this string input)
    {
        if (input == null || !input.Trim().StartsWith("Basic ", StringComparison.Ordinal)) return null;
        try
        {
            var text = Encoding.GetEncoding("iso-8859-1").GetString(Convert.FromBase64String(input.Trim().Substring(6).Trim()));
            var colon = text.LastIndexOf(':');
            if (colon <= 0) return null;
            return new BasicAuthCredentials { UserId = text.Substring(0, colon), Password = text.Substring(colon + 1) };
        }
        catch (FormatException) { return null; }
    }

    public static bool TryParseBasic(this string input, out BasicAuthCredentials result)
    {
        result = input.AsBasic();
        return result != null;
    }
}

public static class ContextExtensions
{
    public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key)
    {
        return dictionary.GetValueOrDefault(key, (string)null);
    }

    public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key, string defaultValue)
    {
        if (dictionary == null) throw new ArgumentNullException("dictionary");
        string[] values;
        return dictionary.TryGetValue(key, out values) ? string.Join(",", values) : defaultValue;
    }

    public static object GetValueOrDefault(this IReadOnlyDictionary<string, object> dictionary, string key)
    {
        return dictionary.GetValueOrDefault<object>(key, null);
    }

    public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key)
    {
        return dictionary.GetValueOrDefault(key, default(T));
    }

    public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key, T defaultValue)
    {
        if (dictionary == null) throw new ArgumentNullException("dictionary");
        object value;
        return dictionary.TryGetValue(key, out value) ? (T)value : defaultValue;
    }

    public static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key)
    {
        return dictionary.GetValueOrDefault(key, default(V));
    }

    public static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> dictionary, K key, V defaultValue)
    {
        if (dictionary == null) throw new ArgumentNullException("dictionary");
        V value;
        return dictionary.TryGetValue(key, out value) ? value : defaultValue;
    }

    public static V GetValueOrDefault<K, V>(this Dictionary<K, V> dictionary, K key, V defaultValue)
    {
        if (dictionary == null) throw new ArgumentNullException("dictionary");
        V value;
        return dictionary.TryGetValue(key, out value) ? value : defaultValue;
    }

    public static IList<string> GetValueOrDefault(this IDictionary<string, IList<string>> dictionary, string key, IList<string> defaultValue)
    {
        if (dictionary == null) throw new ArgumentNullException("dictionary");
        IList<string> values;
        return dictionary.TryGetValue(key, out values) ? values : defaultValue;
    }

    public static string ToQueryString(this IDictionary<string, IList<string>> values)
    {
        var text = values.ToFormUrlEncodedContent();
        return text.Length == 0 ? null : "?" + text;
    }

    public static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> values)
    {
        return string.Join("&", values.SelectMany(pair =>
            pair.Value.Select(value => Uri.EscapeDataString(pair.Key) + "=" + Uri.EscapeDataString(value))));
    }
}

public static class CryptographyExtensions
{
    static byte[] Run(System.Security.Cryptography.ICryptoTransform transform, byte[] input)
    {
        using (transform) return transform.TransformFinalBlock(input, 0, input.Length);
    }

    static System.Security.Cryptography.SymmetricAlgorithm Named(string alg)
    {
        var made = System.Security.Cryptography.SymmetricAlgorithm.Create(alg);
        if (made == null) throw new ArgumentException("Unknown algorithm.", "alg");
        return made;
    }

    static void Given(object value, string name)
    {
        if (value == null) throw new ArgumentNullException(name);
    }

    public static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)
    {
        Given(input, "input");
        Given(alg, "alg");
        using (var made = Named(alg)) return input.Encrypt(made, key, iv);
    }

    public static byte[] Encrypt(this byte[] input, System.Security.Cryptography.SymmetricAlgorithm alg)
    {
        Given(input, "input");
        Given(alg, "alg");
        return Run(alg.CreateEncryptor(), input);
    }

    public static byte[] Encrypt(this byte[] input, System.Security.Cryptography.SymmetricAlgorithm alg, byte[] key, byte[] iv)
    {
        Given(input, "input");
        Given(alg, "alg");
        Given(key, "key");
        return Run(alg.CreateEncryptor(key, iv), input);
    }

    public static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv)
    {
        Given(input, "input");
        Given(alg, "alg");
        using (var made = Named(alg)) return input.Decrypt(made, key, iv);
    }

    public static byte[] Decrypt(this byte[] input, System.Security.Cryptography.SymmetricAlgorithm alg)
    {
        Given(input, "input");
        Given(alg, "alg");
        return Run(alg.CreateDecryptor(), input);
    }

    public static byte[] Decrypt(this byte[] input, System.Security.Cryptography.SymmetricAlgorithm alg, byte[] key, byte[] iv)
    {
        Given(input, "input");
        Given(alg, "alg");
        Given(key, "key");
        return Run(alg.CreateDecryptor(key, iv), input);
    }

    public static bool VerifyNoRevocation(this System.Security.Cryptography.X509Certificates.X509Certificate2 input)
    {
        using (var chain = new System.Security.Cryptography.X509Certificates.X509Chain())
        {
            chain.ChainPolicy.RevocationMode = System.Security.Cryptography.X509Certificates.X509RevocationMode.NoCheck;
            return chain.Build(input);
        }
    }
}
