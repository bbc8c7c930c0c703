//! Which AlertManagerConfig a workspace has.             (pure)

use std::sync::Arc;

use crds::alert_manager_config::AlertManagerConfig;
use kube::Resource as _;

use crate::runtime::cache::name_of;
use crate::settings::ObjectName;

/// The one that wins: the oldest, then the first by namespace and name. What is on its way out does
/// not take part.
pub fn root(candidates: &[Arc<AlertManagerConfig>]) -> Option<&Arc<AlertManagerConfig>> {
    let stays = |one: &&Arc<AlertManagerConfig>| one.meta().deletion_timestamp.is_none();
    candidates.iter().filter(stays).min_by_key(|one| rank(one))
}

fn rank(one: &AlertManagerConfig) -> (Option<i64>, ObjectName) {
    let made = one.meta().creation_timestamp.as_ref().map(|time| time.0.as_second());
    (made, name_of(one))
}

#[cfg(test)]
mod tests {
    use crds::alert_manager_config::AlertManagerConfigSpec;
    use crds::references::WorkspaceRef;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn config(name: &str, made: i64) -> Arc<AlertManagerConfig> {
        let spec = AlertManagerConfigSpec {
            workspace_ref: WorkspaceRef { name: "main".into(), namespace: None },
            definition: String::new(),
        };
        let mut config = AlertManagerConfig::new(name, spec);
        config.metadata.namespace = Some("team".into());
        config.metadata.creation_timestamp = Timestamp::from_second(made).ok().map(Time);
        Arc::new(config)
    }

    #[test]
    fn the_oldest_wins_then_the_first_by_name() {
        let all = [config("b", 5), config("c", 1), config("a", 1)];
        assert_eq!(name_of(root(&all).expect("one").as_ref()).name, "a");
        assert!(root(&[]).is_none());
    }

    #[test]
    fn what_is_being_deleted_makes_room() {
        let mut going = config("a", 1).as_ref().clone();
        going.metadata.deletion_timestamp = Timestamp::from_second(9).ok().map(Time);
        let all = [Arc::new(going), config("b", 5)];
        assert_eq!(name_of(root(&all).expect("one").as_ref()).name, "b");
    }
}
