//! What becomes of a volume.                             (pure)

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crds::quantity;

/// What is to be done about a volume's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeStep {
    /// There is no claim yet, or it has the size.
    Fine,
    /// Ask for more, if the claim's StorageClass (the name) allows it.
    Grow {
        /// What the claim asks for now.
        from: String,
        /// What it is to ask for.
        to: String,
        /// The StorageClass to ask.
        class: Option<String>,
    },
    /// More was asked for and is on its way.
    Growing {
        /// What the claim asks for.
        to: String,
        /// What it has.
        has: String,
    },
    /// The spec cannot be followed.
    Refused {
        /// One CamelCase word.
        reason: &'static str,
        /// The culprit and the cure.
        message: String,
    },
}

/// Compares the size that the spec asks for with the claim.
pub fn step(wanted: &str, claim: Option<&PersistentVolumeClaim>) -> VolumeStep {
    let Some(wanted_bytes) = quantity::units(wanted).filter(|bytes| *bytes > 0) else {
        return VolumeStep::Refused {
            reason: "InvalidVolumeSize",
            message: format!("spec.volume.size {wanted:?} is not a quantity such as 10Gi"),
        };
    };
    let Some(spec) = claim.and_then(|claim| claim.spec.as_ref()) else { return VolumeStep::Fine };
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let asked = requests.and_then(|requests| requests.get("storage"));
    let asked = asked.map(|quantity| quantity.0.clone()).unwrap_or_default();
    let asked_bytes = quantity::units(&asked).unwrap_or_default();
    if wanted_bytes < asked_bytes {
        return VolumeStep::Refused {
            reason: "VolumeCannotShrink",
            message: format!(
                "spec.volume.size {wanted} is less than the volume's {asked}, and volumes never \
                 shrink: set it to {asked} or more"
            ),
        };
    }
    if wanted_bytes > asked_bytes {
        let class = spec.storage_class_name.clone();
        return VolumeStep::Grow { from: asked, to: wanted.to_owned(), class };
    }
    match capacity(claim) {
        Some(has) if quantity::units(&has).is_some_and(|bytes| bytes < asked_bytes) => {
            VolumeStep::Growing { to: asked, has }
        }
        _ => VolumeStep::Fine,
    }
}

/// What the volume holds, as the cluster gave it.
pub fn capacity(claim: Option<&PersistentVolumeClaim>) -> Option<String> {
    let capacity = claim?.status.as_ref()?.capacity.as_ref()?;
    capacity.get("storage").map(|quantity| quantity.0.clone())
}

/// The refusal where the StorageClass does not let volumes grow.
pub fn class_forbids(class: &str, from: &str, to: &str) -> VolumeStep {
    VolumeStep::Refused {
        reason: "VolumeCannotGrow",
        message: format!(
            "the volume cannot grow from {from} to {to}: StorageClass {class} has no \
             allowVolumeExpansion; set it there, or set spec.volume.size back"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim(asked: &str, has: Option<&str>) -> PersistentVolumeClaim {
        let mut claim = json!({
            "metadata": {"name": "data-main-store-0"},
            "spec": {"resources": {"requests": {"storage": asked}}, "storageClassName": "disk"},
        });
        if let Some(has) = has {
            claim["status"] = json!({"capacity": {"storage": has}});
        }
        serde_json::from_value(claim).unwrap()
    }

    fn of(wanted: &str, asked: &str, has: Option<&str>) -> VolumeStep {
        step(wanted, Some(&claim(asked, has)))
    }

    #[test]
    fn a_volume_grows_never_shrinks_and_sizes_compare_as_numbers() {
        assert_eq!(step("10Gi", None), VolumeStep::Fine);
        assert_eq!(of("10Gi", "10240Mi", Some("10Gi")), VolumeStep::Fine);
        assert_eq!(of("10Gi", "10Gi", None), VolumeStep::Fine, "not bound yet");
        assert!(matches!(of("20Gi", "10Gi", Some("10Gi")), VolumeStep::Grow { .. }));
        assert!(matches!(of("20Gi", "20Gi", Some("10Gi")), VolumeStep::Growing { .. }));
        let reason = |step| match step {
            VolumeStep::Refused { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(of("5Gi", "10Gi", Some("10Gi"))), "VolumeCannotShrink");
        assert_eq!(reason(step("much", None)), "InvalidVolumeSize");
        assert_eq!(reason(step("0", None)), "InvalidVolumeSize");
    }
}
