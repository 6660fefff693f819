//! Why the operating system refused something, in the words of the C library, as Redis's users know them from its log.

use std::fmt::Display;

/// The error, be it of the system or one that tells it, without the number that the standard library adds: `Address already in use`.
pub(crate) fn reason(error: &impl Display) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use persistence::Error;

    use super::*;

    #[test]
    fn the_number_is_left_out() {
        assert_eq!(reason(&io::Error::from_raw_os_error(98)), "Address already in use");
        assert_eq!(reason(&io::Error::other("no more paper")), "no more paper");
        let wrapped = Error::from(io::Error::from_raw_os_error(28));
        assert_eq!(reason(&wrapped), "No space left on device");
    }
}
