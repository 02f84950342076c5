//! Records of runs: a golden example, round trips, and what is refused.

use proptest::collection::btree_set;
use proptest::option;
use proptest::prelude::*;

use super::{example, golden};
use crate::format::header::Kind;
use crate::format::run::{FailureRecord, ProcessRecord, ProgressRecord, RecordedStatus, RunRecord};
use crate::format::{limit, record};
use crate::run::Operation;
use crate::{ErrorKind, RunId};

fn id() -> RunId {
    example::backup().run()
}

/// A run of which all is known, which failed.
fn failed() -> RunRecord {
    RunRecord {
        operation: Operation::Backup,
        status: RecordedStatus::Failed,
        at_ms: 1_795_000_123_456,
        created_ms: Some(1_795_000_000_000),
        stamp_ms: Some(1_795_000_001_789),
        environment: Some("shop/production".into()),
        backup: Some(id().backup()),
        kinds: ["nightly".parse().unwrap(), "weekly".parse().unwrap()].into(),
        created_by: Some("alice".into()),
        comment: "before the release".into(),
        process: Some(ProcessRecord {
            host: "web-1".into(),
            boot: Some("7c9e6679-7425-40de-944b-e07fc1f90ae7 pid:[4026531836]".into()),
            pid: 4711,
            started: Some(123_456),
        }),
        progress: ProgressRecord {
            items: 12,
            total_items: None,
            bytes: 345_678,
            total_bytes: Some(1 << 40),
            stored_bytes: 9_876,
        },
        failure: Some(FailureRecord {
            kind: "unavailable".into(),
            message: "freeze the service \"database\": it is locked".into(),
            remedy: "try again".into(),
        }),
        program: "backup 0.1.0".into(),
    }
}

pub(super) fn sealed() -> crate::Result<Vec<u8>> {
    let random = example::Repeated(0x59);
    record::seal(example::keys(), &random, Kind::Run, id().as_bytes(), failed().encode()?)
}

#[test]
fn the_record_says_what_was_meant_and_of_which_run() {
    let (keys, bytes) = (example::keys(), golden::committed("run.bin"));
    assert_eq!(hex::encode(&bytes), hex::encode(sealed().unwrap()));
    let plain = record::open(keys, Kind::Run, id().as_bytes(), &bytes, limit::RUN).unwrap();
    assert_eq!(RunRecord::decode(&plain).unwrap(), failed());
    assert!(record::open(keys, Kind::Run, &[0; 16], &bytes, limit::RUN).is_err(), "opened as another run");
    assert!(record::open(keys, Kind::Manifest, id().as_bytes(), &bytes, limit::RUN).is_err());
}

#[test]
fn what_is_optional_may_be_missing_and_what_is_unknown_is_passed_over() {
    #[derive(serde::Serialize)]
    struct Sparse {
        operation: &'static str,
        status: &'static str,
        at_ms: i64,
        program: &'static str,
        later: [u8; 3],
    }
    let sparse =
        Sparse { operation: "dance", status: "running", at_ms: 5, program: "backup 9", later: [1, 2, 3] };
    let record = RunRecord::decode(&rmp_serde::to_vec_named(&sparse).unwrap()).unwrap();
    assert_eq!((record.operation, record.status), (Operation::Other, RecordedStatus::Running));
    assert_eq!((record.stamp_ms, record.process, record.failure), (None, None, None));
    let unknown = Sparse { status: "sleeping", ..sparse };
    let error = RunRecord::decode(&rmp_serde::to_vec_named(&unknown).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
}

#[test]
fn a_record_that_would_be_too_large_is_refused_with_the_remedy() {
    let long = RunRecord { comment: "x".repeat(70_000), ..failed() };
    let error = long.encode().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.remedy().contains("comment"), "{}", error.remedy());
    let room = usize::try_from(limit::RUN).unwrap() - 96 - failed().encode().unwrap().len();
    let fits = RunRecord { comment: "x".repeat(room + "before the release".len() - 2), ..failed() };
    let sealed = record::seal(example::keys(), &example::Repeated(1), Kind::Run, &[], fits.encode().unwrap());
    assert_eq!(sealed.unwrap().len() as u64, limit::RUN);
}

fn any_record() -> impl Strategy<Value = RunRecord> {
    let operation = prop_oneof![
        Just(Operation::Backup),
        Just(Operation::Restore),
        Just(Operation::Verify),
        Just(Operation::Prune)
    ];
    let status = prop_oneof![
        Just(RecordedStatus::Queued),
        Just(RecordedStatus::Running),
        Just(RecordedStatus::Failed),
        Just(RecordedStatus::Completed)
    ];
    let kinds = btree_set("[a-z_]{1,9}".prop_map(|name| name.parse().unwrap()), 0..3);
    let process = (".{0,9}", option::of(".{0,30}"), any::<u32>(), option::of(any::<u64>()))
        .prop_map(|(host, boot, pid, started)| ProcessRecord { host, boot, pid, started });
    let progress = any::<([u64; 3], [Option<u64>; 2])>().prop_map(
        |([items, bytes, stored_bytes], [total_items, total_bytes])| ProgressRecord {
            items,
            total_items,
            bytes,
            total_bytes,
            stored_bytes,
        },
    );
    let failure = ("[a-z]{1,9}", ".{0,30}", ".{0,30}").prop_map(|(kind, message, remedy)| FailureRecord {
        kind,
        message,
        remedy,
    });
    let times = any::<(i64, Option<i64>, Option<i64>)>();
    let texts = (option::of(".{0,9}"), option::of(".{0,9}"), ".{0,30}", ".{0,9}");
    (operation, status, times, texts, kinds, option::of(process), progress, option::of(failure)).prop_map(
        |(operation, status, times, texts, kinds, process, progress, failure)| RunRecord {
            operation,
            status,
            at_ms: times.0,
            created_ms: times.1,
            stamp_ms: times.2,
            environment: texts.0,
            backup: Some(id().backup()),
            kinds,
            created_by: texts.1,
            comment: texts.2,
            process,
            progress,
            failure,
            program: texts.3,
        },
    )
}

proptest! {
    #[test]
    fn every_record_is_read_back(record in any_record()) {
        prop_assert_eq!(RunRecord::decode(&record.encode().unwrap()).unwrap(), record);
    }

    #[test]
    fn no_bytes_make_it_panic_and_none_may_be_missing_or_too_many(record in any_record(), cut in 1_usize..40, more in 0_u8..) {
        let bytes = record.encode().unwrap();
        prop_assert!(RunRecord::decode(&bytes[..bytes.len() - cut.min(bytes.len())]).is_err());
        let mut long = bytes.clone();
        long.push(more);
        prop_assert!(RunRecord::decode(&long).is_err());
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= more | 1;
            drop(RunRecord::decode(&flipped));
        }
    }
}
