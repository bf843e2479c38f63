//! The routes of the service.

use std::sync::Arc;

use hangup::http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use hangup::http::{HeaderMap, StatusCode};
use hangup::{Error, IntoResponse, Json, Request, RequestExt, Response, Result, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::MAX_BODY;
use crate::problem::Problem;
use crate::store::{Fields, Item, Store};

pub(crate) fn routes(store: Arc<Store>) -> Router {
    let with = |handle: fn(&Store, &mut Request) -> Result<Response>| {
        let store = Arc::clone(&store);
        move |r: &mut Request| handle(&store, r)
    };
    Router::new()
        .respond("GET /items", with(list))
        .respond("POST /items", with(create))
        .respond("GET /items/{id}", with(read))
        .respond("PUT /items/{id}", with(replace))
        .respond("PATCH /items/{id}", with(change))
        .respond("DELETE /items/{id}", with(delete))
}

/// The query of a list.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    /// Only items with this tag.
    tag: Option<String>,
    /// Only items whose name contains this, in any case.
    q: Option<String>,
    max_price: Option<u64>,
    sort: Sort,
    limit: usize,
    offset: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { tag: None, q: None, max_price: None, sort: Sort::Id, limit: 50, offset: 0 }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Id,
    Name,
    Price,
}

impl Filter {
    fn matches(&self, item: &Fields) -> bool {
        let name = item.name.to_lowercase();
        self.tag.as_ref().is_none_or(|tag| item.tags.contains(tag))
            && self.q.as_ref().is_none_or(|text| name.contains(&text.to_lowercase()))
            && self.max_price.is_none_or(|most| item.price <= most)
    }
}

/// A page of a list.
#[derive(Serialize)]
struct Page {
    items: Vec<Item>,
    /// The number of items on all pages.
    total: usize,
}

fn list(store: &Store, r: &mut Request) -> Result<Response> {
    let filter: Filter = r.query_as()?;
    let items = store.lock();
    let matching = items.by_id.values().filter(|item| filter.matches(&item.fields));
    let mut matching: Vec<&Item> = matching.collect();
    match filter.sort {
        Sort::Id => {}
        Sort::Name => matching.sort_by(|one, other| one.fields.name.cmp(&other.fields.name)),
        Sort::Price => matching.sort_by_key(|item| item.fields.price),
    }
    let total = matching.len();
    let page = matching.into_iter().skip(filter.offset).take(filter.limit.min(1000));
    Json(Page { items: page.cloned().collect(), total }).into_response()
}

fn create(store: &Store, r: &mut Request) -> Result<Response> {
    let fields = match r.json::<Fields>(MAX_BODY)?.check() {
        Ok(fields) => fields,
        Err(problem) => return problem.into_response(),
    };
    let item = store.lock().add(fields);
    created(&item)
}

fn read(store: &Store, r: &mut Request) -> Result<Response> {
    let items = store.lock();
    shown(items.by_id.get(&id(r)?).ok_or(StatusCode::NOT_FOUND)?)
}

fn replace(store: &Store, r: &mut Request) -> Result<Response> {
    let id = id(r)?;
    let fields = match r.json::<Fields>(MAX_BODY)?.check() {
        Ok(fields) => fields,
        Err(problem) => return problem.into_response(),
    };
    let mut items = store.lock();
    if let Err(problem) = check_conditions(r.headers(), items.by_id.get(&id)) {
        return problem.into_response();
    }
    let is_new = !items.by_id.contains_key(&id);
    let item = items.put(id, fields);
    if is_new { created(&item) } else { shown(&item) }
}

fn change(store: &Store, r: &mut Request) -> Result<Response> {
    let id = id(r)?;
    let patch: Value = r.json(MAX_BODY)?;
    let mut items = store.lock();
    let old = items.by_id.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    if let Err(problem) = check_conditions(r.headers(), Some(old)) {
        return problem.into_response();
    }
    let mut document = json!(old.fields);
    merge(&mut document, patch);
    let fields: Fields = serde_json::from_value(document)
        .map_err(|error| Error::status(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    match fields.check() {
        Ok(fields) => shown(&items.put(id, fields)),
        Err(problem) => problem.into_response(),
    }
}

fn delete(store: &Store, r: &mut Request) -> Result<Response> {
    let (id, mut items) = (id(r)?, store.lock());
    let item = items.by_id.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    if let Err(problem) = check_conditions(r.headers(), Some(item)) {
        return problem.into_response();
    }
    items.by_id.remove(&id);
    StatusCode::NO_CONTENT.into_response()
}

/// Returns the id in the path. A text that is no id names no item.
fn id(r: &Request) -> Result<u64> {
    r.parse_path_value("id").map_err(|_| StatusCode::NOT_FOUND.into())
}

fn shown(item: &Item) -> Result<Response> {
    ([(ETAG, tag(item))], Json(item)).into_response()
}

fn created(item: &Item) -> Result<Response> {
    let location = [("location", format!("/items/{}", item.id))];
    (StatusCode::CREATED, location, shown(item)).into_response()
}

fn tag(item: &Item) -> String {
    format!("\"{}\"", item.version)
}

/// Checks the conditions of a change (RFC 9110 section 13.2.2). The conditions of a GET are checked by the
/// `ETag` layer.
fn check_conditions(headers: &HeaderMap, item: Option<&Item>) -> Result<(), Problem> {
    let failed = |text: &str| Err(Problem::new(StatusCode::PRECONDITION_FAILED, text.to_owned()));
    if headers.contains_key(IF_MATCH) && !lists(headers, IF_MATCH, item) {
        return failed("the item has changed, or does not exist");
    }
    if headers.contains_key(IF_NONE_MATCH) && lists(headers, IF_NONE_MATCH, item) {
        return failed("the item exists");
    }
    Ok(())
}

/// Returns `true` if a field lists the tag of an item that exists. Our tags have no commas.
fn lists(headers: &HeaderMap, name: HeaderName, item: Option<&Item>) -> bool {
    let Some(tag) = item.map(tag) else { return false };
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| ["*", &tag].contains(&listed.trim()))
}

/// Applies a merge patch (RFC 7396): a member replaces one of the same name, and `null` removes it.
fn merge(document: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *document = patch;
        return;
    };
    if !document.is_object() {
        *document = json!({});
    }
    let Some(members) = document.as_object_mut() else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
