//! The items, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::problem::{Problem, Violation};

/// The fields of an item that a client sets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    pub(crate) name: String,
    /// In cents.
    pub(crate) price: u64,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

/// A stored item.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Item {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) fields: Fields,
    /// Grows with each change. It is the entity tag as well.
    pub(crate) version: u64,
}

/// All items by their ids.
#[derive(Default)]
pub(crate) struct Store {
    items: Mutex<Items>,
}

/// The items while a thread holds the lock.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) by_id: BTreeMap<u64, Item>,
    /// The last id that `add` has chosen.
    last_id: u64,
    last_version: u64,
}

impl Store {
    /// Locks the items, so that a condition that was checked still holds at the change. No handler blocks
    /// while it holds the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    /// Adds an item under a new id.
    pub(crate) fn add(&mut self, fields: Fields) -> Item {
        // A client may have put an item under any id, also under the largest.
        self.last_id += 1;
        while self.by_id.contains_key(&self.last_id) {
            self.last_id += 1;
        }
        self.put(self.last_id, fields)
    }

    /// Adds or replaces the item with an id.
    pub(crate) fn put(&mut self, id: u64, fields: Fields) -> Item {
        self.last_version += 1;
        let item = Item { id, fields, version: self.last_version };
        self.by_id.insert(id, item.clone());
        item
    }
}

impl Fields {
    /// Checks what types cannot express.
    pub(crate) fn check(self) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        let mut check = |holds: bool, field: String, why: &str| {
            if !holds {
                wrong.push(Violation { field, why: why.to_owned() });
            }
        };
        let length = self.name.trim().chars().count();
        check((1..=100).contains(&length), "name".to_owned(), "must have 1 to 100 characters");
        check(self.price <= 100_000_000, "price".to_owned(), "must be at most 100000000");
        check(self.tags.len() <= 20, "tags".to_owned(), "must be at most 20");
        for (at, tag) in self.tags.iter().enumerate() {
            let fits = (1..=30).contains(&tag.chars().count());
            check(fits, format!("tags[{at}]"), "must have 1 to 30 characters");
        }
        if wrong.is_empty() { Ok(self) } else { Err(Problem::invalid(wrong)) }
    }
}
