//! The options that most calls leave at their defaults. `steps.rs` has the steps that they ask for.

/// The options of a call beyond the plain ones. Calls share those of their client, until one sets its own.
#[derive(Clone, Default)]
pub(super) struct Extras {
    /// A response of 4xx or 5xx becomes an error.
    pub(super) status_as_error: bool,
}
