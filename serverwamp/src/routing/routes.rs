//! Explicit sets of annotated functions.

use std::any::TypeId;

/// A set of annotated functions, for `App::routes`; `routes![…]` writes it.
///
/// It names functions that are `manual`, or takes some of the program's functions for an app of its own.
#[derive(Debug, Clone, Default)]
pub struct Routes(pub(crate) Vec<(TypeId, &'static str)>);

impl Routes {
    /// No functions.
    pub fn new() -> Routes {
        Routes::default()
    }

    /// Adds a function, for `routes![…]`.
    #[doc(hidden)]
    #[must_use]
    pub fn function<F: 'static>(mut self, _: &F, name: &'static str) -> Routes {
        self.0.push((TypeId::of::<F>(), name));
        self
    }

    /// Adds all functions of another set.
    #[must_use]
    pub fn and(mut self, other: Routes) -> Routes {
        self.0.extend(other.0);
        self
    }
}

/// Lists annotated functions by their paths.
///
/// ```
/// use serverwamp::{App, routes, wamp};
///
/// #[wamp::rpc("math.add", manual)]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// let app = App::new().routes(routes![add]);
/// # let _ = app;
/// ```
#[macro_export]
macro_rules! routes {
    ($($function:path),* $(,)?) => {
        $crate::Routes::new()$(.function(&$function, ::core::stringify!($function)))*
    };
}
