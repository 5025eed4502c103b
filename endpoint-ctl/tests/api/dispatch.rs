//! What reaches the service, and what answers look like.

use serde_json::json;

use crate::rig::Rig;
use crate::signer::call;

#[test]
fn query_and_body_are_parameters_of_every_action() {
    let rig = Rig::new();
    let query = [("RegionId", "r"), ("Zone.1.ip", "10.0.0.1"), ("Empty", "")];
    let form = [
        ("Tag.1.Key", "a b"),
        ("Tag.1.Value", "*~/\u{e9}"),
        ("DryRun", "True"),
    ];
    let expected = json!({
        "RegionId": "r",
        "Zone": [{ "ip": "10.0.0.1" }],
        "Empty": "",
        "Tag": [{ "Key": "a b", "Value": "*~/\u{e9}" }],
        "DryRun": "True",
    });
    let mut client = rig.client();
    for request in [
        call("CreateVpcEndpoint", &query).form(&form).acs3(),
        call("CreateVpcEndpoint", &query).form(&form).rpc(),
        call("CreateVpcEndpoint", &[&query[..], &form].concat()).acs3(),
        call("CreateVpcEndpoint", &[&query[..], &form].concat()).rpc(),
        call("CreateVpcEndpoint", &[])
            .form(&[&query[..], &form].concat())
            .acs3(),
        call("CreateVpcEndpoint", &[])
            .form(&[&query[..], &form].concat())
            .rpc(),
    ] {
        let reply = client.ask(request);
        assert_eq!(reply.parameters(), expected);
        let json = reply.json();
        assert_eq!(json["Action"], "CreateVpcEndpoint");
        assert_eq!(json["Product"], "PrivateLink");
        assert_eq!(json["Account"], "1001");
        let kind = reply.header("content-type");
        assert_eq!(kind, Some("application/json;charset=utf-8"));
    }
}

#[test]
fn one_port_serves_all_products_and_accounts() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (version, product) in [
        ("2020-04-15", "PrivateLink"),
        ("2014-05-26", "Ecs"),
        ("2016-04-28", "Vpc"),
        ("2022-04-30", "Nlb"),
    ] {
        for (key, account) in [("key-1", "1001"), ("key-2", "1001"), ("key-other", "1002")] {
            let mut request = call("DescribeRegions", &[]).key(key);
            request.version = version.to_owned();
            for request in request.both() {
                let json = client.ask(request).json();
                assert_eq!(
                    (&json["Product"], &json["Account"]),
                    (&json!(product), &json!(account))
                );
            }
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let rig = Rig::new();
    let mut client = rig.client();
    let changed = |change: fn(&mut crate::signer::Request)| {
        let mut request = call("DescribeRegions", &[]);
        change(&mut request);
        request
    };
    for (request, status, code) in [
        (call("Unknown", &[]), 404, "InvalidAction.NotFound"),
        (
            changed(|r| r.action = "No/Such".to_owned()),
            404,
            "InvalidAction.NotFound",
        ),
        (
            changed(|r| r.action = "A".repeat(65)),
            404,
            "InvalidAction.NotFound",
        ),
        (changed(|r| r.action = String::new()), 400, "MissingAction"),
        (
            changed(|r| r.version = String::new()),
            400,
            "MissingVersion",
        ),
        (
            changed(|r| r.version = "2020-04-16".to_owned()),
            400,
            "InvalidVersion",
        ),
    ] {
        for request in request.both() {
            let reply = client.ask(request);
            assert_eq!((reply.status, reply.code().as_str()), (status, code));
        }
    }
}

/// Under HMAC-SHA1 headers are not signed: who can change them must not change what is called.
#[test]
fn unsigned_headers_do_not_say_what_is_called() {
    let rig = Rig::new();
    let mut client = rig.client();
    let request = call("DescribeRegions", &[]);
    let same = request.clone().header("x-acs-action", "DescribeRegions");
    assert_eq!(client.ask(same.rpc()).status, 200);
    let other = call("DescribeRegions", &[]).header("x-acs-action", "DeleteVpcEndpoint");
    assert_eq!(client.ask(other.rpc()).code(), "InvalidAction");
    let other = call("DescribeRegions", &[]).header("x-acs-version", "2014-05-26");
    assert_eq!(client.ask(other.rpc()).code(), "InvalidVersion");
    let mut none = call("", &[]).header("x-acs-action", "DeleteVpcEndpoint");
    none.nonce += "x";
    assert_eq!(client.ask(none.rpc()).code(), "InvalidAction");
}

#[test]
fn parameters_that_make_no_sense_are_refused() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (query, form, code) in [
        (&[("A", "1")][..], &[("A", "2")][..], "InvalidParameter"),
        (&[("Tag.0.Key", "1")], &[], "InvalidTag"),
        (&[("Tag.1.Key", "1"), ("Tag.3.Key", "2")], &[], "InvalidTag"),
        (&[("Tag.4000000000", "1")], &[], "InvalidTag"),
        (&[("Tag", "1"), ("Tag.1", "1")], &[], "InvalidParameter"),
        (&[("Format", "XML")], &[], "InvalidFormat"),
    ] {
        let reply = client.ask(call("X", query).form(form).acs3());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, code),
            "{query:?}"
        );
    }
    let twice = call("X", &[("A", "1")]).form(&[("A", "1")]).acs3();
    assert_eq!(client.ask(twice).parameters(), json!({ "A": "1" }));
}

#[test]
fn errors_of_the_service_are_told_as_they_are() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (status, told) in [
        ("404", 404),
        ("409", 409),
        ("503", 503),
        ("200", 500),
        ("99", 500),
    ] {
        let query = [("Code", "EndpointNotFound"), ("Status", status)];
        let reply = client.ask(call("Fail", &query).acs3());
        assert_eq!(reply.status, told);
        assert_eq!(reply.code(), "EndpointNotFound");
        let json = reply.json();
        assert_eq!(json["Message"], "It failed.");
        assert_eq!(json["HostId"], "127.0.0.1:8080");
        assert_eq!(json["AccessDeniedDetail"]["AuthAction"], "x");
    }
}

#[test]
fn other_methods_paths_and_types_are_told_off_in_json() {
    let rig = Rig::new();
    for (request, status, code) in [
        ("PUT / HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("DELETE / HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("OPTIONS * HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("OPTIONS / HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("TRACE / HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("CONNECT a:1 HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("BREW / HTTP/1.1", 405, "UnsupportedHTTPMethod"),
        ("GET /favicon.ico HTTP/1.1", 404, "InvalidAction.NotFound"),
        ("POST //?Action=X HTTP/1.1", 404, "InvalidAction.NotFound"),
        ("GET / HTTP/1.1", 400, "MissingSignature"),
        ("GET / HTTP/1.0", 400, "MissingSignature"),
        ("GET http://127.0.0.1/ HTTP/1.1", 400, "MissingSignature"),
        (
            "POST /?Action=DescribeRegions&Version=2020-04-15 HTTP/1.1",
            400,
            "MissingSignature",
        ),
    ] {
        let reply = rig.client().ask(format!("{request}\r\nhost: a\r\n\r\n"));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{request}"
        );
        if status == 405 {
            assert_eq!(reply.header("allow"), Some("GET, POST"));
        }
    }
    let body = "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(rig.client().ask(body).code(), "UnsupportedContentType");
    let mut client = rig.client();
    client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
    let reply = client.read_of(false).expect("is answered");
    assert_eq!(reply.status, 405);
    assert!(
        reply
            .header("content-length")
            .is_some_and(|length| length != "0")
    );
    assert!(reply.header("x-acs-request-id").is_some());
}

#[test]
fn what_is_too_large_is_told_so() {
    let rig = Rig::new();
    let mut client = rig.client();
    let large = "x".repeat(1_000_000);
    let reply = client.ask(call("X", &[]).form(&[("A", &large)]).acs3());
    assert_eq!(reply.parameters()["A"], large);

    let reply = client.ask(call("X", &[]).form(&[("A", &large.repeat(2))]).acs3());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (413, "RequestBodyTooLarge")
    );
    assert!(client.is_closed());

    let reply = rig
        .client()
        .ask(call("X", &[("A", &large[..60_000])]).acs3());
    assert_eq!(reply.status, 200);
    let reply = rig
        .client()
        .ask(call("X", &[("A", &large[..70_000])]).acs3());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (414, "RequestUriTooLong")
    );
    for headers in [format!("a: {large}\r\n"), "a: b\r\n".repeat(200)] {
        let reply = rig.client().ask(format!("GET / HTTP/1.1\r\n{headers}\r\n"));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (431, "RequestHeadTooLarge")
        );
    }
}

#[test]
fn what_is_no_http_is_told_so_in_json() {
    let rig = Rig::new();
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"GET /\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\na: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let reply = rig.client().ask(bytes);
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "InvalidRequest"),
            "{text}"
        );
    }
    let broken = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(rig.client().ask(broken).code(), "InvalidRequest");
}

#[test]
fn chunked_bodies_and_expectations_are_understood() {
    let rig = Rig::new();
    let mut request = call("X", &[]).form(&[("A", "1"), ("B", "2")]).acs3();
    let text = String::from_utf8(request.split_off(0)).expect("is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("has a body");
    let head = head.replace(
        "content-length: 7",
        "transfer-encoding: chunked\r\nexpect: 100-continue",
    );
    let chunks = format!("3\r\n{}\r\n4\r\n{}\r\n0\r\n\r\n", &body[..3], &body[3..]);
    let mut client = rig.client();
    let reply = client.ask(format!("{head}\r\n\r\n{chunks}"));
    assert_eq!(reply.parameters(), json!({ "A": "1", "B": "2" }));
    // The connection serves on, also for requests that are sent ahead.
    let both = [
        call("X", &[("C", "3")]).acs3(),
        call("X", &[("D", "4")]).rpc(),
    ]
    .concat();
    assert_eq!(client.ask(both).parameters(), json!({ "C": "3" }));
    assert_eq!(
        client.read().expect("answered").parameters(),
        json!({ "D": "4" })
    );
}
