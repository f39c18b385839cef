//! What a router has besides: Autobahn|Python retains events, reads history, leaves testaments, and asks who is there.

use serverwamp::{App, History, MatchPolicy};

use super::{AUTOBAHN_PYTHON, AUTOBAHN_PYTHON_RAW, Client, Server, assert_success, finish, start};

fn app() -> App {
    App::new().router().history("history.", MatchPolicy::Prefix, History::new())
}

async fn judge(client: Client, codec: &str) {
    let server = Server::start(app()).await;
    let output = finish(start(client, &server, codec, Some("router"))).await;
    server.stop().await;
    assert_success(client, codec, &output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_python() {
    for codec in ["json", "msgpack.batched", "cbor"] {
        judge(AUTOBAHN_PYTHON, codec).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_python_over_rawsocket() {
    judge(AUTOBAHN_PYTHON_RAW, "msgpack").await;
}
