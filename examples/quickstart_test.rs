//! The quickstart over TLS, as two environment variables have it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serverwamp_tests::certificates::{Authority, Validity};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn two_environment_variables_make_it_serve_over_tls() {
    let authority = Authority::new("the authority of this test");
    let server = authority.sign("localhost", Validity::Now);
    let (certificate, key) = (file("quickstart.pem", &server.certificate), file("quickstart.key", &server.key));
    let (_server, address) = start(&certificate, &key).await;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let client = client.with_safe_default_protocol_versions().unwrap();
    let client = TlsConnector::from(Arc::new(client.with_root_certificates(roots).with_no_client_auth()));
    let stream = TcpStream::connect(&address).await.unwrap();
    let mut stream = client.connect("localhost".try_into().unwrap(), stream).await.unwrap();

    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut octets = format!("{head}{key}Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").into_bytes();
    for message in [r#"[1,"realm1",{"roles":{"caller":{}}}]"#, r#"[48,1,{},"math.add",[2,3]]"#] {
        octets.extend([0x81, 0x80 | u8::try_from(message.len()).unwrap(), 0, 0, 0, 0]);
        octets.extend(message.as_bytes());
    }
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"[50,1,{},[5]]") {
        let read = timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer in time").unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

/// The example as a process, and where it says that it listens.
async fn start(certificate: &Path, key: &Path) -> (Child, String) {
    let test = std::env::current_exe().expect("this program");
    let example = test.ancestors().nth(2).expect("a folder of builds").join("examples/quickstart");
    let mut server = Command::new(&example)
        .env("WAMP_ADDR", "127.0.0.1:0")
        .env("WAMP_TLS_CERT", certificate)
        .env("WAMP_TLS_KEY", key)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let mut lines = BufReader::new(server.stdout.take().expect("standard output")).lines();
    let address = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if let Some((_, url)) = line.split_once("listening on wss://") {
                return url.split_once("/ws").expect("the WebSocket's path").0.to_owned();
            }
        }
        panic!("it ended without listening");
    };
    let address = timeout(PATIENCE, address).await.expect("it listens in time");
    (server, address)
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}
