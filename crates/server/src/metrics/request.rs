//! The little of HTTP that the endpoint understands: the first line of a request, and where its head ends.

/// A request's head, all lines of it, has no more bytes.
pub(super) const HEAD_BYTES: usize = 8 << 10;

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Request {
    /// Something that there is. `with_body` is false if only its head is wanted.
    Page { page: Page, with_body: bool },
    /// No page has that name.
    Unknown,
    /// It is to be changed, or deleted, or whatever.
    OtherMethod,
    /// It is not HTTP.
    Malformed,
    /// It does not end where it should.
    TooLong,
}

/// What there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Page {
    Metrics,
    /// Whether the process lives.
    Health,
    /// Whether it serves.
    Readiness,
}

/// Reads a request as far as it has arrived; none if it is not complete.
pub(super) fn parse(arrived: &[u8]) -> Option<Request> {
    let end = memchr::memmem::find(arrived, b"\r\n\r\n");
    if end.is_none_or(|end| HEAD_BYTES < end) {
        return (HEAD_BYTES <= arrived.len()).then_some(Request::TooLong);
    }
    let line = arrived.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Some(parse_line(line).unwrap_or(Request::Malformed))
}

fn parse_line(line: &[u8]) -> Option<Request> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    let with_body = match method {
        "GET" => true,
        "HEAD" => false,
        _ if method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            return Some(Request::OtherMethod);
        }
        _ => return None,
    };
    let path = target.split(['?', '#']).next()?;
    let page = match path {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Health,
        "/readyz" => Page::Readiness,
        _ if path.starts_with('/') => return Some(Request::Unknown),
        _ => return None,
    };
    Some(Request::Page { page, with_body })
}

/// A complete response, after which the connection is closed.
pub(super) fn response(status: &str, kind: &str, body: &str, with_body: bool) -> Vec<u8> {
    let length = body.len();
    let body = if with_body { body } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: Page, with_body: bool) -> Request {
        Request::Page { page, with_body }
    }

    #[test]
    fn requests_are_told_apart() {
        let whole = b"GET /metrics?x=1 HTTP/1.1\r\nHost: here\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), None);
        }
        assert_eq!(parse(whole), Some(page(Page::Metrics, true)));
        assert_eq!(parse(b"HEAD /healthz HTTP/1.0\r\n\r\n"), Some(page(Page::Health, false)));
        assert_eq!(parse(b"GET /readyz HTTP/1.1\r\n\r\n"), Some(page(Page::Readiness, true)));
        assert_eq!(parse(b"GET /../etc HTTP/1.1\r\n\r\n"), Some(Request::Unknown));
        assert_eq!(parse(b"POST /metrics HTTP/1.1\r\n\r\n"), Some(Request::OtherMethod));
        for malformed in [
            b"GET /metrics\r\n\r\n".as_slice(),
            b"\r\n\r\n",
            b"GET metrics HTTP/1.1\r\n\r\n",
            b"GET /metrics HTTP/2\r\n\r\n",
            b"GET  /metrics HTTP/1.1\r\n\r\n",
            b"\xff\xfe /metrics HTTP/1.1\r\n\r\n",
            b"*1\r\n$4\r\nPING\r\n\r\n",
        ] {
            assert_eq!(parse(malformed), Some(Request::Malformed), "{}", malformed.escape_ascii());
        }
    }

    #[test]
    fn requests_without_an_end_are_refused() {
        assert_eq!(parse(&[b'x'; HEAD_BYTES - 1]), None);
        assert_eq!(parse(&[b'x'; HEAD_BYTES]), Some(Request::TooLong));
        let mut long = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
        long.extend_from_slice(&[b'x'; HEAD_BYTES]);
        long.extend_from_slice(b"\r\n\r\n");
        assert_eq!(parse(&long), Some(Request::TooLong));
    }
}
