//! A backend that costs little: it answers at once, or streams when the path ends in `/stream`, and takes nothing without the
//! gateway's own credential.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tollgate_bench_pipeline::http1::{head, header, skip};

/// Events of a stream, and the time between two of them.
const EVENTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);

const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\" river\"},\"finish_reason\":null,\"index\":0,\"logprobs\":null}],\"created\":1763750000,\"id\":\"chatcmpl-0123456789abcdefghijklmnopqrs\",\"model\":\"gpt-4o-2024-11-20\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_0123456789\"}\n\n";
const END: &str = "data: [DONE]\n\n";

/// What is answered where nothing is streamed.
pub(crate) const BODY: &str = r#"{"choices":[{"finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"The Danube has its source in Germany, the Dniester in Ukraine, the Dnieper in Russia. They are 2,850, 1,362 and 2,201 kilometres long. Vienna and Budapest stand on the first, Tiraspol on the second, Kyiv on the third.","role":"assistant"}}],"created":1763750000,"id":"chatcmpl-0123456789abcdefghijklmnopqrs","model":"gpt-4o-2024-11-20","object":"chat.completion","system_fingerprint":"fp_0123456789","usage":{"completion_tokens":71,"prompt_tokens":67,"total_tokens":138}}"#;

/// How long the body of a stream is.
pub(crate) const STREAMED: usize = EVENTS * EVENT.len() + END.len();

/// Starts on a free port of loopback, on the caller's runtime. `credential` is what `Authorization` must say.
pub(crate) async fn start(credential: String) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let credential = credential.clone();
            // A connection that breaks is its client's to notice.
            tokio::spawn(async move { serve(stream, credential).await.ok() });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, credential: String) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(16 * 1024, stream);
    let whole = |status: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let (good, refused) = (whole("200 OK", BODY), whole("401 Unauthorized", "{}"));
    while let Some(head) = head(&mut stream).await? {
        let length = header(&head, "content-length").context("a request without a length")?;
        skip(&mut stream, length.parse()?).await?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        if header(&head, "authorization") != Some(&credential) {
            stream.get_mut().write_all(refused.as_bytes()).await?;
        } else if path.ends_with("/stream") {
            events(stream.get_mut()).await?;
        } else {
            stream.get_mut().write_all(good.as_bytes()).await?;
        }
    }
    Ok(())
}

async fn events(stream: &mut TcpStream) -> Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
    for _ in 0..EVENTS {
        stream.write_all(chunk.as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    let end = format!("{:x}\r\n{END}\r\n0\r\n\r\n", END.len());
    Ok(stream.write_all(end.as_bytes()).await?)
}
