//! A backend that does what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::harness::{Client, header};

/// Accepts connections, counted, and hands each to the test.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    connections: mpsc::UnboundedReceiver<TcpStream>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn start() -> Self {
        Self::over(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn over(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (send, connections) = mpsc::unbounded_channel();
        let counter = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                if send.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, accepted, connections, task }
    }

    /// A backend that answers every request alike, on as many connections as it is given.
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::start().await.answer(answer)
    }

    /// Likewise, at an address.
    pub(super) async fn answering_at(address: SocketAddr, answer: &'static str) -> Self {
        Self::over(TcpListener::bind(address).await.unwrap()).answer(answer)
    }

    fn answer(mut self, answer: &'static str) -> Self {
        let (_, empty) = mpsc::unbounded_channel();
        let mut connections = std::mem::replace(&mut self.connections, empty);
        tokio::spawn(async move {
            while let Some(stream) = connections.recv().await {
                tokio::spawn(async move {
                    let mut connection = Client::over(stream);
                    while let Some(head) = connection.try_until("\r\n\r\n").await {
                        connection.body_of(&head).await;
                        connection.send(answer).await;
                    }
                });
            }
        });
        self
    }

    /// How many connections were made.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The next connection.
    pub(super) async fn connection(&mut self) -> Client<TcpStream> {
        let connection = tokio::time::timeout(super::harness::LONG, self.connections.recv()).await;
        Client::over(connection.unwrap().unwrap())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<T> {
    /// Reads one request with its body.
    pub(super) async fn request(&mut self) -> String {
        let head = self.until("\r\n\r\n").await;
        let body = self.body_of(&head).await;
        format!("{head}{body}")
    }

    /// Reads the body that belongs to a head.
    pub(super) async fn body_of(&mut self, head: &str) -> String {
        if header(head, "transfer-encoding").is_some() {
            let mut body = String::new();
            loop {
                let line = self.until("\r\n").await;
                let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
                let piece = self.exactly(length).await;
                self.until("\r\n").await;
                if length == 0 {
                    return body;
                }
                body.push_str(&piece);
            }
        }
        let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        self.exactly(length).await
    }
}
