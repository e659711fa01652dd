pub(super) const DOCS: &str = r#"Refuses requests without an acceptable certificate on the client's TLS connection. The HTTPS listener asks for one when
`listen.client-certificates` is `optional` or `required`, and accepts any whose key the client has: whom to believe is decided here.

```xml
<validate-client-certificate validate-revocation="false" validate-trust="true">
    <identities>
        <identity subject="CN=client, O=&quot;Contoso, Inc.&quot;" issuer-subject="CN=Contoso Authority" />
        <identity thumbprint="CA06F56B258B7A0D4F2B05470939478651151984" />
    </identities>
</validate-client-certificate>
```

A certificate is accepted when it passes all rules of the policy's attributes and, if there are identities, everything that one of them
gives. Otherwise the client gets a 401 with `Invalid client certificate`, and `context.LastError.Reason` is `ClientCertificateNotFound`,
`ClientCertificateNotYetValid`, `ClientCertificateExpired`, `ClientCertificateNotTrusted`, `ClientCertificateRevoked`,
`ClientCertificateRevocationUnknown` or `ClientCertificateIdentityNotMatched`.

Differences from Azure:

- `validate-revocation` looks at the lists of `ca-certificates.revocation-lists`; nothing is asked online. Each authority on the way to the
  root needs a list that is still valid, otherwise the certificate is refused; without any list the policy does not load. It needs trust,
  whatever `validate-trust` says.
- Azure's documents say nothing of status, reasons and texts: these are what gateways were seen to answer; the two of revocation are ours.
- Names compare without regard to case, in the order in which .NET writes them (`CN` first). `issuer-thumbprint` and
  `issuer-certificate-id` look at who signed the certificate, not only at its name.
- The certificate of an authority is no client's certificate.
- An `identity` without attributes is an error. One with a value that no certificate can have, such as a `subject` without `CN=` or an
  empty `common-name`, is a warning at load and nobody's.
"#;
