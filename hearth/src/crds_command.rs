//! `hearth crds`: the definitions, for `kubectl apply`.

use std::io::Write as _;

use crds::definitions::definitions;

/// Prints one YAML document a kind: the bytes of the files in crds/, apart by `---`.
pub fn run() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (number, definition) in definitions().iter().enumerate() {
        if number > 0 {
            out.write_all(b"---\n")?;
        }
        out.write_all(serde_saphyr::to_string(definition)?.as_bytes())?;
    }
    Ok(())
}
