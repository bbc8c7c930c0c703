//! The documentation of limits is the table of limits.

use std::fmt::Write as _;
use std::path::PathBuf;

use protocol::limits::LIMITS;

/// Set: writes the documentation in place of comparing.
const RENEW: &str = "HEARTH_RENEW";

fn page() -> String {
    let mut page = String::from(
        "# Limits of a workspace\n\n\
         Every limit has a name, a default and a unit; 0 means no limit. They are set in `limits` \
         of a Workspace manifest, or\nin `hearth.limits` of UpdateWorkspaceConfiguration (see \
         api.md), and hold from then on. What is refused names the limit\nand its value.\n\n\
         | name | default | unit | what it holds down |\n|---|---:|---|---|\n",
    );
    for limit in LIMITS {
        writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            limit.name, limit.default, limit.unit, limit.about
        )
        .expect("a text takes all");
    }
    page.push_str(
        "\nThis page is written from the table in `protocol/src/limits.rs` by\n\n    \
         HEARTH_RENEW=1 cargo test -p store --test limits_documentation\n",
    );
    page
}

#[test]
#[allow(clippy::disallowed_methods, reason = "compares a file of the repository")]
fn the_page_tells_every_limit() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    if std::env::var_os(RENEW).is_some() {
        return std::fs::write(&path, page()).expect("docs/limits.md is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let renew = "HEARTH_RENEW=1 cargo test -p store --test limits_documentation";
    assert!(
        there == page(),
        "docs/limits.md is not what the table of limits says; renew it by\n    {renew}"
    );
}
