//! Blocking bytes with deadlines.
