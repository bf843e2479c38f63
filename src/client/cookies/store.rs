//! The storage model (RFC 6265bis sections 5.7 and 5.8): which cookies a jar keeps, and which it returns.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use super::cookie::{Cookie, Hosts};
use super::evict::{self, Kept};
use super::moment::Moment;
use super::parse::{self, Fault, SetCookie, is_control, trimmed};
use super::scope::{self, Origin};
use super::suffix;

/// The content of a jar.
#[derive(Default)]
pub(super) struct State {
    /// The cookies of each domain. None is empty.
    domains: HashMap<String, Vec<Kept>>,
    /// The number of the next cookie.
    next: u64,
}

/// The reason why a cookie is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Syntax(Fault),
    /// Written out, it would be read as another cookie.
    Ambiguous,
    /// The host is not the cookie's domain or below it.
    OtherDomain,
    PublicSuffix,
    /// It has the attribute Secure, and came over a connection that is not.
    NotSecure,
    /// It would replace or hide a cookie with the attribute Secure.
    HidesSecure,
    SecurePrefix,
    HostPrefix,
}

impl State {
    /// Stores the cookie of a Set-Cookie field of a response from `origin`. One that has expired removes the
    /// cookie that it replaces.
    pub(super) fn set(
        &mut self,
        field: &[u8],
        origin: Origin<'_>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let set = SetCookie::parse(field).map_err(Refusal::Syntax)?;
        let (domain, hosts) = domain_of(&set, origin.host)?;
        let cookie = Cookie {
            name: set.name.to_vec(),
            value: set.value.to_vec(),
            domain,
            hosts,
            path: set.path.unwrap_or(origin.default_path().as_bytes()).to_vec(),
            secure: set.secure,
            http_only: set.http_only,
            same_site: set.same_site,
            expires: expiry(&set, now),
            created: now,
            accessed: now,
        };
        if cookie.secure && !origin.is_secure {
            return Err(Refusal::NotSecure);
        }
        if !cookie.secure && !origin.is_secure && self.hides_secure(&cookie, now) {
            return Err(Refusal::HidesSecure);
        }
        check_prefix(&cookie, set.path.is_some())?;
        self.put(cookie, now);
        Ok(())
    }

    /// Stores a cookie of the caller or of a file.
    pub(super) fn insert(&mut self, mut cookie: Cookie, now: Moment) -> Result<(), Refusal> {
        check_parts(&cookie)?;
        let domain = scope::without_brackets(&cookie.domain);
        let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
        if domain.is_empty() {
            return Err(Refusal::OtherDomain);
        }
        if scope::is_address(&domain) || suffix::is_public(&domain) {
            cookie.hosts = Hosts::One;
        }
        cookie.domain = domain;
        check_prefix(&cookie, true)?;
        self.put(cookie, now);
        Ok(())
    }

    /// Returns the cookies of a request for `origin`, in the order in which they are sent: those of longer
    /// paths first, then the older ones. They count as accessed now.
    pub(super) fn matching(&mut self, origin: Origin<'_>, now: Moment) -> Vec<&Cookie> {
        let is_sent = |kept: &Kept| is_for(&kept.cookie, origin) && !kept.cookie.is_expired(now);
        for domain in scope::domains_of(origin.host) {
            for kept in self.domains.get_mut(domain).into_iter().flatten() {
                if is_sent(kept) {
                    kept.cookie.accessed = now;
                }
            }
        }
        let kept = scope::domains_of(origin.host).filter_map(|domain| self.domains.get(domain));
        let mut sent: Vec<&Kept> = kept.flatten().filter(|kept| is_sent(kept)).collect();
        sent.sort_by_key(|Kept { cookie, number }| {
            (Reverse(cookie.path.len()), cookie.created, *number)
        });
        sent.into_iter().map(|kept| &kept.cookie).collect()
    }

    /// Returns the cookies that have not expired, in the order in which they were created.
    pub(super) fn all(&self, now: Moment) -> Vec<Cookie> {
        let kept = self.domains.values().flatten().filter(|kept| !kept.cookie.is_expired(now));
        let mut kept: Vec<&Kept> = kept.collect();
        kept.sort_by_key(|Kept { cookie, number }| (cookie.created, *number));
        kept.into_iter().map(|kept| kept.cookie.clone()).collect()
    }

    /// Keeps only the cookies for which `keep` returns `true`. Returns the number of those removed.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Cookie) -> bool) -> usize {
        let before = self.len();
        self.domains.retain(|_, kept| {
            kept.retain(|kept| keep(&kept.cookie));
            !kept.is_empty()
        });
        before - self.len()
    }

    /// Removes the cookie that `cookie` would replace. Returns `true` if there was one that had not expired.
    pub(super) fn remove(&mut self, cookie: &Cookie, now: Moment) -> bool {
        self.retain(|kept| !kept.is_expired(now));
        self.retain(|kept| !kept.is_same(cookie)) > 0
    }

    fn len(&self) -> usize {
        self.domains.values().map(Vec::len).sum()
    }

    /// Keeps a cookie in place of the one that it replaces, whose time of creation it takes over.
    fn put(&mut self, mut cookie: Cookie, now: Moment) {
        let domain = cookie.domain.clone();
        let mut number = self.next;
        self.next += 1;
        let bucket = self.domains.entry(domain.clone()).or_default();
        bucket.retain(|kept| !kept.cookie.is_expired(now));
        if let Some(at) = bucket.iter().position(|kept| kept.cookie.is_same(&cookie)) {
            let replaced = bucket.swap_remove(at);
            (cookie.created, number) = (replaced.cookie.created, replaced.number);
        }
        if !cookie.is_expired(now) {
            bucket.push(Kept { cookie, number });
            evict::from_domain(bucket);
        }
        if bucket.is_empty() {
            self.domains.remove(&domain);
        }
        self.limit(now);
    }

    /// Removes cookies beyond the limit of the jar.
    fn limit(&mut self, now: Moment) {
        if self.len() <= evict::MAX_TOTAL {
            return;
        }
        self.retain(|cookie| !cookie.is_expired(now));
        while self.len() > evict::MAX_TOTAL {
            let kept = self.domains.values().flatten();
            let Some(number) = evict::from_all(kept) else { return };
            self.domains.retain(|_, kept| {
                kept.retain(|kept| kept.number != number);
                !kept.is_empty()
            });
        }
    }

    /// Returns `true` if a cookie from an insecure origin would replace or hide a secure one that has not
    /// expired: it has the same name, its hosts overlap, and its path is the other's or below it.
    fn hides_secure(&self, cookie: &Cookie, now: Moment) -> bool {
        let overlaps = |domain: &str| {
            scope::domain_matches(domain, &cookie.domain)
                || scope::domain_matches(&cookie.domain, domain)
        };
        let buckets = self.domains.iter().filter(|(domain, _)| overlaps(domain));
        buckets.flat_map(|(_, kept)| kept).any(|kept| {
            kept.cookie.secure
                && !kept.cookie.is_expired(now)
                && kept.cookie.name == cookie.name
                && scope::path_matches(&cookie.path, &kept.cookie.path)
        })
    }
}

/// Returns `true` if a request for `origin` has this cookie, which is of its host's domain or one above.
fn is_for(cookie: &Cookie, origin: Origin<'_>) -> bool {
    (cookie.hosts == Hosts::AllBelow || cookie.domain == origin.host)
        && (!cookie.secure || origin.is_secure)
        && scope::path_matches(origin.path.as_bytes(), &cookie.path)
}

/// Returns the domain of a cookie that `host` has set, and the hosts that get it.
fn domain_of(set: &SetCookie<'_>, host: &str) -> Result<(String, Hosts), Refusal> {
    let given = set.domain.unwrap_or_default();
    let given = given.strip_prefix(b".").unwrap_or(given);
    if given.is_empty() {
        return Ok((host.to_owned(), Hosts::One));
    }
    let given = std::str::from_utf8(given).ok().filter(|given| given.is_ascii());
    let given = given.ok_or(Refusal::OtherDomain)?.to_ascii_lowercase();
    let domain = scope::without_brackets(&given);
    if domain == host && (scope::is_address(host) || suffix::is_public(host)) {
        return Ok((host.to_owned(), Hosts::One));
    }
    if !scope::domain_matches(host, domain) {
        return Err(Refusal::OtherDomain);
    }
    match suffix::is_public(domain) {
        true => Err(Refusal::PublicSuffix),
        false => Ok((domain.to_owned(), Hosts::AllBelow)),
    }
}

/// Returns the end of a cookie's life. Max-Age counts more than Expires.
fn expiry(set: &SetCookie<'_>, now: Moment) -> Option<Moment> {
    let end = match (set.max_age, set.expires) {
        (Some(..=0), _) => Moment::EPOCH,
        (Some(seconds), _) => now.after(seconds),
        (None, Some(seconds)) => Moment::of_seconds(seconds),
        (None, None) => return None,
    };
    Some(end.limited(now))
}

/// Checks the promise of a name that begins with `__Secure-` or `__Host-` (RFC 6265bis section 4.1.3), in
/// letters of any case. A value without a name must not look like such a cookie.
fn check_prefix(cookie: &Cookie, has_path: bool) -> Result<(), Refusal> {
    let shown = if cookie.name.is_empty() { &cookie.value } else { &cookie.name };
    let is_named = !cookie.name.is_empty();
    let begins = |prefix: &str| {
        shown.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let is_whole_host = cookie.hosts == Hosts::One && cookie.path == b"/" && has_path;
    if begins("__Secure-") && !(is_named && cookie.secure) {
        return Err(Refusal::SecurePrefix);
    }
    if begins("__Host-") && !(is_named && cookie.secure && is_whole_host) {
        return Err(Refusal::HostPrefix);
    }
    Ok(())
}

/// Checks the parts of a cookie that no server has set: written out, it must be read as the same one.
fn check_parts(cookie: &Cookie) -> Result<(), Refusal> {
    let Cookie { name, value, path, domain, .. } = cookie;
    let domain = scope::without_brackets(domain);
    parse::check_pair(name, value).map_err(Refusal::Syntax)?;
    let all = [&name[..], value, path, domain.as_bytes()];
    if all.iter().any(|part| part.iter().any(|byte| is_control(*byte))) {
        return Err(Refusal::Syntax(Fault::Control));
    }
    let is_whole = all.iter().all(|part| trimmed(part) == *part);
    let is_sent_whole = !name.contains(&b'=') && !name.contains(&b';') && !value.contains(&b';');
    match is_whole && is_sent_whole && path.starts_with(b"/") && scope::is_host(domain) {
        true => Ok(()),
        false => Err(Refusal::Ambiguous),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax(Fault::Empty) => "name and value are empty",
            Self::Syntax(Fault::Control) => "it contains a control character",
            Self::Syntax(Fault::TooLarge) => "name and value have more than 4096 bytes",
            Self::Ambiguous => {
                "a part contains a delimiter or outer white space, or the path has no slash at its start"
            }
            Self::OtherDomain => "its domain is not that of the host",
            Self::PublicSuffix => "its domain is a public suffix",
            Self::NotSecure => "it is secure, and the connection is not",
            Self::HidesSecure => "it would hide a secure cookie",
            Self::SecurePrefix => "its prefix __Secure- promises the attribute Secure",
            Self::HostPrefix => "its prefix __Host- promises Secure, Path=/ and no Domain",
        })
    }
}
