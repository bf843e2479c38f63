//! Finding the script in a request's path (RFC 3875 sections 3.2 and 4.1).
//!
//! ```text
//!   /shop/index.php/item/7      split at ".php"
//!   └──── SCRIPT_NAME ────┘└ PATH_INFO ┘
//!   SCRIPT_FILENAME is the root, followed by SCRIPT_NAME.
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use http::StatusCode;
use percent_encoding::percent_decode_str;

use crate::handler::{Request, RequestExt};

/// The rules that find the script in a path. Without a rule, the whole path is `PATH_INFO`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptRules {
    /// The directory of the scripts, as the application sees it.
    pub(crate) root: Option<PathBuf>,
    /// The script of a path that ends in a slash.
    pub(crate) index: Option<String>,
    /// The end of a script's name.
    pub(crate) split: Option<String>,
    /// The script of all other paths.
    pub(crate) front_controller: Option<String>,
    /// The start of the path that names a program without rules.
    pub(crate) script_name: String,
}

/// The script of a request, and the rest of the request's path. Both are decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScriptPath {
    pub(crate) script_name: Vec<u8>,
    pub(crate) path_info: Vec<u8>,
    pub(crate) script_filename: Option<OsString>,
}

/// The reason why a path has no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoScript {
    /// The path contains NUL, or a segment `.` or `..`.
    Malformed,
    /// No rule leads to a script, or the script does not exist.
    NotFound,
}

impl NoScript {
    /// Returns the status of the response.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

impl ScriptRules {
    /// Finds the script of a request. `SCRIPT_NAME` begins with the part of the path that a router has
    /// removed, unless the user has set it. `is_script` returns `true` if a file can be run.
    pub(crate) fn find_for(
        &self,
        request: &Request,
        is_script: impl Fn(&Path) -> bool,
    ) -> Result<ScriptPath, NoScript> {
        let mut script = self.find(request.uri().path(), is_script)?;
        if self.script_name.is_empty() || script.script_name != self.script_name.as_bytes() {
            script.script_name.splice(0..0, percent_decode_str(removed_start(request)));
        }
        Ok(script)
    }

    /// Finds the script of a path. `is_script` returns `true` if a file can be run.
    pub(crate) fn find(
        &self,
        path: &str,
        is_script: impl Fn(&Path) -> bool,
    ) -> Result<ScriptPath, NoScript> {
        let path = decode(path)?;
        if self.split.is_none() && self.index.is_none() && self.front_controller.is_none() {
            return Ok(self.whole(path));
        }
        let exists = |script: &ScriptPath| {
            script.script_filename.as_ref().is_none_or(|file| is_script(Path::new(file)))
        };
        if let Some(end) = self.split_at(&path) {
            let script = self.script(&path[..end], &path[end..])?;
            return if exists(&script) { Ok(script) } else { Err(NoScript::NotFound) };
        }
        if let Some(index) = self.index.as_deref().filter(|_| path.ends_with(b"/")) {
            let script = self.script(&[&path[..], index.as_bytes()].concat(), b"")?;
            if exists(&script) {
                return Ok(script);
            }
        }
        let front = self.front_controller.as_deref().ok_or(NoScript::NotFound)?;
        let script = self.script(format!("/{front}").as_bytes(), b"")?;
        if exists(&script) { Ok(script) } else { Err(NoScript::NotFound) }
    }

    /// Returns a program that has the whole path, but for the start that names it.
    fn whole(&self, path: Vec<u8>) -> ScriptPath {
        let name = self.script_name.as_bytes();
        let rest = path.strip_prefix(name).filter(|rest| rest.is_empty() || rest[0] == b'/');
        let path_info = match rest {
            Some(rest) => rest.to_vec(),
            None => path,
        };
        ScriptPath { script_name: name.to_vec(), path_info, script_filename: None }
    }

    /// Returns the end of the first segment that is the name of a script.
    fn split_at(&self, path: &[u8]) -> Option<usize> {
        let suffix = self.split.as_ref()?.as_bytes();
        let mut end = 0;
        for segment in path.split(|byte| *byte == b'/') {
            end += segment.len();
            if segment.len() > suffix.len() && segment.ends_with(suffix) {
                return Some(end);
            }
            end += 1;
        }
        None
    }

    fn script(&self, name: &[u8], path_info: &[u8]) -> Result<ScriptPath, NoScript> {
        refuse_other_meanings(name)?;
        let script_filename = self.root.as_deref().map(|root| under(root, name)).transpose()?;
        Ok(ScriptPath {
            script_name: name.to_vec(),
            path_info: path_info.to_vec(),
            script_filename,
        })
    }
}

/// Returns the start of the path that a router has removed.
fn removed_start(request: &Request) -> &str {
    let (whole, rest) = (request.original_uri().path(), request.uri().path());
    // A router that removes the whole path leaves a slash.
    whole.strip_suffix(rest).unwrap_or(if rest == "/" { whole } else { "" })
}

/// Refuses a path in which Windows reads something other than names: a drive, a share, a device.
#[cfg(windows)]
fn refuse_other_meanings(path: &[u8]) -> Result<(), NoScript> {
    match crate::text::windows::are_ordinary(path) {
        true => Ok(()),
        false => Err(NoScript::Malformed),
    }
}

/// Accepts every path.
#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature on every platform")]
fn refuse_other_meanings(_path: &[u8]) -> Result<(), NoScript> {
    Ok(())
}

/// Returns the file that `path` names below `root`. Not `Path::join`, for which a path may be absolute.
pub(crate) fn under(root: &Path, path: &[u8]) -> Result<OsString, NoScript> {
    refuse_other_meanings(path)?;
    let mut file = root.as_os_str().to_owned();
    if root.as_os_str().as_encoded_bytes().ends_with(b"/") {
        file = OsString::from(root.to_string_lossy().trim_end_matches('/'));
    }
    // A name that is not UTF-8 names no file on some systems.
    file.push(std::str::from_utf8(path).map_err(|_| NoScript::NotFound)?);
    Ok(file)
}

/// Decodes a path, and refuses one that could lead out of the root.
fn decode(path: &str) -> Result<Vec<u8>, NoScript> {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    match decoded.contains(&0) || decoded.split(|byte| *byte == b'/').any(is_dots) {
        true => Err(NoScript::Malformed),
        false => Ok(decoded),
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// A row: the path, then SCRIPT_NAME, PATH_INFO and SCRIPT_FILENAME, or the refusal.
    type Row = (&'static str, Result<(&'static str, &'static str, &'static str), NoScript>);

    fn check(rules: &ScriptRules, rows: &[Row]) {
        // All scripts but those that are called missing exist.
        let exists = |file: &Path| !file.to_string_lossy().contains("missing");
        for (path, expected) in rows {
            let found = rules.find(path, exists).map(|found| {
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                let file = found.script_filename.unwrap_or_default();
                let file = file.to_str().expect("UTF-8").to_owned();
                (text(found.script_name), text(found.path_info), file)
            });
            let expected =
                expected.map(|(name, info, file)| (name.into(), info.into(), file.into()));
            assert_eq!(found, expected, "{path}");
        }
    }

    fn php() -> ScriptRules {
        ScriptRules {
            root: Some("/srv/www".into()),
            index: Some("index.php".into()),
            split: Some(".php".into()),
            ..ScriptRules::default()
        }
    }

    #[test]
    fn h12_a_path_is_split_behind_the_first_script() {
        check(
            &php(),
            &[
                ("/a.php", Ok(("/a.php", "", "/srv/www/a.php"))),
                ("/a.php/", Ok(("/a.php", "/", "/srv/www/a.php"))),
                ("/a.php/b/c", Ok(("/a.php", "/b/c", "/srv/www/a.php"))),
                ("/a.php/b.php", Ok(("/a.php", "/b.php", "/srv/www/a.php"))),
                ("/d/a.php/b", Ok(("/d/a.php", "/b", "/srv/www/d/a.php"))),
                ("/d.php.d/a.php", Ok(("/d.php.d/a.php", "", "/srv/www/d.php.d/a.php"))),
                ("/a%2ephp", Ok(("/a.php", "", "/srv/www/a.php"))),
                ("/a.php%2Fb", Ok(("/a.php", "/b", "/srv/www/a.php"))),
                ("/a%20b.php/c%20d", Ok(("/a b.php", "/c d", "/srv/www/a b.php"))),
                ("/%C3%A9.php", Ok(("/é.php", "", "/srv/www/é.php"))),
                ("/a.php//b", Ok(("/a.php", "//b", "/srv/www/a.php"))),
                ("/a%zz.php", Ok(("/a%zz.php", "", "/srv/www/a%zz.php"))),
                // The file type before the script is no script; the whole name must exist.
                ("/x.jpg/y.php", Ok(("/x.jpg/y.php", "", "/srv/www/x.jpg/y.php"))),
                ("/x.jpg/missing.php", Err(NoScript::NotFound)),
                ("/missing.php", Err(NoScript::NotFound)),
                ("/missing.php/a.php", Err(NoScript::NotFound)),
                ("/a.PHP", Err(NoScript::NotFound)),
                ("/a.php5", Err(NoScript::NotFound)),
                ("/a.phpx/b", Err(NoScript::NotFound)),
                ("/.php", Err(NoScript::NotFound)),
                ("/a", Err(NoScript::NotFound)),
                ("/a.jpg", Err(NoScript::NotFound)),
                ("/%FF.php", Err(NoScript::NotFound)),
                ("*", Err(NoScript::NotFound)),
            ],
        );
    }

    #[test]
    fn h12_a_directory_has_an_index() {
        check(
            &php(),
            &[
                ("/", Ok(("/index.php", "", "/srv/www/index.php"))),
                ("/d/", Ok(("/d/index.php", "", "/srv/www/d/index.php"))),
                ("/d%2F", Ok(("/d/index.php", "", "/srv/www/d/index.php"))),
                ("/missing/", Err(NoScript::NotFound)),
                ("/d", Err(NoScript::NotFound)),
            ],
        );
    }

    #[test]
    fn h12_no_path_leads_out_of_the_root() {
        for path in [
            "/../a.php",
            "/d/../a.php",
            "/./a.php",
            "/..",
            "/.",
            "/%2e%2e/a.php",
            "/%2E./a.php",
            "/d%2f..%2fa.php",
            "/a.php/../b",
            "/a.php%00.jpg",
            "/%00",
        ] {
            check(&php(), &[(path, Err(NoScript::Malformed))]);
            check(&ScriptRules::default(), &[(path, Err(NoScript::Malformed))]);
        }
        // Dots within a name are a part of it.
        check(
            &php(),
            &[
                ("/a..php", Ok(("/a..php", "", "/srv/www/a..php"))),
                ("/%252e%252e/a.php", Ok(("/%2e%2e/a.php", "", "/srv/www/%2e%2e/a.php"))),
            ],
        );
    }

    #[cfg(unix)]
    #[test]
    fn h12_a_path_on_unix_has_only_names_between_its_slashes() {
        check(
            &php(),
            &[
                ("//etc/a.php", Ok(("//etc/a.php", "", "/srv/www//etc/a.php"))),
                ("/.../a.php", Ok(("/.../a.php", "", "/srv/www/.../a.php"))),
                ("/aux.php", Ok(("/aux.php", "", "/srv/www/aux.php"))),
            ],
        );
    }

    #[cfg(windows)]
    #[test]
    fn h12_a_path_names_only_ordinary_files_on_windows() {
        for path in [
            "//host/share/a.php",
            "/aux.php",
            "/con/a.php",
            "/c:/a.php",
            "/..%5ca.php",
            "/..%20/a.php",
            "/.../a.php",
            "/PROGRA~1/a.php",
        ] {
            check(&php(), &[(path, Err(NoScript::Malformed))]);
        }
        // PATH_TRANSLATED would name these.
        for path in [&b"//host/share"[..], b"/..\\..\\b", b"/nul", b"/b::$DATA"] {
            assert_eq!(under(Path::new("C:\\www"), path), Err(NoScript::Malformed));
        }
        assert_eq!(under(Path::new("C:\\www"), b"/b/").unwrap(), "C:\\www/b/");
    }

    #[test]
    fn h12_a_front_controller_gets_all_other_paths() {
        let rules = ScriptRules { front_controller: Some("index.php".into()), ..php() };
        check(
            &rules,
            &[
                ("/a.php/b", Ok(("/a.php", "/b", "/srv/www/a.php"))),
                ("/items/7", Ok(("/index.php", "", "/srv/www/index.php"))),
                ("/missing/", Ok(("/index.php", "", "/srv/www/index.php"))),
                ("/d/", Ok(("/d/index.php", "", "/srv/www/d/index.php"))),
                ("/a.jpg", Ok(("/index.php", "", "/srv/www/index.php"))),
                // A script that was asked for by name is never replaced by another.
                ("/missing.php", Err(NoScript::NotFound)),
            ],
        );
        let rules = ScriptRules { front_controller: Some("missing.php".into()), ..php() };
        check(&rules, &[("/a", Err(NoScript::NotFound))]);
        let alone = ScriptRules {
            front_controller: Some("app.fcgi".into()),
            root: Some("/srv/".into()),
            ..ScriptRules::default()
        };
        check(
            &alone,
            &[
                ("/a.php", Ok(("/app.fcgi", "", "/srv/app.fcgi"))),
                ("/", Ok(("/app.fcgi", "", "/srv/app.fcgi"))),
            ],
        );
    }

    #[test]
    fn h12_a_program_without_rules_has_the_whole_path() {
        check(
            &ScriptRules::default(),
            &[
                ("/", Ok(("", "/", ""))),
                ("/a%20b/c.php", Ok(("", "/a b/c.php", ""))),
                ("/%FF", Ok(("", "/\u{fffd}", ""))),
                ("*", Ok(("", "*", ""))),
            ],
        );
        let rules = ScriptRules { script_name: "/cgi-bin/app".into(), ..ScriptRules::default() };
        check(
            &rules,
            &[
                ("/cgi-bin/app", Ok(("/cgi-bin/app", "", ""))),
                ("/cgi-bin/app/x", Ok(("/cgi-bin/app", "/x", ""))),
                ("/cgi-bin/apple", Ok(("/cgi-bin/app", "/cgi-bin/apple", ""))),
                // A router has removed the start.
                ("/x", Ok(("/cgi-bin/app", "/x", ""))),
            ],
        );
    }
}
