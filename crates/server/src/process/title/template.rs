//! `proc-title-template`: a title with variables in it.

/// A title in which `{name}` stands for a variable, and `{{` for a brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// Why a template is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template format is invalid or contains unknown variables")]
pub(crate) struct TemplateError;

/// What the variables stand for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variables<'a> {
    /// The command that the server was started as.
    pub(crate) title: &'a str,
    /// An address and port that it listens on, or its Unix socket.
    pub(crate) listen_address: &'a str,
    /// `[cluster]` or `[sentinel]`, or nothing.
    pub(crate) server_mode: &'a str,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) unix_socket: &'a str,
    pub(crate) config_file: &'a str,
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Text(before.to_owned()));
            if let Some(after) = after.strip_prefix('{') {
                parts.push(Part::Text("{".to_owned()));
                rest = after;
            } else {
                let (name, after) = after.split_once('}').ok_or(TemplateError)?;
                parts.push(Part::Variable(Variable::named(name).ok_or(TemplateError)?));
                rest = after;
            }
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template { parts })
    }

    /// The title with its variables filled in, without spaces at either end.
    pub(crate) fn expand(&self, variables: &Variables<'_>) -> String {
        let mut title = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => title.push_str(text),
                Part::Variable(variable) => variable.append(variables, &mut title),
            }
        }
        title.trim_matches(' ').to_owned()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Title,
    ListenAddress,
    ServerMode,
    Port,
    TlsPort,
    UnixSocket,
    ConfigFile,
}

impl Variable {
    fn named(name: &str) -> Option<Variable> {
        let named = [
            ("title", Variable::Title),
            ("listen-addr", Variable::ListenAddress),
            ("server-mode", Variable::ServerMode),
            ("port", Variable::Port),
            ("tls-port", Variable::TlsPort),
            ("unixsocket", Variable::UnixSocket),
            ("config-file", Variable::ConfigFile),
        ];
        // Redis takes them in any case.
        named
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, variable)| *variable)
    }

    fn append(self, variables: &Variables<'_>, title: &mut String) {
        match self {
            Variable::Title => title.push_str(variables.title),
            Variable::ListenAddress => title.push_str(variables.listen_address),
            Variable::ServerMode => title.push_str(variables.server_mode),
            Variable::Port => title.push_str(&variables.port.to_string()),
            Variable::TlsPort => title.push_str(&variables.tls_port.to_string()),
            Variable::UnixSocket => title.push_str(variables.unix_socket),
            Variable::ConfigFile => title.push_str(variables.config_file),
        }
    }
}
