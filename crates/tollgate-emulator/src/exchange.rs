//! One request in the hands of a service.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Version};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use crate::pairs::Pairs;
use crate::recorder::Recorder;
use crate::reply::Closed;

/// Bytes of a body that are read; a longer one ends the connection.
const MAX_BODY: usize = 64 << 20;

/// How a request came in.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// `http://127.0.0.1:port` or `https://localhost:port`.
    pub(crate) origin: String,
    /// Its number in the record.
    pub(crate) id: u64,
    /// The client's certificate (DER), if it showed one.
    pub(crate) certificate: Option<Arc<[u8]>>,
    /// Becomes true when the emulator stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// One request: its head, its body while unread, and how it came in.
#[derive(Debug)]
pub(crate) struct Exchange {
    parts: Parts,
    body: Option<Incoming>,
    read: Bytes,
    arrival: Arrival,
    recorder: Recorder,
}

impl Exchange {
    pub(crate) fn new(parts: Parts, body: Incoming, arrival: Arrival, recorder: Recorder) -> Self {
        Self { parts, body: Some(body), read: Bytes::new(), arrival, recorder }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(crate) fn version(&self) -> Version {
        self.parts.version
    }

    pub(crate) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// The path's segments, decoded; an empty last one (a slash at the end) is kept.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path();
        path.strip_prefix('/')
            .unwrap_or(path)
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }

    pub(crate) fn query(&self) -> Pairs {
        Pairs::parse(self.parts.uri.query().unwrap_or_default())
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The first value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Whether the body says it is of `media_type`, parameters aside.
    pub(crate) fn has_content_type(&self, media_type: &str) -> bool {
        let sent = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
    }

    /// `http://127.0.0.1:port` or `https://localhost:port`: the listener that the request came in by.
    pub(crate) fn origin(&self) -> &str {
        &self.arrival.origin
    }

    /// The whole body; later calls give the same again.
    pub(crate) async fn body(&mut self) -> Result<Bytes, Closed> {
        if let Some(mut body) = self.body.take() {
            let mut read = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|_| Closed)?.into_data() else { continue };
                if read.len() + data.len() > MAX_BODY {
                    return Err(Closed);
                }
                read.extend_from_slice(&data);
            }
            self.read = read.freeze();
            self.record_body(&self.read);
        }
        Ok(self.read.clone())
    }

    /// The unread body, for a service that wants it in pieces and records what it likes of it.
    pub(crate) fn take_body(&mut self) -> Option<Incoming> {
        self.body.take()
    }

    /// Records `body` as what was received.
    pub(crate) fn record_body(&self, body: &Bytes) {
        self.recorder.body(self.arrival.id, body);
    }

    /// The client's certificate (DER), if it showed one.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.arrival.certificate.as_deref()
    }

    /// The connection, once the answer with status 101 is written.
    pub(crate) fn upgrade(&mut self) -> Option<OnUpgrade> {
        self.parts.extensions.remove::<OnUpgrade>()
    }

    /// Becomes true when the emulator stops.
    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.arrival.stop.clone()
    }
}
