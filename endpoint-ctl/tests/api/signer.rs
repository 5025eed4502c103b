//! Signs requests, as the documentation of the two schemes says; shares no code with what checks them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A request in the making.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: String,
    pub(crate) version: String,
    pub(crate) action: String,
    pub(crate) nonce: String,
    pub(crate) date: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) form: Vec<(String, String)>,
    /// Further headers, which are signed if their names begin with `x-acs-`.
    pub(crate) headers: Vec<(String, String)>,
}

/// A call of PrivateLink by `key-1`.
pub(crate) fn call(action: &str, query: &[(&str, &str)]) -> Request {
    Request {
        method: "POST",
        key: "key-1",
        secret: "secret-1".to_owned(),
        version: "2020-04-15".to_owned(),
        action: action.to_owned(),
        nonce: format!("{:032x}", fastrand::u128(..)),
        date: date(0),
        query: owned(query),
        form: Vec::new(),
        headers: Vec::new(),
    }
}

/// Now and so many seconds more, as signatures have it.
pub(crate) fn date(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(Duration::ZERO, |now| now);
    let now = i64::try_from(now.as_secs()).expect("fits") + seconds;
    let date = jiff::Timestamp::from_second(now).expect("is a time");
    date.to_string()
}

pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    owned.collect()
}

impl Request {
    pub(crate) fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self.secret = key.replace("key-", "secret-");
        self
    }

    pub(crate) fn form(mut self, form: &[(&str, &str)]) -> Self {
        self.form = owned(form);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request, signed in both ways, with a nonce for each.
    pub(crate) fn both(&self) -> [Vec<u8>; 2] {
        let mut second = self.clone();
        second.nonce += "-2";
        [self.acs3(), second.rpc()]
    }

    /// The request, signed by ACS3-HMAC-SHA256.
    pub(crate) fn acs3(&self) -> Vec<u8> {
        let body = sent(&self.form);
        let digest = hex(&Sha256::digest(&body));
        let mut headers = vec![
            ("host".to_owned(), "127.0.0.1:8080".to_owned()),
            ("x-acs-action".to_owned(), self.action.clone()),
            ("x-acs-content-sha256".to_owned(), digest.clone()),
            ("x-acs-date".to_owned(), self.date.clone()),
            ("x-acs-signature-nonce".to_owned(), self.nonce.clone()),
            ("x-acs-version".to_owned(), self.version.clone()),
        ];
        let (signed, unsigned): (Vec<_>, Vec<_>) = self
            .headers
            .iter()
            .cloned()
            .partition(|(name, _)| name.starts_with("x-acs-"));
        headers.extend(signed);
        headers.sort();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines = headers.iter().map(|(n, v)| format!("{n}:{v}\n"));
        let lines = lines.collect::<Vec<_>>().concat();
        let mut query = self.query.clone();
        query.sort();
        let query = canonical(&query);
        let canonical = format!("{}\n/\n{query}\n{lines}\n{names}\n{digest}", self.method);
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any key");
        mac.update(to_sign.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}",
            self.key
        );
        headers.push(("authorization".to_owned(), authorization));
        headers.extend(unsigned);
        self.written(&sent(&self.query), &headers, &body)
    }

    /// The request, signed by HMAC-SHA1 of the RPC protocol.
    pub(crate) fn rpc(&self) -> Vec<u8> {
        let mut query = self.query.clone();
        query.extend(owned(&[
            ("Action", &self.action),
            ("Version", &self.version),
            ("Format", "JSON"),
            ("Timestamp", &self.date),
            ("SignatureNonce", &self.nonce),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureType", ""),
            ("AccessKeyId", self.key),
        ]));
        let mut all = query.clone();
        all.extend(self.form.clone());
        all.sort();
        let to_sign = format!("{}&%2F&{}", self.method, encode(&canonical(&all)));
        let key = format!("{}&", self.secret);
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("any key");
        mac.update(to_sign.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        query.push(("Signature".to_owned(), signature));
        let mut headers = owned(&[("host", "127.0.0.1:8080")]);
        headers.extend(self.headers.clone());
        self.written(&sent(&query), &headers, &sent(&self.form))
    }

    fn written(&self, query: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
        let lines = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n"));
        let mut text = format!("{} /?{query} HTTP/1.1\r\n", self.method);
        text.extend(lines);
        if !self.form.is_empty() {
            text += "content-type: application/x-www-form-urlencoded\r\n";
        }
        text.extend([format!("content-length: {}\r\n\r\n{body}", body.len())]);
        text.into_bytes()
    }
}

/// As signatures have it.
fn canonical(pairs: &[(String, String)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(n, v)| format!("{}={}", encode(n), encode(v)));
    pairs.collect::<Vec<_>>().join("&")
}

/// As Python's `urlencode` sends it.
fn sent(pairs: &[(String, String)]) -> String {
    canonical(pairs).replace("%20", "+")
}

fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}
