//! A pod of a StatefulSet, as a process of this machine.
//!
//! Where there is no kubelet the test is one: it puts Secrets, ConfigMaps and tokens where the
//! template mounts them, and starts the binary with the template's own arguments.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::api_server::ApiServer;
use crate::base64;
use crate::role::Role;

/// Where every pod has its account's credentials unless its template says otherwise.
const STANDARD_HOME: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// One pod of a StatefulSet.
#[derive(Clone, Copy, Debug)]
pub struct PodProcess<'a> {
    /// Of the StatefulSet.
    pub namespace: &'a str,
    /// Of the StatefulSet.
    pub set: &'a str,
    /// Its number.
    pub index: u32,
    /// The address it has.
    pub address: &'a str,
}

impl PodProcess<'_> {
    /// Starts it by a command that ends in the binary's path.
    pub async fn start(self, server: &ApiServer, mut command: Command) -> Role {
        let Self { namespace, set, index, address } = self;
        let text = server.kubectl.must(&["-n", namespace, "get", "sts", set, "-o", "json"]).await;
        let object: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        let pod = &object["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let name = format!("{set}-{index}");
        let folder = server.folder().join("pods").join(namespace).join(&name);
        let account = pod["serviceAccountName"].as_str().expect("each has its own account");
        let mut places = Vec::new();
        for mount in list(&container["volumeMounts"]) {
            let volume = mount["name"].as_str().expect("mounts have names");
            let place = folder.join(volume);
            std::fs::create_dir_all(&place).expect("the folder is ours");
            let of_volume = list(&pod["volumes"]).iter().find(|one| one["name"] == volume);
            if let Some(found) = of_volume {
                fill(server, (namespace, account), found, &place).await;
            }
            places.push((mount["mountPath"].as_str().expect("mounts have paths"), place));
        }
        for argument in list(&container["args"]) {
            let argument = argument.as_str().expect("arguments are texts");
            let argument = argument.replace("$(SHARD)", &index.to_string());
            command.arg(here(&argument.replace("=0.0.0.0:", &format!("={address}:")), &places));
        }
        if let Some((_, place)) = places.iter().find(|(path, _)| *path == STANDARD_HOME) {
            command.arg(format!("--home={}", place.display()));
        }
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", server.port.to_string())
            .env("KUBECONFIG", server.kubeconfig(namespace, account).await);
        Role::start(command, server.folder(), &name)
    }
}

/// An argument with its path as it is on this machine.
fn here(argument: &str, places: &[(&str, PathBuf)]) -> String {
    let found = places.iter().find(|(path, _)| {
        let value = argument.split_once('=').map_or(argument, |(_, value)| value);
        value.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    match found {
        Some((path, place)) => argument.replacen(path, &place.display().to_string(), 1),
        None => argument.to_owned(),
    }
}

async fn fill(server: &ApiServer, who: (&str, &str), volume: &Value, place: &Path) {
    if let Some(name) = volume["secret"]["secretName"].as_str() {
        let decode = |text: &str| base64::decode(text);
        put(&data(server, who.0, "secret", name).await, decode, place);
    }
    if let Some(name) = volume["configMap"]["name"].as_str() {
        let plain = |text: &str| text.as_bytes().to_vec();
        put(&data(server, who.0, "configmap", name).await, plain, place);
    }
    for source in list(&volume["projected"]["sources"]) {
        if let Some(path) = source["serviceAccountToken"]["path"].as_str() {
            let audience = source["serviceAccountToken"]["audience"].as_str().unwrap_or_default();
            write(&place.join(path), server.token(who.0, who.1, audience).await.as_bytes());
        }
        if source["configMap"]["name"] == "kube-root-ca.crt" {
            write(&place.join("ca.crt"), server.authority().as_bytes());
        }
        if let Some(path) = source["downwardAPI"]["items"][0]["path"].as_str() {
            write(&place.join(path), who.0.as_bytes());
        }
    }
}

async fn data(server: &ApiServer, namespace: &str, kind: &str, name: &str) -> Value {
    let text = server.kubectl.must(&["-n", namespace, "get", kind, name, "-o", "json"]).await;
    let object: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    object["data"].clone()
}

fn put(data: &Value, decode: impl Fn(&str) -> Vec<u8>, place: &Path) {
    for (key, value) in data.as_object().into_iter().flatten() {
        write(&place.join(key), &decode(value.as_str().unwrap_or_default()));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn write(file: &Path, bytes: &[u8]) {
    std::fs::write(file, bytes).expect("the folder is ours");
}
