//! Reference text of `cors`.

pub(super) const DOCS: &str = r#"Lets scripts of other sites call: answers the preflights of browsers, and puts on responses what lets scripts read them.

```xml
<cors allow-credentials="true">
    <allowed-origins>
        <origin>https://app.contoso.com</origin>
        <origin>http://localhost:3000/</origin>
    </allowed-origins>
    <allowed-methods preflight-result-max-age="300">
        <method>GET</method>
        <method>PUT</method>
    </allowed-methods>
    <allowed-headers>
        <header>Authorization</header>
    </allowed-headers>
    <expose-headers>
        <header>X-Request-Id</header>
    </expose-headers>
</cors>
```

A preflight is a request with the method `OPTIONS` and the headers `Origin` and `Access-Control-Request-Method` for which
no operation `OPTIONS` is defined. It needs no subscription key, and of all policies only `cors` is asked: those that
stand directly in `inbound` or in a fragment there, at the scopes that the request would have that it asks for. When site,
method and headers are all allowed, the answer is a 200 that says so. Otherwise it is an empty 200, at once with
`terminate-unmatched-request`, else when no other `cors` allows it. Without any `cors` a preflight is a request like others.

Any other request with an `Origin` is judged by the site alone. When it is allowed, the response gets
`Access-Control-Allow-Origin`, with `allow-credentials` and `expose-headers` what belongs to them; whoever makes the
response, the backend, a policy or an error, and in place of what it has. When it is not, it ends with an empty 200, or
without `terminate-unmatched-request` goes on without these headers. The first policy that allows a request is the one
that counts. Requests without `Origin` pass untouched.

Differences from Azure:

- `terminate-unmatched-request` is `true` when it is left out; Microsoft's table says `false`, its text `true`.
- With `*` as `origin` and `allow-credentials` the answer names the site that asks, because browsers do not take `*` then;
  that is a warning at load.
- `allowed-headers` may be left out, as documents in the field do; Microsoft's table asks for it.
- Answers that name a site say `Vary: Origin`.
- `*` as `method` or as `header` answers with the method or the headers that the preflight asks for.
- Schemes and hosts compare without regard to case, the port of the scheme is the same as none, a path is left out;
  an `origin` that no browser sends, such as `https://*.contoso.com`, is a warning at load and never matches.
- An API without operations accepts every method; it has no operation `OPTIONS`, so `cors` answers its preflights.
- A `cors` inside `choose` or another policy is not asked about preflights; that is a warning at load.
- At product scope, preflights are in the context of the product only when it is open or the key is in the query.
"#;
