//! Layers that many services need.
