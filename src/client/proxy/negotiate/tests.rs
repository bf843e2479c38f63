use super::*;

/// Runs a negotiation whose proxy sends these pieces. Returns the bytes that were sent to it, and the
/// origin's bytes if the tunnel was opened.
pub(in super::super) fn negotiated(
    mut negotiation: impl Negotiation,
    pieces: &[&[u8]],
) -> (Vec<u8>, Result<Option<Vec<u8>>, Refusal>) {
    let (mut received, mut sent, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for piece in [&[][..]].iter().chain(pieces) {
        received.extend_from_slice(piece);
        loop {
            let (used, tunnel) = match negotiation.advance(&received, &mut out) {
                Ok(advanced) => advanced,
                Err(refusal) => return (sent, Err(refusal)),
            };
            received.drain(..used);
            sent.append(&mut out);
            match tunnel {
                Tunnel::Pending if used > 0 && !received.is_empty() => {}
                Tunnel::Pending => break,
                Tunnel::Open => {
                    let rest = pieces.iter().map(|piece| piece.len()).sum::<usize>();
                    assert!(received.len() <= rest);
                    return (sent, Ok(Some(received)));
                }
            }
        }
    }
    (sent, Ok(None))
}

/// Checks that a negotiation opens the tunnel behind `received`, in one piece and at every split, that it
/// sends `sent`, and that no byte of `origin` behind it is lost.
pub(in super::super) fn splits<N: Negotiation>(
    make: impl Fn() -> N,
    received: &[u8],
    origin: &[u8],
    sent: &[u8],
) {
    let whole = [received, origin].concat();
    let outcome = negotiated(make(), &[&whole]);
    assert_eq!(outcome, (sent.to_vec(), Ok(Some(origin.to_vec()))));
    for cut in 0..received.len() {
        assert_eq!(negotiated(make(), &[&received[..cut]]).1, Ok(None), "cut at {cut}");
        let outcome = negotiated(make(), &[&received[..cut], &whole[cut..]]);
        assert_eq!(outcome, (sent.to_vec(), Ok(Some(origin.to_vec()))), "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = received.chunks(1).collect();
    assert_eq!(negotiated(make(), &bytes), (sent.to_vec(), Ok(Some(Vec::new()))));
}

/// A proxy may refuse a connection and close it before it has the request.
#[test]
fn c13_a_response_before_the_request_is_read() {
    use crate::client::proxy::Connect;
    use crate::net::memory;
    for (response, text) in
        [("HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden to CONNECT h:1"), ("", "broken pipe")]
    {
        let (near, far) = memory::pair();
        (&far).write_all(response.as_bytes()).unwrap();
        far.close();
        let connect = Connect::new("h:1".to_owned(), None, None).unwrap();
        let error = negotiate(&near, "p:1", connect, None, &Context::new()).err().unwrap();
        assert_eq!(error.to_string(), format!("proxy p:1: {text}"));
        assert!(near.is_closed());
    }
}
