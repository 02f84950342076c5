//! Names, locations and the texts of errors.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::Path;

use backup_storage::{Error, ErrorKind, Location, Name, Storage};
use proptest::prelude::*;

/// The rule, written another way than in the library.
fn is_name(text: &str) -> bool {
    let mut segment = 0;
    for byte in text.bytes() {
        match byte {
            b'/' if segment == 0 => return false,
            b'/' => segment = 0,
            b'.' if segment == 0 => return false,
            b'.' | b'-' | b'0'..=b'9' | b'a'..=b'z' => segment += 1,
            _ => return false,
        }
        if segment > 200 {
            return false;
        }
    }
    segment > 0 && text.len() <= 1024
}

proptest! {
    #[test]
    fn a_name_is_what_the_rule_says(text in prop_oneof![
        "[a-c./#A\u{e4}\0-]{0,8}",
        "[a-z0-9-]{1,9}(/[a-z0-9.-]{1,9}){0,3}",
        "[a-z]{198,202}(/[a-z]{198,201}){0,6}",
        any::<String>(),
    ]) {
        let parsed = text.parse::<Name>();
        prop_assert_eq!(parsed.is_ok(), is_name(&text), "{:?}", text);
        prop_assert_eq!(Name::try_from(text.as_str()).is_ok(), is_name(&text));
        match Name::try_from(text.clone()) {
            Ok(name) => {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert_eq!(name.to_string(), text.as_str());
                prop_assert_eq!(name.segments().collect::<Vec<_>>().join("/"), text);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
                prop_assert!(error.to_string().len() < 800 && !error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn names_order_like_their_text(mut texts in prop::collection::vec("[a-c.-]{1,3}(/[a-c-]{1,2}){0,2}", 0..20)) {
        texts.retain(|text| is_name(text));
        let mut names: Vec<Name> = texts.iter().map(|text| text.parse().unwrap()).collect();
        texts.sort();
        names.sort();
        prop_assert_eq!(names.iter().map(Name::as_str).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn no_text_makes_a_location_panic(text in prop_oneof![any::<String>(), "(file|s3|memory|c):[/a-z%0-9?#:@]{0,12}"]) {
        if let Ok(location) = Location::parse(&text) {
            prop_assert!(location.to_string() == "memory:" || location.as_local().is_some());
        }
    }
}

#[test]
fn locations_are_directories_urls_or_memory() {
    for (text, directory) in [
        ("/srv/backups", "/srv/backups"),
        ("backups", "backups"),
        ("./s3:x", "./s3:x"),
        ("../up", "../up"),
        ("a/b:c", "a/b:c"),
        (":c", ":c"),
        ("file:///srv/backups", "/srv/backups"),
        ("FILE:///srv/a%20b%23c", "/srv/a b#c"),
    ] {
        let location = Location::parse(text).unwrap();
        assert_eq!(location.as_local(), Some(Path::new(directory)), "{text}");
        assert_eq!(location.to_string(), directory);
        assert_eq!(location, Location::local(directory));
    }
    let memory: Location = "memory:".parse().unwrap();
    assert_eq!((memory.as_local(), memory.to_string()), (None, "memory:".to_owned()));
}

#[test]
fn unusable_locations_say_what_would_be_usable_and_repeat_no_password() {
    for (text, kind) in [
        ("", ErrorKind::Invalid),
        ("ftp://user:secret@host/x", ErrorKind::Invalid),
        ("c:backups", ErrorKind::Invalid),
        ("s3://user:secret@bucket/x", ErrorKind::Unsupported),
        ("S3:bucket", ErrorKind::Unsupported),
        ("azure://x", ErrorKind::Unsupported),
        ("memory:secret", ErrorKind::Invalid),
        ("file:relative", ErrorKind::Invalid),
        ("file://secret@host/path", ErrorKind::Invalid),
        ("file:///a?secret", ErrorKind::Invalid),
        ("file:///a#secret", ErrorKind::Invalid),
    ] {
        let error = Location::parse(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(!error.is_retryable());
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("file:///") || shown.contains("memory:"), "{shown}");
    }
    assert!(Location::parse("s3://b").unwrap_err().to_string().contains("not built in yet"));
    assert!(Location::parse("s4://b").unwrap_err().to_string().contains("`s4`"));
}

#[tokio::test]
async fn each_opening_of_memory_is_another_storage() {
    let location: Location = "memory:".parse().unwrap();
    let (one, other) = (location.open().unwrap(), location.open().unwrap());
    let name: Name = "a".parse().unwrap();
    one.put_new(&name, "x".into()).await.unwrap();
    assert_eq!(other.get(&name).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_error_says_what_failed_why_and_leaves_the_source_to_the_chain() {
    let source = std::io::Error::other("cause");
    let error = Error::new(ErrorKind::Full, "create", "packs/1").caused_by(source);
    assert_eq!(
        error.to_string(),
        "cannot create packs/1: the storage is full; free space, or raise the quota or the file size limit"
    );
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "cause");
    assert_eq!((error.operation(), error.subject()), ("create", "packs/1"));
    let error = Error::new(ErrorKind::Unavailable, "read", "x").because("the line is cut; repair it");
    assert_eq!(error.to_string(), "cannot read x: the line is cut; repair it");
    assert!(error.is_retryable());
}

#[test]
fn handles_are_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Name>();
    shared::<Location>();
    shared::<backup_storage::ObjectStorage>();
    shared::<std::sync::Arc<dyn Storage>>();
}
