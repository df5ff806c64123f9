//! Pure: the answers the balancer gives by itself, in HAProxy's words (`errorfile` defaults,
//! HAProxy 2.6 manual, section 1.3.1).

use bytes::Bytes;
use hyper::ext::ReasonPhrase;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// A status' reason phrase and sentence.
const fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => ("Bad request", "Your browser sent an invalid request."),
        408 => (
            "Request Time-out",
            "Your browser didn't send a complete request in time.",
        ),
        501 => (
            "Not Implemented",
            "The server does not support the functionality required.",
        ),
        502 => (
            "Bad Gateway",
            "The server returned an invalid or incomplete response.",
        ),
        503 => (
            "Service Unavailable",
            "No server is available to handle this request.",
        ),
        504 => ("Gateway Time-out", "The server didn't respond in time."),
        _ => (
            "Internal Server Error",
            "An internal server error occurred.",
        ),
    }
}

/// The answer for a status; 400 and 408 also end the connection.
#[must_use]
pub fn page<B: From<Bytes>>(status: StatusCode) -> Response<B> {
    let (reason, sentence) = words(status);
    let body = format!(
        "<html><body><h1>{} {reason}</h1>\n{sentence}\n</body></html>\n",
        status.as_u16()
    );
    let mut response = Response::new(B::from(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if matches!(status.as_u16(), 400 | 408) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
        .extensions_mut()
        .insert(ReasonPhrase::from_static(reason.as_bytes()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_haproxys() {
        for (status, length) in [(400, 90), (408, 110), (502, 107), (503, 107), (504, 92)] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(page::<Bytes>(status).into_body().len(), length, "{status}");
        }
    }

    #[test]
    fn the_reason_is_haproxys() {
        let page = page::<Bytes>(StatusCode::GATEWAY_TIMEOUT);
        let reason = page.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"Gateway Time-out");
    }
}
