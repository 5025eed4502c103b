//! Certificate and key, for TLS. May import: std, tokio-rustls, the module's own.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::settings::{TlsError, TlsFiles};

/// The largest file, in bytes.
const LARGEST: u64 = 1 << 20;
/// Bits of a private key's mode that must not be set.
const TOO_OPEN: u32 = 0o027;

/// Reads both files.
pub(super) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let (pem, _) = read(&files.certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if chain.is_empty() {
        return Err(nothing(&files.certificate, "certificate"));
    }
    let (pem, mode) = read(&files.key)?;
    if mode & TOO_OPEN != 0 {
        let path = files.key.clone();
        return Err(TlsError::Mode { path, mode });
    }
    let key =
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| nothing(&files.key, "private key"))?;
    let unfit = |source| TlsError::Unfit {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A file's bytes and its mode.
fn read(path: &Path) -> Result<(Vec<u8>, u32), TlsError> {
    let failed = |source| TlsError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    let mut bytes = Vec::new();
    let mut bounded = file.take(LARGEST);
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    Ok((bytes, mode))
}

fn nothing(path: &Path, what: &'static str) -> TlsError {
    TlsError::Nothing {
        path: path.to_owned(),
        what,
    }
}
