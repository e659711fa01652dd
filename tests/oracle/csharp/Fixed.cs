// `context` made of a case's JSON.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml.Linq;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Oracle
{
    sealed class Variables : IReadOnlyDictionary<string, object>
    {
        // In order of their names, as the gateway lists them here.
        readonly SortedDictionary<string, object> all = new SortedDictionary<string, object>(StringComparer.Ordinal);

        public void Set(string name, object value) { all[name] = value; }
        public object this[string key] { get { object value; return all.TryGetValue(key, out value) ? value : null; } }
        public IEnumerable<string> Keys { get { return all.Keys; } }
        public IEnumerable<object> Values { get { return all.Values; } }
        public int Count { get { return all.Count; } }
        public bool ContainsKey(string key) { return all.ContainsKey(key); }
        public bool TryGetValue(string key, out object value) { return all.TryGetValue(key, out value); }
        public IEnumerator<KeyValuePair<string, object>> GetEnumerator() { return all.GetEnumerator(); }
        IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
    }

    sealed class Url : IUrl
    {
        public string Scheme { get; private set; }
        public string Host { get; private set; }
        public int Port { get; private set; }
        public string Path { get; private set; }
        public string QueryString { get; private set; }

        public Url(string text)
        {
            var at = text.IndexOf("://", StringComparison.Ordinal);
            Scheme = at < 0 ? "https" : text.Substring(0, at);
            var rest = at < 0 ? text : text.Substring(at + 3);
            var end = rest.IndexOfAny(new[] { '/', '?', '#' });
            var authority = end < 0 ? rest : rest.Substring(0, end);
            rest = end < 0 ? "" : rest.Substring(end);
            rest = rest.Split('#')[0];
            var mark = rest.IndexOf('?');
            var path = mark < 0 ? rest : rest.Substring(0, mark);
            var query = mark < 0 ? "" : rest.Substring(mark + 1);
            authority = authority.Substring(authority.LastIndexOf('@') + 1);
            var colon = authority.LastIndexOf(':');
            Port = Default;
            int port;
            if (colon >= 0 && int.TryParse(authority.Substring(colon + 1), out port)) { Port = port; authority = authority.Substring(0, colon); }
            Host = authority;
            Path = path == "" ? "/" : path;
            QueryString = query == "" ? "" : "?" + query;
        }

        int Default { get { return Scheme.Equals("http", StringComparison.OrdinalIgnoreCase) ? 80 : 443; } }

        public IReadOnlyDictionary<string, string[]> Query
        {
            get
            {
                var found = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
                if (QueryString == "") return found;
                foreach (var pair in QueryString.Substring(1).Split('&').Where(pair => pair != ""))
                {
                    var parts = pair.Split(new[] { '=' }, 2);
                    var name = WebUtility.UrlDecode(parts[0]);
                    var value = parts.Length == 1 ? "" : WebUtility.UrlDecode(parts[1]);
                    string[] known;
                    found[name] = found.TryGetValue(name, out known) ? known.Concat(new[] { value }).ToArray() : new[] { value };
                }
                return found;
            }
        }

        public Uri ToUri() { return new Uri(ToString()); }

        public override string ToString()
        {
            return Scheme + "://" + Host + (Port == Default ? "" : ":" + Port) + Path + QueryString;
        }
    }

    sealed class Body : IMessageBody
    {
        readonly byte[] bytes;
        readonly Encoding encoding = new UTF8Encoding(false);
        bool consumed;

        public Body(string text, IReadOnlyDictionary<string, string[]> headers)
        {
            bytes = Encoding.UTF8.GetBytes(text);
            string[] type;
            if (!headers.TryGetValue("Content-Type", out type) || type.Length == 0) return;
            foreach (var part in type[0].Split(';').Skip(1).Select(part => part.Trim().Split('=')))
                if (part.Length == 2 && part[0].Equals("charset", StringComparison.OrdinalIgnoreCase))
                    try { encoding = Encoding.GetEncoding(part[1].Trim('"')); } catch (ArgumentException) { }
        }

        string Text()
        {
            var text = encoding.GetString(bytes);
            return text.StartsWith("\ufeff", StringComparison.Ordinal) ? text.Substring(1) : text;
        }

        void Read(bool keep)
        {
            if (consumed) throw new InvalidOperationException("The message body was already consumed; read it with `preserveContent: true` the first time.");
            consumed = !keep;
        }

        public override string ToString() { return "IMessageBody"; }

        public T As<T>(bool preserveContent = false)
        {
            Read(preserveContent);
            if (typeof(T) == typeof(byte[])) return (T)(object)bytes;
            var text = Text();
            if (typeof(T) == typeof(string)) return (T)(object)text;
            if (typeof(T) == typeof(JObject)) return (T)(object)JObject.Parse(text);
            if (typeof(T) == typeof(JArray)) return (T)(object)JArray.Parse(text);
            if (typeof(T) == typeof(JToken)) return (T)(object)JToken.Parse(text);
            if (typeof(T) == typeof(XElement)) return (T)(object)XElement.Parse(text);
            if (typeof(T) == typeof(XDocument)) return (T)(object)XDocument.Parse(text);
            if (typeof(T) == typeof(XNode)) return (T)(object)XElement.Parse(text);
            throw new NotSupportedException("A body cannot be read as " + typeof(T) + ".");
        }

        public IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)
        {
            Read(preserveContent);
            var found = new Dictionary<string, IList<string>>();
            foreach (var pair in Text().Split('&').Where(pair => pair != ""))
            {
                var parts = pair.Split(new[] { '=' }, 2);
                var name = WebUtility.UrlDecode(parts[0]);
                var value = parts.Length == 1 ? "" : WebUtility.UrlDecode(parts[1]);
                if (!found.ContainsKey(name)) found[name] = new List<string>();
                found[name].Add(value);
            }
            return found;
        }
    }

    sealed class Message : IRequest, IResponse
    {
        public IMessageBody Body { get; set; }
        public X509Certificate2 Certificate { get; set; }
        public IReadOnlyDictionary<string, string[]> Headers { get; set; }
        public string IpAddress { get; set; }
        public IReadOnlyDictionary<string, string> MatchedParameters { get; set; }
        public string Method { get; set; }
        public IUrl OriginalUrl { get; set; }
        public IUrl Url { get; set; }
        public int StatusCode { get; set; }
        public string StatusReason { get; set; }
        public IPrivateEndpointConnection PrivateEndpointConnection { get { return null; } }
        public IAzureVnetInfo AzureVnetInfo { get { return null; } }
        public IFoundry Foundry { get { return null; } }

        // Its text is the name of its type, as that of the gateway's own objects is not known.
        readonly string name;
        public override string ToString() { return name; }

        // JSON shows of a request what requests have, and of a response what responses have.
        bool IsResponse { get { return name == "IResponse"; } }
        public bool ShouldSerializeCertificate() { return !IsResponse; }
        public bool ShouldSerializeIpAddress() { return !IsResponse; }
        public bool ShouldSerializeMatchedParameters() { return !IsResponse; }
        public bool ShouldSerializeMethod() { return !IsResponse; }
        public bool ShouldSerializeOriginalUrl() { return !IsResponse; }
        public bool ShouldSerializeUrl() { return !IsResponse; }
        public bool ShouldSerializePrivateEndpointConnection() { return !IsResponse; }
        public bool ShouldSerializeAzureVnetInfo() { return !IsResponse; }
        public bool ShouldSerializeFoundry() { return !IsResponse; }
        public bool ShouldSerializeStatusCode() { return IsResponse; }
        public bool ShouldSerializeStatusReason() { return IsResponse; }

        public Message(JObject json, int status, string name)
        {
            this.name = name;
            var headers = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
            foreach (var header in (json["headers"] as JObject) ?? new JObject())
                headers[header.Key] = header.Value is JArray ? header.Value.Select(value => (string)value).ToArray() : new[] { (string)header.Value };
            Headers = headers;
            var body = (string)json["body"];
            Body = body == null ? null : new Body(body, headers);
            StatusCode = (int?)json["status"] ?? status;
            StatusReason = (string)json["reason"] ?? "";
            Method = (string)json["method"] ?? "GET";
            IpAddress = (string)json["ip"] ?? "";
            Url = new Url((string)json["url"] ?? "https://gateway.example/");
            OriginalUrl = new Url((string)json["original-url"] ?? (string)json["url"] ?? "https://gateway.example/");
            var matched = new Dictionary<string, string>();
            foreach (var pair in (json["matched-parameters"] as JObject) ?? new JObject()) matched[pair.Key] = (string)pair.Value;
            MatchedParameters = matched;
            Certificate = Fixed.Certificate(json["certificate"]);
        }
    }

    /// Reads properties by name, text that is missing being empty.
    sealed class Part : ISubscriptionKeyParameterNames, IApi, IBackend, IGateway, IDeployment, ILastError, IOperation, IGroup, IProduct, ISubscription, IUserIdentity, IUser, IWorkspace, ISustainabilityInfo
    {
        readonly JObject json;
        readonly string shown;
        readonly Dictionary<string, object> made = new Dictionary<string, object>();

        /// What is inside is one object, however often it is asked for.
        T Once<T>(string name, Func<T> make)
        {
            if (!made.TryGetValue(name, out var found)) made[name] = found = make();
            return (T)found;
        }

        public Part(JObject json, string shown) { this.json = json ?? new JObject(); this.shown = shown; }

        /// The name of its type, as that of the gateway's own objects is not known.
        public override string ToString() { return shown; }

        string Text(string name) { return (string)json[name] ?? ""; }
        bool Flag(string name) { return (bool?)json[name] ?? false; }
        DateTime? Time(string name) { return json[name] == null ? (DateTime?)null : Fixed.Time((string)json[name]); }
        IEnumerable<Part> List(string name, string shown) { return Once(name, () => ((json[name] as JArray) ?? new JArray()).Select(item => new Part((JObject)item, shown)).ToArray()); }

        public string Id { get { return Text("Id"); } }
        public string Name { get { return Text("Name"); } }
        public string Path { get { return Text("Path"); } }
        public string Revision { get { return Text("Revision"); } }
        public string Version { get { return Text("Version"); } }
        public bool IsCurrentRevision { get { return Flag("IsCurrentRevision"); } }
        public IUrl ServiceUrl { get { return Once("ServiceUrl", () => json["ServiceUrl"] == null ? null : new Url((string)json["ServiceUrl"])); } }
        public IEnumerable<string> Protocols { get { return ((json["Protocols"] as JArray) ?? new JArray()).Select(item => (string)item).ToArray(); } }
        public ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get { return Once("SubscriptionKeyParameterNames", () => new Part(json["SubscriptionKeyParameterNames"] as JObject, "ISubscriptionKeyParameterNames")); } }
        public string Header { get { return Text("Header"); } }
        public string Query { get { return Text("Query"); } }
        public IGateway Gateway { get { return Once("Gateway", () => new Part(JObject.FromObject(new { Id = GatewayId, InstanceId = "managed", IsManaged = true }), "IGateway")); } }
        public string InstanceId { get { return Text("InstanceId"); } }
        public bool IsManaged { get { return Flag("IsManaged"); } }
        public string GatewayId { get { var id = Text("GatewayId"); return id == "" ? "managed" : id; } }
        public string Region { get { return Text("Region"); } }
        public string ServiceId { get { return Text("ServiceId"); } }
        public string ServiceName { get { return Text("ServiceName"); } }
        public ISustainabilityInfo SustainabilityInfo { get { return this; } }
        public CarbonIntensityCategory CurrentCarbonIntensity { get { return CarbonIntensityCategory.NotAvailable; } }
        public IReadOnlyDictionary<string, X509Certificate2> Certificates
        {
            get
            {
                var found = new Dictionary<string, X509Certificate2>();
                foreach (var pair in (json["Certificates"] as JObject) ?? new JObject()) found[pair.Key] = Fixed.Certificate(pair.Value);
                return found;
            }
        }
        public string Source { get { return Text("Source"); } }
        public string Reason { get { return Text("Reason"); } }
        public string Message { get { return Text("Message"); } }
        public string Scope { get { return Text("Scope"); } }
        public string Section { get { return Text("Section"); } }
        public string PolicyId { get { return Text("PolicyId"); } }
        public int HttpErrorCode { get { return (int?)json["HttpErrorCode"] ?? 500; } }
        public string AzureRegion { get { return Text("AzureRegion"); } }
        public BackendType Type { get { return Text("Type") == "Pool" ? BackendType.Pool : BackendType.Single; } }
        public string Method { get { return Text("Method"); } }
        public string UrlTemplate { get { return Text("UrlTemplate"); } }
        public IEnumerable<IApi> Apis { get { return List("Apis", "IApi"); } }
        public bool ApprovalRequired { get { return Flag("ApprovalRequired"); } }
        public IEnumerable<IGroup> Groups { get { return List("Groups", "IGroup"); } }
        public ProductState State { get { return Text("State") == "NotPublished" ? ProductState.NotPublished : ProductState.Published; } }
        public int? SubscriptionsLimit { get { return (int?)json["SubscriptionsLimit"]; } }
        public int? SubscriptionLimit { get { return SubscriptionsLimit; } }
        public bool SubscriptionRequired { get { return Flag("SubscriptionRequired"); } }
        public DateTime CreatedDate { get { return Time("CreatedDate") ?? DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc); } }
        public DateTime CreatedTime { get { return CreatedDate; } }
        public DateTime? StartDate { get { return Time("StartDate"); } }
        public DateTime? EndDate { get { return Time("EndDate"); } }
        public string Key { get { return Text("Key"); } }
        public string PrimaryKey { get { return Text("PrimaryKey"); } }
        public string SecondaryKey { get { return Text("SecondaryKey"); } }
        public string Provider { get { return Text("Provider"); } }
        public string Email { get { return Text("Email"); } }
        public string FirstName { get { return Text("FirstName"); } }
        public string LastName { get { return Text("LastName"); } }
        public string Note { get { return Text("Note"); } }
        public IEnumerable<IUserIdentity> Identities { get { return List("Identities", "IUserIdentity"); } }
        public DateTime RegistrationDate { get { return Time("RegistrationDate") ?? DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc); } }
    }

    sealed class Fixed : IContext
    {
        readonly JObject json;
        readonly Message request, response;
        readonly Variables variables = new Variables();

        public Fixed(JObject json)
        {
            this.json = json;
            request = new Message((json["request"] as JObject) ?? new JObject(), 0, "IRequest");
            response = json["response"] is JObject ? new Message((JObject)json["response"], 200, "IResponse") : null;
            foreach (var pair in (json["variables"] as JObject) ?? new JObject()) variables.Set(pair.Key, Variable(pair.Value));
        }

        internal static DateTime Time(string text)
        {
            return DateTime.Parse(text, null, System.Globalization.DateTimeStyles.AdjustToUniversal);
        }

        /// Base64 of DER, or `{"pkcs12": base64, "password": text}`.
        internal static X509Certificate2 Certificate(JToken json)
        {
            if (json == null) return null;
            if (json is JObject) return new X509Certificate2(Convert.FromBase64String((string)json["pkcs12"]), (string)json["password"], X509KeyStorageFlags.Exportable);
            return new X509Certificate2(Convert.FromBase64String((string)json));
        }

        static object Variable(JToken value)
        {
            switch (value.Type)
            {
                case JTokenType.Null: return null;
                case JTokenType.Boolean: return (bool)value;
                case JTokenType.String: return (string)value;
                case JTokenType.Integer:
                    var number = (long)value;
                    return number == (int)number ? (object)(int)number : number;
                case JTokenType.Float: return (double)value;
                case JTokenType.Array: return JToken.Parse(value.ToString(Formatting.None));
            }
            switch ((string)value["$type"])
            {
                case null: return JToken.Parse(value.ToString(Formatting.None));
                case "IResponse": return new Message((JObject)value, 200, "IResponse");
                case "Jwt": return Jwt.Parse((string)value["token"]);
                case "Authorization":
                    var claims = new Dictionary<string, object>();
                    foreach (var claim in (value["claims"] as JObject) ?? new JObject()) claims[claim.Key] = Variable(claim.Value);
                    return new Authorization { AccessToken = (string)value["token"] ?? "", Claims = claims };
                case "long": return (long)value["value"];
                case "double": return (double)value["value"];
                case "DateTime": return Time((string)value["value"]);
                case "bytes": return Convert.FromBase64String((string)value["value"]);
                case "strings": return value["value"].Select(item => (string)item).ToArray();
                default: throw new ArgumentException("unknown $type");
            }
        }

        readonly Dictionary<string, Part> parts = new Dictionary<string, Part>();

        Part Find(string name, bool always = false)
        {
            if (!always && !(json[name] is JObject)) return null;
            var shown = name == "last-error" ? "ILastError" : "I" + char.ToUpperInvariant(name[0]) + name.Substring(1);
            if (!parts.ContainsKey(name)) parts[name] = new Part(json[name] as JObject, shown);
            return parts[name];
        }

        public IBackend Backend { get { return Find("backend"); } }
        public IGraphQL GraphQL { get { return null; } }
        public IApi Api { get { return Find("api"); } }
        public IDeployment Deployment { get { return Find("deployment", true); } }
        public TimeSpan Elapsed { get { return TimeSpan.Zero; } }
        public ILastError LastError { get { return Find("last-error"); } }
        public IOperation Operation { get { return Find("operation"); } }
        public IProduct Product { get { return Find("product"); } }
        public IRequest Request { get { return request; } }
        public Guid RequestId { get { return new Guid((string)json["request-id"] ?? "00000000-0000-0000-0000-000000000001"); } }
        public IResponse Response { get { return response; } }
        public ISubscription Subscription { get { return Find("subscription"); } }
        public DateTime Timestamp { get { return Time((string)json["timestamp"] ?? "2026-01-02T03:04:05Z"); } }
        public bool Tracing { get { return false; } }
        public IUser User { get { return Find("user"); } }
        IReadOnlyDictionary<string, object> IContext.Variables { get { return variables; } }
        public IWorkspace Workspace { get { return null; } }
        public void Trace(string message) { }
    }
}
