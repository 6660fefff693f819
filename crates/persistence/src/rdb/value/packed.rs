//! The packed forms that collections had before list packs: ziplists and zipmaps. They are only ever read.

/// The elements of a ziplist, if it is one.
///
/// Its head is its length in bytes (4), the place of the last element (4), and the number of elements (2, all ones if there are
/// more). Each element begins with the length of the one before it, in one byte or in 254 and four bytes.
pub(super) fn zip_list(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    /// Marks the end.
    const END: u8 = 0xff;
    let (total, rest) = bytes.split_first_chunk::<4>()?;
    let (_last, rest) = rest.split_first_chunk::<4>()?;
    let (count, mut rest) = rest.split_first_chunk::<2>()?;
    if u32::from_le_bytes(*total) as usize != bytes.len() {
        return None;
    }
    let mut elements = Vec::new();
    let mut before = 0;
    loop {
        if *rest.first()? == END {
            break;
        }
        let length = rest.len();
        let (said_before, after) = previous_length(rest)?;
        let (element, after) = zip_element(after)?;
        if said_before != before {
            return None;
        }
        before = length.checked_sub(after.len())?;
        elements.push(element);
        rest = after;
    }
    let count = u16::from_le_bytes(*count);
    let is_whole = rest.len() == 1 && (count == u16::MAX || usize::from(count) == elements.len());
    is_whole.then_some(elements)
}

fn previous_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    /// Four bytes follow.
    const LONG: u8 = 254;
    match bytes.split_first()? {
        (&LONG, rest) => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*length) as usize, rest))
        }
        (&length, rest) => Some((length.into(), rest)),
    }
}

fn zip_element(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (&mark, rest) = bytes.split_first()?;
    let low = mark & 0x3f;
    let decimal = |number: i64| itoa::Buffer::new().format(number).as_bytes().to_vec();
    match mark >> 6 {
        0 => string(rest, low.into()),
        1 => {
            let (&next, rest) = rest.split_first()?;
            string(rest, u16::from_be_bytes([low, next]).into())
        }
        2 => {
            let (length, rest) = rest.split_first_chunk()?;
            string(rest, u32::from_be_bytes(*length) as usize)
        }
        _ => match mark {
            0xc0 => rest
                .split_first_chunk()
                .map(|(n, rest)| (decimal(i16::from_le_bytes(*n).into()), rest)),
            0xd0 => rest
                .split_first_chunk()
                .map(|(n, rest)| (decimal(i32::from_le_bytes(*n).into()), rest)),
            0xe0 => {
                rest.split_first_chunk().map(|(n, rest)| (decimal(i64::from_le_bytes(*n)), rest))
            }
            0xf0 => rest.split_first_chunk().map(|([a, b, c], rest)| {
                // Shifted back, so that the sign comes along.
                (decimal((i32::from_le_bytes([0, *a, *b, *c]) >> 8).into()), rest)
            }),
            0xfe => rest
                .split_first_chunk()
                .map(|(n, rest)| (decimal(i8::from_le_bytes(*n).into()), rest)),
            0xf1..=0xfd => Some((decimal(i64::from(mark & 0x0f).saturating_sub(1)), rest)),
            _ => None,
        },
    }
}

fn string(bytes: &[u8], length: usize) -> Option<(Vec<u8>, &[u8])> {
    let (string, rest) = bytes.split_at_checked(length)?;
    Some((string.to_vec(), rest))
}

/// The names and values of a zipmap, if it is one.
///
/// A byte with their number, then for each pair: the length of the name and the name, the length of the value, how many bytes are
/// free behind it, the value, and those bytes.
pub(super) fn zip_map(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    /// Marks the end.
    const END: u8 = 0xff;
    let (_count, mut rest) = bytes.split_first()?;
    let mut pairs = Vec::new();
    loop {
        if let [END] = rest {
            return Some(pairs);
        }
        let (length, after) = map_length(rest)?;
        let (name, after) = string(after, length)?;
        let (length, after) = map_length(after)?;
        let (&free, after) = after.split_first()?;
        let (value, after) = string(after, length)?;
        let (_, after) = after.split_at_checked(free.into())?;
        pairs.push((name, value));
        rest = after;
    }
}

fn map_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&254, rest) => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*length) as usize, rest))
        }
        (&255, _) => None,
        (&length, rest) => Some((length.into(), rest)),
    }
}
