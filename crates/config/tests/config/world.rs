//! An environment for tests: included files in memory, a few commands, one directory that does not exist.

use ochre_config::{Environment, IncludeError, IncludedFile, Text};

#[derive(Default)]
pub(crate) struct World {
    /// The files that can be included, by path.
    pub(crate) files: Vec<(&'static str, &'static str)>,
    /// Whether every directory exists.
    pub(crate) every_directory: bool,
}

impl Environment for World {
    fn include(&mut self, pattern: &Text) -> Result<Vec<IncludedFile>, IncludeError> {
        let pattern = pattern.to_string_lossy().into_owned();
        let fits = |path: &str| match pattern.split_once('*') {
            Some((before, after)) => path.starts_with(before) && path.ends_with(after),
            None => path == pattern,
        };
        let files: Vec<IncludedFile> = self
            .files
            .iter()
            .filter(|(path, _)| fits(path))
            .map(|(path, text)| IncludedFile {
                path: (*path).into(),
                text: text.as_bytes().to_vec(),
            })
            .collect();
        if files.is_empty() && !pattern.contains('*') {
            let reason = "No such file or directory".to_owned();
            return Err(IncludeError { path: pattern.as_str().into(), reason });
        }
        Ok(files)
    }

    fn enter_directory(&mut self, directory: &Text) -> Result<(), String> {
        match directory.as_bytes() {
            b"/" | b"." | b"/tmp" => Ok(()),
            _ if self.every_directory => Ok(()),
            _ => Err("No such file or directory".to_owned()),
        }
    }

    fn try_log_file(&mut self, file: &Text) -> Result<(), String> {
        if file.as_bytes().starts_with(b"/nope") {
            return Err("No such file or directory".to_owned());
        }
        Ok(())
    }

    fn has_command(&self, name: &[u8]) -> bool {
        matches!(name.to_ascii_lowercase().as_slice(), b"get" | b"set" | b"config" | b"flushall")
    }

    fn check_user(&self, words: &[Text], is_known: bool, _: bool) -> Result<(), String> {
        if is_known {
            let name = words.first().map_or_else(String::new, Text::to_string);
            return Err(format!("Error in user declaration '{name}': Duplicate user found"));
        }
        Ok(())
    }
}
