//! What a host may do with handles and futures: checked by the compiler.

use backup_core::engine::{Context, Engine, Quiesce, ServiceReader, Sink};
use backup_core::restore::{PlannedRestore, RestoreRequest};
use backup_core::{
    BackupId, BackupInfo, BackupReport, BackupRequest, CheckRequest, Environment, Error, ListRequest,
    Observer, Repository, RepositoryBuilder, VerifyRequest,
};

fn is_handle<T: Clone + Send + Sync + 'static>() {}
fn is_shared<T: Send + Sync + 'static + ?Sized>() {}
fn is_send<T: Send>(_: &T) {}

#[test]
fn handles_may_be_cloned_and_shared() {
    is_handle::<Repository>();
    is_handle::<Environment>();
    is_handle::<Context>();
    is_handle::<BackupId>();
    is_handle::<BackupInfo>();
    is_handle::<BackupReport>();
    is_handle::<BackupRequest>();
    is_handle::<RestoreRequest>();
    is_handle::<VerifyRequest>();
    is_handle::<CheckRequest>();
    is_handle::<ListRequest>();
    is_shared::<RepositoryBuilder>();
    is_shared::<PlannedRestore>();
    is_shared::<Error>();
    is_shared::<dyn Engine>();
    is_shared::<dyn Sink>();
    is_shared::<dyn ServiceReader>();
    is_shared::<dyn Quiesce>();
    is_shared::<dyn Observer>();
}

#[test]
fn all_futures_may_move_between_threads() {
    // Never called: that it compiles is what counts.
    #[allow(dead_code, reason = "checked by the compiler")]
    fn futures(repository: &Repository, environment: &Environment, id: BackupId, planned: PlannedRestore) {
        is_send(&Repository::open("memory:", backup_core::KeyRing::passphrase("x")));
        is_send(&Repository::create("memory:", backup_core::KeyRing::passphrase("x")));
        is_send(&Repository::open_or_create("memory:", backup_core::KeyRing::passphrase("x")));
        is_send(&repository.backup(environment).into_future());
        is_send(&repository.backup(environment).preflight());
        is_send(&repository.backups().into_future());
        is_send(&repository.find("latest"));
        is_send(&repository.find_in("shop", "latest"));
        is_send(&repository.service(&id, "files"));
        is_send(&repository.restore(id).into_future());
        is_send(&repository.restore(id).plan());
        is_send(&planned.execute());
        is_send(&repository.verify(id).into_future());
        is_send(&repository.check().into_future());
    }
}
