//! Secrets are not shown, handles cross threads, failures of randomness arrive.

use std::error::Error as _;

use backup_crypto::{
    Capability, ChunkKind, ContentHasher, Error, ErrorKind, KdfParameters, KeyRing, Keys, OsRandom, PackKey,
    Passphrase, Random, RandomExt, RepositoryId, Result, Secret, Session, slot,
};

#[derive(Debug)]
struct Broken;

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<()> {
        Err(Error::random(std::io::Error::other("no entropy")))
    }
}

#[test]
fn handles_are_cloneable_and_cross_threads() {
    fn handle<T: Clone + Send + Sync + 'static>() {}
    handle::<Keys>();
    handle::<KeyRing>();
    handle::<Session>();
    handle::<PackKey>();
    handle::<ContentHasher>();
    handle::<Passphrase>();
    handle::<Secret<32>>();
}

#[test]
fn a_failing_source_is_reported_and_may_be_tried_again() {
    let keys = Keys::generate(RepositoryId([0; 16]), &OsRandom).unwrap();
    let cheap = KdfParameters::insecure_for_tests();
    let errors = [
        Keys::generate(RepositoryId([0; 16]), &Broken).unwrap_err(),
        keys.begin_session(&Broken).unwrap_err(),
        RepositoryId::generate(&Broken).unwrap_err(),
        Broken.array::<4>().unwrap_err(),
        slot::seal_passphrase(&keys, &"x".into(), &cheap, "", 0, &Broken).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Random);
        assert!(error.is_retryable());
        assert_eq!(error.source().unwrap().to_string(), "no entropy");
        assert!(!error.to_string().contains("no entropy"), "the source is not said twice");
    }
}

#[test]
fn debug_shows_no_secret() {
    let keys = Keys::generate(RepositoryId([0xAB; 16]), &OsRandom).unwrap();
    let session = keys.begin_session(&OsRandom).unwrap();
    assert_eq!(
        format!("{keys:?}"),
        format!(
            "Keys {{ repository: RepositoryId({}), author: AuthorId({}), capability: Full, .. }}",
            "ab".repeat(16),
            keys.author()
        )
    );
    assert!(format!("{session:?}").ends_with(", .. }"));
    assert_eq!(format!("{:?}", KeyRing::passphrase("opensesame")), "KeyRing { passphrase: Passphrase(..) }");
    assert_eq!(format!("{:?}", session.pack_key(&[0; 16])), "PackKey(..)");
    assert_eq!(format!("{:?}", keys.content_hasher()), "ContentHasher(..)");
}

#[test]
fn keys_of_two_generations_have_nothing_in_common() {
    let [a, b] = [0, 1].map(|_| Keys::generate(RepositoryId([0; 16]), &OsRandom).unwrap());
    assert_eq!(a.capability(), Capability::Full);
    assert_ne!(a.author(), b.author());
    assert_ne!(a.admin_public_key(), b.admin_public_key());
    assert_ne!(a.chunk_id(ChunkKind::Data, b""), b.chunk_id(ChunkKind::Data, b""));
    assert_ne!(a.gear_table(), b.gear_table());
}

#[test]
fn numbers_of_the_format_go_round_and_unknown_ones_are_named() {
    for capability in [Capability::Append, Capability::Maintain, Capability::Full] {
        assert_eq!(Capability::from_number(capability.number()).unwrap(), capability);
    }
    for kind in [ChunkKind::Data, ChunkKind::Meta] {
        assert_eq!(ChunkKind::from_number(kind.number()).unwrap(), kind);
    }
    let error = Capability::from_number(9).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("capability 9"));
    let error = ChunkKind::from_number(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("chunk kind 0"));
}

#[test]
fn a_purpose_with_a_zero_byte_is_refused() {
    let keys = Keys::generate(RepositoryId([0; 16]), &OsRandom).unwrap();
    assert_eq!(keys.sign_admin("a\0b", b"").unwrap_err().kind(), ErrorKind::Invalid);
}
