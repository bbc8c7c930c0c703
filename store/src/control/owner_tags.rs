//! Which tags a principal may set, and which are shown.

use protocol::amp_api::error::FieldFault;
use protocol::amp_api::tags::{OWNER_TAG, RESERVED_TAG_PREFIX, Tags, tag_faults};

use crate::principal::{Principal, owner_tag};

/// The tags as they are shown: the owner's among them where there is one to show.
pub fn shown_tags(tags: &Tags, owner: &str) -> Tags {
    tags.clone().into_iter().chain(owner_tag(owner)).collect()
}

/// Takes the owner out of the tags that an internal principal sent, since it may name the owner
/// this way too; of anybody else it stays, to be refused.
pub fn owner_apart(mut tags: Tags, principal: &Principal) -> (Tags, String) {
    if !principal.internal {
        return (tags, principal.owner.clone());
    }
    let owner = tags.remove(OWNER_TAG).unwrap_or_else(|| principal.owner.clone());
    (tags, owner)
}

/// What is wrong with tags that this principal wants to set: reserved ones are for internal
/// principals only, and the owner is no tag to set at all.
pub fn faults_of(tags: &Tags, principal: &Principal) -> Vec<FieldFault> {
    let reserved = |key: &str| key.starts_with(RESERVED_TAG_PREFIX) && key != OWNER_TAG;
    let mut judged = tags.clone();
    judged.retain(|key, _| !(principal.internal && reserved(key)));
    tag_faults(&judged)
}
