//! Adding places: GEOADD, which is ZADD with scores that are computed.

use command::argument::{block, double, key, one_of, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;
use smallvec::SmallVec;

use super::super::sorted_set::add::{Add, Mode, Only, Rule};
use super::read_point;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static GEOADD: Command = Declaration {
    summary: "Adds places to a sorted set, which is created if need be, or moves them.",
    complexity: "O(log(N)) for each place, where N is the number of places in the sorted set.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("6.2.0"),
        token("change", "CH").optional().since("6.2.0"),
        block("data", &[double("longitude"), double("latitude"), string("member")]).multiple(),
    ],
    history: &[("6.2.0", "Has the options `CH`, `NX` and `XX`.")],
    ..Declaration::new("GEOADD", Group::Geo, "3.2.0", Handler::Keys(geoadd))
};

fn geoadd(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let given = arguments;
    let (mut nx, mut xx, mut ch) = (false, false, false);
    loop {
        let option = match arguments.peek_keyword().as_deref() {
            Some(b"NX") => &mut nx,
            Some(b"XX") => &mut xx,
            Some(b"CH") => &mut ch,
            Some(_) | None => break,
        };
        *option = true;
        arguments.skip();
    }
    if !arguments.len().is_multiple_of(3) || arguments.is_empty() || nx && xx {
        return Err(ReplyError::Syntax);
    }
    let options = given.rest().take(given.len() - arguments.len());
    let mut numbers: SmallVec<[(u64, &[u8]); 4]> = SmallVec::new();
    while !arguments.is_empty() {
        let number = read_point(&mut arguments)?.number();
        numbers.push((number, arguments.string()?));
    }

    let only = if nx {
        Some(Only::New)
    } else if xx {
        Some(Only::Present)
    } else {
        None
    };
    let mode = if ch { Mode::CountChanges } else { Mode::CountAdditions };
    let members = numbers.iter().map(|&(number, member)| (score_of(number), member)).collect();
    let rule = Rule { only, direction: None, mode };
    let changes = call.effects.changes;
    Add { key, members, rule }.run(call)?;
    if call.effects.changes != changes && call.recording {
        let scores: Vec<String> = numbers.iter().map(|(number, _)| number.to_string()).collect();
        let mut words: Vec<&[u8]> = vec![b"zadd", key];
        words.extend(options.iter());
        for (score, (_, member)) in scores.iter().zip(&numbers) {
            words.extend([score.as_bytes(), member]);
        }
        call.replicate_as(&words);
    }
    Ok(())
}

/// A number of a place as a score: it has 54 bits at most, of which the last two are zeros if the first are not.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn score_of(number: u64) -> f64 {
    number as f64
}
