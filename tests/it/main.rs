//! Black-box tests: the real `tollgate` binary on free ports, against real servers on loopback.
//!
//! `harness` starts gateways and speaks HTTP; each other module is one theme. A bug fix adds a test that names its
//! issue.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "a test fails at a slice that is wrong")]

mod attacks;
mod body_sizes;
mod breakers;
mod cache;
mod calls;
mod canary;
mod cases;
mod certificates;
mod client_certificates;
mod commands;
mod content_safety;
mod cross_domain;
mod demo;
mod events;
mod examples;
mod harness;
mod identity;
mod jwt;
mod limits;
mod llm_logs;
mod load_time;
mod named_values;
mod operation;
mod otlp;
mod overload;
mod pools;
mod protocols;
mod readme;
mod redis;
mod reload;
mod retry;
mod semantic_cache;
mod smuggling;
mod streaming;
mod strict;
mod subscriptions;
mod tls;
mod token_limits;
