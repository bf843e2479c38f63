//! Values that a handler reads from a request: its query, its form, its cookies.
