//! The documentation of rights is the table of routes.

use std::fmt::Write as _;
use std::path::PathBuf;

use store::http::access::reviews::Attributes;
use store::http::access::right::{Place, Right};
use store::http::routes::{self, Action};

/// Set: writes the table in place of comparing.
const RENEW: &str = "HEARTH_RENEW";

const BEGIN: &str = "<!-- routes -->\n";
const END: &str = "<!-- end of routes -->\n";

fn table() -> String {
    let mut table = String::from("\n| route | resource | verb |\n|---|---|---|\n");
    for (methods, pattern, action) in routes::table() {
        let (resource, verb) = words(action.right());
        let path = match (action, pattern.strip_prefix("workspaces/{}")) {
            (Action::Data(_), _) => format!("W/{pattern}"),
            (_, Some(rest)) => format!("W{rest}"),
            (_, None) => format!("/{pattern}"),
        };
        let methods = methods.replace(' ', ", ");
        writeln!(table, "| {methods} `{path}` | {resource} | {verb} |").expect("a text takes all");
    }
    table.push('\n');
    table
}

fn words(right: Right) -> (String, &'static str) {
    let place = Place { namespace: None, name: "ONE".to_owned() };
    match right.attributes(place, "STORE") {
        None => ("open".to_owned(), ""),
        Some(Attributes::Path { path, verb }) => (format!("the path `{path}`"), verb),
        Some(Attributes::Resource { resource, subresource, verb, name, .. }) => {
            let slash = if subresource.is_empty() { "" } else { "/" };
            let all = if name.is_empty() { " (all)" } else { "" };
            (format!("`{resource}{slash}{subresource}`{all}"), verb)
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "compares a file of the repository")]
fn the_page_tells_the_right_of_every_route() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/access.md");
    let page = std::fs::read_to_string(&path).expect("docs/access.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the table");
    let (there, after) = rest.split_once(END).expect("the mark behind the table");
    if std::env::var_os(RENEW).is_some() {
        let page = format!("{before}{BEGIN}{}{END}{after}", table());
        return std::fs::write(&path, page).expect("docs/access.md is written");
    }
    let renew = "HEARTH_RENEW=1 cargo test -p store --test access_documentation";
    assert!(
        there == table(),
        "docs/access.md is not what the table of routes says; renew it by\n    {renew}"
    );
}
