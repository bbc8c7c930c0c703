//! What collectors mount and are told.

use super::*;

fn resolved() -> Resolved {
    let store =
        crate::settings::ObjectName { namespace: "data".to_owned(), name: "main".to_owned() };
    Resolved {
        url: "https://main-store.data.svc:9090/w".to_owned(),
        proof: Proof::Audience("hearth.dev/data/main".to_owned()),
        workspace: None,
        store: Some(store),
    }
}

fn rendered(more: &Value, resolved: &Resolved) -> Value {
    let mut scraper = json!({
        "apiVersion": "hearth.dev/v1alpha1",
        "kind": "Scraper",
        "metadata": {"name": "pods", "namespace": "shop", "uid": "u"},
        "spec": {
            "destination": {"workspaceRef": {"name": "m"}},
            "scrapeConfiguration": "x",
            "sharding": {"shards": 3},
        },
    });
    for (field, value) in more.as_object().unwrap() {
        scraper["spec"][field] = value.clone();
    }
    let scraper: Scraper = serde_json::from_value(scraper).unwrap();
    let surroundings =
        Surroundings { image: "hearth:1", status_reader: "system:serviceaccount:h:op" };
    serde_json::to_value(stateful_set(&scraper, resolved, surroundings)).unwrap()
}

fn arguments_of(set: &Value) -> Vec<String> {
    let arguments = &set["spec"]["template"]["spec"]["containers"][0]["args"];
    serde_json::from_value(arguments.clone()).unwrap()
}

fn mounted(set: &Value, name: &str) -> Option<(String, Value)> {
    let pod = &set["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let path = mounts.iter().find(|m| m["name"] == name)?["mountPath"].as_str()?.to_owned();
    let volumes = pod["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|v| v["name"] == name).cloned().unwrap_or_default();
    Some((path, volume))
}

#[test]
fn a_collector_here_finds_its_credentials_where_prometheus_looks() {
    let set = rendered(&json!({}), &resolved());
    assert_eq!(set["spec"]["replicas"], 3);
    let (home, volume) = mounted(&set, "home").unwrap();
    assert_eq!(home, "/var/run/secrets/kubernetes.io/serviceaccount");
    assert_eq!(volume["projected"]["sources"][0]["serviceAccountToken"]["path"], "token");
    let (_, token) = mounted(&set, "store").unwrap();
    let token = &token["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["audience"], "hearth.dev/data/main");
    let arguments = arguments_of(&set);
    for expected in [
        "--shard=$(SHARD)",
        "--remote-write-url=https://main-store.data.svc:9090/w",
        "--token-file=/var/run/secrets/hearth/store/token",
        "--ca-file=/var/run/secrets/hearth/ca/ca.crt",
        "--buffer-bytes=966367641",
        "--status-reader=system:serviceaccount:h:op",
    ] {
        assert!(arguments.iter().any(|argument| argument == expected), "{expected} {arguments:?}");
    }
    assert!(!arguments.iter().any(|argument| argument.starts_with("--home")), "{arguments:?}");
}

#[test]
fn an_agentless_collector_mounts_nothing_where_jobs_would_look() {
    let source = json!({"source": {"kubeconfig": {"name": "far", "key": "config"}, "proxy": true}});
    let set = rendered(&source, &resolved());
    let mounts = &set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"];
    assert!(!mounts.to_string().contains("kubernetes.io/serviceaccount"), "{mounts}");
    let (path, volume) = mounted(&set, "kubeconfig").unwrap();
    assert_eq!(path, "/var/run/secrets/hearth/kubeconfig");
    assert_eq!(volume["secret"]["items"], json!([{"key": "config", "path": "kubeconfig"}]));
    let arguments = arguments_of(&set);
    for expected in [
        "--home=/var/run/secrets/hearth/home",
        "--kubeconfig=/var/run/secrets/hearth/kubeconfig/kubeconfig",
        "--proxy",
    ] {
        assert!(arguments.iter().any(|argument| argument == expected), "{expected} {arguments:?}");
    }
}

#[test]
fn keys_of_aws_are_files_so_that_changed_ones_need_no_restart() {
    let eks = json!({"clusterArn": "arn:x", "credentialsSecretName": "aws-keys"});
    let set = rendered(&json!({"source": {"eks": eks}}), &resolved());
    let environment = set["spec"]["template"]["spec"]["containers"][0]["env"].to_string();
    assert!(!environment.contains("AWS"), "{environment}");
    let (path, volume) = mounted(&set, "aws").unwrap();
    assert_eq!(volume["secret"]["secretName"], "aws-keys");
    let arguments = arguments_of(&set);
    for expected in ["--eks-cluster-arn=arn:x".to_owned(), format!("--eks-credentials-dir={path}")]
    {
        assert!(arguments.contains(&expected), "{expected} {arguments:?}");
    }
    let identity = rendered(&json!({"source": {"eks": {"clusterArn": "arn:x"}}}), &resolved());
    assert!(mounted(&identity, "aws").is_none());
    assert!(!arguments_of(&identity).iter().any(|one| one.contains("credentials-dir")));
}

#[test]
fn a_buffer_on_a_volume_is_a_claim_and_no_empty_folder() {
    let buffer = json!({"buffer": {"volume": {"size": "2Gi", "storageClassName": "disk"}}});
    let set = rendered(&buffer, &resolved());
    let claim = &set["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "2Gi");
    let (path, volume) = mounted(&set, "buffer").unwrap();
    assert_eq!((path.as_str(), &volume), ("/buffer", &Value::Null));
    let without = rendered(&json!({"buffer": {"size": "3Gi"}}), &resolved());
    assert_eq!(mounted(&without, "buffer").unwrap().1["emptyDir"]["sizeLimit"], "3Gi");
}

#[test]
fn any_other_receiver_needs_no_store() {
    let proof = Proof::Secret { name: "s".to_owned(), key: "token".to_owned() };
    let elsewhere = Resolved { proof, store: None, ..resolved() };
    let set = rendered(&json!({}), &elsewhere);
    assert!(mounted(&set, "ca").is_none());
    assert_eq!(mounted(&set, "store").unwrap().1["secret"]["secretName"], "s");
    let nothing = Resolved { proof: Proof::Nothing, store: None, ..resolved() };
    assert!(mounted(&rendered(&json!({}), &nothing), "store").is_none());
}
