//! `--files`: what is in the files that inputs name. An input may be text that a module wrote, and
//! the path one that it prepared.

use super::walk::{Identity, Walk};
use super::{Granted, list, shown};
use anyhow::{Context, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Opens files for their content.
#[derive(Debug)]
pub(in crate::cli) struct Content {
    /// Directories that the module may change.
    writable: Vec<Identity>,
}

impl Content {
    pub(in crate::cli) fn new(granted: &Granted) -> Content {
        Content {
            writable: granted.writable().to_vec(),
        }
    }

    /// Refuses a path that cannot be opened, before anything runs.
    pub(in crate::cli) fn check(&self, path: &Path) -> Result<(), anyhow::Error> {
        if self.is_the_users(path) {
            return list::check(path);
        }
        let checked = Walk::begin(path, &self.writable).and_then(Walk::check);
        checked.with_context(|| format!("{}: it cannot be opened", shown(path)))
    }

    /// Whether nothing on the way can be a module's.
    fn is_the_users(&self, path: &Path) -> bool {
        self.writable.is_empty() || super::log::is_descriptor(path)
    }

    /// What is in a file of at most so many bytes.
    pub(in crate::cli) fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, anyhow::Error> {
        let mut content = Vec::new();
        self.open(path)?
            .take(most.saturating_add(1))
            .read_to_end(&mut content)
            .with_context(|| format!("{}: it cannot be read", shown(path)))?;
        if content.len() as u64 > most {
            bail!(
                "{}: it is longer than the limit of {most} bytes",
                shown(path)
            );
        }
        Ok(content)
    }

    fn open(&self, path: &Path) -> Result<File, anyhow::Error> {
        if self.is_the_users(path) {
            return list::open(Some(path));
        }
        let opened = Walk::begin(path, &self.writable).and_then(Walk::open);
        opened.with_context(|| format!("{}: it cannot be opened", shown(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode};
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;
    use wpool::Directory;

    struct Fixture {
        folder: TempDir,
        content: Content,
    }

    impl Fixture {
        /// `w` is writable for the module, `secret` lies beside it.
        fn new() -> Fixture {
            let folder = TempDir::new().unwrap();
            fs::create_dir_all(folder.path().join("w/in")).unwrap();
            fs::write(folder.path().join("secret"), "secret").unwrap();
            fs::write(folder.path().join("w/in/own"), "own").unwrap();
            let granted = Granted::of(&[Directory::new(folder.path().join("w"))]);
            let content = Content::new(&granted);
            Fixture { folder, content }
        }

        fn link(&self, target: &str, name: &str) {
            symlink(target, self.folder.path().join(name)).unwrap();
        }

        fn read(&self, name: &str) -> Result<String, String> {
            let read = self.content.read(&self.folder.path().join(name), 100);
            let text = read.map_err(|error| format!("{error:#}"))?;
            Ok(String::from_utf8(text).unwrap())
        }
    }

    #[test]
    fn a_files_own_path_is_read_and_so_is_one_outside_by_the_users_links() {
        let fixture = Fixture::new();
        fixture.link("w/in", "short");
        fixture.link("secret", "mine");
        for (name, text) in [
            ("w/in/own", "own"),
            ("short/own", "own"),
            ("w/./in//own", "own"),
            ("secret", "secret"),
            ("mine", "secret"),
        ] {
            assert_eq!(fixture.read(name).as_deref(), Ok(text), "{name}");
        }
    }

    #[test]
    fn no_link_in_a_directory_that_the_module_may_change_is_followed() {
        let fixture = Fixture::new();
        fixture.link("../secret", "w/up");
        fixture.link("in/own", "w/within");
        fixture.link("..", "w/out");
        fixture.link("w/up", "mine");
        for name in ["w/up", "w/within", "w/out/secret", "mine"] {
            let why = fixture.read(name).unwrap_err();
            assert!(
                why.contains("is a link in a directory where the module"),
                "{why}"
            );
        }
        let why = fixture.read("w/in/../../secret").unwrap_err();
        assert!(why.contains("by .."), "{why}");
    }

    #[test]
    fn what_is_no_file_there_holds_nothing_up() {
        let fixture = Fixture::new();
        let pipe = fixture.folder.path().join("w/pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(
            fixture
                .read("w/pipe")
                .unwrap_err()
                .contains("not a regular file")
        );
        assert!(fixture.read("w/in").unwrap_err().contains("a directory"));
        assert!(
            fixture
                .read("w/in/own/x")
                .unwrap_err()
                .contains("Not a directory")
        );
        assert!(fixture.read("w/none").unwrap_err().contains("No such file"));
    }

    #[test]
    fn pipes_and_descriptors_that_the_user_names_are_not_opened_to_see_and_then_read() {
        let fixture = Fixture::new();
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"piped").unwrap();
        drop(writer);
        let name = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        fixture.content.check(Path::new(&name)).unwrap();
        assert_eq!(
            fixture.content.read(Path::new(&name), 100).unwrap(),
            b"piped"
        );
        let pipe = fixture.folder.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for content in [&fixture.content, &Content::new(&Granted::default())] {
            // To open it would wait for a writer.
            content.check(&pipe).unwrap();
        }
    }

    #[test]
    fn a_circle_of_links_ends() {
        let fixture = Fixture::new();
        fixture.link("circle", "circle");
        assert!(
            fixture
                .read("circle")
                .unwrap_err()
                .contains("Too many levels")
        );
    }
}
