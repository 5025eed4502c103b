//! Where etcd is and how to speak to it. Imports `error` of the store.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::super::StoreError;

/// The prefix of our keys if the URL has none.
const PREFIX: &str = "endpoint";

/// The settings of an etcd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdSettings {
    /// `host:port` of each member that may be asked.
    pub members: Vec<String>,
    /// What all our keys begin with, without slashes around it.
    pub prefix: String,
    /// The certificates (PEM) that sign the members'. With it, TLS is spoken.
    pub ca: Option<PathBuf>,
    /// Our certificate (PEM) and its key, if members ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// A file that holds `user:password`, which only its owner may read.
    pub credentials: Option<PathBuf>,
}

impl EtcdSettings {
    /// Reads `etcd://host:port[,host:port]/prefix`.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |why| StoreError::Settings {
            what: format!("`{url}`: {why}"),
            mend: "write etcd://host:port,host:port/prefix, with credentials in a file of their own",
        };
        let rest = url
            .strip_prefix("etcd://")
            .ok_or_else(|| wrong("it does not begin with etcd://"))?;
        let (members, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if members.contains('@') {
            // The URL may be a secret then, so it is not said.
            return Err(StoreError::Settings {
                what: "the URL holds a user".to_owned(),
                mend: "write etcd://host:port/prefix, with credentials in a file of their own",
            });
        }
        let members: Vec<_> = members.split(',').map(str::to_owned).collect();
        let is_member = |member: &String| {
            member.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        };
        if !members.iter().all(is_member) {
            return Err(wrong("each member needs a host and a port"));
        }
        let prefix = prefix.trim_matches('/');
        let of_prefix = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
        if !prefix.chars().all(of_prefix) {
            return Err(wrong("a prefix is of letters, digits and any of `-._/`"));
        }
        let prefix = if prefix.is_empty() { PREFIX } else { prefix };
        Ok(Self {
            members,
            prefix: prefix.to_owned(),
            ..Self::default()
        })
    }

    /// The URL, for messages.
    pub(super) fn place(&self) -> String {
        format!("etcd://{}/{}", self.members.join(","), self.prefix)
    }

    /// User and password, if there are any.
    pub(super) fn read_credentials(&self) -> Result<Option<(String, String)>, StoreError> {
        let Some(path) = &self.credentials else {
            return Ok(None);
        };
        let shown = path.display();
        let mode = fs::metadata(path)
            .map_err(|error| unreadable(path, &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(StoreError::Settings {
                what: format!("others may read {shown}"),
                mend: "chmod 600 it, and change the password if others are on this host",
            });
        }
        if self.ca.is_none() && !self.members.iter().all(|member| is_loopback(member)) {
            return Err(StoreError::Settings {
                what: format!("the password of {shown} would cross the network in clear"),
                mend: "name a CA, so that TLS is spoken",
            });
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        match text.trim_end().split_once(':') {
            Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned()))),
            None => Err(StoreError::Settings {
                what: format!("{shown} holds no `user:password`"),
                mend: "write them on one line",
            }),
        }
    }
}

/// What TLS needs to know, if it is to be spoken.
pub(super) fn tls(settings: &EtcdSettings) -> Result<Option<ClientTlsConfig>, StoreError> {
    let Some(ca) = &settings.ca else {
        return match &settings.certificate {
            None => Ok(None),
            Some(_) => Err(StoreError::Settings {
                what: "a certificate is named, but no CA".to_owned(),
                mend: "name the CA that signs etcd's certificates",
            }),
        };
    };
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read_pem(ca)?));
    if let Some((certificate, key)) = &settings.certificate {
        tls = tls.identity(Identity::from_pem(read_pem(certificate)?, read_pem(key)?));
    }
    Ok(Some(tls))
}

/// The text of a PEM file.
fn read_pem(path: &Path) -> Result<String, StoreError> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    if !text.contains("-----BEGIN ") {
        return Err(StoreError::Settings {
            what: format!("{} is no PEM file", path.display()),
            mend: "convert it by openssl",
        });
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Settings {
        what: format!("reading {}: {error}", path.display()),
        mend: "name a file that this user may read",
    }
}

fn is_loopback(member: &str) -> bool {
    let host = member.rsplit_once(':').map_or(member, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let settings = EtcdSettings::parse("etcd://a:2379,[::1]:2380/b/c/").unwrap();
        assert_eq!(settings.members, ["a:2379", "[::1]:2380"]);
        assert_eq!(settings.prefix, "b/c");
        assert_eq!(EtcdSettings::parse("etcd://a:1").unwrap().prefix, PREFIX);
    }

    #[test]
    fn what_is_no_url_is_refused_without_telling_secrets() {
        for url in [
            "http://a:1",
            "etcd://",
            "etcd://a",
            "etcd://a:0",
            "etcd://a:1,",
            "etcd://:1",
            "etcd://a:1/ä",
            "etcd://root:secret@a:1/b",
        ] {
            let error = EtcdSettings::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn loopback_is_known() {
        for member in ["127.0.0.1:1", "[::1]:1", "localhost:1"] {
            assert!(is_loopback(member), "{member}");
        }
        for member in ["10.0.0.1:1", "localhost.example:1", "[2001:db8::1]:1"] {
            assert!(!is_loopback(member), "{member}");
        }
    }
}
