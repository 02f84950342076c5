//! Cases about putting.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};
use futures_util::poll;
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use super::{Flaw, Verdict, expect, expect_error, name, pattern};
use crate::{Bytes, ErrorKind, Name, Storage, StorageExt};

pub(super) async fn round_trip(storage: Arc<dyn Storage>) -> Verdict {
    for (i, size) in [0, 1, 4095, 4096, 65_537, 3 << 20].into_iter().enumerate() {
        let name = name(&format!("round/{i}/trip"))?;
        let bytes = pattern(size, 0x5a);
        storage.put_new(&name, bytes.clone()).await?;
        expect(storage.get(&name).await? == bytes, || format!("{size} bytes came back differently"))?;
    }
    let all: Bytes = (0..=u8::MAX).collect();
    storage.put_new(&name("all")?, all.clone()).await?;
    expect(storage.get(&name("all")?).await? == all, || "not every byte came back as it was".to_owned())
}

pub(super) async fn long_names(storage: Arc<dyn Storage>) -> Verdict {
    let segment = "s".repeat(Name::MAX_SEGMENT_BYTES);
    let mut whole = [segment.as_str(); 5].join("/");
    whole.push('/');
    whole.push_str(&"w".repeat(Name::MAX_BYTES - whole.len()));
    for text in ["0", "a.b-c", "-", "x/1/2/3/4/5/6/7/8/9", &segment.replace('s', "t"), &whole] {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        storage.put_new(&name(text)?, bytes.clone()).await?;
        expect(storage.get(&name(text)?).await? == bytes, || format!("{text} came back differently"))?;
    }
    expect(storage.list_all("").await?.len() == 6, || "not all of them are listed".to_owned())
}

pub(super) async fn independent_puts(storage: Arc<dyn Storage>) -> Verdict {
    let names = (0..48).map(|i| name(&format!("shared/{}/{i}", i % 5))).collect::<Result<Vec<_>, Flaw>>()?;
    let puts = names.iter().map(|name| storage.put_new(name, Bytes::from(name.to_string())));
    for put in join_all(puts).await {
        put?;
    }
    for name in &names {
        expect(storage.get(name).await? == name.as_str(), || format!("{name} has other bytes"))?;
    }
    Ok(())
}

pub(super) async fn no_replacement(storage: Arc<dyn Storage>) -> Verdict {
    let name = name("kept/object")?;
    let first = Bytes::from("first");
    storage.put_new(&name, first.clone()).await?;
    for (again, what) in [(Bytes::from("second"), "other bytes"), (first.clone(), "the same bytes")] {
        expect_error(storage.put_new(&name, again).await, ErrorKind::AlreadyExists, what)?;
        expect(storage.get(&name).await? == first, || format!("{what} replaced the object"))?;
    }
    Ok(())
}

pub(super) async fn atomic_put(storage: Arc<dyn Storage>) -> Verdict {
    let bytes = pattern(2 << 20, 0);
    for round in 0..4 {
        let name = name(&format!("atomic/{round}"))?;
        let done = AtomicBool::new(false);
        let put = async {
            let put = storage.put_new(&name, bytes.clone()).await;
            done.store(true, Ordering::SeqCst);
            put
        };
        let watch = async {
            loop {
                let last = done.load(Ordering::SeqCst);
                whole_or_none(&*storage, &name, &bytes).await?;
                if last {
                    return Ok::<(), Flaw>(());
                }
                yield_now().await;
            }
        };
        let (put, watched) = join(put, watch).await;
        put?;
        watched?;
    }
    Ok(())
}

pub(super) async fn dropped_put(storage: Arc<dyn Storage>) -> Verdict {
    let bytes = pattern(1 << 20, 1);
    for polls in 1..8 {
        let name = name(&format!("dropped/{polls}"))?;
        poll_and_drop(storage.put_new(&name, bytes.clone()), polls).await;
        for _ in 0..32 {
            whole_or_none(&*storage, &name, &bytes).await?;
            yield_now().await;
        }
        storage.create(&name, bytes.clone()).await?;
        expect(storage.get(&name).await? == bytes, || "after another try it has other bytes".to_owned())?;
    }
    Ok(())
}

pub(super) async fn exclusive_creation(storage: Arc<dyn Storage>) -> Verdict {
    if !storage.capabilities().exclusive_creation {
        return Ok(());
    }
    for round in 0..4 {
        let name = name(&format!("race/{round}"))?;
        let winners = race(&storage, &name).await?;
        let [winner] = winners.as_slice() else {
            return Err(Flaw(format!("{} of {RACERS} puts succeeded", winners.len())));
        };
        expect(storage.get(&name).await? == *winner, || "the object is not the winner's".to_owned())?;
    }
    Ok(())
}

const RACERS: usize = 50;

/// Puts other bytes from many tasks at the same time; those whose put succeeded.
async fn race(storage: &Arc<dyn Storage>, name: &Name) -> Result<Vec<Bytes>, Flaw> {
    let start = Arc::new(Barrier::new(RACERS));
    let mut tasks = JoinSet::new();
    for racer in 0..RACERS {
        let (storage, name, start) = (Arc::clone(storage), name.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            let bytes = Bytes::from(format!("racer {racer}"));
            start.wait().await;
            storage.put_new(&name, bytes.clone()).await.is_ok().then_some(bytes)
        });
    }
    let mut winners = Vec::new();
    while let Some(done) = tasks.join_next().await {
        winners.extend(done.map_err(|error| Flaw(format!("a put panicked: {error}")))?);
    }
    Ok(winners)
}

async fn whole_or_none(storage: &dyn Storage, name: &Name, bytes: &Bytes) -> Verdict {
    match storage.get(name).await {
        Ok(found) => {
            expect(found == *bytes, || format!("{} of {} bytes were there", found.len(), bytes.len()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn poll_and_drop(future: impl Future, polls: usize) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll!(&mut future).is_ready() {
            return;
        }
        yield_now().await;
    }
}
