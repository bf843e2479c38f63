//! The `SameSite` attribute of a cookie.

/// The `SameSite` attribute of a cookie (RFC 6265bis section 5.6.7).
///
/// Browsers decide by it. The client's cookie jar keeps it and has no use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SameSite {
    /// Only for requests from the cookie's own site.
    Strict,
    /// Also for links from other sites.
    Lax,
    /// For all requests. Browsers accept it with `Secure` only.
    None,
}
