//! The numbers of the room and of its server as OpenMetrics text.

use hangup::server::Snapshot;
use hangup::{IntoResponse, metrics};

use super::room::Numbers;

const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns the response of `/metrics`.
pub(crate) fn render(numbers: &Numbers, server: &Snapshot) -> impl IntoResponse + use<> {
    let Numbers { posted, joined: [sockets, streams], left, dropped } = *numbers;
    let [sockets_left, streams_left] = left;
    let (sockets_now, streams_now) = (sockets - sockets_left, streams - streams_left);
    let mut text = format!(
        "# TYPE chat_messages counter\n\
         # HELP chat_messages Messages posted.\n\
         chat_messages_total {posted}\n\
         # TYPE chat_members gauge\n\
         # HELP chat_members Members in the room.\n\
         chat_members{{via=\"socket\"}} {sockets_now}\n\
         chat_members{{via=\"events\"}} {streams_now}\n\
         # TYPE chat_joined counter\n\
         # HELP chat_joined Members that have joined.\n\
         chat_joined_total{{via=\"socket\"}} {sockets}\n\
         chat_joined_total{{via=\"events\"}} {streams}\n\
         # TYPE chat_left counter\n\
         # HELP chat_left Members that have left.\n\
         chat_left_total{{via=\"socket\"}} {sockets_left}\n\
         chat_left_total{{via=\"events\"}} {streams_left}\n\
         # TYPE chat_dropped counter\n\
         # HELP chat_dropped Members whose client was too slow.\n\
         chat_dropped_total {dropped}\n"
    );
    // Writing to a string does not fail.
    let _ = metrics::write(&mut text, server);
    text.push_str("# EOF\n");
    ([("content-type", TYPE)], text)
}
