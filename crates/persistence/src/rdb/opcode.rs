//! The bytes that begin the parts of a file, and the types of values.

use super::Version;

/// What a part of a file is, unless it is a key with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// For each slot of a cluster: its number, its keys, those of them that expire.
    SlotInfo = 244,
    /// A library of functions.
    Function2 = 245,
    /// A library of functions as a release candidate of 7.0 wrote it.
    FunctionBeforeRelease = 246,
    /// What a module has to say.
    ModuleAuxiliary = 247,
    /// How long the next key has not been used: seconds.
    Idle = 248,
    /// How often the next key was used: a byte.
    Frequency = 249,
    /// A name and a value that tell of the file.
    Auxiliary = 250,
    /// How many keys, and keys that expire, the database has.
    ResizeDatabase = 251,
    /// When the next key expires: ms.
    ExpireMilliseconds = 252,
    /// When the next key expires: seconds.
    ExpireSeconds = 253,
    /// Which database the next keys are of.
    SelectDatabase = 254,
    /// The end, and the checksum.
    End = 255,
}

impl Opcode {
    const ALL: [Opcode; 12] = [
        Opcode::SlotInfo,
        Opcode::Function2,
        Opcode::FunctionBeforeRelease,
        Opcode::ModuleAuxiliary,
        Opcode::Idle,
        Opcode::Frequency,
        Opcode::Auxiliary,
        Opcode::ResizeDatabase,
        Opcode::ExpireMilliseconds,
        Opcode::ExpireSeconds,
        Opcode::SelectDatabase,
        Opcode::End,
    ];

    /// The one that a byte stands for, if it stands for one.
    pub fn from_byte(byte: u8) -> Option<Opcode> {
        if byte < Opcode::SlotInfo as u8 {
            return None;
        }
        Opcode::ALL.into_iter().find(|opcode| *opcode as u8 == byte)
    }

    /// Whether it says something of the key that follows.
    pub fn is_of_record(self) -> bool {
        matches!(
            self,
            Opcode::Idle | Opcode::Frequency | Opcode::ExpireMilliseconds | Opcode::ExpireSeconds
        )
    }
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueType {
    /// A string.
    String = 0,
    /// A list, one string after the other.
    List = 1,
    /// A set, one member after the other.
    Set = 2,
    /// A sorted set with scores as text.
    SortedSet = 3,
    /// A hash, fields and values.
    Hash = 4,
    /// A sorted set with scores as eight bytes.
    SortedSet2 = 5,
    /// A value of a module that cannot be skipped.
    ModuleBeforeRelease = 6,
    /// A value of a module.
    Module2 = 7,
    /// A small hash of old.
    HashZipMap = 9,
    /// A small list of old.
    ListZipList = 10,
    /// A small set of integers.
    SetIntSet = 11,
    /// A small sorted set of old.
    SortedSetZipList = 12,
    /// A small hash of old.
    HashZipList = 13,
    /// A list of ziplists.
    ListQuickList = 14,
    /// A stream, as 5.0 wrote it.
    StreamListPacks = 15,
    /// A small hash.
    HashListPack = 16,
    /// A small sorted set.
    SortedSetListPack = 17,
    /// A list of listpacks and of large elements.
    ListQuickList2 = 18,
    /// A stream, as 7.0 wrote it.
    StreamListPacks2 = 19,
    /// A small set.
    SetListPack = 20,
    /// A stream, as 7.2 wrote it.
    StreamListPacks3 = 21,
    /// A hash with fields that expire, as a release candidate of 7.4 wrote it.
    HashMetadataBeforeRelease = 22,
    /// A small hash with fields that expire, as a release candidate of 7.4 wrote it.
    HashListPackExBeforeRelease = 23,
    /// A hash with fields that expire.
    HashMetadata = 24,
    /// A small hash with fields that expire.
    HashListPackEx = 25,
    /// A hash with fields that expire, as Valkey 9 writes it: as 22, which in files of Redis is something else.
    HashOfValkey = 222,
}

impl ValueType {
    const ALL: [ValueType; 25] = [
        ValueType::String,
        ValueType::List,
        ValueType::Set,
        ValueType::SortedSet,
        ValueType::Hash,
        ValueType::SortedSet2,
        ValueType::ModuleBeforeRelease,
        ValueType::Module2,
        ValueType::HashZipMap,
        ValueType::ListZipList,
        ValueType::SetIntSet,
        ValueType::SortedSetZipList,
        ValueType::HashZipList,
        ValueType::ListQuickList,
        ValueType::StreamListPacks,
        ValueType::HashListPack,
        ValueType::SortedSetListPack,
        ValueType::ListQuickList2,
        ValueType::StreamListPacks2,
        ValueType::SetListPack,
        ValueType::StreamListPacks3,
        ValueType::HashMetadataBeforeRelease,
        ValueType::HashListPackExBeforeRelease,
        ValueType::HashMetadata,
        ValueType::HashListPackEx,
    ];

    /// The one that a byte stands for, if it stands for one.
    pub fn from_byte(byte: u8) -> Option<ValueType> {
        ValueType::ALL.get(usize::from(byte)).copied().filter(|form| *form as u8 == byte).or_else(
            // There is no 8.
            || {
                let place = usize::from(byte).checked_sub(1)?;
                ValueType::ALL.get(place).copied().filter(|form| *form as u8 == byte)
            },
        )
    }

    /// The one that a byte stands for in a file of this version.
    pub fn of_version(byte: u8, version: Version) -> Option<ValueType> {
        let form = ValueType::from_byte(byte)?;
        let is_of_valkey =
            version == Version::VALKEY_9 && form == ValueType::HashMetadataBeforeRelease;
        Some(if is_of_valkey { ValueType::HashOfValkey } else { form })
    }

    /// The byte that stands for it.
    pub fn to_byte(self) -> u8 {
        if self == ValueType::HashOfValkey { 22 } else { self as u8 }
    }
}
