//! Seals secrets with a key that lies in the data directory.
//!
//! XChaCha20-Poly1305; the nonce is random, 24 bytes, before the sealed value. The workspace, the
//! secret's name and the key's name are authenticated with it, so that a sealed value cannot be
//! moved to another place. Protects copies of the log and the bucket, not a stolen data directory.

use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use protocol::amp_api::scalars::Blob;
use protocol::workspace::WorkspaceId;
use world::disk::Disk;
use world::random::Random;
use world::tasks::run_blocking;
use world::world::World;

use crate::catalog::error::CatalogError;

const KEY_FILE: &str = "catalog.key";
const KEY_FILE_NEW: &str = "catalog.key.new";
/// Mark and version of the key file, then 32 bytes of key.
const MAGIC: &[u8; 8] = b"HRTHKEY1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals and opens.
pub struct SecretBox {
    cipher: XChaCha20Poly1305,
    random: Arc<dyn Random>,
}

impl SecretBox {
    /// Reads the key file; makes it where there is none.
    pub async fn open(world: &World) -> Result<Self, CatalogError> {
        let (disk, random) = (world.disk.clone(), world.random.clone());
        let found = run_blocking(world.tasks.as_ref(), move || {
            read_or_make(disk.as_ref(), random.as_ref())
                .map_err(|error| (disk.describe(Path::new(KEY_FILE)).display().to_string(), error))
        });
        let content = found.await.map_err(|(path, error)| CatalogError::KeyFile { path, error })?;
        let key = content.strip_prefix(MAGIC).filter(|key| key.len() == KEY_BYTES);
        let key = key.ok_or_else(|| CatalogError::Format {
            what: KEY_FILE.into(),
            reason: format!("it is not {} bytes that begin with its mark", MAGIC.len() + KEY_BYTES),
        })?;
        let cipher = XChaCha20Poly1305::new_from_slice(key).expect("the length was just checked");
        Ok(Self { cipher, random: world.random.clone() })
    }

    /// Seals one value for one place.
    pub fn seal_value(&self, workspace: &WorkspaceId, name: &str, key: &str, value: &[u8]) -> Blob {
        let mut nonce = [0; NONCE_BYTES];
        self.random.fill(&mut nonce);
        let place = place(workspace, name, key);
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: value, aad: place.as_bytes() })
            .expect("a secret is far shorter than the cipher's limit");
        Blob::from([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for this place.
    pub fn open_value(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        key: &str,
        sealed: &Blob,
    ) -> Result<Vec<u8>, CatalogError> {
        let fault = || CatalogError::Sealed(format!("{name}/{key}"));
        let (nonce, sealed) = sealed.0.split_at_checked(NONCE_BYTES).ok_or_else(fault)?;
        let place = place(workspace, name, key);
        self.cipher
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: place.as_bytes() })
            .map_err(|_| fault())
    }
}

/// No name may hold a slash, so this is unique.
fn place(workspace: &WorkspaceId, name: &str, key: &str) -> String {
    format!("{workspace}/{name}/{key}")
}

fn read_or_make(disk: &dyn Disk, random: &dyn Random) -> std::io::Result<Vec<u8>> {
    match disk.read(Path::new(KEY_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(disk, random),
        read => read,
    }
}

/// Writes the key under another name first, so that a crash never leaves half a key file.
fn make(disk: &dyn Disk, random: &dyn Random) -> std::io::Result<Vec<u8>> {
    let mut content = MAGIC.to_vec();
    content.resize(MAGIC.len() + KEY_BYTES, 0);
    random.fill(&mut content[MAGIC.len()..]);
    match disk.remove(Path::new(KEY_FILE_NEW)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk.create_new(Path::new(KEY_FILE_NEW))?;
    file.append(&content)?;
    file.sync()?;
    drop(file);
    disk.rename(Path::new(KEY_FILE_NEW), Path::new(KEY_FILE))?;
    disk.sync_dir(Path::new(""))?;
    Ok(content)
}
