//! Changes of policy.

use std::collections::BTreeSet;

use backup_policy::{Anchor, Bucket, Count, Counting, Keep, Period, Policy, Rule, Ttl, Zone};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    generate::{Case, case, policy, rule},
    kept,
};

/// One edit of a policy: what it does, where, and by how much.
type Edit = (u8, Index, u32, Rule);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec((0_u8..16, any::<Index>(), 0_u32..4, rule()), 0..4)
}

/// Mostly small changes, up and down.
fn edited(old: &Policy, edits: &[Edit]) -> Policy {
    let mut new = old.clone();
    for (what, index, amount, extra) in edits {
        match what {
            0 => new.rules.insert(index.index(new.rules.len() + 1), extra.clone()),
            1 => {
                let mut extra = extra.clone();
                extra.kinds = new.rules.first().and_then(|rule| rule.kinds.clone());
                new.rules.push(extra);
            }
            2 if !new.rules.is_empty() => drop(new.rules.remove(index.index(new.rules.len()))),
            3..=9 if !new.rules.is_empty() => edit_rule(index.get_mut(&mut new.rules), *what, *amount),
            10 => new.min_keep = (new.min_keep + amount).saturating_sub(1),
            11 => new.failed_ttl = Some(Period::days(amount * 20)),
            12 => new.counting = if *amount == 0 { Counting::Shared } else { Counting::Distinct },
            13 => new.max_count = None,
            14 if *amount == 0 => new.tz = Zone::utc(),
            15 => {
                if let Some(pitr) = &mut new.pitr {
                    pitr.window = Period::months(*amount);
                }
            }
            _ => {}
        }
    }
    new
}

fn edit_rule(rule: &mut Rule, what: u8, amount: u32) {
    let shift = |count: &mut Count| {
        if let Count::AtMost(n) = count {
            *n = (*n + amount).saturating_sub(1);
        }
    };
    match (&mut rule.keep, what) {
        (_, 3) => rule.kinds = None,
        (Keep::Last(n), _) => shift(n),
        (Keep::Bucket(bucket), 4) => bucket.keep_oldest = amount > 0,
        (Keep::Bucket(bucket), 5) => bucket.within = None,
        (Keep::Bucket(Bucket { within: Some(within), .. }), 6) => *within = Period::months(amount + 1),
        (Keep::Bucket(bucket), 7) => bucket.anchor = Anchor::Newest,
        (Keep::Bucket(bucket), 8) => bucket.anchor = Anchor::Now,
        (Keep::Bucket(bucket), _) => shift(&mut bucket.n),
        (Keep::Within { anchor, .. }, 4) => *anchor = Anchor::Newest,
        (Keep::Within { anchor, .. }, 5) => *anchor = Anchor::Now,
        (Keep::Within { period, .. }, _) => *period = Period::weeks(amount * 5),
        (Keep::Ttl(ttl), 4) => *ttl = Ttl::Forever,
        (Keep::Ttl(ttl), _) => *ttl = Ttl::For(Period::days(amount * 40 + 1)),
        (Keep::Tags(lists), _) => lists.push(["a".to_owned()].into()),
        _ => {}
    }
}

fn change() -> impl Strategy<Value = (Case, Policy)> {
    let edited = (case(), edits()).prop_map(|(case, edits)| {
        let new = edited(&case.policy, &edits);
        (case, new)
    });
    prop_oneof![4 => edited, 1 => (case(), policy())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_change_that_weakens_nothing_loses_nothing((case, new) in change()) {
        if case.policy.weakens(&new).is_empty() {
            let before = kept(&case.policy, &case.backups, case.now);
            let after = kept(&new, &case.backups, case.now);
            let lost: Vec<&String> = before.difference(&after).collect();
            prop_assert!(lost.is_empty(), "{:?} of {:?}", lost, new);
        }
        prop_assert!(case.policy.weakens(&case.policy).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_preview_is_the_difference_of_two_decisions((case, new) in change()) {
        let Case { policy, backups, now, .. } = &case;
        let preview = policy.preview(&new, backups, *now).unwrap();
        let (before, after) = (kept(policy, backups, *now), kept(&new, backups, *now));
        let lost: BTreeSet<String> = preview.lost.iter().cloned().collect();
        prop_assert_eq!(&lost, &(&before - &after));
        prop_assert_eq!(preview.still_kept.iter().cloned().collect::<BTreeSet<_>>(), &before & &after);
        prop_assert!(preview.lost.is_sorted() && preview.still_kept.is_sorted());
        prop_assert_eq!(preview.needs_confirmation, !lost.is_empty());
        let of = |ids: &BTreeSet<String>| backups.iter().filter(|backup| ids.contains(&backup.id)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(preview.bytes_lost, of(&lost).iter().map(|backup| backup.size).sum::<u64>());
        prop_assert_eq!(preview.oldest_before, of(&before).iter().map(|backup| backup.time).min());
        prop_assert_eq!(preview.oldest_after, of(&after).iter().map(|backup| backup.time).min());
        prop_assert_eq!(preview.log_keep_from_before, policy.decide(backups, *now).unwrap().log_keep_from());
        prop_assert_eq!(preview.log_keep_from_after, new.decide(backups, *now).unwrap().log_keep_from());

        let mut unheld = backups.clone();
        unheld.iter_mut().for_each(|backup| backup.holds.clear());
        let held = &(&before & &after) - &kept(&new, &unheld, *now);
        prop_assert_eq!(preview.held.iter().cloned().collect::<BTreeSet<_>>(), held);
        prop_assert_eq!(preview.confirm(&preview.fingerprint).unwrap(), &preview.lost[..]);
    }
}
