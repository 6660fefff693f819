//! All commands of a program, found by name.
//!
//! A lookup stands in front of every call, so names are compared as numbers: their first eight bytes
//! and their last eight, in capitals, are two words of the machine, which together with the length
//! tell all names apart but those of more than 16 bytes, where the whole name is compared as well.
//! Slots are probed in a row; a table four times as large as its content makes the first one nearly
//! always right. Subcommands are in the same slots, told apart by the id of their container.
//!
//! Every command and subcommand has an id: a small number, dense, in the order of declaration. It
//! counts in statistics and in the bit sets of ACL users.

use resp::{ReplyError, Words};

use crate::acl::Categories;
use crate::arity::admits;
use crate::declaration::Command;
use crate::flags::Flags;
use crate::keys::{KeyLayout, KeyPosition};

/// The id of a command in its [`Table`].
pub type CommandId = u16;

/// A command in a table, with what the executor asks about it at every call.
#[derive(Debug)]
pub struct Entry<H: 'static> {
    /// What it declares.
    pub command: &'static Command<H>,
    /// Its number.
    pub id: CommandId,
    /// The number of the container that it is a subcommand of.
    pub container: Option<CommandId>,
    /// [`Command::arity`].
    pub arity: i32,
    /// [`Command::all_flags`].
    pub flags: Flags,
    /// [`Command::acl_categories`].
    pub categories: Categories,
    /// [`KeyLayout::of`].
    pub layout: KeyLayout,
    /// The only key that any call has, and what is done with it, where that follows from the declaration alone: all that
    /// [`Command::find_keys`] finds if the call has this word.
    pub one_key: Option<KeyPosition>,
    /// What runs it.
    pub run: Option<H>,
}

impl<H> Entry<H> {
    /// Whether a call of `words` words, the name among them, has an acceptable length.
    #[inline]
    pub fn admits(&self, words: usize) -> bool {
        admits(self.arity, words)
    }

    /// The name in lower case: `config|get`.
    pub fn name(&self) -> &'static str {
        self.command.lower_name.as_str()
    }

    /// Whether the first word of a call is enough to find it: it is no container, and no subcommand.
    #[inline]
    pub fn is_named_alone(&self) -> bool {
        self.container.is_none() && !self.command.is_container()
    }

    /// How many words of a call are its name: two if it is a subcommand.
    #[inline]
    pub fn name_words(&self) -> usize {
        if self.container.is_some() { 2 } else { 1 }
    }
}

/// Commands by name and by id.
#[derive(Debug)]
pub struct Table<H: 'static> {
    /// By id: each container directly before its subcommands.
    entries: Vec<Entry<H>>,
    /// What each is called by, which may differ from what it declares. By id; empty for never.
    names: Vec<Box<[u8]>>,
    /// As many as a power of two. Most are empty, which ends every search.
    slots: Box<[Slot]>,
}

impl<H: Copy> Table<H> {
    /// A table of all commands of some families. No two of them may have the same name.
    pub fn new(families: &[&[&'static Command<H>]]) -> Table<H> {
        let mut entries = Vec::new();
        for &command in families.iter().copied().flatten() {
            let container = push(&mut entries, command, None);
            for &subcommand in command.subcommands {
                push(&mut entries, subcommand, container);
            }
        }
        let names =
            entries.iter().map(|entry| entry.command.own_name().as_bytes().into()).collect();
        let mut table = Table { slots: Box::default(), entries, names };
        table.index();
        table
    }
}

impl<H> Table<H> {
    /// Lets `name` alone call what was called `from` until now, as `rename-command` asks for; an empty
    /// `name` takes the command away. Whether there was a command `from`, and none called `name`.
    pub fn rename(&mut self, from: &[u8], name: &[u8]) -> bool {
        let Some(id) = self.find(from).map(|entry| entry.id) else {
            return false;
        };
        let free = self.find(name).is_none();
        if let Some(called) = self.names.get_mut(usize::from(id)).filter(|_| free) {
            *called = name.into();
            self.index();
        }
        free
    }

    /// The command called `name`, in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Entry<H>> {
        self.search(Name::of(name, None), name)
    }

    /// The subcommand of `container` called `name`, in any case.
    #[inline]
    pub fn find_subcommand(&self, container: &Entry<H>, name: &[u8]) -> Option<&Entry<H>> {
        self.search(Name::of(name, Some(container.id)), name)
    }

    /// The command or subcommand whose full name this is, in any case: `get`, `config|get`.
    pub fn find_full(&self, name: &[u8]) -> Option<&Entry<H>> {
        let mut parts = name.splitn(2, |&byte| byte == b'|');
        let command = self.find(parts.next()?)?;
        match parts.next() {
            Some(own) => self.find_subcommand(command, own),
            None => Some(command),
        }
    }

    /// The command or subcommand that declares this full name, in any case, whatever it is called by.
    pub fn find_declared(&self, name: &[u8]) -> Option<&Entry<H>> {
        self.entries.iter().find(|entry| entry.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The command that a call names: the subcommand where there is one. That it `admits` so many
    /// words is not looked at.
    #[inline]
    pub fn find_call(&self, words: Words<'_>) -> Result<&Entry<H>, ReplyError> {
        let name = words.first().unwrap_or_default();
        let entry = self.find(name).ok_or_else(|| ReplyError::unknown_command(words))?;
        if !entry.command.is_container() {
            return Ok(entry);
        }
        match words.get(1) {
            None => Ok(entry),
            Some(own) => self
                .find_subcommand(entry, own)
                .ok_or_else(|| ReplyError::unknown_subcommand(entry.command.name, own)),
        }
    }

    /// The command that a call names, if the call has an acceptable number of words.
    #[inline]
    pub fn resolve(&self, words: Words<'_>) -> Result<&Entry<H>, ReplyError> {
        let entry = self.find_call(words)?;
        if entry.admits(words.len()) {
            Ok(entry)
        } else {
            Err(ReplyError::WrongArity(entry.name()))
        }
    }

    /// The command of an id.
    #[inline]
    pub fn get(&self, id: CommandId) -> Option<&Entry<H>> {
        self.entries.get(usize::from(id))
    }

    /// Every command and subcommand, in the order of declaration: each container directly before its
    /// subcommands.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry<H>> {
        self.entries.iter()
    }

    /// Every command that is not a subcommand.
    pub fn commands(&self) -> impl Iterator<Item = &Entry<H>> {
        self.iter().filter(|entry| entry.container.is_none())
    }

    /// The subcommands of a command.
    pub fn subcommands(&self, container: &Entry<H>) -> &[Entry<H>] {
        let first = usize::from(container.id).saturating_add(1);
        let count = container.command.subcommands.len();
        self.entries.get(first..first.saturating_add(count)).unwrap_or_default()
    }

    /// How many commands and subcommands there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn search(&self, wanted: Name, name: &[u8]) -> Option<&Entry<H>> {
        let mut place = self.place(wanted);
        loop {
            let slot = self.slots.get(place)?;
            let id = slot.id?;
            if slot.name == wanted {
                let id = usize::from(id);
                let same = name.len() <= Name::TOLD_APART
                    || self.names.get(id).is_some_and(|known| known.eq_ignore_ascii_case(name));
                if same {
                    return self.entries.get(id);
                }
            }
            place = self.after(place);
        }
    }

    fn index(&mut self) {
        let slots = self.entries.len().saturating_mul(4).next_power_of_two().max(4);
        self.slots = vec![Slot::EMPTY; slots].into_boxed_slice();
        let names = std::mem::take(&mut self.names);
        for (entry, called) in
            self.entries.iter().zip(&names).filter(|(_, called)| !called.is_empty())
        {
            let name = Name::of(called, entry.container);
            let mut place = self.place(name);
            while let Some(taken) = self.slots.get(place).filter(|slot| slot.id.is_some()) {
                debug_assert!(
                    taken.name != name || Name::TOLD_APART < called.len(),
                    "two commands are called {}",
                    called.escape_ascii()
                );
                place = self.after(place);
            }
            if let Some(slot) = self.slots.get_mut(place) {
                *slot = Slot { name, id: Some(entry.id) };
            }
        }
        self.names = names;
    }

    #[inline]
    fn place(&self, name: Name) -> usize {
        name.hash() & self.slots.len().wrapping_sub(1)
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.slots.len().wrapping_sub(1)
    }
}

impl<'a, H> IntoIterator for &'a Table<H> {
    type Item = &'a Entry<H>;
    type IntoIter = std::slice::Iter<'a, Entry<H>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn push<H: Copy>(
    entries: &mut Vec<Entry<H>>,
    command: &'static Command<H>,
    container: Option<CommandId>,
) -> Option<CommandId> {
    // A table of 65,536 commands is full; no program has a hundredth of that.
    let id = CommandId::try_from(entries.len()).ok()?;
    entries.push(Entry {
        command,
        id,
        container,
        arity: command.arity(),
        flags: command.all_flags(),
        categories: command.acl_categories(),
        layout: KeyLayout::of(command),
        one_key: KeyLayout::one_key(command),
        run: command.run,
    });
    Some(id)
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    name: Name,
    id: Option<CommandId>,
}

impl Slot {
    const EMPTY: Slot = Slot { name: Name::NONE, id: None };
}

/// A name as numbers, in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    /// The first eight bytes; of a shorter name all, then zeros.
    head: u64,
    /// The last eight bytes; zero if the name is not longer than `head`.
    tail: u64,
    /// In bytes.
    length: u32,
    /// The id of the container plus one, or 0.
    container: u32,
}

impl Name {
    /// Names up to this length are the same if head, tail and length are.
    const TOLD_APART: usize = 16;
    const NONE: Name = Name { head: 0, tail: 0, length: 0, container: 0 };

    #[inline]
    fn of(name: &[u8], container: Option<CommandId>) -> Name {
        let head = match name.first_chunk::<8>() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => short(name),
        };
        let tail = match name.last_chunk::<8>() {
            Some(chunk) if 8 < name.len() => u64::from_le_bytes(*chunk),
            _ => 0,
        };
        Name {
            head: capitals(head),
            tail: capitals(tail),
            length: u32::try_from(name.len()).unwrap_or(u32::MAX),
            container: container.map_or(0, |id| u32::from(id).wrapping_add(1)),
        }
    }

    #[inline]
    fn hash(self) -> usize {
        let rest = u64::from(self.container) << 8 ^ u64::from(self.length);
        let mixed = self.head ^ self.tail.rotate_left(29) ^ rest.rotate_left(48);
        // 2^64 over the golden ratio: an odd number without structure. The upper half of a product
        // depends on all bits of the other factor.
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
    }
}

/// Fewer than eight bytes as a number, without a loop: parts that overlap agree where they do.
#[inline]
fn short(name: &[u8]) -> u64 {
    let length = name.len();
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u64::from(first) | u64::from(last) << (length.wrapping_mul(8).wrapping_sub(32) & 63)
    } else {
        let at = |index: usize| {
            u64::from(name.get(index).copied().unwrap_or_default()) << (index.wrapping_mul(8) & 63)
        };
        at(0) | at(1) | at(2)
    }
}

/// The bytes of a number with ASCII letters in capitals, all eight at once.
#[inline]
fn capitals(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = bytes & EACH.wrapping_mul(0x7F);
    // The sum reaches the top bit of a byte from `a` (0x61) on, and from beyond `z` (0x7B) on.
    let from_a = low.wrapping_add(EACH.wrapping_mul(0x1F));
    let beyond_z = low.wrapping_add(EACH.wrapping_mul(0x05));
    let letters = from_a & !beyond_z & !bytes & EACH.wrapping_mul(0x80);
    bytes ^ (letters >> 2)
}

#[cfg(test)]
mod tests;
