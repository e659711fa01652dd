//! `[limits]` and `[timeouts]`.

use super::toml_file::Table;
use super::{count, duration, optional_duration};
use crate::{Limits, Timeouts};

pub(super) fn limits(table: Option<Table<'_>>) -> Limits {
    let default = Limits::of_machine();
    Limits {
        header_bytes: count(table, "header-bytes", default.header_bytes),
        header_count: count(table, "header-count", default.header_count),
        uri_bytes: count(table, "uri-bytes", default.uri_bytes),
        buffered_body: count(table, "buffered-body", default.buffered_body),
        inflated_body: count(table, "inflated-body", default.inflated_body),
        buffers_total: count(table, "buffers-total", default.buffers_total),
        requests: count(table, "requests", default.requests),
        queueing_delay: duration(table, "queueing-delay", default.queueing_delay),
        connections: count(table, "connections", default.connections),
        requests_per_connection: count(
            table,
            "requests-per-connection",
            default.requests_per_connection,
        ),
        policy_requests: count(table, "policy-requests", default.policy_requests),
        one_way_requests: count(table, "one-way-requests", default.one_way_requests),
    }
}

pub(super) fn expression_limits(table: Option<Table<'_>>) -> tollgate_engine::ExpressionLimits {
    let default = tollgate_engine::ExpressionLimits::default();
    tollgate_engine::ExpressionLimits {
        steps: count(table, "expression-steps", default.steps),
        memory: count(table, "expression-memory", default.memory),
        ..default
    }
}

pub(super) fn timeouts(table: Option<Table<'_>>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        tls_handshake: duration(table, "tls-handshake", default.tls_handshake),
        request_header: duration(table, "request-header", default.request_header),
        request_body: duration(table, "request-body", default.request_body),
        client_write: duration(table, "client-write", default.client_write),
        keep_alive: duration(table, "keep-alive", default.keep_alive),
        backend_connect: duration(table, "backend-connect", default.backend_connect),
        backend_first_byte: duration(table, "backend-first-byte", default.backend_first_byte),
        backend_body: optional_duration(table, "backend-body"),
        backend_write: duration(table, "backend-write", default.backend_write),
        backend_idle: duration(table, "backend-idle", default.backend_idle),
        policy_request: duration(table, "policy-request", default.policy_request),
        graceful_stop: duration(table, "graceful-stop", default.graceful_stop),
    }
}
