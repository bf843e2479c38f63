//! Credentials as header fields.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// Returns HTTP Basic credentials (RFC 7617) as the value of an Authorization or Proxy-Authorization field.
/// It is marked as sensitive. User and password are bytes and need not be text.
pub(super) fn basic(user: &[u8], password: &[u8]) -> HeaderValue {
    let pair = [user, b":", password].concat();
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .expect("base64 can be a header value");
    value.set_sensitive(true);
    value
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_encoded_and_sensitive() {
        let value = basic(b"Aladdin", b"open sesame");
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(value.is_sensitive());
        assert_eq!(basic(b"\xff", b""), "Basic /zo=");
    }
}
