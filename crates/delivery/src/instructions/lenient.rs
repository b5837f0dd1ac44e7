//! A configuration of a newer server, as far as it is known here.
//!
//! The types of a configuration refuse unknown fields, since where people write one they are mistakes. To an agent they are what a
//! later version brought: they are left out, and named.

use std::cell::RefCell;

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};

/// Unknown fields that are named. Policy: further ones are left out without a word.
const NAMED_MAX: usize = 32;
/// Characters of a name of one.
const NAME_CHARS_MAX: usize = 100;

/// Reads what is known of `value`; with the paths of fields that are not, as `limits.disk_bytes`. Values that are not known, as a new
/// word of a choice, are an error: what is meant by them cannot be left out.
///
/// # Errors
/// What is wrong, and where.
pub fn known<T: DeserializeOwned>(value: Value) -> Result<(T, Vec<String>), Error> {
    let unknown = RefCell::default();
    let read = T::deserialize(Known { value, path: String::new(), unknown: &unknown })?;
    Ok((read, unknown.into_inner()))
}

struct Known<'a> {
    value: Value,
    path: String,
    unknown: &'a RefCell<Vec<String>>,
}

impl Known<'_> {
    fn note(&self, name: &str) {
        let mut unknown = self.unknown.borrow_mut();
        if unknown.len() < NAMED_MAX {
            let path = join(&self.path, name);
            unknown.push(path.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect());
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An error with where it is.
fn at(path: &str, error: &Error) -> Error {
    let text = error.to_string();
    // The innermost place is the one that was said first.
    if path.is_empty() || text.contains(" (at ") {
        serde::de::Error::custom(text)
    } else {
        serde::de::Error::custom(format!("{text} (at {path})"))
    }
}

impl<'de> Deserializer<'de> for Known<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { value, path, unknown } = self;
        match value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), count: 0, path, unknown }),
            Value::Object(map) => visitor.visit_map(Fields { fields: map.into_iter(), value: None, path, unknown }),
            plain => plain.deserialize_any(visitor).map_err(|error| at(&path, &error)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Lists and nothing would do for serde, each field with its default.
        let Value::Object(map) = std::mem::take(&mut self.value) else {
            return Err(at(&self.path, &serde::de::Error::custom("no object")));
        };
        let (known, unknown): (Map<String, Value>, Map<String, Value>) =
            map.into_iter().partition(|(name, _)| fields.contains(&name.as_str()));
        unknown.keys().for_each(|name| self.note(name));
        self.value = Value::Object(known);
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { value, path, .. } = self;
        value.deserialize_enum(name, variants, visitor).map_err(|error| at(&path, &error))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    items: std::vec::IntoIter<Value>,
    count: usize,
    path: String,
    unknown: &'a RefCell<Vec<String>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let path = format!("{}[{}]", self.path, self.count);
        self.count += 1;
        seed.deserialize(Known { value, path, unknown: self.unknown }).map(Some)
    }
}

struct Fields<'a> {
    fields: serde_json::map::IntoIter,
    /// Of the field whose name was taken last.
    value: Option<(String, Value)>,
    path: String,
    unknown: &'a RefCell<Vec<String>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some((name.clone(), value));
        seed.deserialize(StringDeserializer::<Error>::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Known { value, path: join(&self.path, &name), unknown: self.unknown })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NAMED_MAX, known};
    use crate::instructions::{AgentConfig, Packets};

    #[test]
    fn what_is_known_is_kept_and_what_is_not_is_named() {
        let newer = json!({
            "version": 7, "filter": "port 80", "gpu": {"on": true},
            "save": {"packets": "headers", "colour": "red"},
            "limits": {"threads": 2, "disk_bytes": 9},
            "services": [{"name": "a", "port": 80}, {"name": "b", "weight": 3}],
            "collect": {"postgresql": [{"connection": "host=/run", "zzz": 1}], "zzz": null},
        });
        let (config, unknown) = known::<AgentConfig>(newer).expect("it is sound but for what is new");
        assert_eq!((config.version, config.filter.as_str(), config.limits.threads), (7, "port 80", 2));
        assert_eq!((config.save.packets, config.services[1].name.as_str()), (Packets::Headers, "b"));
        assert_eq!(config.collect.postgresql[0].connection, "host=/run");
        let mut unknown = unknown;
        unknown.sort();
        let expected = [
            "collect.postgresql[0].zzz",
            "collect.zzz",
            "gpu",
            "limits.disk_bytes",
            "save.colour",
            "services[1].weight",
        ];
        assert_eq!(unknown, expected);
    }

    #[test]
    fn every_configuration_of_today_is_read_as_before() {
        let config = AgentConfig { until: Some(-3), tags: vec!["x".into()], ..AgentConfig::default() };
        let value = serde_json::to_value(&config).expect("it is data");
        assert_eq!(known::<AgentConfig>(value).expect("it is sound"), (config, Vec::new()));
    }

    #[test]
    fn what_cannot_be_left_out_is_refused_with_its_place() {
        let told = |value| known::<AgentConfig>(value).expect_err("it is not known").to_string();
        let error = told(json!({"save": {"packets": "compressed"}}));
        assert!(error.contains("compressed") && error.contains("(at save.packets)"), "{error}");
        let error = told(json!({"limits": {"threads": "many"}}));
        assert!(error.contains("many") && error.contains("(at limits.threads)"), "{error}");
        assert!(known::<AgentConfig>(json!("nonsense")).is_err());
        let many = (0..1000).map(|n| (format!("x{n}"), json!(n))).collect();
        assert_eq!(known::<AgentConfig>(serde_json::Value::Object(many)).expect("empty").1.len(), NAMED_MAX);
    }
}
