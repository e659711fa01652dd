pub(super) const DOCS: &str = r#"Checks path parameters, query parameters and headers of a request against those that the API's OpenAPI document
describes for the operation: that required ones are there, that their text can be read as their type, and that the value matches the
schema. With `prevent` the client gets a 400 that says what is wrong, with `detect` the errors are only recorded.

```xml
<validate-parameters specified-parameter-action="prevent" unspecified-parameter-action="prevent" errors-variable-name="errors">
    <headers specified-parameter-action="detect" unspecified-parameter-action="detect">
        <parameter name="Authorization" action="prevent" />
        <parameter name="User-Agent" action="ignore" />
    </headers>
</validate-parameters>
```

The formats `int32` and `int64` are ranges. An action is taken from the `parameter` of this name, else from `headers`, `query` or `path`, else from the policy. Lists and objects are
read as `style` and `explode` say.

Differences from Azure:

- Headers that frame a message (`Connection`, `Content-Encoding`, `Content-Length`, `Content-Type`, `Date`, `Expect`, `Keep-Alive`, `TE`,
  `Trailer`, `Transfer-Encoding`, `Upgrade`), those that the gateway sets (`X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto`,
  `traceparent`, `tracestate`) and the API's subscription key do not count as unspecified unless a `parameter` names them; Azure does not
  say.
- A missing parameter that is required does not conform; Azure's list of errors does not name that. (A request without a required query
  parameter is not matched to the operation in the first place.)
- Cookies are not looked at.
- An operation without a description has the parameters of its template, with any value.
- `errors-variable-name` gets a `JArray` of at most 100 errors.
"#;
