//! A server with metrics for Prometheus: `cargo run --example prometheus`, then `curl http://127.0.0.1:9000/metrics`, or
//! wherever `METRICS_ADDR` says.

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use serverwamp::{RpcError, wamp};

/// Adds two numbers.
#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Takes its time.
#[wamp::rpc("sleep", timeout = "5s")]
async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Counts something of its own besides.
#[wamp::rpc("shop.order")]
async fn order(items: u64) -> Result<(), RpcError> {
    if items == 0 {
        return Err(RpcError::new("shop.error.empty_order"));
    }
    metrics::counter!("shop_items_ordered_total").increment(items);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_target(false).init();
    let address: SocketAddr = match std::env::var("METRICS_ADDR") {
        Ok(address) => address.parse()?,
        Err(_) => ([127, 0, 0, 1], 9000).into(),
    };
    // The recorder is there before the server asks for it; without buckets, a histogram would become quantiles.
    let duration = Matcher::Full("wamp_call_duration_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(duration, &[0.0001, 0.001, 0.01, 0.1, 1.0, 10.0])?
        .with_http_listener(address)
        .install()?;
    tracing::info!("metrics at http://{address}/metrics");
    serverwamp::serve().open_topics("news.").await?;
    Ok(())
}
