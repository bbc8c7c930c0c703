//! What is owned and no longer asked for, removed.
//!
//! Only its owner may remove a thing, so each is removed in its owner's name.

use std::collections::BTreeSet;

use protocol::amp_api::rule_namespaces::RuleNamespaceDescription;
use protocol::workspace::WorkspaceId;

use crate::control::client::ControlClient;
use crate::control::definitions::{
    delete_alert_manager, delete_rules, describe_alert_manager, list_rules, owner_of,
};
use crate::control::error::ControlError;

/// What of a workspace's contents is still asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Rule groups namespaces, by name.
    pub rules: BTreeSet<String>,
    /// The alert manager definition.
    pub alert_manager: bool,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rule groups namespaces, by name.
    pub rules: Vec<String>,
    /// The alert manager definition.
    pub alert_manager: bool,
}

/// Removes contents that owners of ours made and nobody asks for any more.
pub async fn prune_contents(
    client: &ControlClient,
    id: &WorkspaceId,
    ours: impl Fn(&str) -> bool,
    keep: &Keep,
) -> Result<Pruned, ControlError> {
    let mut pruned = Pruned::default();
    let listed = list_rules(client, id).await?;
    for namespace in stale(&listed, &ours, keep) {
        let owner = client.acting_for(owner_of(namespace));
        delete_rules(&owner, id, &namespace.name).await?;
        pruned.rules.push(namespace.name.clone());
    }
    if keep.alert_manager {
        return Ok(pruned);
    }
    if let Some(found) = describe_alert_manager(client, id).await?
        && ours(&found.extras.owner)
    {
        delete_alert_manager(&client.acting_for(found.extras.owner), id).await?;
        pruned.alert_manager = true;
    }
    Ok(pruned)
}

/// Rule groups namespaces of ours that nobody asks for.
fn stale<'a>(
    listed: &'a [RuleNamespaceDescription],
    ours: &impl Fn(&str) -> bool,
    keep: &Keep,
) -> Vec<&'a RuleNamespaceDescription> {
    let gone =
        |one: &&RuleNamespaceDescription| ours(owner_of(one)) && !keep.rules.contains(&one.name);
    listed.iter().filter(gone).collect()
}

#[cfg(test)]
mod tests {
    use protocol::amp_api::scalars::EpochSeconds;
    use protocol::amp_api::status::{DefinitionExtras, Status};
    use protocol::amp_api::tags::Tags;

    use super::*;

    fn namespace(name: &str, owner: &str) -> RuleNamespaceDescription {
        RuleNamespaceDescription {
            arn: String::new(),
            name: name.to_owned(),
            status: Status::active(),
            data: None,
            created_at: EpochSeconds::default(),
            modified_at: EpochSeconds::default(),
            tags: Tags::new(),
            hearth: Some(DefinitionExtras {
                owner: owner.to_owned(),
                ..DefinitionExtras::default()
            }),
        }
    }

    #[test]
    fn only_what_is_ours_and_unasked_goes() {
        let listed = [
            namespace("asked", "up/a"),
            namespace("unasked", "up/b"),
            namespace("foreign", "api"),
            namespace("other", "operator/x/a/b"),
        ];
        let keep = Keep { rules: BTreeSet::from(["asked".to_owned()]), alert_manager: false };
        let gone = stale(&listed, &|owner: &str| owner.starts_with("up/"), &keep);
        assert_eq!(gone.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["unasked"]);
    }
}
