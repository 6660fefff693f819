//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: the server tells a client when keys change that it may have kept.

use command::argument::{Argument, integer, one_of, string, token};
use command::{Arguments, Command as Declaration, Group};
use resp::ReplyError;

use super::OWN;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::tracking::{Collision, Options, TrackingFlags, collision};

pub(super) static TRACKING: Command = Declaration {
    summary: "Chooses whether the connection is told when keys change that it has read.",
    complexity: "O(1), or O(N log(N)) for N prefixes.",
    flags: OWN,
    arguments: &[
        one_of("status", &[token("on", "ON"), token("off", "OFF")]),
        integer("client-id").after("REDIRECT").optional(),
        string("prefix").after("PREFIX").optional().multiple_with_token(),
        token("bcast", "BCAST").optional(),
        token("optin", "OPTIN").optional(),
        token("optout", "OPTOUT").optional(),
        token("noloop", "NOLOOP").optional(),
    ],
    ..Declaration::new("CLIENT|TRACKING", Group::Connection, "6.0.0", Handler::Keys(tracking))
};

pub(super) static CACHING: Command = Declaration {
    summary: "Says whether the keys that the next call reads are tracked.",
    flags: OWN,
    arguments: &[CACHING_MODE],
    ..Declaration::new("CLIENT|CACHING", Group::Connection, "6.0.0", Handler::Keys(caching))
};

const CACHING_MODE: Argument = one_of("mode", &[token("yes", "YES"), token("no", "NO")]);

pub(super) static GETREDIR: Command = Declaration {
    summary: "Returns the id of the connection that is told which keys changed in place of this one.",
    flags: OWN,
    ..Declaration::new("CLIENT|GETREDIR", Group::Connection, "6.0.0", Handler::Keys(redirection))
};

pub(super) static TRACKINGINFO: Command = Declaration {
    summary: "Tells whether and how this connection is told which keys changed.",
    flags: OWN,
    ..Declaration::new(
        "CLIENT|TRACKINGINFO",
        Group::Connection,
        "6.2.0",
        Handler::Keys(tracking_info),
    )
};

fn tracking(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let status = arguments.string()?;
    let options = parse_options(call, arguments)?;
    if status.eq_ignore_ascii_case(b"ON") {
        check(call, &options)?;
        call.session.track(call.engine, &options);
    } else if status.eq_ignore_ascii_case(b"OFF") {
        call.session.track_nothing(call.engine);
    } else {
        return Err(ReplyError::Syntax);
    }
    call.reply.ok();
    Ok(())
}

fn parse_options<'a>(
    call: &Call<'_>,
    mut arguments: Arguments<'a>,
) -> Result<Options<'a>, ReplyError> {
    const SEVERAL: ReplyError =
        ReplyError::message("A client can only redirect to a single other client");
    const NOBODY: ReplyError =
        ReplyError::message("The client ID you want redirect to does not exist");
    let mut options = Options::default();
    while let Some(option) = arguments.peek_keyword() {
        arguments.skip();
        let mode = match &*option {
            b"REDIRECT" if !arguments.is_empty() => {
                if options.redirection.is_some() {
                    return Err(SEVERAL);
                }
                let id = u64::try_from(arguments.integer()?).ok();
                let id = id.filter(|id| call.engine.clients.find(*id).is_some());
                options.redirection = Some(id.ok_or(NOBODY)?);
                continue;
            }
            b"PREFIX" if !arguments.is_empty() => {
                options.prefixes.push(arguments.string()?);
                continue;
            }
            b"BCAST" => TrackingFlags::BROADCASTS,
            b"OPTIN" => TrackingFlags::OPTS_IN,
            b"OPTOUT" => TrackingFlags::OPTS_OUT,
            b"NOLOOP" => TrackingFlags::NO_LOOP,
            _ => return Err(ReplyError::Syntax),
        };
        options.modes = options.modes.and(mode);
    }
    if !arguments.is_empty() {
        // A word too long for an option.
        return Err(ReplyError::Syntax);
    }
    Ok(options)
}

/// Whether the options go together, and with how the client tracks already.
fn check(call: &Call<'_>, options: &Options<'_>) -> Outcome {
    let broadcasts = TrackingFlags::BROADCASTS;
    let (into, out) = (TrackingFlags::OPTS_IN, TrackingFlags::OPTS_OUT);
    let (new, old) = (options.modes, call.session.tracking());
    if !new.has(broadcasts) && !options.prefixes.is_empty() {
        return Err(ReplyError::message("PREFIX option requires BCAST mode to be enabled"));
    }
    if call.session.tracks() && old.has(broadcasts) != new.has(broadcasts) {
        return Err(ReplyError::message(
            "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        ));
    }
    if new.has(broadcasts) && (new.has(into) || new.has(out)) {
        return Err(ReplyError::message("OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if new.has(into) && new.has(out) {
        return Err(ReplyError::message("You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if (new.has(into) && old.has(out)) || (new.has(out) && old.has(into)) {
        return Err(ReplyError::message(
            "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        ));
    }
    match collision(call.session.prefixes(), &options.prefixes) {
        None => Ok(()),
        Some(Collision::WithOwn(prefix, own)) => {
            Err(overlapping(prefix, b"an existing prefix", own))
        }
        Some(Collision::WithLater(prefix, later)) => {
            Err(overlapping(prefix, b"another provided prefix", later))
        }
    }
}

fn overlapping(prefix: &[u8], kind: &[u8], other: &[u8]) -> ReplyError {
    // As text, which a zero byte ends.
    let text =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().take_while(|byte| *byte != 0).collect() };
    ReplyError::quoting(
        [
            b"ERR Prefix '",
            &*text(prefix),
            b"' overlaps with ",
            kind,
            b" '",
            &*text(other),
            b"'. Prefixes for a single client must not overlap.",
        ]
        .concat(),
    )
}

fn caching(call: &mut Call<'_>) -> Outcome {
    let tracking = call.session.tracking();
    if !call.session.tracks() {
        return Err(ReplyError::message(
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    }
    match &*call.arguments.keyword()? {
        b"YES" if tracking.has(TrackingFlags::OPTS_IN) => {}
        b"NO" if tracking.has(TrackingFlags::OPTS_OUT) => {}
        b"YES" => {
            return Err(ReplyError::message(
                "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        b"NO" => {
            return Err(ReplyError::message(
                "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        _ => return Err(ReplyError::Syntax),
    }
    call.session.begin_caching();
    call.reply.ok();
    Ok(())
}

fn redirection(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(call.session.record.shown_redirection());
    Ok(())
}

fn tracking_info(call: &mut Call<'_>) -> Outcome {
    let tracking = call.session.tracking();
    let has = |flag| tracking.has(flag);
    let is_given = has(TrackingFlags::CACHING);
    let (into, out) = (has(TrackingFlags::OPTS_IN), has(TrackingFlags::OPTS_OUT));
    let is_broken = call.session.record.tracking.flags().has(TrackingFlags::BROKEN);
    let flags: [(bool, &[u8]); 9] = [
        (call.session.tracks(), b"on"),
        (!call.session.tracks(), b"off"),
        (has(TrackingFlags::BROADCASTS), b"bcast"),
        (into, b"optin"),
        (into && is_given, b"caching-yes"),
        (out, b"optout"),
        (out && is_given, b"caching-no"),
        (has(TrackingFlags::NO_LOOP), b"noloop"),
        (is_broken, b"broken_redirect"),
    ];
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.iter().filter(|(is_set, _)| *is_set).count());
    flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, name)| reply.bulk(name));
    reply.bulk(b"redirect");
    reply.integer(call.session.record.shown_redirection());
    reply.bulk(b"prefixes");
    reply.array(call.session.prefixes().len());
    call.session.prefixes().iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
