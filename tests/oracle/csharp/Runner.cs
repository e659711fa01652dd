// Runs the compiled expressions of a batch, one line of JSON each: {"type","value"}, {"value":null} or {"error","message"}.
using System;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

public static class OracleRunner
{
    static long began;

    public static void Run(Func<IContext, object>[] all, string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { NewLine = "\n" };
        var contexts = File.ReadAllLines(args[0]);
        new Thread(Watch) { IsBackground = true }.Start();
        for (var i = int.Parse(args[1]); i < all.Length; i++)
        {
            if (all[i] == null) continue;
            Interlocked.Exchange(ref began, Environment.TickCount + 1);
            string answer;
            try { answer = Shown(all[i](new Oracle.Fixed(Json(contexts[i])))); }
            catch (Exception e) { answer = "{\"error\":" + Quoted(Named(e.GetType())) + ",\"message\":" + Quoted(Numbered(e.Message)) + "}"; }
            output.WriteLine(i + "\t" + answer);
            output.Flush();
        }
        Interlocked.Exchange(ref began, 0);
        output.Flush();
        Environment.Exit(0);
    }

    // What does not end is ended, and the driver goes on with the next.
    static void Watch()
    {
        while (true)
        {
            Thread.Sleep(500);
            var then = Interlocked.Read(ref began);
            if (then != 0 && Environment.TickCount - then > 10000) Environment.Exit(9);
        }
    }

    static JObject Json(string text)
    {
        var reader = new JsonTextReader(new StringReader(text)) { DateParseHandling = DateParseHandling.None };
        return JObject.Load(reader);
    }

    static string Shown(object value)
    {
        if (value == null) return "{\"value\":null}";
        var bytes = value as byte[];
        var text = bytes != null ? Convert.ToBase64String(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture);
        return "{\"type\":" + Quoted(Named(value.GetType())) + ",\"value\":" + Quoted(text ?? "") + "}";
    }

    static string Named(Type type) { return Numbered(type.ToString()); }

    // Which number an anonymous type has depends on the others of the batch.
    static string Numbered(string text) { return Regex.Replace(text, @"<>f__AnonymousType\d+", "<>f__AnonymousType0"); }

    static string Quoted(string text)
    {
        var b = new StringBuilder("\"");
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) { b.Append(c).Append(text[++i]); continue; }
            // JSON text of other programs cannot hold half a pair.
            if (char.IsSurrogate(c)) c = '\ufffd';
            if (c == '"' || c == '\\') b.Append('\\').Append(c);
            else if (c < 32) b.AppendFormat("\\u{0:x4}", (int)c);
            else b.Append(c);
        }
        return b.Append('"').ToString();
    }
}
