//! From a request to the file that it names.

use std::io;
use std::path::{Path, PathBuf};

use http::{Method, StatusCode};

use super::coding;
use super::embedded::Embedded;
use super::listing::{self, MOST_ENTRIES};
use super::open::Root;
use super::options::{NotFound, Options};
use super::path::{Location, with_slash};
use super::representation::Representation;
use super::respond::{self, Found};
use super::store::{Item, Store};
use crate::{Request, ResponseWriter, Result};

/// The place of the files.
#[derive(Debug)]
pub(super) enum Source {
    Directory(PathBuf),
    File(PathBuf),
    Embedded(Embedded),
}

/// The target of a request.
enum Named {
    File(Box<Found>),
    /// A directory whose URL lacks its final slash.
    DirectoryWithoutSlash,
    /// The page of a directory.
    Listing(String),
    Missing,
    Forbidden,
}

/// Responds to a request with a file of `source`.
pub(super) fn serve(
    w: &mut ResponseWriter,
    r: &mut Request,
    source: &Source,
    options: &Options,
) -> Result<()> {
    let reads = matches!(*r.method(), Method::GET | Method::HEAD);
    match named(r, source, options)? {
        Named::Missing => missing(w, r, source, options),
        Named::Forbidden => Err(StatusCode::FORBIDDEN.into()),
        _ if !reads => Err(respond::method_not_allowed()),
        Named::File(found) => respond::file(w, r, *found, options),
        Named::DirectoryWithoutSlash => {
            respond::redirect(w, with_slash(r.uri().path(), r.uri().query()))
        }
        Named::Listing(page) => respond::page(w, page),
    }
}

/// Responds to a request with one file, whose path may lead anywhere.
pub(super) fn serve_one(
    w: &mut ResponseWriter,
    r: &Request,
    path: &Path,
    options: &Options,
) -> Result<()> {
    match Store::Anywhere.find(path)? {
        Item::File(file) => {
            let content_type = options.types.of(path);
            respond::file(w, r, Found { file, content_type, coding: None }, options)
        }
        Item::Forbidden => Err(StatusCode::FORBIDDEN.into()),
        Item::Directory | Item::Missing => Err(StatusCode::NOT_FOUND.into()),
    }
}

impl Source {
    fn store(&self) -> io::Result<Store<'_>> {
        Ok(match self {
            Self::Directory(path) => Store::Directory(Root::open(path)?),
            Self::File(_) => Store::Anywhere,
            Self::Embedded(files) => Store::Embedded(files),
        })
    }
}

fn named(r: &Request, source: &Source, options: &Options) -> io::Result<Named> {
    let location = match source {
        // The same file for every URL.
        Source::File(path) => Some(Location { path: path.clone(), slash: false }),
        _ => Location::of_url(r.uri().path(), options.hidden),
    };
    let Some(location) = location else { return Ok(Named::Missing) };
    let store = source.store()?;
    if location.slash {
        return directory(r, &store, &location, options);
    }
    Ok(match store.find(&location.path)? {
        Item::File(file) => found(r, &store, &location.path, file, options)?,
        Item::Directory if !matches!(source, Source::File(_)) => Named::DirectoryWithoutSlash,
        Item::Directory | Item::Missing => Named::Missing,
        Item::Forbidden => Named::Forbidden,
    })
}

/// Names the index of a directory, or its listing.
fn directory(
    r: &Request,
    store: &Store<'_>,
    location: &Location,
    options: &Options,
) -> io::Result<Named> {
    for name in &options.index {
        let path = location.join(name);
        match store.find(&path)? {
            Item::File(file) => return found(r, store, &path, file, options),
            Item::Forbidden => return Ok(Named::Forbidden),
            Item::Directory | Item::Missing => {}
        }
    }
    if !options.listing {
        return Ok(Named::Missing);
    }
    match store.find(&location.path)? {
        Item::Directory => {}
        Item::Forbidden => return Ok(Named::Forbidden),
        Item::File(_) | Item::Missing => return Ok(Named::Missing),
    }
    let depth = location.path.components().count();
    let entries = match store.entries(&location.path, MOST_ENTRIES) {
        // It was removed, or replaced by a file, since it was found.
        Err(error) if is_gone(&error) => return Ok(Named::Missing),
        entries => entries?,
    };
    Ok(Named::Listing(listing::page(r.uri().path(), depth, entries, options.hidden)))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Names a file, or its sibling in the coding that the client prefers.
fn found(
    r: &Request,
    store: &Store<'_>,
    path: &Path,
    file: Representation,
    options: &Options,
) -> io::Result<Named> {
    let content_type = options.types.of(path);
    if options.precompressed {
        for coding in coding::preferred(r.headers()) {
            let mut sibling = path.as_os_str().to_owned();
            sibling.push(".");
            sibling.push(coding.extension);
            if let Item::File(file) = store.find(Path::new(&sibling))? {
                let coding = Some(coding.name);
                return Ok(Named::File(Box::new(Found { file, content_type, coding })));
            }
        }
    }
    Ok(Named::File(Box::new(Found { file, content_type, coding: None })))
}

/// Responds to a request for a file that is not there.
fn missing(
    w: &mut ResponseWriter,
    r: &mut Request,
    source: &Source,
    options: &Options,
) -> Result<()> {
    let page = match &options.not_found {
        NotFound::Handler(handler) => return handler.handle(w, r),
        NotFound::Error => return Err(StatusCode::NOT_FOUND.into()),
        NotFound::Page(page) => page,
    };
    match source.store()?.find(page)? {
        Item::File(file) => {
            let content_type = options.types.of(page);
            respond::missing(w, &Found { file, content_type, coding: None }, options)
        }
        _ => Err(StatusCode::NOT_FOUND.into()),
    }
}
