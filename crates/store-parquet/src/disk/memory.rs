//! A disk in memory, for tests that open thousands of small ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::real::check;
use super::{Disk, Entry, ReadFile, WriteFile, parent};

type Content = Arc<Mutex<Vec<u8>>>;

/// Files in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug, Default)]
struct Tree {
    files: BTreeMap<String, Content>,
    directories: BTreeSet<String>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missing(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {path}"))
}

impl MemoryDisk {
    /// A disk with these files and the directories that hold them.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut tree = Tree::default();
        for (path, bytes) in files {
            for (end, _) in path.match_indices('/') {
                tree.directories.insert(path[..end].to_owned());
            }
            tree.files.insert(path, Arc::new(Mutex::new(bytes)));
        }
        Self { tree: Arc::new(Mutex::new(tree)) }
    }

    /// A copy of all files.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        held(&self.tree).files.iter().map(|(path, content)| (path.clone(), held(content).clone())).collect()
    }

    /// Writes all files below a directory that exists.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_to(&self, directory: &Path) -> io::Result<()> {
        for name in &held(&self.tree).directories {
            fs::create_dir_all(directory.join(name))?;
        }
        self.files().iter().try_for_each(|(path, bytes)| fs::write(directory.join(path), bytes))
    }

    fn content(&self, path: &str) -> io::Result<Content> {
        check(path)?;
        held(&self.tree).files.get(path).cloned().ok_or_else(|| missing(path))
    }
}

impl Tree {
    fn parent_of(&self, path: &str) -> io::Result<()> {
        check(path)?;
        self.directory(parent(path))
    }

    fn directory(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.directories.contains(path) { Ok(()) } else { Err(missing(path)) }
    }
}

#[derive(Debug)]
struct Handle(Content);

impl WriteFile for Handle {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        held(&self.0).extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadFile for Handle {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = held(&self.0);
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(held(&self.0).len() as u64)
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut tree = held(&self.tree);
        tree.parent_of(path)?;
        if tree.files.contains_key(path) || tree.directories.contains(path) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a {path}")));
        }
        let content = Content::default();
        tree.files.insert(path.to_owned(), Arc::clone(&content));
        Ok(Box::new(Handle(content)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(Handle(self.content(path)?)))
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        held(&*self.content(path)?).resize(length, 0);
        Ok(())
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.content(path).map(drop)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut tree = held(&self.tree);
        tree.parent_of(to)?;
        let content = tree.files.remove(from).ok_or_else(|| missing(from))?;
        tree.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        held(&self.tree).files.remove(path).map(drop).ok_or_else(|| missing(path))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<Entry>> {
        let tree = held(&self.tree);
        tree.directory(directory)?;
        let here = |path: &&String| parent(path) == directory;
        let entry = |directory| move |path: &String| Entry { name: base(path).to_owned(), directory };
        let directories = tree.directories.iter().filter(here).map(entry(true));
        let mut entries: Vec<_> = tree.files.keys().filter(here).map(entry(false)).chain(directories).collect();
        entries.sort();
        Ok(entries)
    }

    fn create_dir(&self, directory: &str) -> io::Result<()> {
        let mut tree = held(&self.tree);
        tree.parent_of(directory)?;
        tree.directories.insert(directory.to_owned());
        Ok(())
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        held(&self.tree).directory(directory)
    }
}

fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
