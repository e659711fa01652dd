pub(super) const DOCS: &str = r#"Checks the size of a body, and its content against a schema: the one that the API's OpenAPI document describes for
the operation and the content type, or one of `[schemas]`. What is checked depends on the content type, which `content-type-map` may
replace. With `prevent` the client gets a 400 that says what is wrong, or a 502 that does not when it is the response; with `detect` the
errors are only recorded.

```xml
<validate-content unspecified-content-type-action="prevent" max-size="102400" size-exceeded-action="prevent" errors-variable-name="errors">
    <content-type-map missing-content-type-value="application/json">
        <type from="application/hal+json" to="application/json" />
    </content-type-map>
    <content type="application/json" validate-as="json" action="prevent" allow-additional-properties="false" />
</validate-content>
```

Schemas are compiled at load. A body is read only when something of it is to be checked, and its size is taken from `Content-Length` where
that says it. Schemas of `[schemas]` may refer to each other: by name, as `/schemas/<name>`, by `$id`, or by file. The formats `int32` and
`int64` are ranges.

Differences from Azure:

- `validate-as="xml"` and `validate-as="soap"` check that the body is well-formed XML without a DTD, and that an envelope is one; there is no
  validator of XML schemas (XSD) to check more with, and `schema-id` is refused there.
- `max-size` may be larger than Azure's 4 MB; bodies that are read are bounded by `limits.buffered-body`. What is longer than
  both is told as `more than` that limit when it does not announce its length; with `detect` it is recorded, and the request
  fails all the same with 413, or a response with 502, because what was read cannot be sent on.
- Without a description of the API each content type is unspecified for which there is no `content` of its own.
- A JSON body that repeats a property, or nests deeper than 128 levels, cannot be validated. With `case-insensitive-property-names`, two
  names that differ only in case are a repetition.
- A request without a body passes unless the description requires one. A content type without a schema may have any JSON.
- `allow-additional-properties="false"` also refuses the properties of a map (`additionalProperties` with a schema); properties that any
  part of an `allOf`, `anyOf` or `oneOf` names are known.
- An event stream is not measured against `max-size`: it has no end to wait for.
- A pattern with look-around or back-references is given up after 10,000 steps, and the value does not conform.
- Of the errors of a body only the first is reported. `errors-variable-name` gets a `JArray`.
"#;
