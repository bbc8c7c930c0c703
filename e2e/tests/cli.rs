//! The command line: exit codes, refusals, messages.

use std::path::Path;
use std::process::{Command, Output};

use e2e::binary::hearth;
use e2e::process::{Hearth, free_port};

fn run(args: &[&str], dir: &Path) -> Output {
    Command::new(hearth()).args(args).current_dir(dir).output().expect("the binary starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const RULES: &str = "groups:\n- name: a\n  rules:\n  - record: x\n    expr: sum(up)\n";

#[test]
fn check_tells_good_from_bad_and_where() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect(name);
    write("good.yaml", RULES);
    write("bad.yaml", &RULES.replace("sum(up)", "sum(up"));
    let good = run(&["check", "good.yaml"], dir.path());
    assert_eq!((code(&good), text(&good.stdout).as_str()), (0, ""));

    let bad = run(&["check", "good.yaml", "bad.yaml"], dir.path());
    let told = text(&bad.stdout);
    assert_eq!(code(&bad), 1, "{told}");
    assert!(told.starts_with("bad.yaml:5:"), "{told}");
    assert!(told.contains("groups[0].rules[0].expr") && told.contains("unclosed"), "{told}");

    let missing = run(&["check", "nowhere.yaml"], dir.path());
    assert_eq!(code(&missing), 2);
    assert!(text(&missing.stderr).contains("nowhere.yaml"), "{}", text(&missing.stderr));
}

#[test]
fn check_judges_every_kind_of_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, content, part) in [
        (
            "scrape.yaml",
            "scrape_configs:\n- job_name: a\n  scrape_interval: 0x\n",
            "scrape_interval",
        ),
        ("am.yaml", "route: {receiver: nobody}\nreceivers: []\n", "nobody"),
        (
            "definition.yaml",
            "alertmanager_config: |\n  route: {receiver: x}\n  receivers: []\n",
            "x",
        ),
        (
            "manifest.yaml",
            "apiVersion: hearth.dev/v1alpha1\nkind: Scraper\nmetadata: {name: a}\nspec: {}\n",
            "destination",
        ),
        ("other.yaml", "what: is this\n", "neither manifests"),
    ] {
        std::fs::write(dir.path().join(name), content).expect("a new file");
        let output = run(&["check", name], dir.path());
        let told = text(&output.stdout);
        assert_eq!(code(&output), 1, "{name}: {told}");
        assert!(told.starts_with(&format!("{name}:")) && told.contains(part), "{name}: {told}");
    }
}

#[test]
fn the_quickstart_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = run(&["check", "examples/quickstart"], &root);
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
}

#[test]
fn what_must_not_be_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (args, part) in [
        (&["store", "--listen", "0.0.0.0:0"][..], "--insecure"),
        (&["store", "--listen", "nonsense"][..], "ADDRESS:PORT"),
        (&["store", "--listen", "127.0.0.1:0", "--auth", "sigv4"][..], "not built yet"),
        (&["store", "--auth", "magic"][..], "expected none, sigv4 or kubernetes"),
        (&["up", "-f", "nowhere"][..], "nothing to run"),
        (&["operator"][..], "--namespace <NAMESPACE>"),
        (&["scraper"][..], "--remote-write-url <URL>"),
        (&["store", "--auth", "kubernetes"][..], "--kubernetes-audience"),
        (&["query", "up", "--url", "http://127.0.0.1:1"][..], "does Hearth run there"),
    ] {
        let output = run(args, dir.path());
        let told = text(&output.stderr);
        assert_eq!(code(&output), 2, "{args:?}: {told}");
        assert!(told.contains(part), "{args:?}: {told}");
    }
}

#[tokio::test]
async fn two_processes_never_share_a_data_directory() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let running = Hearth::start(&["store"], &dir.path().join("data"), free_port()).await;
    let second = run(&["store", "--listen", "127.0.0.1:0", "--data-dir", "data"], dir.path());
    let told = text(&second.stderr);
    assert_eq!(code(&second), 2, "{told}");
    assert!(told.contains("another process") || told.contains("in use"), "{told}");
    assert!(running.stop().await.success(), "the first one goes on and ends cleanly");
}
