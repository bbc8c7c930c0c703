//! Flags that must go together.

use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command};

fn settings(flags: &[&str]) -> anyhow::Result<Option<KubernetesSettings>> {
    let args = [&["hearth", "store"], flags].concat();
    match Cli::try_parse_from(args)?.command {
        Command::Store(StoreArgs { serve }) => {
            let access: Vec<_> =
                serve.auth.iter().map(|mode| access(mode).expect("known")).collect();
            kubernetes_settings(&access, &serve)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn access_by_kubernetes_needs_an_audience_and_a_namespace() {
    let audience = ["--kubernetes-audience", "hearth.dev/a/b"];
    let namespace = ["--kubernetes-namespace", "a"];
    for modes in [&["--auth", "kubernetes"][..], &["--auth", "none", "--auth", "kubernetes"]] {
        let whole = settings(&[modes, &audience, &namespace].concat()).expect("whole");
        let wanted =
            KubernetesSettings { audience: "hearth.dev/a/b".into(), namespace: "a".into() };
        assert_eq!(whole, Some(wanted));
        for (flags, missing) in [
            (&namespace[..], "--kubernetes-audience"),
            (&audience[..], "--kubernetes-namespace"),
            (&[], "--kubernetes-audience"),
        ] {
            let refused = settings(&[modes, flags].concat()).expect_err("something is missing");
            let text = refused.to_string();
            assert!(text.starts_with(&format!("--auth kubernetes needs {missing}")), "{text}");
        }
    }
}

#[test]
fn flags_of_a_mode_that_is_off_are_refused() {
    assert_eq!(settings(&[]).expect("nothing to say"), None);
    let refused = settings(&["--kubernetes-audience", "x"]).expect_err("without effect");
    assert!(refused.to_string().contains("without --auth kubernetes"), "{refused}");
}
