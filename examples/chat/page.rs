//! Serves the page: four files over HTTP, one request for each connection.
//!
//! That is all a page needs, and it keeps a web framework out of the example.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serverwamp::AppHandle;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const CONNECTIONS: usize = 64;
const REQUEST_SIZE: u64 = 16 * 1024;
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Scripts and styles come from here alone, and nothing but the WAMP server is talked to.
const POLICY: &str = "default-src 'self'; img-src data:; connect-src ws:; frame-ancestors 'none'";

/// Serves the page to whoever asks.
pub(crate) async fn serve(listener: TcpListener, app: AppHandle) {
    let port = app.addresses().await.first().map_or(8080, |address| address.port());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            // Who is too slow, or gone, gets no page.
            let _ = timeout(REQUEST_TIME, answer(stream, port)).await;
            drop(place);
        });
    }
}

async fn answer(stream: TcpStream, port: u16) -> io::Result<()> {
    let mut reader = BufReader::new(stream.take(REQUEST_SIZE));
    let mut request = String::new();
    reader.read_line(&mut request).await?;
    let mut field = String::new();
    while reader.read_line(&mut field).await? > 2 {
        field.clear();
    }
    let (status, kind, body) = match request.split(' ').collect::<Vec<_>>()[..] {
        ["GET", target, _] => file(target.split('?').next().unwrap_or_default(), port),
        _ => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    );
    let mut stream = reader.into_inner().into_inner();
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn file(path: &str, port: u16) -> (&'static str, &'static str, String) {
    let (kind, content) = match path {
        "/" => ("text/html", include_str!("page/index.html")),
        "/chat.css" => ("text/css", include_str!("page/chat.css")),
        "/chat.js" => ("text/javascript", include_str!("page/chat.js")),
        // wampy.js 8.0.2 as its authors publish it, but for the link to its source map.
        "/wampy.js" => ("text/javascript", include_str!("page/wampy.js")),
        _ => return ("404 Not Found", "text/plain", "no such file\n".to_owned()),
    };
    ("200 OK", kind, content.replace("{{wamp-port}}", &port.to_string()))
}
