//! The host side of CGI: a handler that runs a program for each request.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::input::Sending;
use super::output::{ProgramBody, Running};
use super::process::{Process, os_text};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{
    Content, Description, ErrorHook, ErrorLines, IsLocalRedirect, LocalRedirects, ScriptPath,
    ScriptRules, buffer_unsized_body, program_response,
};
use crate::handler::{Handler, Request, RequestExt, Response, ResponseWriter};
use crate::logging as log;

/// The default of `time_limit`.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The default of `max_head_bytes`.
const MAX_HEAD: usize = 256 * 1024;

/// Variables of this process that every program gets. On Windows, sockets and random numbers fail without the
/// first.
const ALWAYS_PASSED: &[&str] = match cfg!(windows) {
    true => &["SystemRoot", "WINDIR", "COMSPEC", "PATHEXT"],
    false => &[],
};

/// The search path of a program if this process has none.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A CGI program that is run for each request (RFC 3875).
///
/// It is a [`Handler`]. Each method sets one option.
///
/// ```no_run
/// use hangup::{Server, cgi};
///
/// let script = cgi::Script::new("/srv/cgi-bin/report.sh").script_name("/report");
/// Server::with_handler(script).listen("127.0.0.1:8080")?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # The program
///
/// The program gets the request's head in its environment, and the body on its standard input. The
/// environment has nothing else but `PATH`, and the variables of [`env`](Self::env) and
/// [`pass_env`](Self::pass_env). On Windows, it also has `SystemRoot`, `WINDIR`, `COMSPEC` and `PATHEXT`,
/// without which programs fail there. The working directory is that of the program. A query without `=` does
/// not become arguments, as RFC 3875 section 4.4 allows, since programs take them for options.
///
/// `CONTENT_LENGTH` is missing if the length of the body is unknown, and the end of the input ends it.
/// Programs that need it get such bodies with [`buffer_unsized_bodies`](Self::buffer_unsized_bodies).
///
/// The program's output is the response: a head with `Status`, `Location` or `Content-Type`, and the body. A
/// program that writes an HTTP status line (`nph-`) is refused with a 502. Each line of its error output is
/// logged at `warn`.
///
/// # The end of the program
///
/// The program runs in a process group. The group is killed when the client goes away, at the
/// [time limit](Self::time_limit), if the request's body fails, and if the program runs for more than 1 s
/// after its response has ended. The program is always reaped. Outside Unix, only the program itself is
/// killed.
///
/// A program that a signal has ended has not sent a complete response, unless it declared the length. Other
/// exit statuses are logged at `debug`.
///
/// # Responses to failures
///
/// | failure | status |
/// | --- | --- |
/// | a malformed, incomplete or missing response | 502 |
/// | the time limit | 504 |
/// | the program cannot be started | 500 |
/// | the headers are larger than an environment may be | 431 |
#[derive(Clone)]
#[must_use = "a script is run only for the requests that it is given"]
pub struct Script {
    program: PathBuf,
    /// The program, as logs name it.
    name: Arc<str>,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    rules: ScriptRules,
    fixed: Vec<(String, String)>,
    passed: Vec<OsString>,
    time_limit: Option<Duration>,
    max_head_bytes: usize,
    buffer_unsized: Option<u64>,
    errors: Option<ErrorHook>,
    local_redirects: Option<LocalRedirects>,
}

impl Script {
    /// Creates a handler that runs `program`: a path, or a name that is looked up in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = PathBuf::from(program.as_ref());
        // Another working directory must not change which program a relative path names.
        let is_path = program.components().count() > 1;
        let program = match path::absolute(&program) {
            Ok(absolute) if is_path => absolute,
            _ => program,
        };
        Self {
            name: program.display().to_string().into(),
            directory: program.parent().filter(|_| is_path).map(Path::to_path_buf),
            program,
            arguments: Vec::new(),
            rules: ScriptRules::default(),
            fixed: Vec::new(),
            passed: Vec::new(),
            time_limit: Some(TIME_LIMIT),
            max_head_bytes: MAX_HEAD,
            buffer_unsized: None,
            errors: None,
            local_redirects: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Sets a variable. It replaces a variable of the request with this name.
    ///
    /// # Panics
    ///
    /// If the name is empty, or contains `=` or NUL, or the value contains NUL.
    #[track_caller]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let is_valid = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        assert!(is_valid, "environment variable {name:?} is invalid");
        self.fixed.retain(|(other, _)| *other != name);
        self.fixed.push((name, value));
        self
    }

    /// Passes a variable of this process on, if it is set when the program is run.
    pub fn pass_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.passed.push(name.as_ref().to_owned());
        self
    }

    /// Sets the working directory. The default is that of the program, or this process's if the program is
    /// looked up in `PATH`.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets `SCRIPT_NAME`: the start of the path that leads to this handler. The rest of the path is
    /// `PATH_INFO`. The default is empty.
    ///
    /// A router that removes the start of the path leaves `PATH_INFO`.
    pub fn script_name(mut self, name: impl Into<String>) -> Self {
        self.rules.script_name = name.into();
        self
    }

    /// Sets the directory of documents: `DOCUMENT_ROOT`, and the start of `PATH_TRANSLATED`.
    pub fn document_root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.rules.root = Some(directory.into());
        self
    }

    /// Sets how long a request may take, to the end of its response. The default is 60 s; `None` is no limit.
    pub fn time_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.time_limit = limit.into();
        self
    }

    /// Sets the largest head of a response, in bytes. The default is 256 KiB.
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.max_head_bytes = bytes;
        self
    }

    /// Sets how many bytes of a body of unknown length are read into memory before the program is run, so
    /// that it gets a `CONTENT_LENGTH`. A longer body gets a 413 response. By default, such bodies are sent
    /// as they arrive.
    pub fn buffer_unsized_bodies(mut self, most: impl Into<Option<u64>>) -> Self {
        self.buffer_unsized = most.into();
        self
    }

    /// Sets a function that gets each line of the program's error output, in place of the log. Control
    /// characters are not escaped. At most 64 KiB of a request's error output are used.
    pub fn on_stderr(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.errors = Some(ErrorHook::new(hook));
        self
    }

    /// Sets the handler of local redirects: responses with a path in `Location` and without `Status` (RFC
    /// 3875 section 6.2.2). It gets the request with that path, as a GET without a body. By default, such a
    /// response becomes a 302, which the client follows.
    ///
    /// Only the script as a handler follows local redirects, at most 10 for a request.
    pub fn local_redirects(mut self, handler: impl Handler) -> Self {
        self.local_redirects = Some(LocalRedirects::new(handler));
        self
    }

    /// Runs the program for a request, and returns the response once its head has arrived.
    ///
    /// The end of `context` kills the program, also while the response's body is read. So does dropping an
    /// unread body.
    ///
    /// # Errors
    ///
    /// * [`Io`](ErrorKind::Io): the program cannot be started.
    /// * [`Status`](ErrorKind::Status): a 400 for a path that is malformed, a 431 for headers that are too
    ///   large.
    /// * [`Timeout`](ErrorKind::Timeout), [`Cancelled`](ErrorKind::Cancelled): the time limit, or the
    ///   context.
    /// * [`EmptyReply`](ErrorKind::EmptyReply), [`MalformedMessage`](ErrorKind::MalformedMessage),
    ///   [`TooLarge`](ErrorKind::TooLarge): there is no valid response.
    /// * The error of the request's body.
    ///
    /// # Blocking
    ///
    /// Until the head has arrived, within the time limit. The end of `context` ends it.
    pub fn send(&self, mut request: Request, context: &Context) -> Result<Response> {
        self.call(&mut request, context)
    }

    /// Runs the program. Takes the request's body.
    fn call(&self, request: &mut Request, context: &Context) -> Result<Response> {
        let script = self.rules.find_for(request, |_| true);
        let script = script.map_err(|reason| Error::from(reason.status()))?;
        if let Some(ended) = context.err() {
            return Err(ended.into());
        }
        let context = match self.time_limit {
            Some(limit) => context.child_with_timeout(limit),
            None => context.clone(),
        };
        buffer_unsized_body(request, self.buffer_unsized)?;
        let mut command = self.command(request, script);
        let body = std::mem::take(request.body_mut());
        let (process, input) =
            Process::start(&mut command, !body.is_empty()).map_err(cannot_start)?;
        let sending = Sending::start(body, input, process.killer(), &context);
        let errors = ErrorLines::new(Arc::clone(&self.name), self.errors.clone());
        let sending = sending?;
        let mut running = Running::new(process, sending, errors, Arc::clone(&self.name), &context);
        let (head, start) = running.read_head(self.max_head_bytes)?;
        let content = Content::new(start, request.method(), &head);
        let body = ProgramBody::new(running, content);
        Ok(program_response(head, Body::incoming(Box::new(body))))
    }

    fn command(&self, request: &Request, mut script: ScriptPath) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_else(|| PATH.into()));
        let always = ALWAYS_PASSED.iter().map(OsStr::new);
        for name in always.chain(self.passed.iter().map(OsString::as_os_str)) {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        script.script_filename = Some(self.program.clone().into());
        let description = Description {
            request,
            script: &script,
            root: self.rules.root.as_deref(),
            length: request.body().len(),
            fixed: &self.fixed,
        };
        description.write(|name, value| {
            command.env(os_text(name), os_text(value));
        });
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Returns the error with which the handler responds, and logs the failure.
    fn failed(&self, error: Error, context: &Context) -> Error {
        let status = match error.kind() {
            // The client has gone, or its body decides.
            _ if context.is_done() => return error,
            ErrorKind::Status | ErrorKind::BodySource => return error,
            ErrorKind::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Io => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        };
        log::warn!("{}: {error}", self.name);
        status.into()
    }
}

impl Handler for Script {
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        let context = request.context();
        let sent = match self.call(request, &context) {
            Ok(answer) if answer.extensions().get::<IsLocalRedirect>().is_some() => {
                match &self.local_redirects {
                    Some(redirects) => return redirects.follow(answer, response, request),
                    None => response.send(answer),
                }
            }
            Ok(answer) => response.send(answer),
            Err(error) => Err(error),
        };
        match sent {
            Err(error) if !response.is_head_sent() => Err(self.failed(error, &context)),
            outcome => outcome,
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Returns the error of a program that cannot be started.
fn cannot_start(error: io::Error) -> Error {
    match error.kind() {
        // The environment has the request's headers.
        io::ErrorKind::ArgumentListTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into(),
        _ => Error::explained(ErrorKind::Io, "cannot start the program", error),
    }
}
