//! A TCP or TLS connection as pingora's HTTP sessions take it.
//!
//! pingora's own stream type writes unbuffered when it is made outside its listener, and its listener has no place for
//! the PROXY protocol on plain connections, for a handshake time-out or for a limit on connections. This type is the
//! small part of it that we need: small writes are gathered and leave with the next large write in one system call, reads
//! go straight into the session's buffer, and bytes that were read to look at can be put back. An idle connection holds
//! no buffer.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BufMut, BytesMut};
use parking_lot::Mutex;
use pingora::protocols::l4::ext::set_tcp_keepalive;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TcpKeepalive, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use tollgate_engine::ClientCertificate;

use super::chunks::ChunkCheck;

/// Writes up to this size in total are gathered until the session flushes.
const WRITE_BUFFER: usize = 16 << 10;

/// How often a connection with something unread is looked at for its end.
const LOOK: Duration = Duration::from_millis(200);

/// A connection. Clones are handles to the same connection: one is owned by pingora's session, another lets the pump
/// write a body while the session reads.
#[derive(Clone)]
pub(crate) struct Socket(Arc<Mutex<Inner>>);

struct Inner {
    transport: Transport,
    /// Gathered writes.
    out: BytesMut,
    /// Bytes that were read to look at.
    put_back: BytesMut,
    /// Flushes wait: more is about to be written.
    corked: bool,
    read_closed: bool,
    /// The framing of the body that is being read, when it comes in chunks.
    chunks: Option<ChunkCheck>,
    /// Bytes that have left.
    sent: u64,
}

enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// A plain connection.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self::new(Transport::Tcp(stream), BytesMut::new())
    }

    /// A plain connection of which some bytes have been read already.
    pub(crate) fn tcp_after(stream: TcpStream, put_back: BytesMut) -> Self {
        Self::new(Transport::Tcp(stream), put_back)
    }

    /// A TLS connection.
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::new(Transport::Tls(Box::new(stream)), BytesMut::new())
    }

    fn new(transport: Transport, put_back: BytesMut) -> Self {
        let inner = Inner {
            transport,
            out: BytesMut::new(),
            put_back,
            corked: false,
            read_closed: false,
            chunks: None,
            sent: 0,
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Holds flushes back, or lets them through again.
    pub(crate) fn cork(&self, corked: bool) {
        self.0.lock().corked = corked;
    }

    /// Makes the peer see a reset instead of an orderly end when the connection closes.
    pub(crate) fn reset_on_close(&self) {
        let mut inner = self.0.lock();
        inner.out = BytesMut::new();
        // Best effort: when it fails, the peer sees an orderly end of the connection.
        drop(inner.transport.tcp().set_zero_linger());
    }

    /// Whether the peer has neither closed an idle connection nor sent anything unasked. Never waits.
    pub(crate) fn is_reusable(&self) -> bool {
        let mut inner = self.0.lock();
        if inner.read_closed || !inner.put_back.is_empty() || !inner.out.is_empty() {
            return false;
        }
        let mut byte = [0; 1];
        let mut buf = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        // tokio's budget may make a ready socket look busy, so this read is not counted against it.
        let read = tokio::task::coop::unconstrained(std::future::poll_fn(|cx| {
            Poll::Ready(inner.transport.poll_read(cx, &mut buf))
        }));
        let mut read = std::pin::pin!(read);
        matches!(read.as_mut().poll(&mut cx), Poll::Ready(Poll::Pending))
    }

    /// Waits until the peer has sent something or closed. No buffer is held meanwhile.
    ///
    /// tokio may call a socket ready that has nothing to read; `woken` says that an earlier poll has found nothing, so that
    /// readiness now means news and need not be checked.
    pub(crate) fn poll_arrived(&self, cx: &mut Context<'_>, woken: bool) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.lock();
        if !inner.put_back.is_empty() {
            return Poll::Ready(Ok(()));
        }
        match &mut inner.transport {
            Transport::Tcp(stream) if woken => stream.poll_read_ready(cx),
            Transport::Tcp(stream) => {
                let mut byte = [0; 1];
                stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)).map_ok(|_| ())
            }
            Transport::Tls(stream) => {
                // The socket may be silent while decrypted bytes wait inside rustls.
                let mut byte = [0; 1];
                let mut buf = ReadBuf::new(&mut byte);
                ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
                inner.put_back.extend_from_slice(buf.filled());
                inner.read_closed = buf.filled().is_empty();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Waits until the peer has closed its sending side, however much that it sent before has not been read.
    ///
    /// While there is something to read no task is woken for what comes behind it, so this looks every now and then.
    pub(crate) async fn closed_behind(&self) {
        while !self.is_closed_behind() {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_closed_behind(&self) -> bool {
        let inner = self.0.lock();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let ready = std::pin::pin!(inner.transport.tcp().ready(Interest::READABLE));
        match ready.poll(&mut cx) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    /// From here on what is read is a body in chunks, of which some bytes have been read already, or it is nothing that has
    /// to be looked at. Reading what is no chunk fails.
    pub(crate) fn check_chunks(&self, already: Option<&[u8]>) {
        self.0.lock().chunks = already.map(|bytes| {
            let mut check = ChunkCheck::default();
            check.look(bytes);
            check
        });
    }

    /// Whether the body that is being read has turned out to be none.
    pub(crate) fn chunks_malformed(&self) -> bool {
        self.0.lock().chunks.as_ref().is_some_and(ChunkCheck::is_malformed)
    }

    /// Bytes that have been handed to the transport; what is only gathered does not count.
    pub(crate) fn sent(&self) -> u64 {
        self.0.lock().sent
    }

    /// Gathers a chunk of a body that is not empty, when there is room for it; then there is nothing to wait for.
    pub(crate) fn gather_chunk(&self, content: &[u8]) -> bool {
        /// Four digits and two ends of lines.
        const FRAME: usize = 8;
        const { assert!(WRITE_BUFFER <= u16::MAX as usize, "four digits would not do") };
        let out = &mut self.0.lock().out;
        let length = content.len() + FRAME;
        if out.len() + length > WRITE_BUFFER {
            return false;
        }
        out.reserve(length);
        let [.., high, low] = content.len().to_be_bytes();
        let digits = [high >> 4, high & 15, low >> 4, low & 15].into_iter();
        out.extend(digits.skip_while(|digit| *digit == 0).map(hexadecimal));
        out.put_slice(b"\r\n");
        out.put_slice(content);
        out.put_slice(b"\r\n");
        true
    }

    /// Gives back the memory of empty buffers.
    pub(crate) fn release_buffers(&self) {
        let mut inner = self.0.lock();
        if inner.out.is_empty() {
            inner.out = BytesMut::new();
        }
        if inner.put_back.is_empty() {
            inner.put_back = BytesMut::new();
        }
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.0.lock().transport, Transport::Tls(_))
    }

    /// The certificate that the peer presented.
    pub(crate) fn peer_certificate(&self) -> Option<ClientCertificate> {
        match &self.0.lock().transport {
            Transport::Tcp(_) => None,
            Transport::Tls(stream) => {
                let (_, session) = stream.get_ref();
                let mut all = session.peer_certificates()?.iter();
                let mut all = all.by_ref().map(|der| bytes::Bytes::copy_from_slice(der));
                Some(ClientCertificate { der: all.next()?, chain: all.collect() })
            }
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock())
    }
}

impl Inner {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.out.len() + buf.len() <= WRITE_BUFFER {
            self.out.put_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        loop {
            let n = if self.out.is_empty() {
                let n = ready!(self.transport.poll_write(cx, buf))?;
                self.sent += n as u64;
                return Poll::Ready(Ok(n));
            } else {
                let slices = [IoSlice::new(&self.out), IoSlice::new(buf)];
                ready!(self.transport.poll_write_vectored(cx, &slices))?
            };
            self.sent += n as u64;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let gathered = self.out.len();
            if n < gathered {
                self.out.advance(n);
                continue;
            }
            self.out.clear();
            if n > gathered {
                return Poll::Ready(Ok(n - gathered));
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.corked {
            return Poll::Ready(Ok(()));
        }
        while !self.out.is_empty() {
            let n = ready!(self.transport.poll_write(cx, &self.out))?;
            self.sent += n as u64;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(n);
        }
        match &mut self.transport {
            Transport::Tcp(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.poll_read_unchecked(cx, buf);
        if let Some(chunks) = &mut self.chunks {
            chunks.look(buf.filled().get(before..).unwrap_or_default());
            if chunks.is_malformed() {
                buf.set_filled(before);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        read
    }

    fn poll_read_unchecked(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.put_back.is_empty() {
            let n = self.put_back.len().min(buf.remaining());
            let part = self.put_back.split_to(n);
            buf.put_slice(&part);
            if buf.remaining() == 0 || self.read_closed {
                return Poll::Ready(Ok(()));
            }
            // The rest of the message is usually there already; that it is not is no reason to wait.
            return match self.transport.poll_read(cx, buf) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
            };
        }
        if self.read_closed {
            return Poll::Ready(Ok(()));
        }
        self.transport.poll_read(cx, buf)
    }
}

impl Transport {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
}

fn hexadecimal(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'A' - 10 + digit,
    }
}

/// Settings of every connection: small writes leave at once, and a peer that vanished without a word is noticed.
pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive {
        idle: Duration::from_mins(1),
        interval: Duration::from_secs(15),
        count: 4,
        user_timeout: Duration::ZERO,
    };
    set_tcp_keepalive(stream, &keepalive).map_err(io::Error::other)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|inner| inner.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| {
            inner.corked = false;
            ready!(inner.poll_flush(cx))?;
            match &mut inner.transport {
                Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
                Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            }
        })
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

#[async_trait]
impl Shutdown for Socket {
    async fn shutdown(&mut self) {
        // The peer may be gone already, which is as good.
        drop(AsyncWriteExt::shutdown(self).await);
    }
}

impl UniqueID for Socket {
    fn id(&self) -> UniqueIDType {
        self.with(|inner| inner.transport.tcp().as_raw_fd())
    }
}

impl Ssl for Socket {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.with(|inner| match &inner.transport {
            Transport::Tcp(_) => None,
            Transport::Tls(stream) => match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Some(ALPN::H2),
                Some(b"http/1.1") => Some(ALPN::H1),
                _ => None,
            },
        })
    }
}

impl GetTimingDigest for Socket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Socket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Socket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl Peek for Socket {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn chunks_are_gathered_in_their_frames() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Socket::tcp(stream);
        for (length, size) in
            [(1, "1"), (9, "9"), (10, "A"), (16, "10"), (0xfff, "FFF"), (0x1000, "1000")]
        {
            let content = "x".repeat(length);
            assert!(socket.gather_chunk(content.as_bytes()), "{length}");
            let gathered = socket.with(|inner| std::mem::take(&mut inner.out));
            assert_eq!(gathered, format!("{size}\r\n{content}\r\n"));
        }
        let most = vec![b'x'; WRITE_BUFFER - 8];
        assert!(socket.gather_chunk(&most));
        assert!(!socket.gather_chunk(b"x"), "there is no more room");
        assert_eq!(socket.with(|inner| inner.out.len()), WRITE_BUFFER);
        assert_eq!(socket.sent(), 0);
    }
}
