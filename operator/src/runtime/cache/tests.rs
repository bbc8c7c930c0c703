//! What a cache keeps and tells.

use std::sync::Mutex;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;

use super::*;

fn object(namespace: &str, name: &str, version: u64) -> ConfigMap {
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("uid-{name}")),
        resource_version: Some(version.to_string()),
        ..ObjectMeta::default()
    };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn name(namespace: &str, name: &str) -> ObjectName {
    ObjectName { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn recorded(cache: &Cache<ConfigMap>) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = seen.clone();
    cache.listen(move |before, after| {
        let version = |object: Option<&ConfigMap>| {
            object.and_then(|o| o.resource_version()).unwrap_or_else(|| "-".to_owned())
        };
        let line = format!("{}>{}", version(before), version(after));
        writer.lock().unwrap().push(line);
    });
    seen
}

#[test]
fn own_writes_stand_and_older_news_do_not_undo_them() {
    let cache = Cache::new(1);
    let seen = recorded(&cache);
    cache.put(object("ns", "a", 9));
    cache.put(object("ns", "a", 8));
    cache.put(object("ns", "a", 9));
    assert_eq!(cache.get(&name("ns", "a")).unwrap().resource_version().as_deref(), Some("9"));
    cache.remove(&name("ns", "a"));
    cache.remove(&name("ns", "a"));
    assert_eq!(*seen.lock().unwrap(), ["->9", "9>9", "9>-"]);
}

#[test]
fn a_new_listing_tells_what_vanished_even_when_versions_go_back() {
    let cache = Cache::new(1);
    assert!(!cache.synced());
    cache.replace(0, None, vec![object("ns", "a", 5), object("ns", "b", 6)], BTreeMap::new());
    assert!(cache.synced());
    let seen = recorded(&cache);
    cache.replace(0, None, vec![object("ns", "a", 3)], BTreeMap::new());
    assert_eq!(*seen.lock().unwrap(), ["->5", "->6", "5>3", "6>-"]);
}

#[test]
fn a_listing_of_one_namespace_leaves_the_others_alone_and_all_must_be_listed_once() {
    let cache = Cache::new(2);
    cache.replace(0, Some("x"), vec![object("x", "a", 1)], BTreeMap::new());
    assert!(!cache.synced());
    cache.replace(1, Some("y"), vec![object("y", "a", 2)], BTreeMap::new());
    assert!(cache.synced());
    cache.replace(0, Some("x"), vec![], BTreeMap::new());
    assert_eq!(cache.names(), BTreeSet::from([name("y", "a")]));
}

#[test]
fn an_object_that_turns_undecodable_is_not_taken_for_deleted() {
    let cache = Cache::new(1);
    cache.replace(0, None, vec![object("ns", "a", 1)], BTreeMap::new());
    let seen = recorded(&cache);
    let broken = BTreeMap::from([(name("ns", "a"), "spec.size: not a number".to_owned())]);
    cache.replace(0, None, vec![], broken);
    assert!(cache.get(&name("ns", "a")).is_some());
    assert_eq!(cache.undecodable(&name("ns", "a")).as_deref(), Some("spec.size: not a number"));
    assert_eq!(*seen.lock().unwrap(), ["->1"]);
    cache.put(object("ns", "a", 7));
    assert_eq!(cache.undecodable(&name("ns", "a")), None);
}
