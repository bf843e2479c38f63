//! The upstreams on the command line, and the options of FastCGI applications.

use std::path::PathBuf;
use std::time::Duration;

use hangup::net::Target;
use hangup::{ReverseProxy, fcgi};

use crate::support::{Args, Usage};

/// The longest limit of connecting to an upstream.
const CONNECT: Duration = Duration::from_secs(10);

/// The scripts of FastCGI applications.
#[derive(Default)]
pub(crate) struct Scripts {
    root: Option<PathBuf>,
    index: Option<String>,
    split: Option<String>,
    unchecked: bool,
}

impl Scripts {
    /// Takes the option and returns `true` if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "--root" => self.root = Some(args.path()?),
            "--index" => self.index = Some(args.value()?),
            "--split" => self.split = Some(args.value()?),
            "--no-check-scripts" => self.unchecked = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn are_given(&self) -> bool {
        self.unchecked || self.root.is_some() || self.index.is_some() || self.split.is_some()
    }

    fn application(&self, target: Target, silence: Option<Duration>) -> fcgi::Upstream {
        let mut application = fcgi::Upstream::to(target)
            .check_scripts(!self.unchecked)
            .connect_timeout(connect(silence))
            .read_timeout(silence);
        if let Some(root) = &self.root {
            application = application.root(root);
        }
        if let Some(index) = &self.index {
            application = application.index(index);
        }
        if let Some(split) = &self.split {
            application = application.split(split);
        }
        application
    }
}

/// Creates the proxy for upstreams of one kind.
pub(crate) fn proxy(
    urls: &[String],
    scripts: &Scripts,
    silence: Option<Duration>,
) -> Result<ReverseProxy, Usage> {
    let targets: Vec<_> = urls.iter().filter_map(|url| fastcgi(url)).collect::<Result<_, _>>()?;
    if !targets.is_empty() && targets.len() < urls.len() {
        return Err(Usage::wrong("upstreams of HTTP and of FastCGI exclude each other"));
    }
    if targets.is_empty() && scripts.are_given() {
        return Err(Usage::wrong("the options of scripts need a FastCGI upstream"));
    }
    let mut applications = targets.into_iter().map(|target| scripts.application(target, silence));
    if let Some(first) = applications.next() {
        let proxy = ReverseProxy::with_upstream(first);
        return Ok(applications.fold(proxy, ReverseProxy::add_upstream));
    }
    let (first, others) = urls.split_first().ok_or_else(|| Usage::wrong("no upstream URL"))?;
    let proxy = ReverseProxy::try_new(first).map_err(Usage::wrong)?;
    let proxy = others.iter().try_fold(proxy, ReverseProxy::try_upstream).map_err(Usage::wrong)?;
    Ok(proxy.connect_timeout(connect(silence)).head_timeout(silence).idle_timeout(silence))
}

fn connect(silence: Option<Duration>) -> Duration {
    silence.map_or(CONNECT, |silence| silence.min(CONNECT))
}

/// Returns the address of a FastCGI application. `None` for other URLs.
fn fastcgi(url: &str) -> Option<Result<Target, Usage>> {
    match url.strip_prefix("fcgi-unix:") {
        Some("") => return Some(Err(Usage::wrong("fcgi-unix: the path is missing"))),
        Some(path) => return Some(Ok(Target::unix(path))),
        None => {}
    }
    let address = url.strip_prefix("fcgi://")?.trim_end_matches('/');
    let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let target = parts.and_then(|(host, port)| Some(Target::host(host, port.parse().ok()?)));
    Some(target.ok_or_else(|| Usage::wrong(format!("{url}: not a host and a port"))))
}
