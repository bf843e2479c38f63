//! Programs as a new user writes them, with the first lines of the documentation and nothing else. Each
//! compiles and runs as it stands here, so that a beginner's program keeps working.

mod errors;
mod handlers;
mod json;
mod log_lines;
mod own_types;
mod pages;
mod recipes;
mod server;
mod statuses;
mod upload;
mod websocket;
