//! Which certificate a Secret holds, and if it still does.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;

use crate::certificates::issuing::{IssueError, Leaf, leaf};
use crate::certificates::rotation::{Signers, renewal};
use crate::runtime::compare;

const NAMES: &str = "hearth.dev/certificate-names";
const SIGNER: &str = "hearth.dev/certificate-signer";
const NOT_BEFORE: &str = "hearth.dev/certificate-not-before";
const NOT_AFTER: &str = "hearth.dev/certificate-not-after";
const CONTENT: &str = "hearth.dev/certificate-hash";

/// A desired Secret, and when its certificate is to be renewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Certified {
    /// `tls.crt`, `tls.key`, `ca.crt`.
    pub secret: Secret,
    /// Not before this time.
    pub renewal: Timestamp,
}

/// The Secret of a server's certificate: the `live` one's certificate where it still serves, a new
/// one where not. `ca.crt` is the authorities' bundle of now.
///
/// # Errors
/// If a name is no DNS name.
pub fn certified(
    live: Option<&Secret>,
    metadata: ObjectMeta,
    names: &[String],
    signers: &Signers,
    now: Timestamp,
) -> Result<Certified, IssueError> {
    let kept = live.and_then(|live| kept(live, names, signers, now));
    let made = match kept {
        Some(leaf) => leaf,
        None => leaf(&signers.current, names, now)?,
    };
    let mut metadata = metadata;
    let facts = facts(&made, names, &signers.current.common_name);
    metadata.annotations.get_or_insert_default().extend(facts);
    let data = [("tls.crt", made.certificate), ("tls.key", made.key), ("ca.crt", signers.bundle())];
    let bytes = |(key, text): (&str, String)| (key.to_owned(), ByteString(text.into_bytes()));
    let secret = Secret {
        metadata,
        data: Some(data.into_iter().map(bytes).collect()),
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    };
    Ok(Certified { secret, renewal: renewal(made.not_before, made.not_after) })
}

/// The certificate in a Secret, where it is for these names, by the signer of now, untouched, and
/// not due.
fn kept(live: &Secret, names: &[String], signers: &Signers, now: Timestamp) -> Option<Leaf> {
    let said = live.annotations();
    let time = |key: &str| said.get(key)?.parse::<Timestamp>().ok();
    let data = live.data.as_ref()?;
    let text = |key: &str| String::from_utf8(data.get(key)?.0.clone()).ok();
    let leaf = Leaf {
        certificate: text("tls.crt")?,
        key: text("tls.key")?,
        not_before: time(NOT_BEFORE)?,
        not_after: time(NOT_AFTER)?,
    };
    let expected = facts(&leaf, names, &signers.current.common_name);
    let same = expected.iter().all(|(key, value)| said.get(key) == Some(value));
    (same && now < renewal(leaf.not_before, leaf.not_after)).then_some(leaf)
}

fn facts(leaf: &Leaf, names: &[String], signer: &str) -> BTreeMap<String, String> {
    let content = serde_json::json!([leaf.certificate, leaf.key]);
    let facts = [
        (NAMES, names.join(",")),
        (SIGNER, signer.to_owned()),
        (NOT_BEFORE, leaf.not_before.to_string()),
        (NOT_AFTER, leaf.not_after.to_string()),
        (CONTENT, compare::hash(&content)),
    ];
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::issuing::authority;
    use crate::certificates::rotation::days;

    fn now() -> Timestamp {
        "2026-11-22T13:00:00Z".parse().unwrap()
    }

    fn signers() -> Signers {
        Signers { current: authority("hearth", now()).unwrap(), next: None, previous: None }
    }

    fn make(live: Option<&Secret>, name: &str, signers: &Signers, at: Timestamp) -> Certified {
        certified(live, ObjectMeta::default(), &[name.to_owned()], signers, at).unwrap()
    }

    #[test]
    fn a_certificate_is_kept_until_two_thirds_of_its_life() {
        let signers = signers();
        let first = make(None, "a.svc", &signers, now());
        let again = make(Some(&first.secret), "a.svc", &signers, now() + days(59));
        assert_eq!(first, again, "to the last bit, so that nothing is written");
        let due = make(Some(&first.secret), "a.svc", &signers, first.renewal);
        assert_ne!(first.secret.data, due.secret.data);
    }

    #[test]
    fn other_names_another_signer_and_a_touched_key_make_a_new_one() {
        let one = signers();
        let first = make(None, "a.svc", &one, now());
        assert_ne!(first, make(Some(&first.secret), "b.svc", &one, now()));
        let mut two = signers();
        two.current.common_name = "another".to_owned();
        assert_ne!(first, make(Some(&first.secret), "a.svc", &two, now()));
        let mut touched = first.secret.clone();
        let data = touched.data.as_mut().unwrap();
        data.insert("tls.key".to_owned(), ByteString(b"nonsense".to_vec()));
        let healed = make(Some(&touched), "a.svc", &one, now());
        assert_ne!(healed.secret.data.unwrap()["tls.key"].0, b"nonsense");
    }

    #[test]
    fn a_next_authority_changes_only_the_bundle() {
        let mut signers = signers();
        let first = make(None, "a.svc", &signers, now());
        signers.next = Some(authority("hearth", now() + days(1)).unwrap());
        let second = make(Some(&first.secret), "a.svc", &signers, now() + days(1));
        let (one, two) = (first.secret.data.unwrap(), second.secret.data.unwrap());
        assert_eq!(one["tls.crt"], two["tls.crt"]);
        assert_ne!(one["ca.crt"], two["ca.crt"]);
    }
}
