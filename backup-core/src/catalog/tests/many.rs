//! What it costs to list ten thousand backups.

use std::time::Instant;

use backup_storage::testing::Operation;

use super::Watched;

#[tokio::test]
async fn ten_thousand_backups_are_listed_with_a_few_reads() {
    let writer = Watched::new().await;
    // Each range is what a digest is written over; the sizes are those that single backups arrive at.
    for end in 1..=7 {
        writer.put_backups((end - 1) * 1024..end * 1024).await;
    }
    let mut made = 7 * 1024;
    for step in [512, 256, 128, 64, 32, 16, 8, 7] {
        writer.put_backups(made..made + step).await;
        made += step;
    }
    // The most digests that so many backups have, and as many backups as can be in none.
    assert_eq!(made, 8191);
    let reader = writer.reopened().await;
    assert_eq!(reader.numbers().await, (0..8191).collect::<Vec<_>>());
    println!(
        "8191 backups, the worst case: {} gets, {} listings",
        reader.gets(),
        reader.storage.count(Operation::List)
    );
    assert!(reader.gets() <= 10 + 7, "{}", reader.gets());

    for step in [1, 1024, 512, 256, 16] {
        writer.put_backups(made..made + step).await;
        made += step;
    }
    assert_eq!(made, 10_000);
    let reader = writer.reopened().await;
    let bytes: u64 = reader.digests().await.iter().map(|object| object.size).sum();
    let begun = Instant::now();
    assert_eq!(reader.numbers().await, (0..10_000).collect::<Vec<_>>());
    let (first, gets) = (begun.elapsed(), reader.gets());
    reader.storage.clear();
    let begun = Instant::now();
    assert_eq!(reader.repository.backups().of("shop/staging").await.unwrap().len(), 2_500);
    println!(
        "10,000 backups: {gets} gets, {bytes} bytes of digests, {first:?}; again, of one environment: {} gets, {:?}",
        reader.gets(),
        begun.elapsed()
    );
    assert!(gets <= 5, "{gets}");
    assert_eq!((reader.gets(), reader.storage.count(Operation::List)), (0, 3));
    assert_eq!(reader.warnings(), 0);
}
