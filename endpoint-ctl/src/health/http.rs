//! The little HTTP a probe needs: a request, and the first line of the answer.
//!
//! May import: model, std.

use std::net::SocketAddr;

use crate::model::{HttpCheck, HttpMethod};

/// More of an answer is not read: its first line is shorter, or is none.
pub(super) const LONGEST_LINE: usize = 512;
const HTTP_PORT: u16 = 80;

/// The request to the server at `address`, whole.
pub(super) fn request(check: &HttpCheck, address: SocketAddr) -> String {
    let method = match check.method {
        HttpMethod::Get => "GET",
        HttpMethod::Head => "HEAD",
    };
    let host = match &check.domain {
        Some(domain) => domain.clone(),
        None if address.is_ipv6() => format!("[{}]", address.ip()),
        None => address.ip().to_string(),
    };
    let port = match address.port() {
        HTTP_PORT => String::new(),
        port => format!(":{port}"),
    };
    format!(
        "{method} {} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: endpoint-ctl health check\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n",
        check.url
    )
}

/// Whether what was read so far, up to a line's end or the end of all, is a good answer. `Err` says
/// why not.
pub(super) fn judge(read: &[u8], check: &HttpCheck) -> Result<(), String> {
    if read.is_empty() {
        return Err("closed without an answer".to_owned());
    }
    let code = status_code(read).ok_or("the answer is not HTTP/1")?;
    let class = (code / 100) as u8;
    if check.code_classes.contains(&class) {
        return Ok(());
    }
    Err(format!("answered HTTP {code}"))
}

/// The status code of a line such as `HTTP/1.1 200 OK`.
fn status_code(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0'..=b'9', b' ', code @ ..] = rest else {
        return None;
    };
    let (digits, rest) = code.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(rest, [b' ' | b'\r' | b'\n', ..]) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: HttpMethod, domain: Option<&str>) -> HttpCheck {
        HttpCheck {
            method,
            url: "/health?deep=1".to_owned(),
            domain: domain.map(str::to_owned),
            code_classes: vec![2, 3],
        }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_request_is_whole() {
        let asked = request(&check(HttpMethod::Head, None), address("10.0.50.11:8080"));
        assert_eq!(
            asked,
            "HEAD /health?deep=1 HTTP/1.1\r\nHost: 10.0.50.11:8080\r\n\
             User-Agent: endpoint-ctl health check\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn the_host_is_the_domain_or_the_servers_address() {
        let host = |domain, ip| {
            let asked = request(&check(HttpMethod::Get, domain), address(ip));
            let line = asked.lines().nth(1).map(str::to_owned);
            line.expect("a second line")
        };
        assert_eq!(host(None, "10.0.50.11:80"), "Host: 10.0.50.11");
        assert_eq!(host(None, "[fd00::11]:80"), "Host: [fd00::11]");
        assert_eq!(host(None, "[fd00::11]:81"), "Host: [fd00::11]:81");
        assert_eq!(host(Some("a.example"), "[fd00::11]:80"), "Host: a.example");
    }

    #[test]
    fn answers_are_judged_by_their_class() {
        let judged = |text: &str| judge(text.as_bytes(), &check(HttpMethod::Get, None));
        for good in [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 204\r\n",
            "HTTP/1.1 302 Found\nX",
        ] {
            assert_eq!(judged(good), Ok(()), "{good:?}");
        }
        let refused = |text: &str| judged(text).expect_err(text);
        assert_eq!(refused("HTTP/1.1 500 Oh no\r\n"), "answered HTTP 500");
        assert_eq!(refused("HTTP/1.1 404 Not Found\r\n"), "answered HTTP 404");
        assert_eq!(refused("HTTP/1.1 100 Continue\r\n"), "answered HTTP 100");
        assert_eq!(refused(""), "closed without an answer");
    }

    #[test]
    fn what_is_not_http_is_no_answer() {
        for text in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2 200\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 +20 OK\r\n",
            "HTTP/1.1  200 OK\r\n",
            "HTTP/1.1 20",
            "HTTP/1.1 200",
            "HTTP/1.",
            "\r\n",
            "\u{0}\u{ff}",
        ] {
            let judged = judge(text.as_bytes(), &check(HttpMethod::Get, None));
            assert_eq!(
                judged,
                Err("the answer is not HTTP/1".to_owned()),
                "{text:?}"
            );
        }
    }
}
