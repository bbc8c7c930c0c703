//! What users say of pods: quantities, tolerations, images.

use crds::pods::{Placement, Resources};

use crate::judgement::Judgement;

/// Judges a volume's or a container's size.
pub fn quantity(judgement: &mut Judgement, path: &str, text: &str) {
    match crds::quantity::parse(text) {
        Some(size) if size > 0 => {}
        Some(_) => judgement.refuse(path, format!("{text:?} must be more than nothing")),
        None => {
            judgement.refuse(path, format!("{text:?} is no quantity such as 10Gi, 500m or 1.5"));
        }
    }
}

/// Judges what a container asks for and may use.
pub fn resources(judgement: &mut Judgement, path: &str, resources: &Resources) {
    let Resources { requests, limits } = resources;
    for (field, amounts) in [("requests", requests), ("limits", limits)] {
        for (name, amount) in amounts {
            quantity(judgement, &format!("{path}.{field}.{name}"), amount);
        }
    }
    for (name, request) in requests {
        let parsed = crds::quantity::parse(request);
        let limit = limits.get(name).and_then(|limit| crds::quantity::parse(limit));
        if let (Some(request_), Some(limit_)) = (parsed, limit)
            && request_ > limit_
        {
            let message = format!("{request} is more than the limit of {}", limits[name]);
            judgement.refuse(&format!("{path}.requests.{name}"), message);
        }
    }
}

/// Judges where pods may run; the rules are Kubernetes's own.
pub fn placement(judgement: &mut Judgement, path: &str, placement: &Placement) {
    let Placement { node_selector: _, tolerations, priority_class_name: _ } = placement;
    for (number, one) in tolerations.iter().enumerate() {
        let path = format!("{path}.tolerations[{number}]");
        let operator = one.operator.as_deref().unwrap_or("Equal");
        let effect = one.effect.as_deref().unwrap_or("");
        if !["Exists", "Equal"].contains(&operator) {
            let message = format!("{operator:?} is neither Exists nor Equal");
            judgement.refuse(&format!("{path}.operator"), message);
        }
        if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            let message = format!("{effect:?} is none of NoSchedule, PreferNoSchedule, NoExecute");
            judgement.refuse(&format!("{path}.effect"), message);
        }
        if one.key.as_deref().unwrap_or("").is_empty() && operator != "Exists" {
            let message = "must be Exists where no key is named";
            judgement.refuse(&format!("{path}.operator"), message);
        }
        if operator == "Exists" && !one.value.as_deref().unwrap_or("").is_empty() {
            judgement.refuse(&format!("{path}.value"), "cannot stand beside operator Exists");
        }
        if one.toleration_seconds.is_some() && effect != "NoExecute" {
            let message = "needs the effect NoExecute";
            judgement.refuse(&format!("{path}.tolerationSeconds"), message);
        }
    }
}
