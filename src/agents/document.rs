//! Documents, read piece by piece: a list of messages is never in memory as a whole.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Lists whose elements are records.
const LISTS: &[&str] = &["messages", "history", "trajectory", "conversation", "events"];

/// Returns whether the elements of a list with this name are records.
pub(super) fn is_list(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Takes a record, and the name of its list.
pub(super) type Each<'a> = dyn FnMut(&str, Value) + 'a;

/// Reads documents one after the other up to the end. An error says that one is no JSON from some place on.
pub(super) fn read(source: impl Read, each: &mut Each) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_reader(source);
    let mut documents = 0;
    loop {
        match (Document { each }).deserialize(&mut parser) {
            Ok(()) => documents += 1,
            Err(error) if documents > 0 && error.is_eof() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Takes a document that is there as a whole.
pub(super) fn whole(value: Value, each: &mut Each) {
    match value {
        Value::Array(records) => records.into_iter().for_each(|record| each("", record)),
        Value::Object(mut fields) if fields.iter().any(|(name, value)| is_list(name) && value.is_array()) => {
            let lists: Vec<String> = fields.keys().filter(|name| is_list(name)).cloned().collect();
            let lists: Vec<_> = lists.into_iter().filter_map(|name| fields.remove_entry(&name)).collect();
            each("", Value::Object(fields));
            for (name, value) in lists {
                match value {
                    Value::Array(records) => records.into_iter().for_each(|record| each(&name, record)),
                    other => each(&name, other),
                }
            }
        }
        other => each("", other),
    }
}

struct Document<'a, 'b> {
    each: &'a mut Each<'b>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Value>()? {
            (self.each)("", record);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut besides = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if is_list(&name) {
                // What stands before a list often says where and when it is from.
                if !besides.is_empty() {
                    (self.each)("", Value::Object(std::mem::take(&mut besides)));
                }
                fields.next_value_seed(List { name: &name, each: self.each })?;
            } else {
                besides.insert(name, fields.next_value()?);
            }
        }
        if !besides.is_empty() {
            (self.each)("", Value::Object(besides));
        }
        Ok(())
    }
}

struct List<'a, 'b> {
    name: &'a str,
    each: &'a mut Each<'b>,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Value>()? {
            (self.each)(self.name, record);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}
