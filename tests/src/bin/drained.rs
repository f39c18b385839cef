//! A server for the tests that stop a whole process. It listens where its arguments say, or where `default` says that it
//! does by default; it prints the addresses of its ports, then `listening`.

use std::time::Duration;

use serverwamp::{App, Limits, wamp};

#[wamp::rpc("sleep")]
async fn sleep(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slept"
}

/// Keeps a thread of the runtime busy.
#[wamp::rpc("hang")]
fn hang(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    let limits = Limits { drain: Duration::from_secs(1), ..Limits::default() };
    let mut app = App::discover().limits(limits);
    for address in std::env::args().skip(1) {
        if address != "default" {
            app = app.bind(address);
        }
    }
    let handle = app.handle();
    tokio::spawn(async move {
        for address in handle.addresses().await {
            println!("{address}");
        }
        println!("listening");
    });
    app.await
}
