//! Connections that speak HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use h2::Reason;
use pingora::protocols::Digest;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Accept, HttpSession, default_h2_options, handshake};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::client::Peer;
use super::listener::closed;
use super::serve::{self, Incoming};
use super::{Shared, Site, one};
use crate::wire::Socket;

/// A connection with so many requests that are malformed or come too late is ended: refusing them is work that nobody asked
/// for.
const MAX_UNWANTED: usize = 32;

/// Requests that crossed our word that there will be no more are still served for so long; the well-behaved are done then.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// What may wait unread of one request's body, and of all of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Requests that are being worked on.
#[derive(Default)]
struct Active {
    count: AtomicUsize,
    fewer: Notify,
}

struct ActiveRequest(Arc<Active>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.fewer.notify_one();
        }
    }
}

/// Serves the requests of a connection, at once.
pub(super) async fn serve<S: Site>(
    shared: Arc<Shared<S>>,
    peer: Peer,
    socket: Box<Socket>,
    mut closing: watch::Receiver<bool>,
) {
    let site = shared.parts.site.load_full();
    let mut options = default_h2_options();
    options.max_header_list_size(u32::try_from(site.limits().header_bytes).unwrap_or(u32::MAX));
    options.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
    let opened =
        tokio::time::timeout(site.timeouts().request_header, handshake(socket, Some(options)))
            .await;
    let Ok(Ok(mut connection)) = opened else { return };
    let digest = Arc::new(Digest::default());
    let active = Arc::new(Active::default());
    let mut left = site.limits().requests_per_connection.max(1);
    let (mut unwanted, mut ending, mut worn) = (0, false, None);
    drop(site);
    loop {
        let keep_alive = shared.parts.site.load().timeouts().keep_alive;
        let accepted = tokio::select! {
            biased;
            () = closed(&mut closing), if !ending => {
                connection.graceful_shutdown();
                ending = true;
                continue;
            }
            accepted = HttpSession::from_h2_conn(&mut connection, Arc::clone(&digest)) => accepted,
            () = idle(&active, if worn.is_some() { LAST_REQUESTS } else { keep_alive }) => return,
        };
        match accepted {
            Ok(Some(H2Accept::Session(mut session))) => {
                if worn.is_some_and(|since: Instant| since.elapsed() > LAST_REQUESTS) {
                    // Whoever goes on has not listened, or does not want to.
                    session.shutdown_with_reason(Reason::REFUSED_STREAM);
                    unwanted += 1;
                } else {
                    spawn(&shared, &peer, ServerSession::new_http2(session), &active);
                }
                left = left.saturating_sub(1);
                if left == 0 && worn.is_none() {
                    worn = Some(Instant::now());
                    if !ending {
                        connection.graceful_shutdown();
                        ending = true;
                    }
                }
            }
            Ok(Some(H2Accept::Rejected)) => unwanted += 1,
            Ok(None) | Err(_) => return,
        }
        if unwanted >= MAX_UNWANTED {
            return;
        }
    }
}

fn spawn<S: Site>(
    shared: &Arc<Shared<S>>,
    peer: &Peer,
    session: ServerSession,
    active: &Arc<Active>,
) {
    active.count.fetch_add(1, Ordering::AcqRel);
    let guard = ActiveRequest(Arc::clone(active));
    let (shared, peer) = (Arc::clone(shared), peer.clone());
    tokio::spawn(async move {
        let mut aborting = shared.aborting.subscribe();
        let site = shared.parts.site.load_full();
        let incoming = Incoming { session, socket: None, closing: false, admitted: None };
        let serving = async {
            // A request that is not whole when its session ends has its stream reset, which some clients (curl 7.88) take
            // for a failure although the response is complete.
            if let Some(mut down) = serve::request(&shared, site, &peer, incoming).await {
                one::drain(&mut down).await;
            }
        };
        tokio::select! {
            biased;
            () = serving => {}
            _ = aborting.wait_for(|aborting| *aborting) => {}
        }
        drop(guard);
    });
}

/// Ends when nothing has been going on for so long.
async fn idle(active: &Active, patience: Duration) {
    while active.count.load(Ordering::Acquire) > 0 {
        active.fewer.notified().await;
    }
    tokio::time::sleep(patience).await;
}
