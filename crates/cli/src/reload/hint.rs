//! Tells at once that a file may have changed, so that nobody waits for the next regular look. A hint only: where the system has none
//! to give, or too many, nothing is missed but the moment.

/// See the module.
#[derive(Debug)]
pub struct Hint {
    #[cfg(target_os = "linux")]
    watched: Option<linux::Watched>,
}

#[cfg(not(target_os = "linux"))]
impl Hint {
    /// No hints here.
    #[must_use]
    pub fn of(_file: &std::path::Path) -> Self {
        Self {}
    }

    /// Never.
    pub fn came(&mut self) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
impl Hint {
    /// Of changes of `file`, which need not be there: its folder is watched, since files are replaced as a whole.
    #[must_use]
    pub fn of(file: &std::path::Path) -> Self {
        Self { watched: linux::Watched::new(file) }
    }

    /// Whether it may have changed since the last call.
    pub fn came(&mut self) -> bool {
        self.watched.as_ref().is_some_and(linux::Watched::came)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{OsStr, OsString};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

    /// How containers swap the folder behind the links of all files at once.
    const SWAPPED: &[u8] = b"..data";

    #[derive(Debug)]
    pub(super) struct Watched {
        events: OwnedFd,
        name: OsString,
    }

    impl Watched {
        pub fn new(file: &Path) -> Option<Self> {
            let name = file.file_name()?.to_owned();
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            // Whole files only: while one is written there is nothing to read yet.
            add_watch(&events, folder, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO).ok()?;
            Some(Self { events, name })
        }

        pub fn came(&self) -> bool {
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut events = Reader::new(&self.events, &mut room);
            let mut came = false;
            // Until there is none for now, or the watch is broken.
            while let Ok(event) = events.next() {
                let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                let lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                came |= lost || name.is_some_and(|name| name == self.name || name.as_bytes() == SWAPPED);
            }
            came
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs;

        use super::super::Hint;

        #[test]
        fn whole_changes_of_the_file_are_hints_and_others_are_none() {
            let folder = tempfile::tempdir().expect("a temporary directory");
            let (file, other) = (folder.path().join("arachne.yml"), folder.path().join("other"));
            let mut hint = Hint::of(&file);
            assert!(!hint.came());
            fs::write(&file, "a").expect("writable");
            assert!(hint.came() && !hint.came(), "once");
            fs::write(&other, "b").expect("writable");
            assert!(!hint.came());
            fs::rename(&other, &file).expect("writable");
            assert!(hint.came());
            assert!(!Hint::of(std::path::Path::new("/nowhere/arachne.yml")).came());
        }
    }
}
