//! A subscriber that keeps everything.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What is logged in this thread until it is dropped, or in all.
pub(super) struct Capture {
    records: Arc<Mutex<Vec<Record>>>,
    _guard: Option<DefaultGuard>,
}

/// An event.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) target: String,
    pub(super) level: Level,
    fields: Fields,
    /// Outermost first.
    pub(super) spans: Vec<Span>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Span {
    pub(super) name: String,
    fields: Fields,
}

/// Names and values.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(String, String)>);

impl Capture {
    pub(super) fn start(level: Level) -> Capture {
        let (records, subscriber) = subscriber(level);
        Capture { records, _guard: Some(tracing::subscriber::set_default(subscriber)) }
    }

    /// In all threads that have no other, for good: of one test only.
    pub(super) fn everywhere(level: Level) -> Capture {
        let (records, subscriber) = subscriber(level);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        Capture { records, _guard: None }
    }

    /// What has been logged since this was asked last.
    pub(super) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.records.lock().unwrap())
    }
}

fn subscriber(level: Level) -> (Arc<Mutex<Vec<Record>>>, impl Subscriber + Send + Sync) {
    let records = Arc::default();
    let keep = Keep(Arc::clone(&records));
    (records, tracing_subscriber::registry().with(keep.with_filter(LevelFilter::from_level(level))))
}

impl Record {
    pub(super) fn message(&self) -> &str {
        self.field("message")
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    /// All names and values of the event and of its spans.
    pub(super) fn everything(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.0.iter().chain(self.spans.iter().flat_map(|span| &span.fields.0))
    }
}

impl Span {
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name)
    }
}

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().to_owned(), value.to_owned()));
    }
}

struct Keep(Arc<Mutex<Vec<Record>>>);

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans = scope.map(|span| Span {
            name: span.name().to_owned(),
            fields: span.extensions().get::<Fields>().cloned().unwrap_or_default(),
        });
        let spans = spans.collect();
        let metadata = event.metadata();
        let record = Record { target: metadata.target().to_owned(), level: *metadata.level(), fields, spans };
        self.0.lock().unwrap().push(record);
    }
}
