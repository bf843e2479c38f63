//! The numbers of a server as OpenMetrics text.
