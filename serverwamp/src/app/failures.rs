//! Who is told of failures.

use super::App;
use crate::handler::{ErrorHook, Failure};

impl App {
    /// Tells this function of every failure of the program's functions: an error without a URI (any but a
    /// [`WampError`](crate::WampError) that clients are told), a panic, a value that cannot be encoded, and every error of
    /// an `event`, `unsubscribe` or `on_leave` function. A later one replaces it.
    ///
    /// What a client did wrong is no failure, nor is a run that its `timeout` ends. Authenticators and authorizers are not
    /// among the functions: what goes wrong in one refuses, and is logged.
    ///
    /// The function runs on a thread of its own: what it does, be it slow or a panic, harms no client. Where 256 failures
    /// wait for it, further ones are only logged, as all are. A server that stops waits for it up to a second.
    ///
    /// ```
    /// # use serverwamp::App;
    /// let app = App::discover().on_error(|failure| {
    ///     eprintln!("{failure} ({:?}, called by {:?})", failure.location(), failure.caller());
    /// });
    /// # let _ = app;
    /// ```
    pub fn on_error(mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> App {
        self.error_hook = Some(ErrorHook::new(hook));
        self.changed()
    }
}
