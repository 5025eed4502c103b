//! Signatures that Alibaba's own SDKs have computed, and what of a request must not be changed.
//! May import: std, hyper, the module's own.

use hyper::header::{HeaderName, HeaderValue};

use super::*;
use crate::api::form;

const EMPTY_DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// CreateVpcEndpoint as the Python SDK 4.0.9 sends it.
const CREATE: &str = "AddressIpVersion=IPv4&ClientToken=abc&DryRun=False&EndpointName=web+1%2A~&EndpointType=Interface&PolicyDocument=%7B%22Version%22%3A%221%22%2C%22Statement%22%3A%5B%5D%7D&RegionId=cn-hangzhou&SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2&ServiceName=com.aliyuncs.privatelink.cn-hangzhou.epsrv-1&Tag.1.Key=k&Tag.1.Value=v&VpcId=vpc-1&Zone.1.VSwitchId=vsw-1&Zone.1.ZoneId=cn-hangzhou-b&Zone.1.ip=10.0.0.10&Zone.2.VSwitchId=vsw-2&Zone.2.ZoneId=cn-hangzhou-g&ZoneAffinityEnabled=True&EndpointDescription=";
const SIGNED_HEADERS: &str = "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version";
/// What `Utils.get_authorization` of tea-openapi 0.4.6 says of [`CREATE`].
const CREATE_SIGNATURE: &str = "259de3c33211d31e8bfbdccfac0efa5241e48bc883e2e1934c368ea057e54ccc";

/// TagResources as both SDKs sign it by HMAC-SHA1.
const TAG_QUERY: &str = "Action=TagResources&Version=2020-04-15&Format=json&Timestamp=2026-11-23T23%3A07%3A00Z&SignatureNonce=n-1&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&AccessKeyId=LTAItestKey&SignatureType=&Signature=rIkGcU7E9REQI4fLoIO8zjklMt4%3D";
const TAG_BODY: &str = "RegionId=cn-hangzhou&ResourceId.1=ep-1&ResourceType=VpcEndpoint&Tag.1.Key=a+b&Tag.1.Value=%2A~%2F%C3%A9";

#[derive(Clone)]
struct Request {
    method: &'static str,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl Request {
    fn create() -> Self {
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential=LTAItestKey,SignedHeaders={SIGNED_HEADERS},Signature={CREATE_SIGNATURE}"
        );
        let mut request = Self {
            method: "POST",
            query: CREATE.to_owned(),
            headers: HeaderMap::new(),
            body: String::new(),
        };
        for (name, value) in [
            ("accept-encoding", "identity"),
            ("host", "127.0.0.1:35451"),
            ("x-acs-version", "2020-04-15"),
            ("x-acs-action", "CreateVpcEndpoint"),
            (
                "user-agent",
                "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
            ),
            ("x-acs-date", "2026-11-23T23:07:00Z"),
            ("x-acs-signature-nonce", "6cf3b1c094a8a18f2badbc35082099b2"),
            ("accept", "application/json"),
            ("x-acs-content-sha256", EMPTY_DIGEST),
            ("x-acs-credentials-provider", "static_ak"),
            ("authorization", &authorization),
            ("content-length", "0"),
        ] {
            request.set(name, value);
        }
        request
    }

    fn tag() -> Self {
        Self {
            method: "POST",
            query: TAG_QUERY.to_owned(),
            headers: HeaderMap::new(),
            body: TAG_BODY.to_owned(),
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.insert(
            name.parse::<HeaderName>().expect("is a name"),
            HeaderValue::from_str(value).expect("is a value"),
        );
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// `replace` in query and body.
    fn sending(mut self, from: &str, to: &str) -> Self {
        self.query = self.query.replace(from, to);
        self.body = self.body.replace(from, to);
        self
    }

    /// The code of the error, or whose key and nonce it is.
    fn judged(&self, secret: &str) -> String {
        self.judge(secret).unwrap_or_else(|error| {
            assert_eq!(error.status, 400);
            assert!(!error.message.contains(secret), "{}", error.message);
            error.code.into_owned()
        })
    }

    fn judge(&self, secret: &str) -> Result<String, ApiError> {
        let query = form::decode(self.query.as_bytes(), "query")?;
        let body = form::decode(self.body.as_bytes(), "body")?;
        let parameters = form::merge(query.iter().cloned().chain(body))?;
        let signed = Signed {
            method: self.method,
            headers: &self.headers,
            query: &query,
            parameters: &parameters,
            body: self.body.as_bytes(),
        };
        let Some(claim) = claim(&signed)? else {
            return Ok("unsigned".to_owned());
        };
        claim.verify(&Secret::new(secret))?;
        Ok(format!("{} {} {}", claim.key_id, claim.nonce, claim.date))
    }
}

#[test]
fn what_the_sdk_signs_is_right() {
    let request = Request::create();
    assert_eq!(
        request.judged("testSecret"),
        "LTAItestKey 6cf3b1c094a8a18f2badbc35082099b2 2026-11-23T23:07:00Z"
    );
    assert_eq!(request.judged("testSecreT"), "SignatureDoesNotMatch");
    assert_eq!(request.judged("testSecret&"), "SignatureDoesNotMatch");
    // As other clients encode the same.
    let same = request.sending("web+1%2A~", "web%201*%7e");
    assert!(same.judged("testSecret").starts_with("LTAItestKey"));
}

#[test]
fn nothing_that_acs3_signs_can_be_changed() {
    let wrong = "SignatureDoesNotMatch";
    for (request, code) in [
        (Request::create().sending("10.0.0.10", "10.0.0.11"), wrong),
        (
            Request::create().sending("&EndpointDescription=", ""),
            wrong,
        ),
        (Request::create().sending("RegionId=", "Region="), wrong),
        (
            Request::create().sending("DryRun=False", "DryRun=False&A=1"),
            wrong,
        ),
        (
            Request::create().with("x-acs-action", "DeleteVpcEndpoint"),
            wrong,
        ),
        (Request::create().with("x-acs-version", "2014-05-26"), wrong),
        (
            Request::create().with("x-acs-date", "2026-11-23T23:07:01Z"),
            wrong,
        ),
        (
            Request::create().with("x-acs-signature-nonce", "other"),
            wrong,
        ),
        (Request::create().with("host", "127.0.0.1"), wrong),
        (
            Request::create().with("x-acs-content-sha256", &EMPTY_DIGEST.replace('e', "f")),
            wrong,
        ),
        (
            Request::create().with("x-acs-more", "1"),
            "IncompleteSignature",
        ),
        (
            Request {
                body: "A=1".to_owned(),
                ..Request::create()
            },
            wrong,
        ),
        (
            Request {
                method: "GET",
                ..Request::create()
            },
            wrong,
        ),
    ] {
        assert_eq!(request.judged("testSecret"), code);
    }
    // What is not signed may be.
    let other = Request::create().with("accept-encoding", "gzip");
    assert!(other.judged("testSecret").starts_with("LTAItestKey"));
}

#[test]
fn what_acs3_needs_must_be_there_and_be_signed() {
    for (name, code) in [
        ("x-acs-date", "MissingTimestamp"),
        ("x-acs-signature-nonce", "MissingSignatureNonce"),
        ("x-acs-content-sha256", "MissingContentSha256"),
        ("host", "IncompleteSignature"),
    ] {
        let mut request = Request::create();
        request.headers.remove(name);
        assert_eq!(request.judged("testSecret"), code, "{name}");
    }
    let good = format!(
        "ACS3-HMAC-SHA256 Credential=LTAItestKey,SignedHeaders={SIGNED_HEADERS},Signature={CREATE_SIGNATURE}"
    );
    for (from, to, code) in [
        ("host;", "", "IncompleteSignature"),
        ("x-acs-action;", "", "IncompleteSignature"),
        (";x-acs-version", "", "IncompleteSignature"),
        ("accept;", "accept;absent;", "IncompleteSignature"),
        ("accept;", ";", "IncompleteSignature"),
        ("Signature=259", "Signature=25", "IncompleteSignature"),
        ("Signature=259", "Signature=\u{b5}", "IncompleteSignature"),
        ("Signature=259de3c3", "Signature=", "SignatureDoesNotMatch"),
        (",Signature=", ",Sig=", "IncompleteSignature"),
        (
            "Credential=LTAItestKey",
            "Credential=",
            "IncompleteSignature",
        ),
        (
            "Credential=",
            "Credential=a,Credential=",
            "IncompleteSignature",
        ),
        (
            "ACS3-HMAC-SHA256",
            "ACS3-RSA-SHA256",
            "UnsupportedSignatureMethod",
        ),
        (
            "ACS3-HMAC-SHA256",
            "ACS3-HMAC-SM3",
            "UnsupportedSignatureMethod",
        ),
        ("ACS3-HMAC-SHA256", "Bearer", "UnsupportedSignatureMethod"),
        (
            good.as_str(),
            "acs key:signature",
            "UnsupportedSignatureMethod",
        ),
        (good.as_str(), "", "UnsupportedSignatureMethod"),
    ] {
        let request = Request::create().with("authorization", &good.replace(from, to));
        assert_eq!(request.judged("testSecret"), code, "{from} {to}");
    }
    let mut twice = Request::create();
    let second = HeaderValue::from_static("other");
    twice.headers.append("x-acs-signature-nonce", second);
    assert_eq!(twice.judged("testSecret"), "IncompleteSignature");
}

#[test]
fn tokens_and_odd_times_are_refused() {
    for (request, code) in [
        (
            Request::create().with("x-acs-security-token", "t"),
            "InvalidSecurityToken.NotSupported",
        ),
        (
            Request::create().with("x-acs-bearer-token", "t"),
            "UnsupportedSignatureMethod",
        ),
        (
            Request::tag().sending("SignatureType=", "SignatureType=BEARERTOKEN"),
            "UnsupportedSignatureMethod",
        ),
        (
            Request::tag().sending("SignatureType=", "SecurityToken=t"),
            "InvalidSecurityToken.NotSupported",
        ),
        (
            Request::create().with("x-acs-date", "yesterday"),
            "InvalidTimeStamp.Format",
        ),
        (
            Request::create().with("x-acs-date", "2026-11-23T23:07:00+01:00"),
            "InvalidTimeStamp.Format",
        ),
        (
            Request::create().with("x-acs-date", "2026-13-23T23:07:00Z"),
            "InvalidTimeStamp.Format",
        ),
        (
            Request::create().with("x-acs-signature-nonce", ""),
            "InvalidSignatureNonce",
        ),
        (
            Request::create().with("x-acs-signature-nonce", &"n".repeat(129)),
            "InvalidSignatureNonce",
        ),
    ] {
        assert_eq!(request.judged("testSecret"), code);
    }
}

#[test]
fn what_both_sdks_sign_by_rpc_is_right() {
    let request = Request::tag();
    let key = "LTAItestKey n-1 2026-11-23T23:07:00Z";
    assert_eq!(request.judged("testSecret"), key);
    assert_eq!(request.judged("other"), "SignatureDoesNotMatch");
    // Wherever the parameters stand.
    let all_in_query = Request {
        query: format!("{TAG_BODY}&{TAG_QUERY}"),
        body: String::new(),
        ..Request::tag()
    };
    assert_eq!(all_in_query.judged("testSecret"), key);
    let all_in_body = Request {
        query: String::new(),
        body: format!("{TAG_BODY}&{TAG_QUERY}"),
        ..Request::tag()
    };
    assert_eq!(all_in_body.judged("testSecret"), key);
}

#[test]
fn nothing_that_rpc_signs_can_be_changed() {
    for (from, to, code) in [
        ("ep-1", "ep-2", "SignatureDoesNotMatch"),
        (
            "Action=TagResources",
            "Action=UntagResources",
            "SignatureDoesNotMatch",
        ),
        ("&SignatureType=", "", "SignatureDoesNotMatch"),
        ("n-1", "n-2", "SignatureDoesNotMatch"),
        ("Timestamp=2026", "Timestamp=2027", "SignatureDoesNotMatch"),
        ("rIkG", "rIkH", "SignatureDoesNotMatch"),
        ("t4%3D", "", "IncompleteSignature"),
        ("Signature=rIkG", "Signature=*", "IncompleteSignature"),
        ("HMAC-SHA1", "HMAC-SHA256", "UnsupportedSignatureMethod"),
        (
            "SignatureVersion=1.0",
            "SignatureVersion=2.0",
            "UnsupportedSignatureMethod",
        ),
        ("AccessKeyId=LTAItestKey", "", "MissingAccessKeyId"),
        ("&Signature=", "&Sig=", "MissingSignature"),
        ("SignatureNonce=n-1", "", "MissingSignatureNonce"),
        ("SignatureMethod=", "Method=", "MissingSignatureMethod"),
        ("Timestamp=", "Timestam=", "MissingTimestamp"),
    ] {
        let request = Request::tag().sending(from, to);
        assert_eq!(request.judged("testSecret"), code, "{from} {to}");
    }
    let get = Request {
        method: "GET",
        ..Request::tag()
    };
    assert_eq!(get.judged("testSecret"), "SignatureDoesNotMatch");
}

#[test]
fn a_request_may_bear_no_signature() {
    let request = Request {
        method: "GET",
        query: "Action=DescribeRegions".to_owned(),
        headers: HeaderMap::new(),
        body: String::new(),
    };
    assert_eq!(request.judged("testSecret"), "unsigned");
}
