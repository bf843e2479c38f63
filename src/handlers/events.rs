//! Responses of server-sent events (the WHATWG's
//! [HTML Standard, section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).
//!
//! [`ResponseWriter::events`](crate::ResponseWriter::events) begins such a response. [`EventWriter::forward`]
//! sends the events of a channel until the channel is disconnected or the client goes away:
//!
//! ```
//! use hangup::crossbeam_channel::{Receiver, unbounded};
//! use hangup::{Request, ResponseWriter, Server};
//!
//! fn subscribe() -> Receiver<String> {
//!     let (sender, receiver) = unbounded();
//!     std::thread::spawn(move || (1..=3).try_for_each(|count| sender.send(format!("price {count}"))));
//!     receiver
//! }
//!
//! let server = Server::new(|w: &mut ResponseWriter, r: &mut Request| {
//!     w.events(r)?.forward(&subscribe())
//! });
//! # let server = hangup::testing::TestServer::with(server);
//! # #[cfg(feature = "client")] {
//! # let response = hangup::Client::new().get(server.url("/")).send()?;
//! # let events = hangup::ResponseExt::events(response)?.collect::<hangup::Result<Vec<_>>>()?;
//! # assert_eq!(events.iter().map(|event| &*event.data).collect::<Vec<_>>(), ["price 1", "price 2", "price 3"]);
//! # }
//! # Ok::<(), hangup::Error>(())
//! ```

// In reading order:
//
// | file | contents |
// | --- | --- |
// | `events/event.rs` | `Event`: its fields, encoded |
// | `events/writer.rs` | `EventWriter`: the response, the heartbeat, waiting for a source |

mod event;
mod writer;

pub use event::Event;
pub use writer::EventWriter;
