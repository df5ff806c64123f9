//! The statistics page over HTTP, as HAProxy serves it (configuration manual, `stats enable`
//! and what follows). Owns methods, statuses and headers; the renderings are elsewhere, and
//! where a report comes from only the [`StatsSource`] knows.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFRESH};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::options::{Format, Options, Outcome};
use crate::page::{Look, page};
use crate::report::Report;
use crate::select::View;
use crate::{csv, json, typed};

/// Where reports come from. Asked once for every page, on the thread that serves pages.
pub trait StatsSource: Send + Sync + 'static {
    /// How everything stands now. Rows must be consistent in themselves, the report as a
    /// whole need not be.
    fn report(&self) -> Report;
}

/// What an operator sets about the page (HAProxy configuration manual, 4.2, `stats …`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageSettings {
    /// `stats uri`: what a path must begin with to be about statistics.
    pub uri: String,
    /// `stats refresh`: browsers load the page again after this many seconds.
    pub refresh: Option<u32>,
    /// `stats hide-version`: the page does not say which version this is.
    pub hide_version: bool,
    /// `stats show-legends`: addresses, cookies and algorithms are shown, in tooltips, CSV and
    /// JSON alike.
    pub show_legends: bool,
    /// `stats show-node`: the page names the node.
    pub show_node: bool,
    /// `stats show-desc`: a text under the title.
    pub description: Option<String>,
}

impl Default for PageSettings {
    /// Everything at `/`, the version hidden, nothing else shown that might be private.
    fn default() -> Self {
        Self {
            uri: "/".to_owned(),
            refresh: None,
            hide_version: true,
            show_legends: false,
            show_node: false,
            description: None,
        }
    }
}

/// The statistics of `source`, ready to be served or nested.
pub fn router(source: Arc<dyn StatsSource>, settings: PageSettings) -> Router {
    let site = Arc::new(Site { source, settings });
    Router::new().fallback(answer).with_state(site)
}

struct Site {
    source: Arc<dyn StatsSource>,
    settings: PageSettings,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let options = match *request.method() {
        Method::GET | Method::HEAD | Method::POST => options(&site.settings, request.uri()),
        _ => None,
    };
    match (options, request.method()) {
        (None, _) => unavailable(),
        (Some(options), &Method::POST) => denied(&site.settings, &options),
        // To a HEAD too: axum takes the body away and leaves its true length.
        (Some(options), _) => ok(&site.settings, &options, body(&site, &options)),
    }
}

/// The options of a path that is about statistics. Links carry them on; there is nothing to
/// decline where no refresh is set.
fn options(settings: &PageSettings, uri: &Uri) -> Option<Options> {
    let mut options = Options::parse(&settings.uri, uri.path_and_query()?.as_str())?;
    options.no_refresh &= settings.refresh.is_some();
    Some(options)
}

fn body(site: &Site, options: &Options) -> Body {
    if options.format == Format::JsonSchema {
        return json::schema().into();
    }
    let report = site.source.report();
    let view = View::new(options, site.settings.show_legends);
    match options.format {
        Format::Csv => csv::stats(&report, &view),
        Format::Typed => typed::stats(&report, &view),
        Format::Json | Format::JsonSchema => json::stats(&report, &view),
        Format::Html => page(&report, &look(&site.settings, options, view)),
    }
    .into()
}

fn look<'a>(settings: &'a PageSettings, options: &'a Options, view: View) -> Look<'a> {
    Look {
        uri: &settings.uri,
        refreshes: settings.refresh.is_some(),
        hide_version: settings.hide_version,
        show_node: settings.show_node,
        description: settings.description.as_deref(),
        options,
        view,
    }
}

fn ok(settings: &PageSettings, options: &Options, body: Body) -> Response {
    let content_type = match options.format {
        Format::Html => "text/html",
        Format::Csv | Format::Typed => "text/plain",
        Format::Json | Format::JsonSchema => "application/json",
    };
    let mut response = with_type(StatusCode::OK, content_type, body);
    if let Some(seconds) = settings.refresh.filter(|_| !options.no_refresh) {
        response
            .headers_mut()
            .insert(REFRESH, HeaderValue::from(seconds));
    }
    response
}

/// To a POST: nobody may act on this page, and the browser is led back to it to read so.
fn denied(settings: &PageSettings, options: &Options) -> Response {
    let (uri, code, suffix) = (&settings.uri, Outcome::Denied.code(), options.suffix());
    let mut response = with_type(StatusCode::SEE_OTHER, "text/plain", Body::empty());
    // The prefix came from a setting and may be no header value; the page is then simply shown.
    if let Ok(location) = HeaderValue::from_str(&format!("{uri};st={code}{suffix}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// What is not about statistics finds no server here (HAProxy's own 503).
fn unavailable() -> Response {
    with_type(
        StatusCode::SERVICE_UNAVAILABLE,
        "text/html",
        Body::from(UNAVAILABLE),
    )
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let headers = [(CACHE_CONTROL, "no-cache"), (CONTENT_TYPE, content_type)];
    (status, headers, body).into_response()
}

const UNAVAILABLE: &str = "<html><body><h1>503 Service Unavailable</h1>\n\
    No server is available to handle this request.\n</body></html>\n";

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tower::ServiceExt;

    use super::*;
    use crate::sample;

    struct Sample;

    impl StatsSource for Sample {
        fn report(&self) -> Report {
            sample::report()
        }
    }

    async fn ask(settings: PageSettings, method: Method, uri: &str) -> (Response<()>, String) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .unwrap();
        let response = router(Arc::new(Sample), settings)
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        (
            Response::from_parts(parts, ()),
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    fn header(response: &Response<()>, name: &str) -> String {
        let value = response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_path_is_answered_in_the_format_it_asks_for() {
        let check = async |uri, content_type, beginning: &str| {
            let (response, body) = ask(PageSettings::default(), Method::GET, uri).await;
            assert_eq!(response.status(), 200, "{uri}");
            assert_eq!(header(&response, "content-type"), content_type, "{uri}");
            assert_eq!(header(&response, "cache-control"), "no-cache", "{uri}");
            assert!(body.starts_with(beginning), "{uri}");
        };
        check("/", "text/html", "<!DOCTYPE html>").await;
        check("/;csv", "text/plain", "# pxname,").await;
        check("/haproxy?stats/;csv;norefresh", "text/plain", "# pxname,").await;
        check("http://elsewhere/;csv", "text/plain", "# pxname,").await;
        check(
            "/;typed",
            "text/plain",
            "F.3.0.0.pxname.1:KNS:str:localnodes",
        )
        .await;
        check("/;json", "application/json", "[[{").await;
        check("/;json-schema", "application/json", "{").await;
    }

    #[tokio::test]
    async fn what_is_not_about_statistics_finds_no_server() {
        let check = async |method: Method, uri, status| {
            let settings = PageSettings {
                uri: "/haproxy?stats".to_owned(),
                ..PageSettings::default()
            };
            let (response, _) = ask(settings, method.clone(), uri).await;
            assert_eq!(response.status(), status, "{method} {uri}");
        };
        check(Method::GET, "/haproxy?stats", 200).await;
        check(Method::GET, "/haproxy?stats;csv", 200).await;
        check(Method::GET, "/other", 503).await;
        check(Method::PUT, "/haproxy?stats", 503).await;
        check(Method::OPTIONS, "/haproxy?stats", 503).await;
        check(Method::DELETE, "/haproxy?stats", 503).await;
    }

    #[tokio::test]
    async fn the_page_for_no_server_is_haproxys() {
        let (response, body) = ask(PageSettings::default(), Method::PUT, "/").await;
        assert_eq!(header(&response, "content-length"), "107");
        assert!(body.contains("No server is available to handle this request."));
    }

    #[tokio::test]
    async fn a_head_has_the_headers_alone() {
        let (response, body) = ask(PageSettings::default(), Method::HEAD, "/;csv").await;
        assert_eq!((response.status().as_u16(), body.as_str()), (200, ""));
        assert_eq!(header(&response, "content-type"), "text/plain");
        assert_ne!(header(&response, "content-length"), "0");
    }

    #[tokio::test]
    async fn a_post_is_denied_on_the_page_it_came_from() {
        let settings = PageSettings {
            refresh: Some(5),
            ..PageSettings::default()
        };
        let (response, _) = ask(settings, Method::POST, "/;up;norefresh?scope=nod").await;
        assert_eq!(response.status(), 303);
        assert_eq!(
            header(&response, "location"),
            "/;st=DENY;up;norefresh?scope=nod"
        );
    }

    #[tokio::test]
    async fn a_refresh_can_be_set_and_declined() {
        let check = async |refresh, uri, expected| {
            let settings = PageSettings {
                refresh,
                ..PageSettings::default()
            };
            let (response, _) = ask(settings, Method::GET, uri).await;
            assert_eq!(header(&response, "refresh"), expected, "{uri}");
        };
        check(None, "/", "").await;
        check(Some(5), "/", "5").await;
        check(Some(5), "/;norefresh", "").await;
    }
}
