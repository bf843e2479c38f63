//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use hangup::http::Method;

use crate::range;
use crate::resolve::Pinned;
use crate::support::{Arg, Args, Usage};
use crate::tls::TlsOptions;

pub(crate) const HELP: &str = "\
usage: fetch [OPTIONS] URL...

  -X, --request METHOD       -d, --data DATA|@FILE      -o, --output FILE
  -H, --header LINE|@FILE        --data-binary DATA     -O, --remote-name
  -A, --user-agent NAME          --data-raw DATA        -i, --include
  -e, --referer URL              --json DATA            -I, --head
  -u, --user NAME:PASSWORD   -G, --get                  -w, --write-out FORMAT
  -r, --range RANGE          -T, --upload-file FILE|-   -#, --progress-bar
  -C, --continue-at N|-      -f, --fail                 -s, --silent
  -L, --location                 --retry N              -S, --show-error
      --max-redirs N         -m, --max-time SECONDS     -v, --verbose
      --unix-socket PATH         --connect-timeout S    -Z, --parallel
      --resolve HOST:PORT:ADDR   --expect100-timeout S      --parallel-max N
      --http1.0                  --compressed

  -k, --insecure             -E, --cert FILE                --tlsv1.2
      --cacert FILE              --key FILE                 --tlsv1.3

Options and exit codes have the same meaning as curl's. Without --cacert, fetch trusts the platform's
root certificates. SSL_CERT_FILE and SSL_CERT_DIR name others.";

/// The options and URLs of the command line.
#[derive(Default)]
pub(crate) struct Command {
    pub(crate) jobs: Vec<Job>,
    pub(crate) method: Option<Method>,
    pub(crate) headers: Vec<String>,
    pub(crate) data: Vec<Data>,
    pub(crate) json: bool,
    pub(crate) get: bool,
    pub(crate) head: bool,
    pub(crate) include: bool,
    pub(crate) user: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) referer: Option<String>,
    /// `;auto`: each redirect has the previous URL as its Referer.
    pub(crate) refers: bool,
    pub(crate) range: Option<String>,
    pub(crate) resume: Option<Resume>,
    pub(crate) http10: bool,
    pub(crate) compressed: bool,
    pub(crate) location: bool,
    pub(crate) max_redirects: u32,
    pub(crate) fail: bool,
    pub(crate) retries: u32,
    pub(crate) max_time: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) expect_timeout: Duration,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) resolve: Vec<Pinned>,
    pub(crate) tls: TlsOptions,
    pub(crate) write_out: Option<String>,
    pub(crate) parallel: Option<usize>,
    pub(crate) progress_bar: bool,
    pub(crate) verbose: bool,
    pub(crate) silent: bool,
    pub(crate) show_error: bool,
}

/// One URL, with the file to upload and the destination of the response.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) url: String,
    pub(crate) upload: Option<PathBuf>,
    pub(crate) save: Save,
}

/// The destination of the body.
#[derive(Clone, Debug, Default)]
pub(crate) enum Save {
    #[default]
    Stdout,
    File(PathBuf),
    /// A file named after the URL.
    RemoteName,
}

/// A piece of the request's body.
pub(crate) struct Data {
    pub(crate) text: String,
    pub(crate) kind: DataKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataKind {
    /// `-d`: `@` names a file, whose line breaks are removed.
    Text,
    /// `--data-binary`: `@` names a file.
    Binary,
    /// `--json`: `@` names a file. No `&` separates it from the previous piece.
    Json,
    /// `--data-raw`: `@` is plain text.
    Raw,
}

/// The position at which `-C` continues a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resume {
    At(u64),
    /// The end of the output file.
    AtItsEnd,
}

/// The URLs with their own options, in the order of the command line.
#[derive(Default)]
struct Hands {
    urls: Vec<String>,
    uploads: Vec<PathBuf>,
    saves: Vec<Save>,
}

impl Command {
    pub(crate) fn read(mut args: Args) -> Result<Self, Usage> {
        let mut command =
            Self { max_redirects: 50, expect_timeout: Duration::from_secs(1), ..Self::default() };
        let mut hands = Hands::default();
        let mut parallel = false;
        let mut parallel_max = 50;
        while let Some(arg) = args.next()? {
            let option = match arg {
                Arg::Option(option) => option,
                Arg::Value(url) => {
                    let url = url.into_string();
                    hands.urls.push(url.map_err(|_| Usage::wrong("the URL is not UTF-8"))?);
                    continue;
                }
            };
            match option.as_str() {
                "-o" | "--output" => hands.saves.push(match args.path()? {
                    path if path.as_os_str() == "-" => Save::Stdout,
                    path if path.as_os_str().is_empty() => {
                        return Err(args.bad("the file name is empty"));
                    }
                    path => Save::File(path),
                }),
                "-O" | "--remote-name" => hands.saves.push(Save::RemoteName),
                "-T" | "--upload-file" => hands.uploads.push(args.path()?),
                "-Z" | "--parallel" => parallel = true,
                "--parallel-max" => parallel_max = args.number::<usize>()?.max(1),
                option => command.take(option, &mut args)?,
            }
        }
        command.parallel = parallel.then_some(parallel_max);
        command.jobs = hands.deal()?;
        command.check()?;
        Ok(command)
    }

    fn take(&mut self, option: &str, args: &mut Args) -> Result<(), Usage> {
        match option {
            "-X" | "--request" => {
                let method = Method::from_bytes(args.value()?.as_bytes());
                self.method = Some(method.map_err(|_| args.bad("not a valid method"))?);
            }
            "-H" | "--header" => self.headers.push(args.value()?),
            "-A" | "--user-agent" => self.user_agent = Some(args.value()?),
            "-e" | "--referer" => self.take_referer(args)?,
            "-u" | "--user" => self.user = Some(args.value()?),
            "-r" | "--range" => self.take_range(args)?,
            "-C" | "--continue-at" => self.resume = Some(resume(args)?),
            "-d" | "--data" | "--data-ascii" => self.add_data(DataKind::Text, args)?,
            "--data-binary" => self.add_data(DataKind::Binary, args)?,
            "--data-raw" => self.add_data(DataKind::Raw, args)?,
            "--json" => {
                self.json = true;
                self.add_data(DataKind::Json, args)?;
            }
            "--max-redirs" => self.max_redirects = redirects(args)?,
            "--retry" => self.retries = args.number()?,
            "-m" | "--max-time" => self.max_time = some_time(args.seconds()?),
            "--connect-timeout" => self.connect_timeout = some_time(args.seconds()?),
            "--expect100-timeout" => self.expect_timeout = args.seconds()?,
            "--unix-socket" => self.unix_socket = Some(args.path()?),
            "--resolve" => {
                let pinned = args.value()?.parse();
                self.resolve.push(pinned.map_err(|()| args.bad("not HOST:PORT:ADDRESS"))?);
            }
            "-w" | "--write-out" => self.write_out = Some(args.value()?),
            "-F" | "--form" | "-x" | "--proxy" | "--noproxy" | "-b" | "--cookie" | "-c"
            | "--cookie-jar" => return Err(args.bad("not supported")),
            option if self.take_flag(option) || self.tls.take(option, args)? => {}
            _ => return Err(args.unknown()),
        }
        Ok(())
    }

    /// Takes an option without a value. Returns `false` if it is another one.
    fn take_flag(&mut self, option: &str) -> bool {
        let flag = match option {
            "-G" | "--get" => &mut self.get,
            "-I" | "--head" => &mut self.head,
            "-i" | "--include" => &mut self.include,
            "-L" | "--location" => &mut self.location,
            "-f" | "--fail" => &mut self.fail,
            "--http1.0" => &mut self.http10,
            "--compressed" => &mut self.compressed,
            "-#" | "--progress-bar" => &mut self.progress_bar,
            "-v" | "--verbose" => &mut self.verbose,
            "-s" | "--silent" => &mut self.silent,
            "-S" | "--show-error" => &mut self.show_error,
            _ => return false,
        };
        *flag = true;
        true
    }

    fn take_referer(&mut self, args: &mut Args) -> Result<(), Usage> {
        let referer = args.value()?;
        self.refers = referer.ends_with(";auto");
        self.referer = Some(referer.trim_end_matches(";auto").to_owned());
        Ok(())
    }

    fn take_range(&mut self, args: &mut Args) -> Result<(), Usage> {
        let range = args.value()?;
        let completed = range::completed(&range).map_err(|why| args.bad(why))?;
        if completed != range && !self.silent {
            eprintln!("fetch: -r {range}: using {completed}");
        }
        self.range = Some(completed);
        Ok(())
    }

    fn add_data(&mut self, kind: DataKind, args: &mut Args) -> Result<(), Usage> {
        self.data.push(Data { text: args.value()?, kind });
        Ok(())
    }

    /// Refuses options that ask for several requests at once.
    fn check(&self) -> Result<(), Usage> {
        let uploads = self.jobs.iter().any(|job| job.upload.is_some());
        let posts = !self.data.is_empty() && !self.get;
        if u8::from(uploads) + u8::from(posts) + u8::from(self.head) > 1 {
            return Err(Usage::wrong("-I, -d and -T exclude each other"));
        }
        self.tls.check()
    }
}

impl Hands {
    fn deal(self) -> Result<Vec<Job>, Usage> {
        if self.urls.is_empty() {
            return Err(Usage::wrong("a URL is required (see --help)"));
        }
        let mut uploads = self.uploads.into_iter();
        let mut saves = self.saves.into_iter();
        let job = |url| Job { url, upload: uploads.next(), save: saves.next().unwrap_or_default() };
        Ok(self.urls.into_iter().map(job).collect())
    }
}

/// Parses a time limit. 0 means no limit.
fn some_time(limit: Duration) -> Option<Duration> {
    Some(limit).filter(|limit| !limit.is_zero())
}

/// Reads the argument of `-C`: an offset, or `-` for the end of the file.
fn resume(args: &mut Args) -> Result<Resume, Usage> {
    match args.value()?.as_str() {
        "-" => Ok(Resume::AtItsEnd),
        offset => match offset.parse() {
            Ok(offset) => Ok(Resume::At(offset)),
            Err(_) => Err(args.bad("expected an offset or `-`")),
        },
    }
}

/// Reads the argument of `--max-redirs`. -1 is no limit.
fn redirects(args: &mut Args) -> Result<u32, Usage> {
    let most: i64 = args.number()?;
    match most < -1 {
        true => Err(args.bad("the number is less than -1")),
        false => Ok(u32::try_from(most).unwrap_or(u32::MAX)),
    }
}
