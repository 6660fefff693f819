//! What is wrong with a call of a library's function, in the words in which Lua's own functions would tell it.

use mlua::{IntoLuaMulti, Lua, MultiValue};

use crate::native::common;

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Complaint {
    /// With an argument, the first being 1.
    Argument { position: usize, text: Vec<u8> },
    /// With anything else.
    Located(Vec<u8>),
    /// The same, told without the line.
    Bare(Vec<u8>),
    /// The interpreter itself has failed: it is out of memory.
    Interpreter(mlua::Error),
}

impl From<mlua::Error> for Complaint {
    fn from(error: mlua::Error) -> Complaint {
        Complaint::Interpreter(error)
    }
}

/// The function, as this module is called: the complaint itself, the wrapper of the prelude, and who called that.
const WRAPPER_LEVEL: usize = 1;
const CALLER_LEVEL: usize = 2;

impl Complaint {
    pub(crate) fn argument(position: usize, text: impl Into<Vec<u8>>) -> Complaint {
        Complaint::Argument { position, text: text.into() }
    }

    pub(crate) fn located(text: impl Into<Vec<u8>>) -> Complaint {
        Complaint::Located(text.into())
    }

    /// The complete text, for the prelude to raise. `own_name` is what the function is called in its library.
    pub(super) fn tell(self, lua: &Lua, own_name: &str) -> mlua::Result<MultiValue> {
        let text = match self {
            Complaint::Interpreter(error) => return Err(error),
            Complaint::Bare(text) => text,
            Complaint::Located(text) => [caller(lua)?.prefix().as_bytes(), &text].concat(),
            Complaint::Argument { position, text } => {
                let caller = caller(lua)?;
                let (name, is_method) = match caller {
                    Caller::Foreign => ("?".to_owned(), false),
                    Caller::Script { .. } => name_at_call(lua, own_name),
                    Caller::Gone { .. } => (own_name.to_owned(), false),
                };
                let mut line = caller.prefix().into_bytes();
                match (is_method, position) {
                    (true, 1) => {
                        line.extend_from_slice(
                            format!("calling '{name}' on bad self (").as_bytes(),
                        );
                    }
                    (_, position) => {
                        let position = position.saturating_sub(is_method.into());
                        let begin = format!("bad argument #{position} to '{name}' (");
                        line.extend_from_slice(begin.as_bytes());
                    }
                }
                line.extend_from_slice(&text);
                line.push(b')');
                line
            }
        };
        lua.create_string(text)?.into_lua_multi(lua)
    }
}

/// Who has called a function of a library.
enum Caller {
    /// A line of a script.
    Script { source: String, line: usize },
    /// Not the script itself but a function that it has called, like `pcall`.
    Foreign,
    /// A function that has ended with this call, so that only its last line is known.
    Gone { source: String, line: usize },
}

impl Caller {
    fn prefix(&self) -> String {
        match self {
            Caller::Script { source, line } | Caller::Gone { source, line } => {
                format!("{source}:{line}: ")
            }
            Caller::Foreign => String::new(),
        }
    }
}

fn caller(lua: &Lua) -> mlua::Result<Caller> {
    /// How far to look for a line of a script.
    const LEVELS: usize = 20;
    for level in CALLER_LEVEL..LEVELS {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source().source?;
            let source = source.strip_prefix("@user_")?;
            Some((format!("user_{source}"), debug.current_line().unwrap_or_default()))
        });
        match found {
            Some(Some((source, line))) if level == CALLER_LEVEL => {
                return Ok(Caller::Script { source, line });
            }
            Some(Some(_)) => return Ok(Caller::Foreign),
            Some(None) => {}
            None => break,
        }
    }
    let common = common(lua)?;
    Ok(Caller::Gone { source: common.source.to_owned(), line: common.last_line() })
}

/// What the caller calls the function, and whether it calls it as a method.
fn name_at_call(lua: &Lua, own_name: &str) -> (String, bool) {
    lua.inspect_stack(WRAPPER_LEVEL, |debug| {
        let names = debug.names();
        let is_method = names.name_what == Some("method");
        Some((names.name?.into_owned(), is_method))
    })
    .flatten()
    .unwrap_or_else(|| (own_name.to_owned(), false))
}
