//! Tags of a workspace, made right.

use http::Method;
use protocol::amp_api::tags::{OWNER_TAG, RESERVED_TAG_PREFIX, Tags, TagsDocument};
use serde_json::json;

use crate::control::client::{ControlClient, escaped};
use crate::control::error::ControlError;

/// The tag that remembers what becomes of a workspace when its manifest goes.
pub const DELETION_POLICY_TAG: &str = "hearth.dev/deletion-policy";

/// What must change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// To set.
    pub set: Tags,
    /// To remove.
    pub gone: Vec<String>,
}

/// The difference; reserved tags of others are left alone.
pub fn tag_change(now: &Tags, wanted: &Tags) -> TagChange {
    let differs = |(key, value): &(&String, &String)| now.get(*key) != Some(value);
    let set = wanted.iter().filter(differs).map(|(k, v)| (k.clone(), v.clone())).collect();
    let ours = |key: &&String| !key.starts_with(RESERVED_TAG_PREFIX) || *key == DELETION_POLICY_TAG;
    let gone = now.keys().filter(ours).filter(|key| !wanted.contains_key(*key)).cloned().collect();
    TagChange { set, gone }
}

/// Makes the tags of a resource what is wanted.
pub async fn retag(
    client: &ControlClient,
    arn: &str,
    now: &Tags,
    wanted: &Tags,
) -> Result<(), ControlError> {
    let path = format!("/tags/{}", escaped(arn));
    let TagChange { set, gone } = tag_change(now, wanted);
    if !set.is_empty() {
        client.tell(Method::POST, &path, &TagsDocument { tags: set }).await?;
    }
    if !gone.is_empty() {
        let keys: Vec<String> =
            gone.iter().map(|key| format!("tagKeys={}", escaped(key))).collect();
        client.tell(Method::DELETE, &format!("{path}?{}", keys.join("&")), &json!({})).await?;
    }
    Ok(())
}

/// Hands a workspace that `client` owns over to another owner.
pub async fn hand_over(client: &ControlClient, arn: &str, owner: &str) -> Result<(), ControlError> {
    let tags = Tags::from([(OWNER_TAG.to_owned(), owner.to_owned())]);
    client.tell(Method::POST, &format!("/tags/{}", escaped(arn)), &TagsDocument { tags }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn only_the_difference_changes_and_the_owner_stays() {
        let now = tags(&[(OWNER_TAG, "up/x"), ("team", "a"), ("old", "1"), ("same", "1")]);
        let wanted = tags(&[("team", "b"), ("same", "1"), (DELETION_POLICY_TAG, "Retain")]);
        let change = tag_change(&now, &wanted);
        assert_eq!(change.set, tags(&[("team", "b"), (DELETION_POLICY_TAG, "Retain")]));
        assert_eq!(change.gone, ["old"]);
        assert_eq!(tag_change(&wanted, &wanted), TagChange::default());
    }
}
