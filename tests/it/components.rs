//! Components: functions over typed values, of any language, at the root or in interfaces.

use crate::support::{Ran, feed, guest, pool_of, run, wpool};
use wpool::{Format, Limits, Order, Type, Value};

#[track_caller]
fn map(name: &str, args: &[&str]) -> Ran {
    run(wpool()
        .arg("map")
        .args(["-j", "2"])
        .arg(guest(name))
        .args(args))
}

#[track_caller]
fn apply(name: &str, args: &[&str]) -> Ran {
    run(wpool().arg("apply").arg(guest(name)).args(args))
}

#[test]
fn strings_go_in_and_out_as_they_are() {
    assert_eq!(
        map("greet", &["Ada", "Grace"]).results(),
        ["Hello, Ada!", "Hello, Grace!"]
    );
    let ran = feed(wpool().arg("map").arg(guest("greet")), "Zoë 🦀\n\n");
    assert_eq!(ran.results(), ["Hello, Zoë 🦀!", "Hello, !"]);
}

#[test]
fn a_record_comes_out_and_an_err_is_a_failure() {
    let ran = apply("stats", &["[1.5, 2, 4]"]);
    assert_eq!(ran.results(), ["{count: 3, mean: 2.5, min: 1.5, max: 4}"]);
    let ran = apply("stats", &["[]"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""));
    assert_eq!(ran.complaints(), ["wpool: task 1 ([]): error: no values"]);
}

#[test]
fn an_err_is_printed_as_it_is_in_wave_and_json_and_is_still_a_failure() {
    for (format, input, expected) in [
        ("wave", "[]", "err(\"no values\")\n"),
        ("json", "[]", "{\"err\": \"no values\"}\n"),
    ] {
        let ran = map("stats", &["--format", format, input]);
        assert_eq!((ran.code(), ran.stdout.as_str()), (1, expected), "{format}");
    }
    let ran = map("stats", &["--format", "json", "[1, 3]"]);
    assert_eq!(
        ran.results(),
        [r#"{"ok": {"count": 2, "mean": 2.0, "min": 1.0, "max": 3.0}}"#]
    );
}

#[test]
fn a_component_of_several_with_a_memory_each_works() {
    let ran = map("composed", &["one", "two"]);
    assert_eq!(ran.results(), ["ONE!", "TWO!"]);
}

#[test]
fn a_value_of_every_type_comes_back_as_it_went() {
    let pool = pool_of(guest("kinds")).workers(1).build().unwrap();
    let mut identities = 0;
    for function in &pool.signature().functions {
        let [param] = &function.params[..] else {
            continue;
        };
        if function.result.as_ref() != Some(&param.ty) {
            continue;
        }
        let value = Value::example(&param.ty);
        let (mut inputs, mut outcomes) = pool.stream(&function.name, Order::Input).unwrap();
        inputs.send(std::slice::from_ref(&value)).unwrap();
        drop(inputs);
        let (_, outcome) = outcomes.next().unwrap();
        assert_eq!(
            outcome.result.as_ref().unwrap().as_ref(),
            Some(&value),
            "{function}"
        );
        identities += 1;
    }
    assert!(
        identities >= 30,
        "only {identities} functions return what they take"
    );
}

#[test]
fn the_extreme_and_the_odd_values_of_every_type_come_back_as_they_went() {
    let place = r#"{name: "日本", at: {x: -0.5, y: inf}, tags: []}"#;
    let tall = r#"{name: "", at: {x: 0, y: 1}, tags: ["a"], height-in-meters: some(nan)}"#;
    let named = format!("named({place})");
    let nested = format!(
        "[none, some(err([{place}])), some(ok(({named}, dark-blue, {{read, run-as-root}})))]"
    );
    let values: &[(&str, &[&str])] = &[
        ("bool", &["true", "false"]),
        ("s8", &["-128", "127", "0"]),
        ("u8", &["255", "0"]),
        ("s16", &["-32768", "32767"]),
        ("u16", &["65535"]),
        ("s32", &["-2147483648", "2147483647"]),
        ("u32", &["4294967295"]),
        ("s64", &["-9223372036854775808", "9223372036854775807"]),
        ("u64", &["18446744073709551615"]),
        (
            "f32",
            &["nan", "inf", "-inf", "-0", "3.4028235e38", "1e-45"],
        ),
        (
            "f64",
            &[
                "nan",
                "inf",
                "-inf",
                "-0",
                "1.7976931348623157e308",
                "5e-324",
            ],
        ),
        (
            "char",
            &["'🦀'", "'\\''", "'\\u{0}'", "'\\n'", "'\\u{10ffff}'"],
        ),
        ("string", &["\"\"", "\"Zoë\\n\\u{1b}🦀\""]),
        ("bytes", &["[]", "[0, 255]"]),
        ("numbers", &["[]", "[-1, 9223372036854775807]"]),
        ("strings", &["[\"\", \"a, b\"]"]),
        ("lists", &["[]", "[[], [4294967295]]"]),
        ("tuple", &["(255, \"\", nan)"]),
        ("record", &[place, tall]),
        (
            "variant",
            &[
                "empty",
                "circle(-0)",
                "polygon([])",
                "polygon([{x: 1, y: 2}])",
                &named,
            ],
        ),
        ("enum", &["red", "green", "dark-blue"]),
        ("option", &["none", "some(\"none\")"]),
        ("option-option", &["none", "some(none)", "some(some(0))"]),
        ("result", &["ok(0)", "err(\"no\")"]),
        ("result-ok", &["ok(7)", "err"]),
        ("result-err", &["ok", "err(\"\")"]),
        ("result-empty", &["ok", "err"]),
        ("flags", &["{}", "{read}", "{read, write, run-as-root}"]),
        ("flags32", &["{}", "{b0, b31}"]),
        ("nested", &["[]", &nested]),
    ];
    for (function, values) in values {
        let input = values.join("\n") + "\n";
        let options = [
            "map",
            "--format",
            "wave",
            "-f",
            &format!("wpool:kinds/every@0.1.0#{function}"),
        ];
        let ran = feed(wpool().args(options).arg(guest("kinds")), &input);
        assert_eq!(ran.lines(), *values, "{function}: {ran:?}");
    }
}

#[test]
fn a_function_in_an_interface_is_called_by_its_short_name_where_only_one_has_it() {
    assert_eq!(apply("twins", &["-f", "only_left", "3"]).code(), 0);
    let ran = apply("twins", &["-f", "side"]);
    assert_eq!(ran.code(), 2);
    assert!(
        ran.stderr.contains("wpool:twins/left@0.1.0#side"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("wpool:twins/right@0.1.0#side"),
        "{ran:?}"
    );
    assert_eq!(
        apply("twins", &["-f", "wpool:twins/left@0.1.0#side"]).code(),
        0
    );
    assert_eq!(apply("twins", &["-f", "wpool:twins/right#side"]).code(), 0);
}

#[test]
fn megabytes_of_bytes_come_back_unchanged() {
    let pool = pool_of(guest("kinds")).workers(1).build().unwrap();
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|index| (index % 251) as u8).collect();
    let back: Vec<u8> = pool.apply("bytes", (bytes.clone(),)).unwrap();
    assert!(back == bytes);
}

#[test]
fn values_that_would_not_fit_a_worker_fail_their_task_and_not_the_worker() {
    let limits = Limits {
        argument_bytes: None,
        ..Limits::default()
    };
    let pool = pool_of(guest("kinds"))
        .limits(limits)
        .workers(1)
        .build()
        .unwrap();
    let (mut inputs, mut outcomes) = pool.stream("numbers", Order::Input).unwrap();
    inputs
        .send(&[Value::List(vec![Value::S64(7); 9 << 20])])
        .unwrap();
    inputs.flush();
    let (_, too_many) = outcomes.next().unwrap();
    let failure = too_many.result.unwrap_err();
    assert!(failure.message().contains("as values"), "{failure}");
    let one = Value::List(vec![Value::S64(1)]);
    inputs.send(std::slice::from_ref(&one)).unwrap();
    inputs.flush();
    let (_, next) = outcomes.next().unwrap();
    assert_eq!(next.usage.worker, Some(1), "the worker is the same");
    assert_eq!(next.result, Ok(Some(one)));
}

#[test]
fn errors_in_an_input_point_at_the_character() {
    let ran = apply("stats", &["[1, 2, x]"]);
    assert_eq!(ran.code(), 2);
    assert!(
        ran.stderr.contains("character 8: expected f64, found `x`"),
        "{ran:?}"
    );
}

#[test]
fn a_value_prints_on_one_line_in_wave_and_json_whatever_is_in_it() {
    let text = "two\nlines \u{1b}[2J";
    for format in [Format::Wave, Format::Json] {
        let mut printed = Vec::new();
        format.print(
            Some(&Type::String),
            Some(&Value::String(text.into())),
            &mut printed,
        );
        assert!(
            !printed.contains(&b'\n') && !printed.contains(&0x1b),
            "{format}"
        );
    }
    let inputs = "\"two\\nlines\"\n";
    let ran = feed(
        wpool()
            .args(["map", "--format", "json"])
            .arg(guest("greet")),
        inputs,
    );
    assert_eq!(ran.results(), [r#""Hello, two\nlines!""#]);
}
