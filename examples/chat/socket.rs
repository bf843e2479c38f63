//! A member with a WebSocket, served by one thread.
//!
//! The thread waits in a read. A message for the member wakes it by the read deadline of the connection:
//! see [`Duplex`]. The thread sets the deadline before it looks at the queue, so it misses no message.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use hangup::net::{Duplex, Stream};
use hangup::websocket::Upgrade;
use hangup::{Request, ResponseWriter, Result};
use serde_json::json;
use tungstenite::error::Error;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::room::{self, Member, Room, Way};
use super::{MOST_BYTES, since};

/// A client that has sent nothing for this time gets a ping. After the same time again, it is gone.
const PING: Duration = Duration::from_secs(20);

/// How long a client may accept no byte of what is sent to it.
const STALLED: Duration = Duration::from_secs(10);

/// How long the connection is read after a close frame was sent.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a member until its client leaves, is too slow, or the room is closed.
pub(crate) fn serve(room: &Room, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let since = since(r)?;
    let duplex = Upgrade::new().accept(w, r)?.into_duplex();
    let stream = duplex.stream().clone();
    stream.set_write_idle_timeout(Some(STALLED));
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MOST_BYTES))
        .max_frame_size(Some(MOST_BYTES))
        .read_buffer_size(4 << 10)
        .write_buffer_size(16 << 10);
    let mut socket = WebSocket::from_raw_socket(duplex, Role::Server, Some(limits));
    let (earlier, member) = room.join(Way::Socket, since, Some(stream.clone()))?;
    let status = match converse(room, &member, earlier, &mut socket, &stream) {
        Ok(()) if room.is_closed() => CloseCode::Away,
        // The room has dropped this member.
        Ok(()) => CloseCode::Policy,
        Err(Error::Capacity(_)) => CloseCode::Size,
        Err(Error::Utf8(_)) => CloseCode::Invalid,
        Err(Error::Protocol(_)) => CloseCode::Protocol,
        // The client has left.
        Err(_) => return Ok(()),
    };
    close(socket, &stream, status);
    Ok(())
}

/// Sends the earlier messages, and then those of both sides as they come. Returns if the member is dismissed.
fn converse(
    room: &Room,
    member: &Member<'_>,
    earlier: Vec<room::Message>,
    socket: &mut WebSocket<Duplex>,
    stream: &Stream,
) -> tungstenite::Result<()> {
    for message in earlier {
        socket.write(Message::Text(message.json))?;
    }
    let mut ping_at = Instant::now() + PING;
    let mut pinged = false;
    loop {
        stream.set_read_deadline(Some(ping_at));
        let open = send_waiting(member, socket)?;
        socket.flush()?;
        if !open {
            return Ok(());
        }
        match socket.read() {
            Ok(message) => {
                (ping_at, pinged) = (Instant::now() + PING, false);
                receive(room, &message, socket)?;
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut => {
                if Instant::now() >= ping_at {
                    if pinged {
                        return Err(Error::Io(error));
                    }
                    (ping_at, pinged) = (Instant::now() + PING, true);
                    socket.write(Message::Ping("".into()))?;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Writes the messages that wait in the queue. Returns `false` if it is disconnected.
fn send_waiting(member: &Member<'_>, socket: &mut WebSocket<Duplex>) -> tungstenite::Result<bool> {
    loop {
        match member.messages.try_recv() {
            Ok(message) => socket.write(Message::Text(message.json))?,
            Err(error) => return Ok(error.is_empty()),
        }
    }
}

/// Posts what the client has sent. A message that is not allowed is answered to this client alone.
/// tungstenite itself responds to pings and to close frames.
fn receive(
    room: &Room,
    message: &Message,
    socket: &mut WebSocket<Duplex>,
) -> tungstenite::Result<()> {
    let outcome = match message {
        Message::Text(text) => serde_json::from_str(text)
            .map_err(|error| error.to_string())
            .and_then(|new| room.post(new).map_err(str::to_owned)),
        Message::Binary(_) => Err("text is expected".to_owned()),
        _ => return Ok(()),
    };
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => socket.write(Message::text(json!({ "error": error }).to_string())),
    }
}

/// Sends a close frame. Then reads the connection for a limited time, since closing it with unread bytes
/// would reset it, and the client would lose the frame.
fn close(mut socket: WebSocket<Duplex>, stream: &Stream, code: CloseCode) {
    stream.set_read_deadline(Some(Instant::now() + FAREWELL));
    let _ = socket.close(Some(CloseFrame { code, reason: "".into() }));
    let _ = socket.flush();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    while let Ok(1..) = socket.get_mut().read(&mut [0; 4096]) {}
}
