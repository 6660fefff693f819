//! What clients hear about keys that change.

use super::bounds::NATURAL_64;
use crate::directive::{Directive, WordCount, Words};
use crate::field::field;
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifications {
    /// The events that are published.
    pub events: EventClasses,
    /// How many keys are remembered for clients that cache them; 0: any number.
    pub tracking_table_keys: u64,
}

/// A set of classes of events, by their letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u16);

impl EventClasses {
    /// Whether the class with that letter is in the set. `A` is in it if all that it stands for are.
    pub fn contains(self, letter: u8) -> bool {
        EventClasses::of(letter).is_some_and(|class| self.0 & class.0 == class.0)
    }

    /// The letters of a set; `None` if one of them is unknown.
    pub fn parse(letters: &[u8]) -> Option<EventClasses> {
        letters.iter().try_fold(EventClasses(0), |set, letter| {
            Some(EventClasses(set.0 | EventClasses::of(*letter)?.0))
        })
    }

    fn of(letter: u8) -> Option<EventClasses> {
        if letter == b'A' {
            return EventClasses::parse(ALL);
        }
        let place = LETTERS.iter().position(|known| *known == letter)?;
        1_u16.checked_shl(u32::try_from(place).ok()?).map(EventClasses)
    }

    /// The letters of the set, in the order in which CONFIG GET answers them.
    pub fn letters(self) -> String {
        let all = self.contains(b'A');
        let letters = LETTERS.iter().copied().filter(|letter| {
            // A new key's class is not shown beside `A`, which is how 7.4 answers.
            self.contains(*letter) && !(all && (ALL.contains(letter) || *letter == b'n'))
        });
        all.then_some(b'A').into_iter().chain(letters).map(char::from).collect()
    }
}

/// The classes that `A` stands for.
const ALL: &[u8] = b"g$lshzxetd";

/// Every class but `A`, in the order in which they are answered.
const LETTERS: &[u8] = b"g$lshzxetdnKEm";

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::words(
        "notify-keyspace-events",
        "",
        Words {
            sketch: "letters",
            count: WordCount::Exactly(1),
            set: |config, words, _| {
                let letters = words.first().map(Text::as_bytes).unwrap_or_default();
                config.notifications.events = EventClasses::parse(letters).ok_or_else(|| {
                    "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned()
                })?;
                Ok(())
            },
            print: |config| config.notifications.events.letters().into_bytes(),
            lines: |config| vec![format!("\"{}\"", config.notifications.events.letters()).into_bytes()],
            lines_are_independent: false,
        },
    )
    .live()
    .about(
        "Which changes of keys are published: K (by key) or E (by event), and g$lshzxetd for classes of commands, A for all of these, \
         m for reads of missing keys, n for new keys. Empty: none.",
    ),
    Directive::number(
        "tracking-table-max-keys",
        "1000000",
        NATURAL_64,
        field!(notifications.tracking_table_keys),
    )
    .live()
    .about("For how many keys the server remembers which clients cache them. 0: any number."),
];
