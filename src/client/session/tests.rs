use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn headers<const N: usize>(fields: [(HeaderName, &'static str); N]) -> HeaderMap {
    fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// Passes on a request for `http://u:p@a/x` by way of `to`.
fn rebound(to: &'static str, before: &HeaderMap, mut after: HeaderMap) -> (Rebound, HeaderMap) {
    let from = url("http://u:p@a/x");
    let mut state = HopState::default();
    let derived = from.credentials().filter(|value| before.get(AUTHORIZATION) == Some(value));
    state.add(Added { authorization: derived, cookie: None }, &mut HeaderMap::new());
    let (url, state) = rebind(&mut after, &Uri::from_static(to), &from, before, &state).unwrap();
    (Rebound { url, state }, after)
}

struct Rebound {
    url: Url,
    state: HopState,
}

impl Rebound {
    /// Returns the credentials of the URL, if they will be added.
    fn credentials(&self) -> Option<HeaderValue> {
        self.url.credentials().filter(|_| !self.state.withholds(&AUTHORIZATION))
    }
}

#[test]
fn t16_only_changed_secrets_go_to_another_origin() {
    let before = headers([(AUTHORIZATION, "old"), (COOKIE, "old")]);
    let mut after = before.clone();
    after.insert(AUTHORIZATION, HeaderValue::from_static("new"));
    let (url, after) = rebound("http://b/", &before, after);
    assert_eq!(after.get(AUTHORIZATION).unwrap(), "new");
    assert!(!after.contains_key(COOKIE) && url.credentials().is_none());
}

#[test]
fn t16_a_value_that_is_appended_leaves_the_old_one_behind() {
    let before = headers([(COOKIE, "session=a")]);
    let mut after = before.clone();
    after.append(COOKIE, HeaderValue::from_static("x=1"));
    let (_, after) = rebound("http://b/", &before, after);
    assert_eq!(after, headers([(COOKIE, "x=1")]));
}

#[test]
fn t16_credentials_of_a_changed_url_replace_those_that_were_removed() {
    let derived = url("http://u:p@a/").credentials().unwrap();
    let before: HeaderMap = [(AUTHORIZATION, derived)].into_iter().collect();
    let (url, _) = rebound("http://v:q@a/", &before, HeaderMap::new());
    assert_eq!(url.credentials(), self::url("http://v:q@a/").credentials());
}

#[test]
fn t16_within_the_origin_secrets_stay() {
    let before = headers([(AUTHORIZATION, "own"), (COOKIE, "own")]);
    let (url, after) = rebound("http://a/y", &before, before.clone());
    assert_eq!(after, before);
    assert_eq!(url.credentials(), self::url("http://u:p@a/").credentials());
}

#[test]
fn t16_derived_credentials_are_derived_anew() {
    let derived = url("http://u:p@a/").credentials().unwrap();
    let before: HeaderMap = [(AUTHORIZATION, derived.clone())].into_iter().collect();
    for (to, expected) in [
        ("http://a/x", Some(derived.clone())),
        ("http://a/y", Some(derived)),
        ("http://v:q@a/", url("http://v:q@a/").credentials()),
        ("http://b/", None),
    ] {
        let (url, after) = rebound(to, &before, before.clone());
        assert_eq!((after.get(AUTHORIZATION), url.credentials()), (None, expected), "{to}");
    }
    let (url, _) = rebound("http://a/x", &before, HeaderMap::new());
    assert!(url.credentials().is_none(), "removed on purpose");
}
