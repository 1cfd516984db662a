//! Events as they are read: nothing is kept before it is known what it is, for a long session has millions of them.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Bytes, Connect, Disturbed, Event, Exec, Exit, Files, Hex, Lost, Missing, Start, Told, unhex};

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "kebab-case")]
enum First {
    Event,
}

#[derive(Deserialize)]
#[serde(variant_identifier, rename_all = "kebab-case")]
enum Kind {
    Start,
    Exec,
    Missing,
    Exit,
    Connect,
    Files,
    Disturbed,
    Told,
    Lost,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Line)
    }
}

struct Line;

impl<'de> Visitor<'de> for Line {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, its kind first")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let Some(First::Event) = map.next_key()? else { return Err(A::Error::missing_field("event")) };
        let kind = map.next_value()?;
        let rest = MapAccessDeserializer::new(map);
        match kind {
            Kind::Start => Start::deserialize(rest).map(Event::Start),
            Kind::Exec => Exec::deserialize(rest).map(Event::Exec),
            Kind::Missing => Missing::deserialize(rest).map(Event::Missing),
            Kind::Exit => Exit::deserialize(rest).map(Event::Exit),
            Kind::Connect => Connect::deserialize(rest).map(Event::Connect),
            Kind::Files => Files::deserialize(rest).map(Event::Files),
            Kind::Disturbed => Disturbed::deserialize(rest).map(Event::Disturbed),
            Kind::Told => Told::deserialize(rest).map(Event::Told),
            Kind::Lost => Lost::deserialize(rest).map(Event::Lost),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Encoded)
    }
}

struct Encoded;

impl<'de> Visitor<'de> for Encoded {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or bytes as `{\"hex\": …}`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Bytes, E> {
        Ok(Bytes(text.into_bytes()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bytes, A::Error> {
        let Hex { hex } = Hex::deserialize(MapAccessDeserializer::new(map))?;
        unhex(&hex).map(Bytes).ok_or_else(|| A::Error::custom("`hex` is not pairs of lower-case hex digits"))
    }
}
