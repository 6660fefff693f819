//! The quick way and the proper one, side by side.

use crate::tests::gives;

/// Calls a function twice, the second time when a script has set something: then libraries do nothing the quick way.
const SAME: &str = "
    local function same(a, b)
        if type(a) ~= 'table' or type(b) ~= 'table' then
            return a == b or a ~= a and b ~= b
        end
        for k, v in pairs(a) do if not same(v, b[k]) then return false end end
        for k in pairs(b) do if a[k] == nil then return false end end
        return true
    end
    local function try(run, ...)
        local results = {pcall(run, ...)}
        results[2] = type(results[2]) == 'string' and results[2]:gsub('^user_script:%d+: ', '') or results[2]
        return results
    end
    local function check(run, value)
        local quick = try(run, value)
        redis.setresp(2)
        local proper = try(run, value)
        return tostring(same(quick, proper))
    end
";

const JSON: &[&str] = &[
    "1",
    "-0",
    "0",
    "01",
    "1.5",
    "-1.25e-7",
    "1e5",
    "1E+5",
    "1.",
    ".5",
    "1e",
    "0x10",
    "-",
    "123456789012345678",
    "[]",
    "{}",
    "[1,2,[3,{\"a\":null}]]",
    "{\"a\":{\"b\":[true,false,null]},\"a\":2}",
    "[1,]",
    "[,1]",
    "{\"a\"}",
    "{\"a\":1,}",
    "\"x\"",
    " [ 1 , 2 ] ",
    "\"a\\\\n\\\\t\\\"\\\\u00e9\\\\/\"",
    "\"\\\\x\"",
    "\"open",
    "nul",
    "null",
    "true",
    "falsey",
    "[1] 2",
    "",
    " ",
    "nan",
    "inf",
    "[1e400]",
    "[-1e-400]",
    "{1:2}",
    "[[[[[[1]]]]]]",
    "\"\\1\"",
    "\\0\\0",
];

const VALUES: &[&str] = &[
    "1",
    "-0",
    "0.1",
    "1e15",
    "2^53",
    "2^63",
    "-2^63",
    "1e300",
    "0/0",
    "1/0",
    "'a'",
    "''",
    "'\\0\\1/\\127\\\\\"'",
    "true",
    "false",
    "nil",
    "{}",
    "{1,2,3}",
    "{1,nil,3}",
    "{[1]=1,[30]=2}",
    "{[0]=1}",
    "{[-1]=1}",
    "{[1.5]=1}",
    "{[2^40]=1}",
    "{a=1}",
    "{a={b={1}}}",
    "{[true]=1}",
    "cjson.null",
    "{cjson.null}",
    "tostring",
    "function() end",
    "{function() end}",
    "{[1]=1,a=2}",
    "{{},{}}",
    "{[2^31]=1}",
];

const PACKED: &[&str] = &[
    "",
    "\\1",
    "\\127",
    "\\192",
    "\\193",
    "\\194",
    "\\195",
    "\\161a",
    "\\161",
    "\\146\\1\\2",
    "\\146\\1",
    "\\129\\161a\\1",
    "\\129\\192\\1",
    "\\129\\203\\127\\248\\0\\0\\0\\0\\0\\0\\1",
    "\\1\\2",
    "\\202\\63\\128\\0\\0",
    "\\204\\255",
    "\\205\\1\\0",
    "\\206\\255\\255\\255\\255",
    "\\207\\255\\255\\255\\255\\255\\255\\255\\255",
    "\\208\\255",
    "\\209\\128\\0",
    "\\217\\2ab",
    "\\218\\0\\2ab",
    "\\219\\0\\0\\0\\2ab",
    "\\220\\0\\1\\1",
    "\\221\\0\\0\\0\\1\\1",
    "\\222\\0\\1\\1\\2",
    "\\223\\0\\0\\0\\1\\1\\2",
    "\\224",
    "\\255",
    "\\145\\145\\145\\1",
    "\\130\\1\\145\\1\\1\\2",
];

#[track_caller]
fn check(function: &str, argument: &str) {
    gives(&format!("{SAME} return check({function}, {argument})"), "$4 true ");
}

#[test]
fn json_is_decoded_to_the_same() {
    for text in JSON {
        check("cjson.decode", &format!("'{text}'"));
    }
}

#[test]
fn values_are_encoded_to_the_same() {
    for value in VALUES {
        check("cjson.encode", value);
        check("cmsgpack.pack", value);
    }
}

#[test]
fn message_pack_is_unpacked_to_the_same() {
    for bytes in PACKED {
        check("cmsgpack.unpack", &format!("'{bytes}'"));
    }
}
