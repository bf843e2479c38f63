//! Which file a path leads to.

use std::collections::BTreeMap;

use super::paths::Place;
use super::sources::Source;

/// The modules of the crate, and what they re-export.
pub(crate) struct Modules<'a> {
    files: BTreeMap<&'a [String], &'a Source>,
    /// The paths of re-exported names, by the module and the name.
    reexports: BTreeMap<Item<'a>, (Place, Vec<String>)>,
}

/// A module and a name in it.
type Item<'a> = (&'a [String], String);

impl<'a> Modules<'a> {
    pub(crate) fn new(sources: &'a [Source]) -> Self {
        let files = sources.iter().map(|source| (source.module.as_slice(), source)).collect();
        let mut modules = Self { files, reexports: BTreeMap::new() };
        for source in sources {
            for mention in source.mentions() {
                if matches!(mention.place, Place::Reexport | Place::PublicReexport)
                    && let Some(path) = modules.absolute(source, &mention.segments)
                    && let Some(name) = path.last().cloned()
                {
                    modules.reexports.insert((&source.module, name), (mention.place, path));
                }
            }
        }
        modules
    }

    /// Returns the file that defines what `segments` names in `source`. Returns `None` for another
    /// crate's item.
    pub(crate) fn target(&self, source: &Source, segments: &[String]) -> Option<&'a Source> {
        let mut path = self.absolute(source, segments)?;
        // A re-export may lead to another.
        for _ in 0..10 {
            let length = (0..=path.len()).rev().find(|&n| self.files.contains_key(&path[..n]))?;
            let module = self.files[&path[..length]];
            let Some(name) = path.get(length) else { return Some(module) };
            let Some((_, next)) = self.reexports.get(&(&module.module, name.clone())) else {
                return Some(module);
            };
            path = [next, &path[length + 1..]].concat();
        }
        None
    }

    /// Returns `true` if a user of the crate can name the path as well.
    pub(crate) fn is_public(&self, source: &Source, segments: &[String]) -> bool {
        let Some(path) = self.absolute(source, segments) else { return true };
        for (at, name) in path.iter().enumerate() {
            let Some(module) = self.files.get(&path[..at]) else { return true };
            match self.reexports.get(&(&module.module, name.clone())) {
                Some((Place::PublicReexport, _)) => return true,
                Some(_) => return false,
                None if !module.has_public_item(name) => return false,
                None => {}
            }
        }
        true
    }

    /// Returns the path from the root of the crate.
    fn absolute(&self, source: &Source, segments: &[String]) -> Option<Vec<String>> {
        let mut path = match segments.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => source.module.clone(),
            name => {
                let mut child = source.module.clone();
                child.push(name.to_owned());
                if !self.files.contains_key(child.as_slice()) {
                    return None;
                }
                source.module.clone()
            }
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(path.pop()),
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }
}
