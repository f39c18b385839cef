//! Events come all, and in order, however fast they are published.

use std::future::ready;
use std::sync::Arc;

use serverwamp::{App, Client, testing};
use serverwamp_tests::Serializer;

/// Events in each serializer.
const EVENTS: u64 = 20_000;

#[tokio::test]
async fn a_subscriber_gets_every_event_in_order() {
    for serializer in Serializer::ALL {
        let app = Arc::new(App::new().router());
        let connect = || {
            let app = Arc::clone(&app);
            let dial = move || ready(testing::socket(&app).map_err(std::io::Error::other));
            Client::connect(serializer.url()).serializers([serializer.of_clients()]).through(dial)
        };
        let (subscriber, publisher) = (connect().await.expect("a session"), connect().await.expect("a session"));
        let mut events = subscriber.subscribe("topic").await.expect("a subscription");
        let publishing = async {
            for number in 0..EVENTS {
                publisher.publish("topic", [format!("{number:016}")]).await.expect("a publication");
            }
        };
        let taking = async {
            for number in 0..EVENTS {
                let event = events.next().await.expect("an event");
                assert_eq!(event.arg(0), Ok(format!("{number:016}")), "{serializer}");
            }
        };
        tokio::join!(publishing, taking);
    }
}
