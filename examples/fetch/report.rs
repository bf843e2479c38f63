//! The facts of a transfer, and their output by `-w`.

use std::time::Duration;

use hangup::http::{Method, StatusCode};
use hangup::net::Addr;
use hangup::{Response, ResponseExt};

use crate::failure::NOT_TRUSTED;
use crate::heads::Seen;
use crate::request::Plan;

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) status: Option<StatusCode>,
    /// The target of the last response's Location.
    pub(crate) redirect_url: Option<String>,
    /// The pause that the last response asks for.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) content_type: Option<String>,
    pub(crate) remote: Option<Addr>,
    pub(crate) local: Option<Addr>,
    pub(crate) connects: u32,
    pub(crate) redirects: u32,
    pub(crate) downloaded: u64,
    pub(crate) uploaded: u64,
    pub(crate) connected_in: Duration,
    /// The time from the start to the end of the TLS handshake, or zero without one.
    pub(crate) secured_in: Duration,
    pub(crate) answered_in: Duration,
    pub(crate) took: Duration,
    pub(crate) exit_code: u8,
}

impl Report {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }

    /// Records a request before it is sent.
    pub(crate) fn asks(&mut self, plan: &Plan) {
        self.method = plan.method.clone();
        self.url = plan.address.to_string();
        self.uploaded = 0;
        self.downloaded = 0;
    }

    /// Records the last head, if there was one.
    pub(crate) fn saw(&mut self, seen: &Seen) {
        if seen.status.is_some() {
            self.status = seen.status;
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            self.content_type = seen.content_type.as_ref().map(text);
        }
    }

    /// Records the connection of a response, final or redirect.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.remote = response.remote_addr().cloned();
        self.local = response.local_addr().cloned();
        self.connects += u32::from(!response.is_connection_reused());
        if let Some(timings) = response.timings() {
            self.connected_in = timings.resolve + timings.connect;
            self.secured_in = match timings.secure {
                Duration::ZERO => Duration::ZERO,
                secure => self.connected_in + secure,
            };
        }
    }

    /// Expands a format: `%{name}`, `%%`, `
    /// `, `\t`, `\r`.
    pub(crate) fn fill(&self, format: &str) -> String {
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let (piece, used) = self.expand(rest);
            text.push_str(&piece);
            rest = &rest[used..];
        }
        text + rest
    }

    /// Expands the start of `rest`. Returns the text and the length of that start.
    fn expand(&self, rest: &str) -> (String, usize) {
        for (escape, meaning) in [("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r"), ("%%", "%")] {
            if rest.starts_with(escape) {
                return (meaning.to_owned(), escape.len());
            }
        }
        let name = rest.strip_prefix("%{").and_then(|rest| rest.split_once('}'));
        match name {
            Some((name, _)) => {
                let value = self.value(name).unwrap_or_else(|| {
                    eprintln!("fetch: unknown --write-out variable: '{name}'");
                    String::new()
                });
                (value, name.len() + "%{}".len())
            }
            None => (rest[..1].to_owned(), 1),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
        let ip = |addr: &Option<Addr>| addr.as_ref().and_then(Addr::ip);
        Some(match name.to_ascii_lowercase().as_str() {
            "http_code" | "response_code" => {
                format!("{:03}", self.status.map_or(0, |status| status.as_u16()))
            }
            "num_connects" => self.connects.to_string(),
            "num_redirects" => self.redirects.to_string(),
            "size_download" => self.downloaded.to_string(),
            "size_upload" => self.uploaded.to_string(),
            "time_total" => seconds(self.took),
            "time_starttransfer" => seconds(self.answered_in),
            "time_connect" => seconds(self.connected_in),
            "time_appconnect" => seconds(self.secured_in),
            // OpenSSL's numbers, one of which curl prints. 1 stands for errors without another number.
            "ssl_verify_result" => u8::from(self.exit_code == NOT_TRUSTED).to_string(),
            "scheme" => self.url.split_once("://").map_or("", |(scheme, _)| scheme).to_lowercase(),
            "url_effective" => self.url.clone(),
            "redirect_url" => self.redirect_url.clone().unwrap_or_default(),
            "content_type" => self.content_type.clone().unwrap_or_default(),
            "remote_ip" => ip(&self.remote).map(|addr| addr.ip().to_string()).unwrap_or_default(),
            "local_port" => ip(&self.local).map_or(0, |addr| addr.port()).to_string(),
            "method" => self.method.to_string(),
            "exitcode" => self.exit_code.to_string(),
            _ => return None,
        })
    }
}
