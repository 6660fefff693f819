//! Numbers. What is expected was asked of Redis 7.0.15 and 7.4.1: ZADD and ZSCORE for doubles,
//! SET and INCRBYFLOAT for long doubles.

use proptest::prelude::*;

use super::*;

#[test]
fn integers_are_read_in_their_one_form() {
    for text in ["0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(parse_integer(text.as_bytes()), text.parse().ok(), "{text}");
    }
    for text in [
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1a",
        "0x1",
        "1.0",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "184467440737095516160",
    ] {
        assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_unsigned(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_unsigned(b"18446744073709551616"), None);
    assert_eq!(parse_unsigned(b"-1"), None);
}

proptest! {
    #[test]
    fn integers_come_back(number in any::<i64>(), shift in 0_u32..64) {
        let number = number >> shift;
        let mut text = Vec::new();
        write_integer(number, &mut text);
        prop_assert_eq!(&text, &number.to_string().into_bytes());
        prop_assert_eq!(parse_integer(&text), Some(number));
        prop_assert_eq!(digits(number), text.len());
    }

    /// Texts of some lengths are read a word at a time, in which one byte could hide another.
    #[test]
    fn what_is_no_digit_is_seen_wherever_it_stands(
        number in 0..1_000_000_000_000_u64, shift in 0..40_u32, place: prop::sample::Index, byte: u8
    ) {
        let mut text = (number >> shift).to_string().into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        let read = std::str::from_utf8(&text).ok().filter(|text| text.bytes().all(|it| it.is_ascii_digit()));
        let expected = read.filter(|text| text.len() == 1 || !text.starts_with('0')).map(|text| text.parse().expect("digits"));
        prop_assert_eq!(parse_unsigned(&text), expected);
    }

    #[test]
    fn doubles_come_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let mut text = Vec::new();
        write_double(value, &mut text);
        prop_assert_eq!(parse_double(&text).map(f64::to_bits), Some(bits));
    }

    #[test]
    fn hexadecimal_doubles_are_read_to_the_bit(value in prop::num::f64::NORMAL) {
        let bits = value.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff).cast_signed() - 1023, bits & ((1 << 52) - 1));
        let sign = if value < 0.0 { "-" } else { "" };
        let text = format!("{sign}0x1.{fraction:013x}p{exponent}");
        prop_assert_eq!(parse_double(text.as_bytes()), Some(value));
    }

    #[test]
    fn no_text_makes_a_number_parser_panic(text in "[-+0-9a-fA-FxXpPinty. ]{0,40}") {
        parse_integer(text.as_bytes());
        let double = parse_double(text.as_bytes());
        let long = LongDouble::parse(text.as_bytes());
        // What is a double is a long double as well, but not the other way round: ranges differ.
        prop_assert!(double.is_none() || long.is_some());
    }

    #[test]
    fn sums_of_whole_long_doubles_are_exact(a in any::<i64>(), b in any::<i64>()) {
        let sum = i128::from(a) + i128::from(b);
        prop_assume!(sum.unsigned_abs() < 1 << 64);
        let mut text = Vec::new();
        (LongDouble::from_integer(a) + LongDouble::from_integer(b)).write_to(&mut text);
        prop_assert_eq!(text, sum.to_string().into_bytes());
    }
}

#[track_caller]
fn check_double(text: &str, written: &str) {
    let mut output = Vec::new();
    match parse_double(text.as_bytes()) {
        Some(value) => write_double(value, &mut output),
        None => output.extend_from_slice(b"refused"),
    }
    assert_eq!(String::from_utf8_lossy(&output), written, "{text}");
}

#[test]
fn texts_that_are_doubles() {
    for (text, written) in [
        ("1", "1"),
        ("000000000000007", "7"),
        ("999999999999999", "999999999999999"),
        ("1000000000000000", "1000000000000000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+5", "5"),
        ("00012", "12"),
        ("1E5", "100000"),
        ("0x10", "16"),
        ("0x.8", "0.5"),
        ("0x1.", "1"),
        ("0X1p+2", "4"),
        ("0x1P-3", "0.125"),
        ("0x1.fffffffffffff8p0", "2"),
        ("0x1.fffffffffffff7p0", "1.9999999999999998"),
        ("0x1p-1074", "5e-324"),
        ("0x1.8p-1075", "5e-324"),
        ("0x1p1023", "8.98846567431158e+307"),
        ("inf", "inf"),
        ("+inf", "inf"),
        ("-INFINITY", "-inf"),
        ("3e-324", "5e-324"),
        ("0e99999", "0"),
        ("0e-99999", "0"),
        ("-0", "-0"),
        ("1e-320", "1e-320"),
    ] {
        check_double(text, written);
    }
    for text in [
        "",
        ".",
        "--5",
        " 5",
        "5 ",
        "\t1",
        "1\n",
        "1e",
        "1e+",
        "e5",
        "0x",
        "0x.p1",
        "0xAp",
        "0x-1",
        "infin",
        "infinity ",
        "nan",
        "-nan",
        "nan(1)",
        "1e400",
        "-1e400",
        "1e-400",
        "2e-324",
        "0x1p1024",
        "0x1p-1075",
        "1_0",
        "1d5",
        "1f",
        "0b1",
        "+ 1",
        "1\0",
        "1\x002",
        "1e99999999999999999999",
        "1e-99999999999999999999",
    ] {
        check_double(text, "refused");
    }
    check_double(&("0".repeat(10_000) + "1"), "1");
}

#[test]
fn doubles_in_full_have_17_digits() {
    for (text, written) in [
        ("0.1", "0.10000000000000001"),
        ("1e20", "1e+20"),
        ("3", "3"),
        ("-inf", "-inf"),
        ("-0", "-0"),
        ("1e16", "10000000000000000"),
        ("1e17", "1e+17"),
        ("1e-5", "1.0000000000000001e-05"),
        ("0.0001", "0.0001"),
        ("123456789.123", "123456789.123"),
        ("-12345678901234567890", "-1.2345678901234567e+19"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("5e-324", "4.9406564584124654e-324"),
        ("0.5", "0.5"),
        ("1234.5", "1234.5"),
        ("100", "100"),
    ] {
        let mut output = Vec::new();
        write_double_in_full(parse_double(text.as_bytes()).unwrap(), &mut output);
        assert_eq!(String::from_utf8_lossy(&output), written, "{text}");
    }
}

#[track_caller]
fn check_bound(text: &[u8], written: &str) {
    let mut output = Vec::new();
    match parse_bound(text) {
        Some(value) => write_double(value, &mut output),
        None => output.extend_from_slice(b"refused"),
    }
    assert_eq!(String::from_utf8_lossy(&output), written, "{}", text.escape_ascii());
}

#[test]
fn bounds_are_what_c_reads() {
    check_bound(b"", "0");
    check_bound(b"\x001", "0");
    check_bound(b" \t\n\x0b\x0c\r1.5", "1.5");
    check_bound(b"2\0x", "2");
    check_bound(b"1e400", "inf");
    check_bound(b"-1e400", "-inf");
    check_bound(b"1e-400", "0");
    check_bound(b"0x1p1024", "inf");
    check_bound(b"0x1p-1075", "0");
    check_bound(b"-Infinity", "-inf");
    for text in [&b" "[..], b"1 ", b"x", b"nan", b"1e", b"+ 1", b"0x", b"(1", b" \x001"] {
        check_bound(text, "refused");
    }
}

#[test]
fn doubles_are_laid_out_as_redis_does() {
    for (text, written) in [
        ("1e-7", "1e-7"),
        ("1e-6", "0.000001"),
        ("1e18", "1000000000000000000"),
        ("1e19", "1e+19"),
        ("1e23", "99999999999999990000000"),
        ("-1.25e22", "-12499999999999999000000"),
        ("1.5e-6", "1.5e-6"),
        ("1.5e-5", "0.000015"),
        ("-1.25e-5", "-1.25e-5"),
        ("-1.25e-100", "-1.25e-100"),
        ("1.23456789012345e-4", "1.23456789012345e-4"),
        ("1.23456789012345e-3", "0.00123456789012345"),
        ("1.23456789012345e3", "1234.56789012345"),
        ("1.23456789012345e4", "1.23456789012345e+4"),
        ("1.23456789012345e7", "1.23456789012345e+7"),
        ("1.23456789012345e8", "123456789.012345"),
        ("1.23456789012345e17", "123456789012344992"),
        ("1.23456789012345e21", "1234567890123450000000"),
        ("1.23456789012345e22", "1.23456789012345e+22"),
        ("4611686018427387904", "4611686018427387904"),
        ("4.7e18", "4.7e+18"),
        ("-4611686018427387904", "-4611686018427387904"),
        ("9223372036854775807", "9223372036854776000"),
        ("12345678901234567890", "12345678901234567000"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("2.2250738585072014e-308", "2.2250738585072014e-308"),
    ] {
        check_double(text, written);
    }
}

#[test]
fn digits_are_one_too_many_just_where_redis_has_them() {
    check_double("-1.547182503134182e-78", "-1.5471825031341819e-78");
    check_double("-1.651484200947297e+116", "-1.6514842009472968e+116");
    check_double("1626983080611305.8", "1626983080611305.7");
}

#[test]
fn the_table_of_powers_is_exact() {
    for (index, mantissa) in shortest::POWERS.into_iter().enumerate() {
        let ten = i32::try_from(index).unwrap() * shortest::POWERS_STEP + shortest::POWERS_FIRST;
        let mut power = big::Big::from_digits(b"1");
        power.scale_by_ten(ten.unsigned_abs());
        let exact =
            if ten < 0 { big::Big::from_digits(b"1").divided_by(power) } else { power.to_binary() };
        let format = rounding::Format { bits: 64, exponent_least: -2000 };
        let (rounded, exponent) = rounding::rounded(exact, format);
        let shift = rounded.leading_zeros();
        assert_eq!(rounded << shift, mantissa, "10^{ten}");
        assert_eq!(exponent - shift.cast_signed(), shortest::binary_exponent(ten), "10^{ten}");
    }
}

#[track_caller]
fn check_sum(first: &str, second: &str, written: &str) {
    let mut output = Vec::new();
    match (LongDouble::parse(first.as_bytes()), LongDouble::parse(second.as_bytes())) {
        (Some(first), Some(second)) => (first + second).write_to(&mut output),
        _ => output.extend_from_slice(b"refused"),
    }
    assert_eq!(String::from_utf8_lossy(&output), written, "{first} + {second}");
}

#[test]
fn whole_doubles_may_be_written_shortly() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (12_345_678.0, "12345678"),
        (1e7, "10000000"),
        (1e8, "1e+8"),
        (-1e17, "-1e+17"),
        (0.1, "0.1"),
        (f64::INFINITY, "inf"),
    ] {
        let mut written = Vec::new();
        write_double_shortly(value, &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), text);
    }
}

#[test]
fn sums_of_long_doubles() {
    for (first, second, written) in [
        ("0", "0.1", "0.1"),
        ("0.1", "0.2", "0.3"),
        ("10.5", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("3.0", "-3", "0"),
        ("-1e-20", "0", "0"),
        ("0", "-0", "0"),
        ("0x1.fffffffffffff8p0", "1", "2.99999999999999989"),
        ("0", "1e-4940", "0"),
        ("-14782305166972138722", "0x9.16013b5950ddp-190", "-14782305166972138722"),
        (
            "473.3955438318087784162696876338009",
            "-90097181776.91364725376211823285139130",
            "-90097181303.51810342818498611",
        ),
        ("11.25810211973473885490e-16", "-92.42728759640988289100e22", "-924272875964098828894208"),
        ("3.105421755064121", "-53551470216415003.54756417307299", "-53551470216415000.44140625"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("0.99999999999999999999", "0", "1"),
        ("0.999999999999999999", "0", "1"),
    ] {
        check_sum(first, second, written);
        check_sum(second, first, written);
    }
    for text in [
        "1e4933",
        "-1e4933",
        "1e-4951",
        "0x1p16384",
        "0x1p-16446",
        "nan",
        "",
        " 1",
        "1 ",
        "1e99999999999999999999",
    ] {
        check_sum(text, "1", "refused");
    }
    check_sum("0x1p-16445", "0", "0");
    check_sum(&"0".repeat(5119), "1", "1");
    check_sum(&"0".repeat(5120), "1", "refused");
}

#[test]
fn long_doubles_of_any_size_are_written_in_full() {
    let mut output = Vec::new();
    LongDouble::parse(b"1e400").unwrap().write_to(&mut output);
    assert_eq!(output.len(), 401);
    assert!(output.starts_with(b"10000000000000000000281880683947586514586453433629"));
    output.clear();
    LongDouble::parse(b"0x1p16383").unwrap().write_to(&mut output);
    assert_eq!(output.len(), 4932);
    assert!(output.starts_with(b"59486574767861588254287966331400356538172234354825"));
    output.clear();
    LongDouble::parse("1".repeat(4933).as_bytes()).unwrap().write_to(&mut output);
    assert_eq!(output.len(), 4933);
    assert!(output.starts_with(b"11111111111111111110963003414542809040505815164599"));
}

#[test]
fn sums_beyond_the_range() {
    let parse = |text: &[u8]| LongDouble::parse(text).unwrap();
    let (infinite, opposite) = (parse(b"inf"), parse(b"-Infinity"));
    assert!((infinite + parse(b"1")).is_infinite());
    assert!((parse(b"1") + opposite).is_infinite());
    assert!((infinite + opposite).is_nan());
    assert!((infinite + opposite + parse(b"1")).is_nan());
    assert!((parse(b"1.1e4932") + parse(b"1.1e4932")).is_infinite());
    assert!((parse(b"1e4931") + parse(b"1e4931")).is_finite());
}
