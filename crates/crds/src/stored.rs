//! Objects as the API server holds them, readable or not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::object::HasStatus;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;

/// An object as the API server holds it.
///
/// The rules of a definition bind what is written, not what was stored before the definition had them. One object that does
/// not fit the types must not make a whole list unreadable, and must not look as if it were gone: so it arrives with what can
/// be read of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<K> {
    /// It can be read. A status that cannot be read is left out: it says nothing that its writer does not know.
    Readable(K),
    /// It cannot.
    Malformed(Box<Malformed>),
}

/// An object that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// Its metadata, which the API server checks for every kind alike.
    pub metadata: ObjectMeta,
    /// Its status, whatever is there.
    pub status: Value,
    /// Which field of the object is not what it should be, and why, for people.
    pub error: String,
}

impl<K> Stored<K> {
    /// The object, or what is wrong with it.
    ///
    /// # Errors
    /// The object cannot be read.
    pub fn readable(&self) -> Result<&K, &Malformed> {
        match self {
            Self::Readable(object) => Ok(object),
            Self::Malformed(malformed) => Err(malformed),
        }
    }
}

impl<K: HasStatus<Status: Clone + Default + DeserializeOwned>> Stored<K> {
    /// What the status says; the default where there is none or it cannot be read.
    pub fn status(&self) -> K::Status {
        match self {
            Self::Readable(object) => object.status().cloned().unwrap_or_default(),
            Self::Malformed(malformed) => K::Status::deserialize(&malformed.status).unwrap_or_default(),
        }
    }
}

impl<K> From<K> for Stored<K> {
    fn from(object: K) -> Self {
        Self::Readable(object)
    }
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Stored<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        let error = match serde_path_to_error::deserialize::<_, K>(&object) {
            Ok(readable) => return Ok(Self::Readable(readable)),
            Err(error) => error.to_string(),
        };
        let mut take = |field: &str| object.as_object_mut().and_then(|fields| fields.remove(field));
        let status = take("status").unwrap_or_default();
        let metadata = take("metadata").unwrap_or_default();
        if let Ok(readable) = K::deserialize(&with_metadata(object, &metadata)) {
            return Ok(Self::Readable(readable));
        }
        Ok(Self::Malformed(Box::new(Malformed {
            metadata: ObjectMeta::deserialize(metadata).map_err(D::Error::custom)?,
            status,
            error,
        })))
    }
}

fn with_metadata(mut object: Value, metadata: &Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("metadata".to_owned(), metadata.clone());
    }
    object
}

impl<K: Resource> Resource for Stored<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Readable(object) => object.meta(),
            Self::Malformed(malformed) => &malformed.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Readable(object) => object.meta_mut(),
            Self::Malformed(malformed) => &mut malformed.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IPPool;
    use serde_json::json;

    fn read(spec: Value, status: Value) -> Stored<IPPool> {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
            "metadata": {"name": "lan", "generation": 7}, "spec": spec, "status": status,
        });
        serde_json::from_value(object).expect("every object is read in some form")
    }

    #[test]
    fn an_object_that_fits_the_type_is_readable() {
        let stored = read(json!({"addresses": ["192.0.2.0/24"]}), json!({"assignedIPv4": 3}));
        assert_eq!(stored.readable().unwrap().spec.addresses, ["192.0.2.0/24"]);
        assert_eq!(stored.status().assigned_ipv4, 3);
    }

    #[test]
    fn an_object_that_does_not_fit_keeps_its_name_and_its_status_and_says_what_is_wrong() {
        let stored = read(json!({"addresses": "192.0.2.0/24"}), json!({"assignedIPv4": 3}));
        let malformed = stored.readable().unwrap_err();
        assert_eq!(
            malformed.error,
            r#"spec.addresses: invalid type: string "192.0.2.0/24", expected a sequence"#
        );
        assert_eq!(malformed.metadata.generation, Some(7));
        assert_eq!(stored.meta().name.as_deref(), Some("lan"));
        assert_eq!(stored.status().assigned_ipv4, 3);
    }

    #[test]
    fn a_status_that_does_not_fit_does_not_make_the_object_unreadable() {
        let stored = read(
            json!({"addresses": ["192.0.2.0/24"]}),
            json!({"assignedIPv4": "many"}),
        );
        assert_eq!(stored.readable().unwrap().status, None);
        let both = read(json!({"addresses": 1}), json!({"assignedIPv4": "many"}));
        assert!(both.readable().is_err());
        assert_eq!(both.status().assigned_ipv4, 0);
    }

    #[test]
    fn an_object_without_a_spec_is_malformed() {
        let object =
            json!({"apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "lan"}});
        let stored: Stored<IPPool> = serde_json::from_value(object).unwrap();
        assert_eq!(stored.readable().unwrap_err().error, "missing field `spec`");
    }
}
