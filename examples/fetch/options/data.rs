//! The pieces of a request's body and query, as they are typed.

use crate::options::Given;
use crate::support::Usage;

/// A piece of the request's body or query.
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
    /// `--data-urlencode`: `text`, `=text`, `name=text`, `@file` or `name@file`.
    Encoded,
    /// `--url-query`: as `--data-urlencode`, or `+text` as it stands.
    Query,
}

/// A field of `-F`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormField {
    pub(crate) name: String,
    pub(crate) content: Vec<FormContent>,
    pub(crate) headers: Vec<String>,
}

/// The content of a field, or one of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormContent {
    pub(crate) source: FormSource,
    pub(crate) content_type: Option<String>,
    pub(crate) file_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormSource {
    Text(String),
    /// `@file`: sent with a file name.
    File(String),
    /// `<file`: sent as text.
    FileAsText(String),
}

impl Default for FormSource {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FormKind {
    /// `-F`: `@`, `<` and `;type=` have a meaning.
    Parsed,
    /// `--form-string`
    Verbatim,
}

impl FormField {
    /// Parses `name=value`, `name=@file[,file]`, `name=<file`, with `;type=`, `;filename=` and
    /// `;headers=` behind each.
    pub(super) fn read(text: &str, kind: FormKind, given: &Given) -> Result<Self, Usage> {
        let (name, value) = text.split_once('=').ok_or_else(|| given.bad("not NAME=VALUE"))?;
        let mut field = Self { name: name.to_owned(), ..Self::default() };
        if kind == FormKind::Verbatim {
            field.content.push(FormContent {
                source: FormSource::Text(value.to_owned()),
                ..FormContent::default()
            });
            return Ok(field);
        }
        if value.starts_with('(') || (name.is_empty() && value.starts_with(')')) {
            return Err(given.bad("nested parts are not supported"));
        }
        let mut rest = value;
        loop {
            rest = field.read_content(rest, given)?;
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Ok(field),
            }
        }
    }

    /// Parses one content and its parameters. Returns the rest, which may begin with a comma.
    fn read_content<'t>(&mut self, text: &'t str, given: &Given) -> Result<&'t str, Usage> {
        let first = self.content.is_empty();
        let (is_file, text_after) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            // The other files of a list have no `@`.
            None => (!first, text),
        };
        let ends: &[char] = if is_file { &[';', ','] } else { &[';'] };
        let (source, mut rest) = match text.strip_prefix('<').filter(|_| first && !is_file) {
            Some(path) => {
                let (path, rest) = word(path, ends);
                (FormSource::FileAsText(path), rest)
            }
            None => {
                let (value, rest) = word(text_after, ends);
                (if is_file { FormSource::File(value) } else { FormSource::Text(value) }, rest)
            }
        };
        let mut content = FormContent { source, ..FormContent::default() };
        while let Some(parameter) = rest.strip_prefix(';') {
            rest = self.read_parameter(&mut content, parameter.trim_start(), ends, given)?;
        }
        self.content.push(content);
        Ok(rest)
    }

    fn read_parameter<'t>(
        &mut self,
        content: &mut FormContent,
        parameter: &'t str,
        ends: &[char],
        given: &Given,
    ) -> Result<&'t str, Usage> {
        if let Some(value) = parameter.strip_prefix("type=") {
            let (value, rest) = media_type(value, ends);
            content.content_type = Some(value);
            Ok(rest)
        } else if let Some(value) = parameter.strip_prefix("filename=") {
            let (value, rest) = word(value, ends);
            content.file_name = Some(value);
            Ok(rest)
        } else if let Some(value) = parameter.strip_prefix("headers=") {
            let (value, rest) = word(value, ends);
            self.headers.push(value);
            Ok(rest)
        } else if parameter.starts_with("encoder=") {
            Err(given.bad("encoders are not supported"))
        } else {
            // curl ignores other parameters.
            Ok(word(parameter, ends).1)
        }
    }
}

/// Splits off a word: quoted, with backslashes before `"` and `\`, or up to one of the ends.
fn word<'t>(text: &'t str, ends: &[char]) -> (String, &'t str) {
    if let Some(quoted) = text.trim_start().strip_prefix('"')
        && let Some((value, rest)) = unquoted(quoted)
        && let rest = rest.trim_start()
        && (rest.is_empty() || rest.starts_with(ends))
    {
        return (value, rest);
    }
    let end = text.find(ends).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match letters.next()? {
                (_, escaped @ ('"' | '\\')) => value.push(escaped),
                (_, other) => value.extend(['\\', other]),
            },
            letter => value.push(letter),
        }
    }
    None
}

/// Splits off a media type with its parameters, as `text/plain;charset=utf-8`.
fn media_type<'t>(text: &'t str, ends: &[char]) -> (String, &'t str) {
    let mut end = text.find(ends).unwrap_or(text.len());
    while let Some(parameter) = text[end..].strip_prefix(';') {
        let name = parameter.trim_start();
        let ours = ["type=", "filename=", "headers=", "encoder="];
        if ours.iter().any(|known| name.starts_with(known)) || !name.contains('=') {
            break;
        }
        end += 1 + parameter.find(ends).unwrap_or(parameter.len());
    }
    (text[..end].trim_end().to_owned(), &text[end..])
}
