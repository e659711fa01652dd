//! Settings that hold for the whole gateway.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

/// Bounds on what clients and backends may send; `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's header.
    pub header_bytes: usize,
    /// Number of header lines.
    pub header_count: usize,
    /// Bytes of the request target.
    pub uri_bytes: usize,
    /// Bytes of a body that is buffered.
    pub buffered_body: usize,
    /// Bytes of a buffered body after decoding.
    pub inflated_body: usize,
    /// Bytes that all buffered bodies of the process may hold together.
    pub buffers_total: usize,
    /// Requests of clients that are being worked on at once.
    pub requests: usize,
    /// How long work may wait for a processor before requests are refused.
    pub queueing_delay: Duration,
    /// Connections per listener.
    pub connections: usize,
    /// Requests per client connection.
    pub requests_per_connection: u32,
    /// Requests that policies of one request may make.
    pub policy_requests: usize,
    /// Requests under way in the whole process that no policy waits for.
    pub one_way_requests: usize,
}

/// Time-outs; `[timeouts]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// TLS handshake with a client.
    pub tls_handshake: Duration,
    /// The whole header of a request.
    pub request_header: Duration,
    /// Between two reads of a request's body.
    pub request_body: Duration,
    /// One write to a client.
    pub client_write: Duration,
    /// An idle client connection.
    pub keep_alive: Duration,
    /// Connecting to a backend, TLS included.
    pub backend_connect: Duration,
    /// A backend's status and headers; `forward-request timeout` overrides it.
    pub backend_first_byte: Duration,
    /// Between two reads of a response's body; none is unlimited. Event streams and WebSocket are never limited.
    pub backend_body: Option<Duration>,
    /// One write to a backend.
    pub backend_write: Duration,
    /// An idle backend connection in the pool.
    pub backend_idle: Duration,
    /// A request of a policy, from beginning to end; the policy's `timeout` overrides it.
    pub policy_request: Duration,
    /// Requests in flight when the gateway stops.
    pub graceful_stop: Duration,
}

/// Listeners; `[listen]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListenSettings {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// Health, metrics, status.
    pub admin: Option<SocketAddr>,
    /// Whether HTTPS asks clients for a certificate.
    pub client_certificates: ClientCertificates,
    /// Whether the plain listener also speaks HTTP/2 with prior knowledge.
    pub h2c: bool,
    /// Peers whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Headers that only they may set: removed from the requests of everybody else.
    pub identity_headers: Vec<HeaderName>,
    /// Whether trusted peers begin connections with the PROXY protocol.
    pub proxy_protocol: bool,
}

/// Whether the HTTPS listener asks clients for a certificate. Whom to believe is decided by policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It does not ask.
    #[default]
    Off,
    /// It asks, and goes on without one.
    Optional,
    /// It asks, and closes the connection without one.
    Required,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 << 10,
            header_count: 200,
            uri_bytes: 16 << 10,
            buffered_body: 8 << 20,
            inflated_body: 32 << 20,
            buffers_total: 1 << 30,
            requests: 16_384,
            queueing_delay: Duration::from_millis(50),
            connections: 10_000,
            requests_per_connection: 1_000,
            policy_requests: 32,
            one_way_requests: 256,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tls_handshake: Duration::from_secs(10),
            request_header: Duration::from_secs(15),
            request_body: Duration::from_mins(1),
            client_write: Duration::from_mins(1),
            keep_alive: Duration::from_secs(75),
            backend_connect: Duration::from_secs(5),
            backend_first_byte: Duration::from_mins(5),
            backend_body: None,
            backend_write: Duration::from_mins(1),
            backend_idle: Duration::from_secs(90),
            policy_request: Duration::from_mins(1),
            graceful_stop: Duration::from_secs(30),
        }
    }
}
