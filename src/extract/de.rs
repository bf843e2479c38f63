//! Pairs by serde: the query and the form as a struct or a map.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::vec;

use http::StatusCode;
use serde_core::de::value::{SeqDeserializer, StrDeserializer};
use serde_core::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    Visitor,
};
use serde_core::forward_to_deserialize_any;

use super::fault::fault;
use super::pairs::{Pairs, Source};
use super::read::form;
use crate::error::{Error, Result};
use crate::message::Request;

/// Reads the query of `request` as a `T`.
pub(crate) fn query_as<T: DeserializeOwned>(request: &Request) -> Result<T> {
    let query = request.uri().query().unwrap_or_default();
    let pairs = Pairs::decode(query.as_bytes(), Source::Query);
    read(&pairs, Source::Query, StatusCode::BAD_REQUEST)
}

/// Reads the form in the body of `request` as a `T`.
pub(crate) fn form_as<T: DeserializeOwned>(request: &mut Request, limit: u64) -> Result<T> {
    let pairs = form(request, limit)?;
    read(&pairs, Source::Form, StatusCode::UNPROCESSABLE_ENTITY)
}

fn read<T: DeserializeOwned>(pairs: &Pairs, source: Source, status: StatusCode) -> Result<T> {
    T::deserialize(PairsDeserializer { pairs, source })
        .map_err(|error| refused(source, status, &error))
}

#[cold]
fn refused(source: Source, status: StatusCode, error: &PairsError) -> Error {
    let kind = match source {
        Source::Query => "query",
        Source::Form => "form",
    };
    fault(status, format_args!("invalid {kind}: {error}"))
}

/// The error of a `Deserialize` implementation.
#[derive(Debug)]
struct PairsError(String);

impl std::error::Error for PairsError {}

impl Display for PairsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde_core::de::Error for PairsError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Pairs as a struct or a map.
struct PairsDeserializer<'a> {
    pairs: &'a Pairs,
    source: Source,
}

impl<'de> Deserializer<'de> for PairsDeserializer<'_> {
    type Error = PairsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_map(Fields {
            left: grouped(self.pairs).into_iter(),
            values: None,
            source: self.source,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        match self.pairs.is_empty() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The values of one name.
type Field<'a> = (&'a str, Vec<&'a str>);

/// Returns the values of each name, in the order of the first ones.
fn grouped(pairs: &Pairs) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut places = HashMap::new();
    for (name, value) in pairs.iter() {
        let place = *places.entry(name).or_insert(fields.len());
        match fields.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    fields
}

struct Fields<'a> {
    left: vec::IntoIter<Field<'a>>,
    /// The values of the name that was read last.
    values: Option<Field<'a>>,
    source: Source,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = PairsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PairsError> {
        self.values = self.left.next();
        let Some((name, _)) = &self.values else { return Ok(None) };
        // A map may have keys of any type that one value can have.
        seed.deserialize(Values { all: &[name] }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, PairsError> {
        let (name, all) = self.values.take().unwrap_or_default();
        seed.deserialize(Values { all: &all }).map_err(|error| {
            let name = name.escape_debug();
            PairsError(format!("{} \"{name}\": {error}", self.source.field()))
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The values of one name. There is at least one.
#[derive(Clone, Copy)]
struct Values<'a> {
    all: &'a [&'a str],
}

impl<'a> Values<'a> {
    /// Returns the value if it is the only one.
    fn one(self) -> Result<&'a str, PairsError> {
        match self.all {
            [value] => Ok(value),
            all => Err(PairsError(format!("given {} times", all.len()))),
        }
    }

    fn parsed<T>(self, expected: &str) -> Result<T, PairsError>
    where
        T: std::str::FromStr,
        T::Err: Display,
    {
        self.one()?.parse().map_err(|error| PairsError(format!("not {expected}: {error}")))
    }
}

/// Implements the methods for numbers, which are parsed.
macro_rules! numbers {
    ($($method:ident => $visit:ident: $expected:literal),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
            visitor.$visit(self.parsed($expected)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = PairsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_str(self.one()?)
    }

    numbers! {
        deserialize_i8 => visit_i8: "an integer of 8 bits",
        deserialize_i16 => visit_i16: "an integer of 16 bits",
        deserialize_i32 => visit_i32: "an integer of 32 bits",
        deserialize_i64 => visit_i64: "an integer of 64 bits",
        deserialize_i128 => visit_i128: "an integer of 128 bits",
        deserialize_u8 => visit_u8: "an unsigned integer of 8 bits",
        deserialize_u16 => visit_u16: "an unsigned integer of 16 bits",
        deserialize_u32 => visit_u32: "an unsigned integer of 32 bits",
        deserialize_u64 => visit_u64: "an unsigned integer of 64 bits",
        deserialize_u128 => visit_u128: "an unsigned integer of 128 bits",
        deserialize_f32 => visit_f32: "a number",
        deserialize_f64 => visit_f64: "a number",
        deserialize_char => visit_char: "a character",
    }

    /// Accepts `on` as well, the value of a checkbox that has none.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        match self.one()? {
            "true" | "on" | "1" => visitor.visit_bool(true),
            "false" | "off" | "0" => visitor.visit_bool(false),
            _ => Err(PairsError("neither true nor false".into())),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_bytes(self.one()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        let mut elements = SeqDeserializer::new(
            self.all.iter().map(|value| Values { all: std::slice::from_ref(value) }),
        );
        let value = visitor.visit_seq(&mut elements)?;
        elements.end()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        let variant: StrDeserializer<'_, PairsError> = self.one()?.into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, PairsError> {
        Err(PairsError::custom("nested fields are not supported"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        match self.one()? {
            "" => visitor.visit_unit(),
            _ => Err(PairsError::custom("the value must be empty")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PairsError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PairsError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { str string identifier }
}

impl<'de> IntoDeserializer<'de, PairsError> for Values<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
