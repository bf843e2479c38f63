//! Redirects by curl's rules. Any 3xx with a Location is followed. The method depends on the options of
//! the request.

use hangup::Response;
use hangup::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST, REFERER,
    TRANSFER_ENCODING,
};
use hangup::http::{HeaderMap, StatusCode, Version};

use crate::failure::Failure;
use crate::options::Request;
use crate::request::payload::Payload;
use crate::request::{Address, Kind, Plan};

impl Plan {
    /// Returns the request that follows a redirect with this status.
    pub(crate) fn redirected(
        mut self,
        status: StatusCode,
        mut to: Address,
        options: &Request,
    ) -> Result<Self, Failure> {
        if options.refers
            && let Ok(referer) = self.address.referer().try_into()
        {
            self.fields.insert(REFERER, referer);
        }
        to.inherit_user(&self.first);
        self.uri = to.uri()?;
        self.address = to;
        let stays_post = options.posts_again.contains(&status.as_u16());
        let becomes_get = match (status.as_u16(), self.kind) {
            (301..=303, Kind::Post) => !stays_post,
            (303, Kind::Put) => true,
            _ => false,
        };
        if becomes_get {
            self.kind = Kind::Get;
            self.payload = Payload::None;
            for name in [CONTENT_RANGE, EXPECT, TRANSFER_ENCODING] {
                self.fields.remove(name);
            }
            if !self.type_by_hand {
                self.fields.remove(CONTENT_TYPE);
            }
            if !self.method_by_hand {
                self.method = self.kind.method();
            }
        }
        Ok(self)
    }

    /// Returns the headers to send. Credentials and the user's Host go only to the first URL's host,
    /// unless `--location-trusted` trusts the others.
    pub(crate) fn headers(&self, trusted: bool) -> HeaderMap {
        let mut headers = self.fields.clone();
        if !trusted && !self.address.is_same_place(&self.first) {
            for name in [AUTHORIZATION, COOKIE, HOST] {
                headers.remove(name);
            }
        }
        headers
    }
}

/// Returns `true` if the connection ends with this response, so that its body need not be read.
pub(crate) fn ends_connection(response: &Response) -> bool {
    let says = |word: &str| {
        let lines = response.headers().get_all(CONNECTION).into_iter();
        let mut words =
            lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        words.any(|found| found.trim().eq_ignore_ascii_case(word))
    };
    says("close") || (response.version() == Version::HTTP_10 && !says("keep-alive"))
}
