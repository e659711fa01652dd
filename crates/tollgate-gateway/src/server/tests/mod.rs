//! Servers over real sockets: raw clients for what no library would send, a raw backend for what none would answer.
//!
//! What is known to go wrong on pingora-core 0.9.1, and where it is pinned down:
//!
//! | trap | here |
//! |---|---|
//! | hop-by-hop and nominated headers travel on | `forwarding::headers_of_the_connection_stay_here_…`, `hop_by_hop` |
//! | authority: several, contradicting, with userinfo | `smuggling::two_framings_…`; over HTTP/2 pingora answers 400 itself |
//! | CONNECT is forwarded | 405: `smuggling`, `http2::limits_hold_over_http2` |
//! | a 101 nobody asked for | `forwarding::an_unasked_switch_…`, `websocket::a_wrong_switch_is_refused` |
//! | `response_duplex` panics on upgraded bodies | never called: after a 101 the sockets are copied, `wire::tunnel` |
//! | framing of unframed bodies, HEAD, 204, 304 | `forwarding::responses_without_a_body_…`, `streaming::a_response_that_ends_…` |
//! | stale connections of the pool | `forwarding::a_stale_connection_…`, `half_a_header_…`, `a_new_connection_…` |
//! | HTTP/2 refused, downgraded, reset | `http2::what_the_backend_has_not_looked_at_…`, `a_backend_without_http2_…` |
//! | trailers | `http2::http2_to_http2_with_trailers`; HTTP/1.1 trailers are dropped, which RFC 9110 §6.5.1 allows |
//! | deadlock while a write to the backend blocks | `streaming::an_early_answer_…`, also over HTTP/2; `limits::a_backend_that_does_not_read_…` |
//! | `HttpPeer::new` blocks and panics | not used: hosts go through `fetch::Resolve` |
//! | one stream per HTTP/2 connection | `http2::http1_to_http2_and_one_connection_for_many` |
//! | pools shared in spite of other trust | `tls::connections_are_not_shared_…`, `forwarding::guarded_addresses_…` |
//! | empty SNI switches verification off | not pingora's TLS: `tls::backends_are_verified_as_configured` |
//! | `Connector::new` panics without system roots | not used: roots are read at the first use, and their lack is an error there |
//! | `TlsSettings::build` panics on bad certificates | not used: `tls::certificates_are_chosen_by_name_and_replaced` |
//! | `Server::run` builds runtimes of its own, 300 s grace | not used: `lifecycle` |
//! | unbuffered streams outside its listener | `wire::socket` gathers writes; one request takes four system calls |
//! | a megabyte of header, 256 lines | `limits::headers_and_targets_are_bounded` |
//! | blanks in targets, line feeds alone are mended | `raw_head` |
//! | empty sizes of chunks, line feeds in extensions, any trailer are taken | `wire::chunks`, `smuggling::malformed_chunks_…` |
//! | CL+TE answered instead of refused, missing Host taken | `smuggling::two_framings_…` |
//! | short requests hang where h2c is offered | `limits::short_requests_do_not_hang_…` |
//! | no time-outs from the second request on | `limits::the_second_header_…`, `silent_and_idle_connections_…` |
//! | header time-out counts per read | `limits::the_header_as_a_whole_has_a_time` |
//! | HTTP/2 bodies are read without a time-out | `http2::limits_hold_over_http2` |
//! | writes and drains without limit | `limits::a_client_that_does_not_read_…`, `smuggling::an_unread_body_…` |
//! | half-closing clients | they count as gone: `streaming::a_client_that_vanishes_…` |
//! | pipelining fails the request before | `client_side::requests_in_one_packet_…`, `a_request_that_comes_while_…` |
//! | 1xx over HTTP/2 | h2 has no way to send or see them: dropped there, passed over HTTP/1.1 by `forwarding::informational_…` |

mod backend;
mod bodies;
mod client_side;
mod dns;
mod forwarding;
mod harness;
mod http2;
mod lifecycle;
mod limits;
mod overload;
mod policies;
mod smuggling;
mod streaming;
mod tls;
mod websocket;
