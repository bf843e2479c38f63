//! The variables of `-w`.

use std::time::Duration;

use hangup::http::{StatusCode, Version};
use hangup::net::Addr;
use serde_json::{Value, json};

use crate::failure::NOT_TRUSTED;
use crate::report::Report;

/// The names of all variables that `%{json}` contains.
pub(super) const NAMES: &[&str] = &[
    "content_type",
    "errormsg",
    "exitcode",
    "filename_effective",
    "http_code",
    "http_connect",
    "http_version",
    "local_ip",
    "local_port",
    "method",
    "num_connects",
    "num_headers",
    "num_redirects",
    "redirect_url",
    "referer",
    "remote_ip",
    "remote_port",
    "response_code",
    "scheme",
    "size_download",
    "size_header",
    "size_request",
    "size_upload",
    "speed_download",
    "speed_upload",
    "ssl_verify_result",
    "time_appconnect",
    "time_connect",
    "time_namelookup",
    "time_pretransfer",
    "time_redirect",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
    "urlnum",
];

/// The value of a variable.
pub(super) enum Variable {
    Text(Option<String>),
    Number(u64),
    /// Three digits
    Code(u16),
    Seconds(Duration),
}

impl Variable {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone().unwrap_or_default(),
            Self::Number(number) => number.to_string(),
            Self::Code(code) => format!("{code:03}"),
            Self::Seconds(time) => format!("{:.6}", time.as_secs_f64()),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Code(code) => json!(code),
            Self::Seconds(time) => json!(time.as_micros() as f64 / 1e6),
        }
    }
}

impl Report {
    /// Returns the value of a variable. curl knows some by two names.
    pub(super) fn value(&self, name: &str) -> Option<Variable> {
        let name = name.to_ascii_lowercase();
        self.count(&name).or_else(|| self.time(&name)).or_else(|| self.text(&name))
    }

    fn count(&self, name: &str) -> Option<Variable> {
        let code = |status: Option<StatusCode>| status.map_or(0, |status| status.as_u16());
        let port = |addr: &Option<Addr>| {
            addr.as_ref().and_then(Addr::ip).map_or(0, |addr| u64::from(addr.port()))
        };
        let speed = |bytes: u64| (bytes as f64 / self.took.as_secs_f64().max(1e-6)) as u64;
        Some(Variable::Number(match name {
            "http_code" | "response_code" => return Some(Variable::Code(code(self.status))),
            "http_connect" => return Some(Variable::Code(code(self.connect_status))),
            "num_connects" => self.connects.into(),
            "num_headers" => self.fields.len() as u64,
            "num_redirects" => self.redirects.into(),
            "size_download" => self.downloaded,
            "size_upload" => self.uploaded,
            "size_header" => self.heads,
            "size_request" => self.request_heads,
            "speed_download" => speed(self.downloaded),
            "speed_upload" => speed(self.uploaded),
            "local_port" => port(&self.local),
            "remote_port" => port(&self.remote),
            // OpenSSL's numbers, one of which curl prints. 1 stands for errors without another number.
            "ssl_verify_result" => u64::from(self.exit_code == NOT_TRUSTED),
            "proxy_ssl_verify_result" => 0,
            "urlnum" => self.number as u64,
            "exitcode" => self.exit_code.into(),
            _ => return None,
        }))
    }

    fn time(&self, name: &str) -> Option<Variable> {
        Some(Variable::Seconds(match name {
            "time_total" => self.took,
            "time_starttransfer" => self.answered_in,
            "time_namelookup" => self.resolved_in,
            "time_connect" => self.connected_in,
            "time_appconnect" => self.secured_in,
            "time_pretransfer" => self.secured_in.max(self.connected_in),
            "time_redirect" => self.redirected_in,
            _ => return None,
        }))
    }

    fn text(&self, name: &str) -> Option<Variable> {
        let ip = |addr: &Option<Addr>| {
            let addr = addr.as_ref().and_then(Addr::ip);
            Some(addr.map(|addr| addr.ip().to_string()).unwrap_or_default())
        };
        Some(Variable::Text(match name {
            "scheme" => Some(
                self.url.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase(),
            ),
            "url" => Some(self.typed.clone()),
            "url_effective" => Some(self.url.clone()),
            "redirect_url" => self.redirect_url.clone(),
            "content_type" => self.field("content-type"),
            "referer" => self.referer.clone(),
            "remote_ip" => ip(&self.remote),
            "local_ip" => ip(&self.local),
            "method" => Some(self.method.to_string()),
            "filename_effective" => self.file.as_ref().map(|path| path.display().to_string()),
            "http_version" => Some(match self.version {
                Some(Version::HTTP_10) => "1".to_owned(),
                Some(_) => "1.1".to_owned(),
                None => "0".to_owned(),
            }),
            "errormsg" => self.error.clone(),
            _ => return None,
        }))
    }
}
