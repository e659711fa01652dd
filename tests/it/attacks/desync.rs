//! HTTP/1.1 that two parties could read in two ways.
//!
//! Each input comes from a client address of its own, and every request that a policy approves is marked with that address and
//! the request's id, so each request that the backend has seen belongs to one input. INVARIANT: it is one of those that RFC
//! 9112 finds in that input, with the same body, and its answer went to the client that sent it and to nobody else.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use futures::StreamExt as _;

use super::{Random, connect_from, source, talk, tell};
use crate::harness::{Directory, Gateway};
use crate::strict::{Reading, Strict, parse, target, values};

/// Most inputs that a failure shows.
const SHOWN: usize = 12;

/// Most connections at once.
const AT_ONCE: usize = 96;

const CONFIG: &str = "[timeouts]\nkeep-alive = \"200ms\"\nrequest-header = \"200ms\"\nrequest-body = \"200ms\"\n\
    backend-first-byte = \"2s\"\n";

/// `open` needs no key, `guarded` does, `closed` lets nobody in, `read` reads bodies.
async fn start() -> (Strict, Gateway) {
    let (backend, address) = Strict::start().await;
    let mut config = format!("{CONFIG}[backends.strict]\nurl = \"http://{address}/base\"\n");
    for api in ["open", "closed", "read"] {
        config += &format!(
            "[apis.{api}]\npath = \"{api}\"\nbackend = \"strict\"\nsubscription = \"optional\"\n"
        );
    }
    config += "[apis.guarded]\npath = \"guarded\"\nbackend = \"strict\"\n";
    let policy = |inbound: &str| {
        format!(
            "<policies><inbound><base/>{inbound}<set-header name=\"x-marker\" exists-action=\"override\">\
             <value>@(context.Request.IpAddress + \" \" + context.RequestId)</value></set-header></inbound>\
             <backend><base/></backend><outbound><base/><set-header name=\"x-served\" exists-action=\"override\">\
             <value>@(context.Request.IpAddress + \" \" + context.RequestId)</value></set-header></outbound>\
             <on-error><base/></on-error></policies>"
        )
    };
    let closed = "<policies><inbound><return-response><set-status code=\"403\" reason=\"Forbidden\"/>\
         </return-response></inbound><backend><base/></backend></policies>";
    let read = "<set-variable name=\"length\" value=\"@(context.Request.Body == null ? 0 : context.Request.Body.As<string>(preserveContent: true).Length)\"/>";
    let directory = Directory::new(&config)
        .api("open", &policy(""))
        .api("guarded", &policy(""))
        .api("closed", closed)
        .api("read", &policy(read));
    (backend, directory.start())
}

/// A request that must stay hidden, or stand on its own.
const NEXT: &str = "GET /open/next HTTP/1.1\r\nHost: a\r\n\r\n";

/// Inputs by name, and the targets at the backend that each must lead to. `¶` is the end of a line, `§` the hidden request.
const NAMED: &[(&str, &str, &[&str])] = &[
    // Content-Length and Transfer-Encoding.
    (
        "CL.TE",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 46¶Transfer-Encoding: chunked¶¶0¶¶§",
        &[],
    ),
    (
        "TE.CL",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶Content-Length: 4¶¶24¶§¶0¶¶",
        &[],
    ),
    (
        "CL.TE, length of nothing",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 0¶Transfer-Encoding: chunked¶¶24¶§¶0¶¶",
        &[],
    ),
    (
        "CL.TE on a GET",
        "GET /open/1 HTTP/1.1¶Host: a¶Content-Length: 5¶Transfer-Encoding: chunked¶¶0¶¶§",
        &[],
    ),
    ("TE in HTTP/1.0", "POST /open/1 HTTP/1.0¶Host: a¶Transfer-Encoding: chunked¶¶0¶¶§", &[]),
    (
        "TE in HTTP/1.0, kept alive",
        "POST /open/1 HTTP/1.0¶Host: a¶Connection: keep-alive¶Transfer-Encoding: chunked¶¶0¶¶§",
        &[],
    ),
    ("CL in HTTP/1.0", "POST /open/1 HTTP/1.0¶Host: a¶Content-Length: 2¶¶hi§", &["/base/1"]),
    ("0.CL", "GET /open/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &["/base/1"]),
    ("0.CL, the body is a request", "DELETE /open/1 HTTP/1.1¶Host: a¶Content-Length: 37¶¶§", &[]),
    ("0.CL, folded", "GET /open/1 HTTP/1.1¶Host: a¶Content-Length:¶ 36¶¶§", &[]),
    ("0.CL, blank before the colon", "GET /open/1 HTTP/1.1¶Host: a¶Content-Length : 36¶¶§", &[]),
    ("CL.0", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &["/base/1"]),
    (
        "CL.0 with an early answer",
        "POST /open/1?early HTTP/1.1¶Host: a¶Content-Length: 36¶¶§",
        &["/base/1?early"],
    ),
    (
        "CL.0 on a path that is refused",
        "POST /closed/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§",
        &[],
    ),
    ("CL.0 without a key", "POST /guarded/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &[]),
    ("CL.0 on nothing", "POST /nowhere HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &[]),
    (
        "CL.0 on the probe",
        "POST /status-0123456789abcdef HTTP/1.1¶Host: a¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "a probe with a body",
        "GET /status-0123456789abcdef HTTP/1.1¶Host: a¶Content-Length: 36¶¶§",
        &[],
    ),
    ("CL.0 with a folder", "POST /open/ HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &["/base/"]),
    ("HEAD with a body", "HEAD /open/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &["/base/1"]),
    ("OPTIONS with a body", "OPTIONS /open/1 HTTP/1.1¶Host: a¶Content-Length: 36¶¶§", &["/base/1"]),
    (
        "two requests",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 2¶¶hi§",
        &["/base/1", "/base/next"],
    ),
    // Lengths.
    ("length +", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: +36¶¶§", &[]),
    ("length -", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: -1¶¶§", &[]),
    ("length 0x", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 0x24¶¶§", &[]),
    ("length 036", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 036¶¶§", &["/base/1"]),
    ("length 3 6", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 3 6¶¶§", &[]),
    ("length 36.0", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 36.0¶¶§", &[]),
    ("length 36e0", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 36e0¶¶§", &[]),
    ("length 1_0", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 3_6¶¶§", &[]),
    ("length with a vertical tab", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: \u{b}36¶¶§", &[]),
    ("length in Arabic digits", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: ٣٦¶¶§", &[]),
    ("length 36, 36", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 36, 36¶¶§", &[]),
    ("length 1,1", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 1,1¶¶x§", &[]),
    ("length 0,36", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 0,36¶¶§", &[]),
    (
        "lengths twice",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 36¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "lengths that differ",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 0¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "lengths that differ, other case",
        "POST /open/1 HTTP/1.1¶Host: a¶CONTENT-LENGTH: 36¶content-length: 0¶¶§",
        &[],
    ),
    ("length of nothing", "POST /open/1 HTTP/1.1¶Host: a¶Content-Length:¶¶§", &[]),
    (
        "length beyond 64 bits",
        "POST /open/1 HTTP/1.1¶Host: a¶Content-Length: 18446744073709551652¶¶§",
        &[],
    ),
    ("length beyond 32 bits", "POST /closed/1 HTTP/1.1¶Host: a¶Content-Length: 4294967332¶¶§", &[]),
    (
        "underscore in the length",
        "POST /open/1 HTTP/1.1¶Host: a¶Content_Length: 36¶¶§",
        &["/base/1", "/base/next"],
    ),
    // Lines.
    ("bare LF behind the head", "GET /open/1 HTTP/1.1\nHost: a\n\n§", &[]),
    ("bare LF behind the first line", "GET /open/1 HTTP/1.1\nHost: a¶¶§", &[]),
    ("bare LF behind a header", "GET /open/1 HTTP/1.1¶Host: a\nX: b¶¶§", &[]),
    ("bare LF before a length", "POST /open/1 HTTP/1.1¶Host: a¶X: b\nContent-Length: 36¶¶§", &[]),
    ("bare LF at the end", "GET /open/1 HTTP/1.1¶Host: a¶\n§", &[]),
    ("bare CR in a value", "POST /open/1 HTTP/1.1¶Host: a¶X: b\rContent-Length: 36¶¶§", &[]),
    ("bare CR behind the first line", "GET /open/1 HTTP/1.1\rHost: a¶¶§", &[]),
    ("CR CR LF", "GET /open/1 HTTP/1.1\r\r\nHost: a¶¶§", &[]),
    ("LF CR", "GET /open/1 HTTP/1.1\n\rHost: a\n\r\n\r§", &[]),
    ("NUL in a value", "GET /open/1 HTTP/1.1¶Host: a¶X: \0¶¶§", &[]),
    ("NUL in a name", "GET /open/1 HTTP/1.1¶Host: a¶X\0: b¶¶§", &[]),
    ("folded", "GET /open/1 HTTP/1.1¶Host: a¶X: b¶ c¶¶§", &[]),
    ("folded with a tab", "GET /open/1 HTTP/1.1¶Host: a¶X: b¶\tc¶¶§", &[]),
    ("folded before any header", "GET /open/1 HTTP/1.1¶ Content-Length: 36¶Host: a¶¶§", &[]),
    ("folded host", "GET /open/1 HTTP/1.1¶Host:¶ a¶¶§", &[]),
    ("no colon", "GET /open/1 HTTP/1.1¶Host: a¶X¶¶§", &[]),
    ("no name", "GET /open/1 HTTP/1.1¶Host: a¶: b¶¶§", &[]),
    ("a name with a blank", "GET /open/1 HTTP/1.1¶Host: a¶X Y: b¶¶§", &[]),
    ("a name with a tab before the colon", "GET /open/1 HTTP/1.1¶Host: a¶X\t: b¶¶§", &[]),
    ("a blank line before", "¶GET /open/1 HTTP/1.1¶Host: a¶¶§", &["/base/1", "/base/next"]),
    ("a byte order mark", "\u{feff}GET /open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("no blank in the first line", "GET/open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("a tab in the first line", "GET\t/open/1\tHTTP/1.1¶Host: a¶¶§", &[]),
    ("a target with a blank", "GET /open/1 x HTTP/1.1¶Host: a¶¶§", &[]),
    ("HTTP/0.9", "GET /open/1¶¶§", &[]),
    ("HTTP/2.0 in HTTP/1", "GET /open/1 HTTP/2.0¶Host: a¶¶§", &[]),
    ("HTTP/1.2", "GET /open/1 HTTP/1.2¶Host: a¶¶§", &[]),
    ("http/1.1", "GET /open/1 http/1.1¶Host: a¶¶§", &[]),
    ("HTTP/01.1", "GET /open/1 HTTP/01.1¶Host: a¶¶§", &[]),
    ("the preface of HTTP/2", "PRI * HTTP/2.0¶¶SM¶¶§", &[]),
    // Chunks.
    (
        "chunks",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2¶hi¶0¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "chunk with an extension",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2;a=\"b\"¶hi¶0;c¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "extension with a bare LF",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2;\nxx¶31¶0¶¶§¶0¶¶",
        &[],
    ),
    (
        "extension with a bare CR",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2;\rxx¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk size and LF",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2\nhi¶0¶¶§",
        &[],
    ),
    ("chunk and LF", "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2¶hi\n0¶¶§", &[]),
    ("last chunk and LF", "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0\n\n§", &[]),
    ("chunk size 0x", "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0x2¶hi¶0¶¶§", &[]),
    ("chunk size +", "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶+2¶hi¶0¶¶§", &[]),
    ("chunk size -", "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶-2¶hi¶0¶¶§", &[]),
    (
        "chunk size of nothing",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk size behind a blank",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶ 2¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk size with an underscore",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0_2¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk size beyond 64 bits",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶10000000000000002¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk size at the end of 64 bits",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶FFFFFFFFFFFFFFFE¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk longer than it says",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶1¶hi¶0¶¶§",
        &[],
    ),
    (
        "chunk that ends without CR LF",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶2¶hiXX0¶¶§",
        &[],
    ),
    (
        "chunk that is not all there",
        "POST /read/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶F0¶§",
        &[],
    ),
    (
        "trailers",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0¶X: y¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "trailers about the framing",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0¶Content-Length: 36¶x-marker: 1¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "trailers that are a request",
        "POST /open/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶0¶§",
        &[],
    ),
    // Changes of the protocol.
    (
        "upgrade that is not taken up",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: websocket¶Sec-WebSocket-Version: 13¶Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "upgrade with a body",
        "POST /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: websocket¶Content-Length: 36¶¶§",
        &["/base/1"],
    ),
    (
        "a GET to be upgraded, with a body",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: websocket¶Content-Length: 36¶¶§",
        &["/base/1"],
    ),
    (
        "upgrade on a path that is refused",
        "GET /closed/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: websocket¶¶§",
        &["/base/next"],
    ),
    (
        "h2c",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade, HTTP2-Settings¶Upgrade: h2c¶HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "h2c and websocket",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: h2c, websocket¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "a switch that was not asked for",
        "GET /open/1?switch HTTP/1.1¶Host: a¶¶§",
        &["/base/1?switch", "/base/next"],
    ),
    (
        "TLS in HTTP",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: Upgrade¶Upgrade: TLS/1.0¶¶§",
        &["/base/1", "/base/next"],
    ),
    // Answers before the body has come.
    (
        "expected and refused",
        "POST /closed/1 HTTP/1.1¶Host: a¶Expect: 100-continue¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "expected, without a key",
        "POST /guarded/1 HTTP/1.1¶Host: a¶Expect: 100-continue¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "expected",
        "POST /open/1 HTTP/1.1¶Host: a¶Expect: 100-continue¶Content-Length: 36¶¶§",
        &["/base/1"],
    ),
    (
        "expected, answered early",
        "POST /open/1?early HTTP/1.1¶Host: a¶Expect: 100-continue¶Content-Length: 36¶¶§",
        &["/base/1?early"],
    ),
    (
        "expected twice",
        "POST /open/1 HTTP/1.1¶Host: a¶Expect: 100-continue¶Expect: 100-continue¶Content-Length: 36¶¶§",
        &["/base/1"],
    ),
    (
        "expected something else",
        "POST /closed/1 HTTP/1.1¶Host: a¶Expect: y 100-continue¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "expected without a body",
        "GET /open/1 HTTP/1.1¶Host: a¶Expect: 100-continue¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "closed by the backend",
        "POST /open/1?close HTTP/1.1¶Host: a¶Content-Length: 2¶¶hi§",
        &["/base/1?close", "/base/next"],
    ),
    (
        "closed by the client",
        "POST /open/1 HTTP/1.1¶Host: a¶Connection: close¶Content-Length: 2¶¶hi§",
        &["/base/1"],
    ),
    (
        "refused, then another",
        "POST /closed/1 HTTP/1.1¶Host: a¶Content-Length: 2¶¶hi§",
        &["/base/next"],
    ),
    (
        "refused chunks, then another",
        "POST /closed/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶24¶§¶0¶¶§",
        &["/base/next"],
    ),
    ("refused bad chunks", "POST /closed/1 HTTP/1.1¶Host: a¶Transfer-Encoding: chunked¶¶zz¶§", &[]),
    // Who is asked.
    ("no host", "GET /open/1 HTTP/1.1¶¶§", &[]),
    ("two hosts", "GET /open/1 HTTP/1.1¶Host: a¶Host: b¶¶§", &[]),
    ("the same host twice", "GET /open/1 HTTP/1.1¶Host: a¶Host: a¶¶§", &[]),
    ("a list of hosts", "GET /open/1 HTTP/1.1¶Host: a, b¶¶§", &[]),
    ("a host with a user", "GET /open/1 HTTP/1.1¶Host: b@a¶¶§", &[]),
    ("a host with a path", "GET /open/1 HTTP/1.1¶Host: a/open¶¶§", &[]),
    ("a host with a query", "GET /open/1 HTTP/1.1¶Host: a?b¶¶§", &[]),
    ("a host with a wild port", "GET /open/1 HTTP/1.1¶Host: a:80x¶¶§", &[]),
    ("a host that breaks the line", "GET /open/1 HTTP/1.1¶Host: a\0b¶¶§", &[]),
    ("the absolute form", "GET http://a/open/1 HTTP/1.1¶Host: a¶¶§", &["/base/1", "/base/next"]),
    ("the absolute form of another host", "GET http://b/open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("the absolute form of another port", "GET http://a:81/open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("the absolute form with a user", "GET http://b@a/open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("the absolute form of another scheme", "GET file://a/open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("a target that is an authority", "GET a:80 HTTP/1.1¶Host: a¶¶§", &[]),
    (
        "a target with a fragment",
        "GET /closed/1#/../../open/1 HTTP/1.1¶Host: a¶¶§",
        &["/base/next"],
    ),
    ("CONNECT", "CONNECT a:80 HTTP/1.1¶Host: a:80¶¶§", &[]),
    ("TRACE", "TRACE /open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("an unknown method", "BREW /open/1 HTTP/1.1¶Host: a¶¶§", &["/base/1", "/base/next"]),
    ("a method of odd letters", "G@T /open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("a method with a CR", "GET\r /open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    ("no method", " /open/1 HTTP/1.1¶Host: a¶¶§", &[]),
    (
        "bytes of no encoding in the target",
        "GET /open/1\u{e9} HTTP/1.1¶Host: a¶¶§",
        &["/base/1%C3%A9", "/base/next"],
    ),
    ("a NUL in the target", "GET /open/1\0 HTTP/1.1¶Host: a¶¶§", &[]),
    ("a line in the target", "GET /open/1\r\nHost:b HTTP/1.1¶Host: a¶¶§", &[]),
    ("an encoded line in the target", "GET /open/1%0d%0aX:y HTTP/1.1¶Host: a¶¶§", &["/base/next"]),
    (
        "an encoded line in the query",
        "GET /open/1?q=%0d%0aX:y HTTP/1.1¶Host: a¶¶§",
        &["/base/1?q=%0d%0aX:y", "/base/next"],
    ),
    (
        "the mark of a policy",
        "GET /open/1 HTTP/1.1¶Host: a¶x-marker: 127.0.0.9 x¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "the mark of a policy, nominated",
        "GET /open/1 HTTP/1.1¶Host: a¶Connection: x-marker¶¶§",
        &["/base/1", "/base/next"],
    ),
    (
        "the length, nominated",
        "POST /open/1 HTTP/1.1¶Host: a¶Connection: content-length¶Content-Length: 36¶¶§",
        &[],
    ),
    (
        "the coding, nominated",
        "POST /open/1 HTTP/1.1¶Host: a¶Connection: transfer-encoding¶Transfer-Encoding: chunked¶¶0¶¶§",
        &["/base/1", "/base/next"],
    ),
];

fn bytes_of(template: &str) -> Vec<u8> {
    template.replace('§', NEXT).replace('¶', "\r\n").into_bytes()
}

/// Ways to write a coding; each stands alone and beside every length.
const CODINGS: &[&str] = &[
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:chunked\r\n",
    "Transfer-Encoding: \t chunked \t\r\n",
    "TRANSFER-ENCODING: CHUNKED\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    "Transfer-Encoding\r\n: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "\tTransfer-Encoding: chunked\r\n",
    "X: y\r\n Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding:\n chunked\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: 'chunked'\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: chunked; x\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding: chunked, cow\r\n",
    "Transfer-Encoding: cow, chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: chunked identity\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: \u{b}chunked\r\n",
    "Transfer-Encoding: \u{c}chunked\r\n",
    "Transfer-Encoding: chunked\u{b}\r\n",
    "Transfer-Encoding: \0chunked\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding: \u{a0}chunked\r\n",
    "Transfer-Encoding: chun\u{212a}ed\r\n",
    "Transfer-Encoding: chunked\r\r\n",
    "Transfer-Encoding: chunked\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "X: y\r\n\rTransfer-Encoding: chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding\0: chunked\r\n",
    "Transfer-\u{212a}: chunked\r\n",
    "\u{fe}Transfer-Encoding: chunked\r\n",
    "Content-Encoding: chunked\r\n",
    "TE: chunked\r\n",
];

const LENGTHS: &[&str] = &[
    "",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 41\r\n",
    "Content-Length: 6\r\nContent-Length: 5\r\n",
    "Content-Length : 5\r\n",
    "Content_Length: 5\r\n",
];

/// Bodies whose end differs with the reading: in chunks, with a length, and without either.
fn product() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for version in ["1.1", "1.0"] {
        for coding in CODINGS {
            for length in LENGTHS {
                for body in ["0\r\n\r\n§", "24\r\n§\r\n0\r\n\r\n", "§"] {
                    for is_first in [true, false] {
                        if version == "1.0" && !is_first {
                            continue;
                        }
                        let (one, two) = if is_first { (coding, length) } else { (length, coding) };
                        let text = format!(
                            "POST /open/1 HTTP/{version}\r\nHost: a\r\n{one}{two}\r\n{body}§"
                        );
                        inputs.push(bytes_of(&text));
                    }
                }
            }
        }
    }
    inputs
}

/// What mutations put in.
const SPICES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r",
    b"\0",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b":",
    b",",
    b";",
    b"0",
    b"1",
    b"9",
    b"+",
    b"-",
    b"0x",
    b"_",
    b"\"",
    b"/",
    b"//",
    b"?",
    b"#",
    b"%",
    b"%0d%0a",
    b"%00",
    b"\\",
    b"..",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc2\xa0",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"chunked",
    b"0\r\n\r\n",
    b"\r\n\r\n",
    b"Host: b\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 36\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"Connection: content-length\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\n",
    b"GET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n",
];

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.of(seeds).clone();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1));
        let spice = random.of(SPICES);
        match random.below(8) {
            0 | 1 => drop(bytes.splice(at..at, spice.iter().copied())),
            2 => drop(bytes.splice(at..(at + spice.len()).min(bytes.len()), spice.iter().copied())),
            3 => drop(bytes.drain(at..(at + 1 + random.below(4)).min(bytes.len()))),
            4 => {
                let line = line_around(&bytes, at);
                let again = bytes[line.clone()].to_vec();
                bytes.splice(line.start..line.start, again);
            }
            5 => drop(bytes.drain(line_around(&bytes, at))),
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x20;
                }
            }
            _ => {
                let other = random.of(seeds);
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

fn line_around(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |it| it + 1);
    let end =
        bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |it| at + it + 1);
    start..end
}

/// What RFC 9112 finds in the bytes of a client, up to the first thing that is wrong: method, target and body.
fn meant(mut bytes: &[u8]) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    while let Ok(Some((head, body, length))) = parse(bytes, Reading::Client) {
        let method = head.split(' ').next().unwrap_or_default().to_owned();
        all.push((method, target(&head).to_owned(), body));
        bytes = &bytes[length..];
    }
    all
}

/// Whether a target is, or may be, what becomes of another one on the way. Only letters and digits are compared: what else
/// stands in a target may be written in other ways.
fn becomes(sent: &str, arrived: &str) -> bool {
    if sent.contains(|c: char| !c.is_ascii_graphic() || "\"<>#{}|%".contains(c)) {
        return true;
    }
    let sent = sent
        .split_once("://")
        .map_or(sent, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let sent = plain(sent);
    ["open", "read"].iter().any(|api| {
        sent.strip_prefix(api).is_some_and(|rest| plain(arrived) == format!("base{rest}"))
    })
}

/// What came of an input.
#[derive(Debug)]
struct Outcome {
    /// Requests at the backend, in order.
    arrived: Vec<(String, String)>,
    /// What the client got.
    answers: String,
}

/// Sends all inputs and looks at what came of them.
async fn drive(inputs: &[Vec<u8>]) -> Vec<Outcome> {
    let (backend, gateway) = start().await;
    let http = gateway.http;
    let sending = inputs.iter().enumerate().map(async |(n, bytes)| {
        let mut stream = connect_from(n, http).await;
        String::from_utf8_lossy(&talk(&mut stream, bytes).await).into_owned()
    });
    let answers: Vec<_> = futures::stream::iter(sending).buffered(AT_ONCE).collect().await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let mut arrived: HashMap<String, Vec<(String, String)>> = HashMap::new();
    let mut marks = HashSet::new();
    for (head, body) in seen.requests {
        let mark = values(&head, "x-marker").join("");
        assert!(!body.contains("x-marker: "), "a request became a body: {head}\n{body}");
        assert!(marks.insert(mark.clone()), "one approval, two requests: {head}");
        let from = mark.split(' ').next().unwrap_or_default().to_owned();
        arrived.entry(from).or_default().push((head, body));
    }
    let mut wrong = Vec::new();
    let outcomes: Vec<Outcome> = answers
        .into_iter()
        .enumerate()
        .map(|(n, answers)| {
            let arrived = arrived.remove(&source(n).to_string()).unwrap_or_default();
            let outcome = Outcome { arrived, answers };
            if let Err(why) = check(&inputs[n], &outcome, n) {
                wrong.push(format!(
                    "{why}: {:?}\n{outcome:#?}",
                    String::from_utf8_lossy(&inputs[n])
                ));
            }
            outcome
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} inputs:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(SHOWN)].join("\n")
    );
    assert!(arrived.is_empty(), "requests of nobody: {arrived:?}");
    outcomes
}

fn check(input: &[u8], outcome: &Outcome, n: usize) -> Result<(), String> {
    let mut meant = meant(input);
    let n_meant = meant.len();
    for (head, body) in &outcome.arrived {
        let method = head.split(' ').next().unwrap_or_default();
        let found = meant.iter().position(|(known, sent, sent_body)| {
            known == method && sent_body == body && becomes(sent, target(head))
        });
        meant.remove(found.ok_or_else(|| format!("nobody sent {:?}", target(head)))?);
    }
    // Answers to this client are to its own requests, and none is another's.
    let heads = outcome.answers.split("HTTP/1.1 ").skip(1);
    let finals: Vec<&str> = heads.filter(|head| !head.starts_with("100")).collect();
    if finals.len() > n_meant + 1 {
        return Err("more answers than requests".to_owned());
    }
    let own = format!("{} ", source(n));
    for head in finals {
        let [served, echoed] = ["x-served", "x-echo"].map(|name| values(head, name).join(""));
        if !(served.is_empty() || served.starts_with(&own))
            || !(echoed.is_empty() || echoed == served)
        {
            return Err("the answer to another request".to_owned());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_framing_has_one_meaning_or_is_refused() {
    let began = Instant::now();
    let inputs: Vec<Vec<u8>> = NAMED.iter().map(|(_, template, _)| bytes_of(template)).collect();
    let outcomes = drive(&inputs).await;
    let mut wrong = Vec::new();
    for ((name, template, expected), outcome) in NAMED.iter().zip(&outcomes) {
        let targets: Vec<&str> = outcome.arrived.iter().map(|(head, _)| target(head)).collect();
        if targets != *expected {
            wrong.push(format!(
                "{name}: {template:?}\n    {targets:?}, not {expected:?}\n    {}",
                outcome.answers
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let product = product();
    let n_arrived: usize = drive(&product).await.iter().map(|it| it.arrived.len()).sum();
    assert!(n_arrived > 100, "only {n_arrived} requests were understood");
    let n_named: usize = outcomes.iter().map(|it| it.arrived.len()).sum();
    let more = format!("{} requests with one meaning arrived as they were", n_arrived + n_named);
    tell("HTTP/1.1 framings", inputs.len() + product.len(), began, &more);
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_requests_are_what_they_say_or_nothing() {
    const N_MUTATIONS: usize = 4_000;
    let began = Instant::now();
    let seeds: Vec<Vec<u8>> = NAMED.iter().map(|(_, template, _)| bytes_of(template)).collect();
    let mut random = Random(0x7011_9a7e);
    let inputs: Vec<Vec<u8>> = (0..N_MUTATIONS).map(|_| mutate(&mut random, &seeds)).collect();
    let n_arrived: usize = drive(&inputs).await.iter().map(|it| it.arrived.len()).sum();
    assert!(n_arrived > 500, "only {n_arrived} requests were understood");
    let more = format!("{n_arrived} requests with one meaning arrived as they were");
    tell("HTTP/1.1 mutations", inputs.len(), began, &more);
}
