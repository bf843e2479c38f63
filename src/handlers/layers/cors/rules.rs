//! The permissions of a CORS layer.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::Request;

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) origins: Origins,
    pub(super) methods: Listed,
    pub(super) headers: Listed,
    pub(super) exposed: Option<HeaderValue>,
    pub(super) credentials: bool,
    pub(super) max_age: Option<HeaderValue>,
}

#[derive(Clone)]
pub(super) enum Origins {
    These(Vec<HeaderValue>),
    Any,
    By(Arc<Allows>),
}

type Allows = dyn Fn(&str, &Request) -> bool + Send + Sync;

impl Default for Origins {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::These(origins) => f.debug_list().entries(origins).finish(),
            Self::Any => f.write_str("Any"),
            Self::By(_) => f.write_str("By(..)"),
        }
    }
}

/// Allowed methods or headers.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    /// The value of the header that lists them, if there are any.
    These(Option<HeaderValue>),
    Any,
}

impl Default for Listed {
    fn default() -> Self {
        Self::These(None)
    }
}

impl Listed {
    pub(super) fn of(names: impl Iterator<Item = String>) -> Self {
        let list = names.collect::<Vec<_>>().join(", ");
        let value = HeaderValue::from_str(&list).expect("methods and header names are tokens");
        Self::These((!list.is_empty()).then_some(value))
    }

    pub(super) fn into_value(self) -> Option<HeaderValue> {
        match self {
            Self::These(value) => value,
            Self::Any => None,
        }
    }

    /// Returns the value of the header that allows `asked`. If all are allowed, it repeats what was asked
    /// for: an asterisk would not count with credentials, nor for `Authorization`.
    pub(super) fn value(&self, asked: Option<&HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::These(value) => value.clone(),
            Self::Any => asked.cloned(),
        }
    }
}
