//! Certificates and keys, from files in PEM.

use std::path::Path;
use std::{fs, io};

use config::Text;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::process::reason::reason;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("{}", reason(.0))]
    Unreadable(#[from] io::Error),
    /// What it holds is no PEM.
    #[error("{0}")]
    Malformed(String),
    /// It holds no certificate.
    #[error("no certificate found")]
    NoCertificate,
    /// It holds no key.
    #[error("no private key found")]
    NoKey,
    /// The key needs a password.
    #[error("the key is encrypted, and there is no password")]
    NoPassword,
    /// The password is not that of the key.
    #[error("bad decrypt")]
    WrongPassword,
    /// It is encrypted in a way that is not understood.
    #[error(
        "the key is encrypted in the old form; `openssl pkcs8 -topk8` writes it in the present one"
    )]
    OldEncryption,
}

/// No certificate or key is longer, nor are all authorities of the world together.
const MOST_BYTES: u64 = 16 << 20;

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let length = fs::metadata(path)?.len();
    if MOST_BYTES < length {
        return Err(FileError::Malformed(format!("{length} bytes are too many")));
    }
    Ok(fs::read(path)?)
}

/// The certificates in a file, in their order: a chain, or authorities.
pub(super) fn certificates(path: &Text) -> Result<Vec<CertificateDer<'static>>, FileError> {
    certificates_at(path.as_path())
}

fn certificates_at(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| FileError::Malformed(error.to_string()))?;
    if found.is_empty() { Err(FileError::NoCertificate) } else { Ok(found) }
}

/// The certificates in the files of a directory. Files that hold none are passed over: there may be a note among them.
pub(super) fn certificates_in(path: &Text) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path.as_path())? {
        let path = entry?.path();
        if path.is_file()
            && let Ok(certificates) = certificates_at(&path)
        {
            found.extend(certificates);
        }
    }
    Ok(found)
}

/// The key in a file; `password` is for one that is encrypted.
pub(super) fn key(path: &Text, password: &[u8]) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read(path.as_path())?;
    if let Some(block) = block(&bytes, "ENCRYPTED PRIVATE KEY") {
        return decrypted(block, password);
    }
    if memchr::memmem::find(&bytes, b"Proc-Type: 4,ENCRYPTED").is_some() {
        return Err(FileError::OldEncryption);
    }
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => Err(FileError::NoKey),
        Err(error) => Err(FileError::Malformed(error.to_string())),
    }
}

/// The block of a kind in a PEM file, with its marks.
fn block<'a>(bytes: &'a [u8], kind: &str) -> Option<&'a str> {
    let start = memchr::memmem::find(bytes, format!("-----BEGIN {kind}-----").as_bytes())?;
    let from_start = bytes.get(start..)?;
    let mark = format!("-----END {kind}-----");
    let end = memchr::memmem::find(from_start, mark.as_bytes())?.checked_add(mark.len())?;
    std::str::from_utf8(from_start.get(..end)?).ok()
}

fn decrypted(block: &str, password: &[u8]) -> Result<PrivateKeyDer<'static>, FileError> {
    if password.is_empty() {
        return Err(FileError::NoPassword);
    }
    let malformed = |error: &dyn std::fmt::Display| FileError::Malformed(error.to_string());
    let (_, document) = SecretDocument::from_pem(block).map_err(|error| malformed(&error))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| malformed(&error))?;
    // A wrong password shows in the padding, or in what is found to be no key.
    let key = encrypted.decrypt(password).map_err(|_| FileError::WrongPassword)?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec())))
}
