//! The multipart form of `-F`.

use std::sync::Arc;

use hangup::Body;

use crate::failure::Failure;
use crate::options::data::FormField;
use crate::request::metered::Meter;

/// A form that can be sent several times.
#[derive(Clone)]
pub(crate) struct Form(Arc<Vec<FormField>>);

impl Form {
    pub(super) fn read(fields: &[FormField]) -> Result<Self, Failure> {
        Ok(Self(Arc::new(fields.to_vec())))
    }

    pub(super) fn len(&self) -> Option<u64> {
        None
    }

    pub(super) fn body(&self, _chunked: bool, _meter: &Meter) -> Body {
        Body::empty()
    }
}
