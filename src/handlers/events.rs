//! Responses of server-sent events.
