//! The server's side of the WebSocket handshake.
