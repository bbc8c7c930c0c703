//! Who owns what lies in a store.
//!
//! Only its owner changes a thing; everybody else is told who that is. So `hearth up`, operators
//! and people who use the API never fight.

use check::manifest::DEFAULT_NAMESPACE;

/// Begins every owner that `hearth up` writes.
pub const UP_PREFIX: &str = "up/";

/// The owner of what came through the API, whoever sent it.
pub const API_OWNER: &str = "api";

/// The owner of what `hearth up` makes for a manifest.
pub fn up(namespace: &str, name: &str) -> String {
    match namespace {
        DEFAULT_NAMESPACE => format!("{UP_PREFIX}{name}"),
        namespace => format!("{UP_PREFIX}{namespace}/{name}"),
    }
}

/// The owners that one installation of the operator writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    prefix: String,
}

impl Install {
    /// The installation of this name.
    pub fn new(install: &str) -> Self {
        Self { prefix: format!("operator/{install}/") }
    }

    /// What every owner of the installation begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The owner of what is made for an object.
    pub fn owner(&self, namespace: &str, name: &str) -> String {
        format!("{}{namespace}/{name}", self.prefix)
    }

    /// The object, by namespace and name, that an owner of this installation stands for.
    pub fn object<'a>(&self, owner: &'a str) -> Option<(&'a str, &'a str)> {
        let (namespace, name) = owner.strip_prefix(&self.prefix)?.split_once('/')?;
        (!namespace.is_empty() && !name.is_empty()).then_some((namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_leads_back_to_its_object_and_to_no_other_installation() {
        let install = Install::new("hearth");
        let owner = install.owner("team", "main");
        assert_eq!(owner, "operator/hearth/team/main");
        assert_eq!(install.object(&owner), Some(("team", "main")));
        assert_eq!(Install::new("hear").object(&owner), None);
        assert_eq!(install.object("operator/hearth/"), None);
        assert_eq!(install.object("up/main"), None);
    }

    #[test]
    fn up_leaves_out_the_default_namespace() {
        assert_eq!((up("default", "a"), up("x", "a")), ("up/a".to_owned(), "up/x/a".to_owned()));
    }
}
