//! Stores, from nothing to ready, through faults and changes.

use http::Method;
use serde_json::{Value, json};

use crate::fake_api::{Asked, FakeApi, Fault};
use crate::setting::{
    Running, condition, kubelet, make_class, make_store, pass, ready, store_ready, until,
};

fn fresh() -> FakeApi {
    let api = FakeApi::default();
    make_class(&api, true);
    make_store(&api, &json!({"volume": {"size": "10Gi"}}));
    api
}

#[tokio::test(start_paused = true)]
async fn a_store_comes_up_and_a_second_look_writes_nothing() {
    let api = fresh();
    let running = Running::store(&api);
    store_ready(&api).await;
    let store = api.find("stores", "main").unwrap();
    assert_eq!(store["status"]["endpoint"], "https://main-store.shop.svc:9090");
    assert_eq!(store["status"]["audience"], "hearth.dev/shop/main");
    assert_eq!(store["status"]["volumeCapacity"], "10Gi");
    pass(5).await;
    api.take_writes();
    pass(6 * 3600).await;
    let writes = api.take_writes();
    assert!(writes.is_empty(), "{writes:?}");
    drop(running);
    // Another process knows nothing of what was applied, and finds it done.
    let _second = Running::store(&api);
    pass(6 * 3600).await;
    let writes = api.take_writes();
    assert!(writes.is_empty(), "after a restart: {writes:?}");
    assert!(ready(&api, "stores", "main"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_or_deletes_comes_back() {
    let api = fresh();
    let _running = Running::store(&api);
    store_ready(&api).await;
    api.edit("services", "main-store", json!({"spec": {"ports": [{"name": "api", "port": 1}]}}));
    until("the port is right again", || {
        api.find("services", "main-store").unwrap()["spec"]["ports"][0]["port"] == 9090
    })
    .await;
    for (plural, name) in [
        ("networkpolicies", "main-store"),
        ("poddisruptionbudgets", "main-store"),
        ("clusterrolebindings", "hearth:shop:main:store"),
        ("secrets", "main-store-tls"),
        ("statefulsets", "main-store"),
    ] {
        api.delete(plural, name);
        until(plural, || api.find(plural, name).is_some()).await;
    }
}

/// Every fault at every call: it is told in the status, and it passes.
#[tokio::test(start_paused = true)]
async fn no_fault_of_the_api_server_is_the_end() {
    let faults = [
        Fault::Code(409),
        Fault::Code(410),
        Fault::Code(422),
        Fault::Code(429),
        Fault::Code(500),
        Fault::Hang,
    ];
    for fault in faults {
        let api = fresh();
        let mut left = 25;
        api.fail(move |asked: &Asked| {
            let hit = left > 0 && !asked.path.contains("/events");
            left -= i32::from(hit);
            hit.then_some(fault)
        });
        let _running = Running::store(&api);
        store_ready(&api).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_told_where_it_concerns_an_object() {
    for (code, reason, type_) in [
        (500, "ApiServerError", "Reconciling"),
        (429, "ApiThrottled", "Reconciling"),
        (422, "ApiRefused", "Stalled"),
        (403, "ApiForbidden", "Stalled"),
    ] {
        let api = fresh();
        let path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/main-store";
        api.fail(move |asked: &Asked| {
            let hit = asked.method == Method::PATCH && asked.path == path;
            hit.then_some(Fault::Code(code))
        });
        let _running = Running::store(&api);
        until(reason, || condition(&api, "stores", "main", type_).1 == reason).await;
        let (status, _, message) = condition(&api, "stores", "main", "Ready");
        assert_eq!(status, "False");
        assert!(message.contains("PodDisruptionBudget shop/main-store"), "{message}");
        api.heal();
        store_ready(&api).await;
        let (status, _, _) = condition(&api, "stores", "main", type_);
        assert_eq!(status, "", "{type_} is there only while True");
    }
}

/// The process ends after its n-th write, for every n; the next one gets there.
#[tokio::test(start_paused = true)]
async fn an_end_between_any_two_writes_converges() {
    for n in 1..16 {
        let api = fresh();
        let mut writes = 0;
        api.fail(move |asked: &Asked| {
            writes += i32::from(asked.writes());
            (writes > n).then_some(Fault::Hang)
        });
        let first = Running::store(&api);
        pass(20).await;
        drop(first);
        api.heal();
        let _second = Running::store(&api);
        store_ready(&api).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_grows_and_does_not_shrink() {
    let api = fresh();
    let _running = Running::store(&api);
    store_ready(&api).await;
    let claim = |api: &FakeApi| {
        api.find("persistentvolumeclaims", "data-main-store-0").unwrap()["spec"]["resources"]
            ["requests"]["storage"]
            .clone()
    };
    let set = api.find("statefulsets", "main-store").unwrap()["metadata"]["uid"].clone();
    api.edit("stores", "main", json!({"spec": {"volume": {"size": "20Gi"}}}));
    store_ready(&api).await;
    assert_eq!(claim(&api), "20Gi");
    api.edit("stores", "main", json!({"spec": {"volume": {"size": "5Gi"}}}));
    until("it is refused", || condition(&api, "stores", "main", "Stalled").0 == "True").await;
    let (_, reason, message) = condition(&api, "stores", "main", "Accepted");
    assert_eq!(reason, "VolumeCannotShrink", "{message}");
    assert_eq!(claim(&api), "20Gi");
    make_class(&api, false);
    api.edit("stores", "main", json!({"spec": {"volume": {"size": "30Gi"}}}));
    until("it is refused", || condition(&api, "stores", "main", "Stalled").1 == "VolumeCannotGrow")
        .await;
    assert_eq!(claim(&api), "20Gi");
    let after = api.find("statefulsets", "main-store").unwrap()["metadata"]["uid"].clone();
    assert_eq!(set, after, "nothing that runs was torn down");
}

#[tokio::test(start_paused = true)]
async fn a_new_image_rolls_the_same_set() {
    let api = fresh();
    let _running = Running::store(&api);
    store_ready(&api).await;
    let uid =
        |api: &FakeApi| api.find("statefulsets", "main-store").unwrap()["metadata"]["uid"].clone();
    let before = uid(&api);
    api.edit("stores", "main", json!({"spec": {"image": "localhost/hearth:next"}}));
    until("it is rolling", || condition(&api, "stores", "main", "Reconciling").0 == "True").await;
    store_ready(&api).await;
    let set = api.find("statefulsets", "main-store").unwrap();
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "localhost/hearth:next");
    assert_eq!(before, uid(&api));
}

#[tokio::test(start_paused = true)]
async fn a_set_with_another_fixed_field_is_remade_around_its_volume() {
    let api = fresh();
    let running = Running::store(&api);
    store_ready(&api).await;
    drop(running);
    api.edit("statefulsets", "main-store", json!({"spec": {"serviceName": "of-an-older-one"}}));
    let _second = Running::store(&api);
    until("it is remade", || {
        let set = api.find("statefulsets", "main-store");
        set.is_some_and(|set| set["spec"]["serviceName"] == "main-store-headless")
    })
    .await;
    assert!(api.find("persistentvolumeclaims", "data-main-store-0").is_some());
}

#[tokio::test(start_paused = true)]
async fn deletion_keeps_the_volume_unless_told_otherwise() {
    let api = fresh();
    let _running = Running::store(&api);
    store_ready(&api).await;
    let finalizers =
        |api: &FakeApi| api.find("stores", "main").unwrap()["metadata"]["finalizers"].clone();
    assert_eq!(finalizers(&api), Value::Null, "nothing to clean up, nothing to hold it");
    api.delete("stores", "main");
    until("the binding is gone", || {
        api.find("clusterrolebindings", "hearth:shop:main:store").is_none()
    })
    .await;
    assert!(api.find("statefulsets", "main-store").is_none());
    assert!(api.find("persistentvolumeclaims", "data-main-store-0").is_some());

    make_store(&api, &json!({"volume": {"size": "10Gi"}, "deletionPolicy": "Delete"}));
    store_ready(&api).await;
    assert_eq!(finalizers(&api), json!(["hearth.dev/cleanup"]));
    api.delete("stores", "main");
    until("all is gone", || {
        api.find("stores", "main").is_none()
            && api.find("persistentvolumeclaims", "data-main-store-0").is_none()
            && api.find("clusterrolebindings", "hearth:shop:main:store").is_none()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_binding_left_by_a_store_deleted_meanwhile_goes() {
    let api = fresh();
    let running = Running::store(&api);
    store_ready(&api).await;
    drop(running);
    api.delete("stores", "main");
    assert!(api.find("clusterrolebindings", "hearth:shop:main:store").is_some());
    let _second = Running::store(&api);
    until("it is gone", || api.find("clusterrolebindings", "hearth:shop:main:store").is_none())
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_store_is_told_and_left_alone() {
    let api = fresh();
    let _running = Running::store(&api);
    store_ready(&api).await;
    api.take_writes();
    api.edit("stores", "main", json!({"spec": {"volume": {"size": 7}}}));
    until("an event says so", || {
        api.with_objects(|objects| {
            objects.all.values().any(|object| object["reason"] == "Undecodable")
        })
    })
    .await;
    pass(3600).await;
    let writes = api.take_writes();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(api.find("statefulsets", "main-store").is_some());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_object_of_the_same_name_is_left_alone() {
    let api = fresh();
    let service = json!({"metadata": {"name": "main-store"}, "spec": {"ports": []}});
    let at = crate::setting::key("/api/v1/services", "shop", "main-store");
    api.with_objects(|objects| objects.set(&at, service));
    let _running = Running::store(&api);
    until("it is told", || condition(&api, "stores", "main", "Stalled").1 == "NameTaken").await;
    kubelet(&api);
    assert_eq!(api.find("services", "main-store").unwrap()["spec"]["ports"], json!([]));
    api.delete("services", "main-store");
    store_ready(&api).await;
}
