//! Connections that speak HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pingora::protocols::Digest;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Accept, HttpSession, default_h2_options, handshake};
use tokio::sync::{Notify, watch};

use super::client::Peer;
use super::listener::closed;
use super::serve::{self, Incoming};
use super::{Shared, Site};
use crate::wire::Socket;

/// A connection with so many malformed requests is ended: answering them is work that nobody asked for.
const MAX_MALFORMED: usize = 32;

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
    let (mut malformed, mut ending) = (0, false);
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
            () = idle(&active, keep_alive) => return,
        };
        match accepted {
            Ok(Some(H2Accept::Session(session))) => {
                left = left.saturating_sub(1);
                if left == 0 && !ending {
                    connection.graceful_shutdown();
                    ending = true;
                }
                spawn(&shared, &peer, ServerSession::new_http2(session), &active);
            }
            Ok(Some(H2Accept::Rejected)) => {
                malformed += 1;
                if malformed >= MAX_MALFORMED {
                    return;
                }
            }
            Ok(None) | Err(_) => return,
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
        let incoming = Incoming { session, socket: None, closing: false };
        tokio::select! {
            biased;
            // What is left of the request ends with its session: the stream is reset where it was not whole.
            down = serve::request(&shared, site, &peer, incoming) => drop(down),
            _ = aborting.wait_for(|aborting| *aborting) => {}
        }
        drop(guard);
    });
}

/// Ends when nothing has been going on for so long.
async fn idle(active: &Active, patience: std::time::Duration) {
    while active.count.load(Ordering::Acquire) > 0 {
        active.fewer.notified().await;
    }
    tokio::time::sleep(patience).await;
}
