//! Progress to a peer that reads as fast as it can.

use serde_json::json;

use super::*;

over_every_line!(a_fast_reader_gets_all,);

async fn a_fast_reader_gets_all(line: Line) {
    const COUNT: u32 = 20_000;
    let place = line.start(app()).await;
    let mut client = Client::join(place).await;
    client.send(json!([48, 1, {"receive_progress": true}, "count", [COUNT]])).await;
    for number in 0..COUNT {
        assert_eq!(client.receive().await, Some(json!([50, 1, {"progress": true}, [number]])));
    }
    assert_eq!(client.receive().await, Some(json!([50, 1, {}, ["done"]])));
}
