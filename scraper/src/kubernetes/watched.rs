//! Our trimmed objects as the Kubernetes client wants them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use serde::{Deserialize, Deserializer};

use crate::kubernetes::object_meta::Watchable;

/// An object just read, with the little that the client itself looks at.
#[derive(Clone, Debug)]
pub struct Watched<T> {
    /// The object, trimmed.
    pub object: T,
    /// Name and version only.
    metadata: ObjectMeta,
}

impl<'de, T: Watchable> Deserialize<'de> for Watched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = T::deserialize(deserializer)?;
        object.trim();
        let meta = object.meta_mut();
        let version = std::mem::take(&mut meta.resource_version);
        let metadata = ObjectMeta {
            name: Some(meta.name.to_string()),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        };
        Ok(Self { object, metadata })
    }
}

impl<T: Watchable> kube::Resource for Watched<T> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        T::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        T::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        T::VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        T::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
