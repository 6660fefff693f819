//! Ciphers by the names that OpenSSL gives them, as they stand in the configuration.
//!
//! A list of ciphers is what OpenSSL reads: names, and words that stand for many of them, added, taken away or excluded. What does not exist
//! here selects nothing, as a name does in OpenSSL that it does not know; a list that selects nothing at all is an error.

use rustls::crypto::ring::cipher_suite as suite;
use rustls::{CipherSuite, SupportedCipherSuite};

/// A cipher of TLS 1.2 with all that it is called.
struct Named {
    suite: SupportedCipherSuite,
    names: &'static [&'static str],
}

/// In the order in which they are preferred.
static OLDER: [Named; 6] = [
    Named {
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        names: &[
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "AES256",
            "AES",
            "AESGCM",
            "SHA384",
            "ECDSA",
            "AECDSA",
        ],
    },
    Named {
        suite: suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        names: &["ECDHE-RSA-AES256-GCM-SHA384", "AES256", "AES", "AESGCM", "SHA384", "ARSA"],
    },
    Named {
        suite: suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        names: &["ECDHE-ECDSA-CHACHA20-POLY1305", "CHACHA20", "SHA256", "ECDSA", "AECDSA"],
    },
    Named {
        suite: suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        names: &["ECDHE-RSA-CHACHA20-POLY1305", "CHACHA20", "SHA256", "ARSA"],
    },
    Named {
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        names: &[
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "AES128",
            "AES",
            "AESGCM",
            "SHA256",
            "ECDSA",
            "AECDSA",
        ],
    },
    Named {
        suite: suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        names: &["ECDHE-RSA-AES128-GCM-SHA256", "AES128", "AES", "AESGCM", "SHA256", "ARSA"],
    },
];

/// Words that stand for all of them.
const ALL: [&str; 10] = [
    "ALL",
    "DEFAULT",
    "HIGH",
    "ECDHE",
    "EECDH",
    "KECDHE",
    "KEECDH",
    "ECDH",
    "TLSV1.2",
    "COMPLEMENTOFDEFAULT",
];

/// Those of TLS 1.3.
static NEWER: [SupportedCipherSuite; 3] = [
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS13_AES_128_GCM_SHA256,
];

/// The ciphers of TLS 1.2 that a list selects, in its order; none if it selects none. An empty list is all.
pub(super) fn older(list: &str) -> Option<Vec<SupportedCipherSuite>> {
    let list = if list.is_empty() { "ALL" } else { list };
    let mut chosen: Vec<&Named> = Vec::new();
    let mut excluded: Vec<&Named> = Vec::new();
    for element in list.split([':', ',', ' ', ';']).filter(|element| !element.is_empty()) {
        let (sign, word) = match element.strip_prefix(['!', '-', '+']) {
            Some(word) => (element.chars().next(), word),
            None => (None, element),
        };
        let meant: Vec<&Named> = OLDER.iter().filter(|named| named.is_meant(word)).collect();
        let is_meant = |named: &&Named| meant.iter().any(|other| std::ptr::eq(*other, *named));
        match sign {
            Some('!') => {
                chosen.retain(|named| !is_meant(named));
                excluded.extend(meant);
            }
            Some('-') => chosen.retain(|named| !is_meant(named)),
            Some('+') => chosen.sort_by_key(is_meant),
            _ => {
                for named in meant {
                    let is_there = |list: &[&Named]| list.iter().any(|it| std::ptr::eq(*it, named));
                    if !is_there(&chosen) && !is_there(&excluded) {
                        chosen.push(named);
                    }
                }
            }
        }
    }
    (!chosen.is_empty()).then(|| chosen.iter().map(|named| named.suite).collect())
}

impl Named {
    /// Whether a word stands for it: its name, or properties with `+` between them, all of which it has.
    fn is_meant(&self, word: &str) -> bool {
        word.split('+').all(|part| {
            let part = part.to_ascii_uppercase();
            ALL.contains(&&*part)
                || self.names.contains(&&*part)
                || name(self.suite.suite()) == part
        })
    }
}

/// The cipher suites of TLS 1.3 that a list names, in its order; none if it names none of these. An empty list is all.
pub(super) fn newer(list: &str) -> Option<Vec<SupportedCipherSuite>> {
    if list.is_empty() {
        return Some(NEWER.to_vec());
    }
    let words = list.split([':', ',', ' ']).filter(|word| !word.is_empty());
    let chosen: Vec<SupportedCipherSuite> = words
        .filter_map(|word| NEWER.iter().find(|suite| name(suite.suite()) == word))
        .copied()
        .collect();
    (!chosen.is_empty()).then_some(chosen)
}

/// The name that the standard gives a suite.
fn name(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    // The library calls those of TLS 1.3 by its number.
    name.replacen("TLS13_", "TLS_", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        let chosen = older(list).unwrap_or_default();
        chosen.iter().map(|suite| name(suite.suite())).collect()
    }

    #[test]
    fn names_and_words_select() {
        assert_eq!(names("").len(), OLDER.len());
        assert_eq!(names("DEFAULT:!MEDIUM").len(), OLDER.len());
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
            ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
        );
        assert_eq!(
            names("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
        );
        assert_eq!(
            names("EECDH+CHACHA20:EECDH+AES256:!ECDSA"),
            [
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
            ]
        );
        assert_eq!(names("!AES:ALL").len(), 2, "what is excluded is not added again");
        assert_eq!(names("HIGH:+AES256:-ECDSA").len(), 3);
        assert!(names("HIGH:+AES256")[4..].iter().all(|name| name.contains("AES_256")));
        assert_eq!(older("FOO"), None);
        assert_eq!(older("AES128-SHA:RC4"), None);
        assert_eq!(older("ALL:!AES:!CHACHA20"), None);
    }

    #[test]
    fn suites_are_named_by_the_standard() {
        assert_eq!(newer("").map(|chosen| chosen.len()), Some(3));
        let chosen = newer("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
        let names: Vec<_> = chosen.iter().flatten().map(|suite| name(suite.suite())).collect();
        assert_eq!(names, ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]);
        assert_eq!(newer("FOO"), None);
    }
}
